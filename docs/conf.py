"""Sphinx: sphinx-build -W -b html docs build/docs."""

import shutil
import sys
from pathlib import Path

from polyregions import __version__

DOCS = Path(__file__).resolve().parent
sys.path.append(str(DOCS))  # for mathml.py

project = "polyregions"
project_copyright = "polyregions contributors"
release = version = __version__

extensions = [
    "mathml",
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
]
exclude_patterns = ["*.py", "gallery/*"]
templates_path = ["_templates"]

myst_enable_extensions = ["attrs_block", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
# options such as --threads keep their two hyphens
smartquotes_action = "qe"

# Sphinx reads below docs/ alone; a notebook without outputs is run, and one that fails is an error
NOTEBOOKS = DOCS / "generated" / "notebooks"
shutil.rmtree(NOTEBOOKS, ignore_errors=True)
shutil.copytree(DOCS.parent / "notebooks", NOTEBOOKS)
nb_execution_mode = "auto"
nb_execution_raise_on_error = True
nb_execution_timeout = 300

autosummary_generate = True
autodoc_member_order = "bysource"
# the types are in the sections of parameters and results, in words; annotations spell them out
autodoc_typehints = "none"
# a class's page lists its members itself; tables of stubs would repeat them
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

html_theme = "furo"
html_title = f"polyregions {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"

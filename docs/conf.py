"""Sphinx: sphinx-build -W -b html docs build/docs."""

from polyregions import __version__

project = "polyregions"
project_copyright = "polyregions contributors"
release = version = __version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
]
exclude_patterns = ["rooms.py", "figures.py"]

myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3

autosummary_generate = True
autodoc_member_order = "bysource"
# a class's page lists its members itself; tables of stubs would repeat them
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

html_theme = "furo"
html_title = f"polyregions {release}"

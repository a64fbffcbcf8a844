"""Fail where a cell of an executed notebook that draws has no picture.

python .ci/figures_shown.py NOTEBOOK...
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

# what draws, and is no definition of a function
DRAWS = re.compile(r"(?<!def )\b(?:plot_\w+|subplots|\w*figure)\(")


def source(cell: dict[str, Any]) -> str:
    """Return the text of a cell, which a notebook holds whole or in lines."""
    return "".join(cell["source"])


def unseen(notebook: Path) -> list[str]:
    """Return what is wrong with the pictures of a notebook, a sentence each."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    drawing = [cell for cell in cells if cell["cell_type"] == "code" and DRAWS.search(source(cell))]
    if not drawing:
        return [f"{notebook.name} draws nothing"]
    return [
        f"{notebook.name} shows no picture of the cell: {source(cell).splitlines()[-1]}"
        for cell in drawing
        if not any("image/png" in output.get("data", {}) for output in cell["outputs"])
    ]


if __name__ == "__main__":
    found = [line for name in sys.argv[1:] for line in unseen(Path(name))]
    sys.stdout.write("\n".join(found or ["all notebooks show their pictures"]) + "\n")
    sys.exit(bool(found))

"""What a page of the viewer holds, read without a browser."""

import base64
import json
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from polyregions.viewer import write_page

__all__ = ["array", "data_of", "page"]


def page(regions: Any, **options: Any) -> str:
    """Return what `write_page` writes."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "page.html"
        write_page(regions, path, **options)
        return path.read_text(encoding="utf-8")


def data_of(text: str) -> dict:
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])


def array(packed: str, kind: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed), kind)

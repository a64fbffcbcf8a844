"""What a page of the viewer holds, read without a browser."""

import base64
import json
import re

import numpy as np

__all__ = ["array", "data_of"]


def data_of(text: str) -> dict:
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])


def array(packed: str, kind: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed), kind)

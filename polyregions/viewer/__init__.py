"""An interactive page of the regions: one HTML file that works offline."""

from __future__ import annotations

from polyregions.viewer.page import write_page

__all__ = ["write_page"]

"""Nodes of a tree of units, as a certificate holds them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.proof.certificate import narrow

__all__ = ["UnitNodes"]


@dataclass(eq=False)
class UnitNodes:
    """Nodes in preorder, and the bases that their proofs name.

    Attributes
    ----------
    kinds, numbers, proofs : list of int
        Of each node; a proof is a place in `bases`, -1 for none.
    bases : dict of tuple of int
        Row numbers, and the place of each basis.
    """

    kinds: list[int] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    proofs: list[int] = field(default_factory=list)
    bases: dict[tuple[int, ...], int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.kinds)

    def add(self, kind: int, number: int, basis: tuple[int, ...] | None = None) -> None:
        """Add a node, with the rows of its proof."""
        self.kinds.append(kind)
        self.numbers.append(number)
        place = -1
        if basis is not None:
            place = self.bases.setdefault(tuple(sorted(basis)), len(self.bases))
        self.proofs.append(place)

    def arrays(self, dimension: int) -> dict[str, NDArray[Any]]:
        """Return the arrays of a certificate; a basis has `dimension` rows."""
        bases = np.array(list(self.bases), dtype=np.int64).reshape(-1, dimension)
        columns = {"kinds": self.kinds, "numbers": self.numbers, "proofs": self.proofs}
        named = {key: np.array(values, dtype=np.int64) for key, values in columns.items()}
        return {key: narrow(values) for key, values in {**named, "bases": bases}.items()}

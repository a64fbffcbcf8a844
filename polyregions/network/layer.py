"""A layer: an affine map, followed by units with two slopes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyregions.arrays import MAX_DENSE, Floats, floats
from polyregions.errors import NetworkError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["Layer"]


@dataclass(frozen=True, eq=False)
class Layer:
    """One affine map followed by units with two slopes.

    The layer sends ``y`` to ``act(weight @ y + bias)`` with
    ``act(z) = upper * z`` for ``z > 0`` and ``lower * z`` otherwise, unit by unit.

    Parameters
    ----------
    matrix : numpy.ndarray or scipy.sparse.csr_array of float64, shape (out, in)
        The weights as they are stored; sparse where a layer is large and mostly zero.
    bias : numpy.ndarray of float64, shape (out,)
    lower, upper : numpy.ndarray of float64, shape (out,)
        Slopes below and above zero. Equal slopes mean that the unit never bends.
    """

    matrix: Floats | csr_array[Any]
    bias: Floats
    lower: Floats
    upper: Floats

    @property
    def weight(self) -> Floats:
        """The weights as a dense matrix, shape (out, in).

        Raises
        ------
        NetworkError
            If a sparse layer has more than ``MAX_DENSE`` entries.
        """
        if isinstance(self.matrix, np.ndarray):
            return self.matrix
        out, width = self.matrix.shape
        if out * width > MAX_DENSE:
            raise NetworkError(
                f"a layer of {out} units that read {width} values is too large as a dense matrix "
                f"({out * width} entries, at most {MAX_DENSE}); look at a smaller network"
            )
        dense: Floats = self.matrix.toarray()
        dense.setflags(write=False)
        return dense

    @property
    def bends(self) -> NDArray[np.bool_]:
        """Mask of the units that have a pattern bit, shape (out,)."""
        return np.not_equal(self.lower, self.upper)

    def __repr__(self) -> str:
        units, values = self.matrix.shape
        return f"<Layer of {units} units that read {values} values, {self.bends.sum()} bend>"

    @classmethod
    def relu(cls, weight: ArrayLike, bias: ArrayLike) -> Layer:
        """Return an affine layer followed by ReLU units.

        Parameters
        ----------
        weight : array_like, shape (out, in)
        bias : array_like, shape (out,)

        Returns
        -------
        Layer

        Raises
        ------
        NetworkError
            As :meth:`with_slopes`.

        Examples
        --------
        >>> Layer.relu([[1.0, -1.0]], [0.5]).bends
        array([ True])
        """
        return cls.with_slopes(weight, bias, 0.0, 1.0)

    @classmethod
    def affine(cls, weight: ArrayLike | csr_array[Any], bias: ArrayLike) -> Layer:
        """Return an affine layer whose units pass their value on.

        Parameters
        ----------
        weight : array_like or scipy.sparse.csr_array, shape (out, in)
        bias : array_like, shape (out,)

        Returns
        -------
        Layer

        Raises
        ------
        NetworkError
            As :meth:`with_slopes`.

        Examples
        --------
        >>> Layer.affine([[1.0, -1.0]], [0.5]).bends
        array([False])
        """
        return cls.with_slopes(weight, bias, 1.0, 1.0)

    @classmethod
    def with_slopes(
        cls,
        weight: ArrayLike | csr_array[Any],
        bias: ArrayLike,
        lower: ArrayLike,
        upper: ArrayLike,
    ) -> Layer:
        """Return a layer with the given slopes, one number or one per unit.

        Parameters
        ----------
        weight : array_like or scipy.sparse.csr_array, shape (out, in)
        bias : array_like, shape (out,)
        lower, upper : float or array_like, shape (out,)
            Slopes below and above zero.

        Returns
        -------
        Layer

        Raises
        ------
        NetworkError
            If shapes do not fit or an entry is not a finite number.

        Examples
        --------
        A leaky ReLU:

        >>> Layer.with_slopes([[2.0]], [0.0], 0.125, 1.0).lower
        array([0.125])
        """
        if hasattr(weight, "tocsr"):
            return cls._sparse(weight.tocsr(), bias, lower, upper)
        matrix = np.array(floats(weight, "weights"), order="C")
        shift = np.array(floats(bias, "biases"))
        if matrix.ndim != 2 or shift.shape != matrix.shape[:1]:
            raise NetworkError(
                f"a layer needs a weight of shape (out, in) and a bias of shape (out,), "
                f"but got {matrix.shape} and {shift.shape}"
                + ("; transpose the weight" if shift.shape == matrix.shape[1:] else "")
            )
        if 0 in matrix.shape:
            raise NetworkError(f"a layer of shape {matrix.shape} has no unit or no input")
        slopes = [np.broadcast_to(floats(s, "slopes"), shift.shape).copy() for s in (lower, upper)]
        for name, array in (("weight", matrix), ("bias", shift), ("slope", np.array(slopes))):
            if not np.isfinite(array).all():
                raise NetworkError(
                    f"a {name} is not a finite number; remove NaN and infinity from the network"
                )
        for array in (matrix, shift, *slopes):
            array.setflags(write=False)
        return cls(matrix, shift, slopes[0], slopes[1])

    @classmethod
    def _sparse(
        cls, weight: csr_array[Any], bias: ArrayLike, lower: ArrayLike, upper: ArrayLike
    ) -> Layer:
        floats(weight.data, "weights")  # refuses what the next line would change
        matrix = weight.astype(np.float64)
        matrix.sum_duplicates()
        # the numbers are checked as those of a dense layer with one column
        numbers = cls.with_slopes(np.zeros((matrix.shape[0], 1)), bias, lower, upper)
        if 0 in matrix.shape or not np.isfinite(matrix.data).all():
            raise NetworkError(
                f"a sparse layer of shape {matrix.shape} is empty or has a weight that is not a "
                f"finite number"
            )
        return cls(matrix, numbers.bias, numbers.lower, numbers.upper)

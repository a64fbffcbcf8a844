"""Piecewise-linear networks as plain arrays.

A :class:`Network` is a sequence of affine layers, each followed by units with
two slopes: ReLU (0, 1), leaky ReLU (a, 1), absolute value (-1, 1) or
pass-through (1, 1). A unit with equal slopes bends nothing and has no pattern
bit. The network *is* the rational function whose parameters are the given
floats: nothing is rounded when a network is made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyregions.arrays import MAX_DENSE, Floats, finite_floats, floats
from polyregions.errors import NetworkError, shown
from polyregions.pattern import Words, check_pattern, unpack

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["Layer", "Network", "input_point", "input_points"]


_DIGESTED_ENTRIES = 2**21


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
    def affine(cls, weight: ArrayLike, bias: ArrayLike) -> Layer:
        """Return an affine layer whose units pass their value on.

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


@dataclass(frozen=True, eq=False)
class Network:
    """A piecewise-linear network.

    Parameters
    ----------
    layers : tuple of Layer
        At least one unit must bend; the last layer is affine.
    name : str
        Shown in reports.
    assumed : str
        What the caller said because the file does not say it, such as the activations
        of a state dict; shown in reports. Empty for a file that says everything.

    Raises
    ------
    NetworkError
        If layers do not chain or no unit bends.

    Examples
    --------
    >>> net = Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[2.0, -4.0]], [0.0])])
    >>> net.input_dimension, net.hidden_units, net.widths
    (1, 2, (2,))
    >>> net.forward([0.25])
    array([0.5])
    """

    layers: tuple[Layer, ...]
    name: str = "network"
    assumed: str = ""

    def __post_init__(self) -> None:
        # of any type at run time
        layers: object = self.layers
        if not isinstance(layers, list | tuple) or not all(isinstance(x, Layer) for x in layers):
            raise NetworkError(
                "a network is made of a sequence of layers; for weights and biases use "
                "Network.from_arrays, for a file polyregions.load"
            )
        object.__setattr__(self, "layers", tuple(layers))
        if not self.layers:
            raise NetworkError("a network needs at least one layer")
        for index, (below, above) in enumerate(zip(self.layers, self.layers[1:], strict=False)):
            if above.matrix.shape[1] != below.matrix.shape[0]:
                raise NetworkError(
                    f"layer {index + 1} reads {above.matrix.shape[1]} values but layer {index} "
                    f"has {below.matrix.shape[0]} units; transpose or reorder the weights"
                )
        if self.layers[-1].bends.any():
            raise NetworkError("the last layer must be affine; append an output layer")
        if not any(layer.bends.any() for layer in self.layers):
            raise NetworkError(
                "the network has no hidden unit that bends, so it has no activation regions; "
                "give at least one hidden layer"
            )

    @classmethod
    def from_arrays(
        cls,
        parameters: Iterable[tuple[ArrayLike, ArrayLike]],
        *,
        transpose: bool = False,
        name: str = "network",
    ) -> Network:
        """Return the ReLU network with the given weights and biases.

        Parameters
        ----------
        parameters : iterable of (weight, bias)
            Weight of shape (out, in) and bias of shape (out,), first layer first.
            Every layer but the last is followed by ReLU.
        transpose : bool
            Whether the weights have shape (in, out), as Keras, JAX and scikit-learn
            store them.
        name : str

        Returns
        -------
        Network

        Raises
        ------
        NetworkError
            If shapes do not chain, an entry is not finite, or there is no hidden layer.

        Examples
        --------
        >>> kernels = [([[1.0, 2.0]], [0.0, -0.5]), ([[2.0], [-4.0]], [0.0])]
        >>> Network.from_arrays(kernels, transpose=True).forward([0.5])
        array([-1.])
        """
        try:
            pairs = [(weight, bias) for weight, bias in parameters]
        except (TypeError, ValueError):
            raise NetworkError(
                "the parameters of a network are pairs of a weight and a bias, first layer first; "
                "give [(W0, b0), (W1, b1), ...]"
            ) from None
        if not pairs:
            raise NetworkError("a network needs at least one layer")
        if not _fit(pairs, transpose) and _fit(pairs, not transpose):
            raise NetworkError(
                "the weights have shape (out, in); leave transpose=True out"
                if transpose
                else "the weights have shape (in, out), as Keras and JAX store them; "
                "give transpose=True"
            )
        if transpose:
            pairs = [(_transposed_weight(weight), bias) for weight, bias in pairs]
        hidden = [Layer.relu(weight, bias) for weight, bias in pairs[:-1]]
        return cls((*hidden, Layer.affine(*pairs[-1])), name=name)

    def __repr__(self) -> str:
        widths = shown(", ".join(map(str, self.widths)), 80)
        return (
            f"<Network {shown(self.name, 80)}: {self.input_dimension} inputs, {self.hidden_units} "
            f"hidden units in layers of {widths}, {self.output_dimension} outputs>"
        )

    @property
    def input_dimension(self) -> int:
        """Number of inputs n."""
        return int(self.layers[0].matrix.shape[1])

    @property
    def output_dimension(self) -> int:
        """Number of outputs."""
        return int(self.layers[-1].matrix.shape[0])

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """Number of units that bend in each layer that has any."""
        counts = (int(layer.bends.sum()) for layer in self.layers)
        return tuple(count for count in counts if count)

    @property
    def hidden_units(self) -> int:
        """Number N of units that bend, the number of pattern bits."""
        return sum(self.widths)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the parameters; equal for networks with equal parameters."""
        digest = hashlib.sha256()
        for layer in self.layers:
            digest.update(np.array(layer.matrix.shape, dtype="<i8").tobytes())
            numbers = (layer.bias, layer.lower, layer.upper)
            for array in chain(_dense_parts(layer.matrix), numbers):
                # "+ 0.0" makes -0.0 and 0.0, which are the same number, the same bytes
                digest.update((array + 0.0).astype("<f8").tobytes())
        return digest.hexdigest()

    def on_slice(self, origin: ArrayLike, basis: ArrayLike) -> Network:
        """Return the network on an affine slice of its input, x = origin + basis @ u.

        The slice is one more pass-through layer in front, so the result is the
        rational function of the given floats, and has the same pattern bits.

        Parameters
        ----------
        origin : array_like, shape (n,)
        basis : array_like, shape (n, k)
            Linearly independent columns.

        Returns
        -------
        Network
            Of k inputs u.

        Raises
        ------
        NetworkError
            If shapes do not fit, an entry is not finite, or the columns are
            linearly dependent, which is decided exactly.

        Examples
        --------
        >>> net = Network.from_arrays([([[1.0, 2.0]], [0.0]), ([[1.0]], [0.0])])
        >>> net.on_slice([0.0, 0.5], [[1.0], [1.0]]).forward([2.0])
        array([7.])
        """
        front = Layer.affine(basis, origin)
        n, k = front.matrix.shape
        if n != self.input_dimension:
            raise NetworkError(
                f"a slice of {n} inputs does not fit a network of {self.input_dimension}; "
                f"the basis needs one row per input"
            )
        from polyregions.exact.dyadic import dyadic_matrix

        rank = int(dyadic_matrix(front.weight)[0].rank())
        if rank < k:
            raise NetworkError(
                f"the {k} directions of the slice are linearly dependent (rank {rank}); "
                f"give independent ones"
            )
        return replace(self, layers=(front, *self.layers))

    def forward(self, x: ArrayLike) -> Floats:
        """Evaluate the network in floating point.

        Parameters
        ----------
        x : array_like, shape (n,) or (k, n)

        Returns
        -------
        numpy.ndarray of float64, shape (outputs,) or (k, outputs)

        Raises
        ------
        NetworkError
            If the points are no finite real numbers, or have another length.

        Examples
        --------
        >>> net = Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[2.0, -4.0]], [0.0])])
        >>> net.forward([[0.25], [1.0]])
        array([[0.5],
               [0. ]])
        """
        y = input_points(self, x)
        for layer in self.layers:
            z = y @ layer.matrix.T + layer.bias
            y = z * np.where(z > 0, layer.upper, layer.lower)
        return y

    def pattern(self, x: ArrayLike) -> Words:
        """Return the exact activation pattern at one or several points.

        A bit is 1 iff the pre-activation of the rational network is positive at
        the given floats; values that rounding leaves open are recomputed in
        rational arithmetic.

        Parameters
        ----------
        x : array_like, shape (n,) or (k, n)

        Returns
        -------
        numpy.ndarray of uint64, shape (W,) or (k, W)
            Packed like a row of ``Regions.patterns``.

        Raises
        ------
        NetworkError
            If the points are no finite real numbers, or have another length.

        Examples
        --------
        >>> net = Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[2.0, -4.0]], [0.0])])
        >>> net.pattern([[0.25], [0.5], [1.0]]).tolist()
        [[1], [1], [3]]
        """
        from polyregions.network.evaluation import patterns_at

        points = input_points(self, x)
        words = patterns_at(self, np.atleast_2d(points))
        return words[0] if points.ndim == 1 else words

    def affine_map(self, pattern: Words) -> tuple[Floats, Floats]:
        """Return the affine map of a region in floating point.

        Parameters
        ----------
        pattern : numpy.ndarray of uint64, shape (W,)

        Returns
        -------
        matrix : numpy.ndarray of float64, shape (outputs, n)
        shift : numpy.ndarray of float64, shape (outputs,)
            On the region the network equals ``matrix @ x + shift``.

        Raises
        ------
        NetworkError
            If it is no packed pattern, such as :meth:`pattern` returns.

        Examples
        --------
        >>> net = Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[2.0, -4.0]], [0.0])])
        >>> net.affine_map(net.pattern([1.0]))
        (array([[-2.]]), array([2.]))
        """
        bits = unpack(check_pattern(pattern, self.hidden_units), self.hidden_units)
        matrix = np.eye(self.input_dimension)
        shift = np.zeros(self.input_dimension)
        start = 0
        for layer in self.layers:
            matrix = layer.matrix @ matrix
            shift = layer.matrix @ shift + layer.bias
            active = np.zeros(len(shift), dtype=bool)
            count = int(layer.bends.sum())
            active[layer.bends] = bits[start : start + count] != 0
            start += count
            slopes = np.where(active, layer.upper, layer.lower)
            matrix = slopes[:, None] * matrix
            shift = slopes * shift
        return matrix, shift


def _fit(pairs: Sequence[tuple[ArrayLike, ArrayLike]], transpose: bool) -> bool:
    """Return whether each weight has as many outputs as its bias has entries."""
    for weight, bias in pairs:
        try:
            shape, units = np.shape(weight), np.shape(bias)
        except ValueError:  # rows of different lengths
            return False
        if len(shape) != 2 or units != (shape[1 if transpose else 0],):
            return False
    return True


def _transposed_weight(weight: ArrayLike) -> ArrayLike:
    try:
        return np.transpose(weight)
    except ValueError as error:
        raise NetworkError(f"weights must be arrays of real numbers ({error})") from None


def input_point(network: Network, x: ArrayLike) -> Floats:
    """Return one input of a network as floats, shape (n,).

    Raises
    ------
    NetworkError
        If it is not one, or no finite real numbers.

    Examples
    --------
    >>> net = Network.from_arrays([([[1.0, 2.0]], [0.0]), ([[1.0]], [0.0])])
    >>> input_point(net, [1, 2])
    array([1., 2.])
    """
    point = finite_floats(x, "inputs")
    if point.shape != (network.input_dimension,):
        raise NetworkError(
            f"one input of shape ({network.input_dimension},) is asked for, not {point.shape}"
        )
    return point


def input_points(network: Network, x: ArrayLike) -> Floats:
    """Return one or several inputs of a network as floats, shape (n,) or (k, n).

    Raises
    ------
    NetworkError
        If they are not such, or no finite real numbers.
    """
    points = finite_floats(x, "points")
    n = network.input_dimension
    if points.ndim not in (1, 2) or points.shape[-1] != n:
        raise NetworkError(f"points must have shape ({n},) or (k, {n}), not {points.shape}")
    return points


def _dense_parts(matrix: Floats | csr_array[Any]) -> Iterator[Floats]:
    """Yield the rows of a matrix in dense blocks, so that storage does not show."""
    if isinstance(matrix, np.ndarray):
        yield matrix
        return
    step = max(1, _DIGESTED_ENTRIES // matrix.shape[1])
    for start in range(0, matrix.shape[0], step):
        yield matrix[start : start + step].toarray()

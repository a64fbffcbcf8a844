"""Piecewise-linear networks as plain arrays.

A :class:`Network` is a sequence of affine layers, each followed by units with
two slopes: ReLU (0, 1), leaky ReLU (a, 1), absolute value (-1, 1) or
pass-through (1, 1). A unit with equal slopes bends nothing and has no pattern
bit. The network *is* the rational function whose parameters are the given
floats: nothing is rounded when a network is made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from polyregions.arrays import Floats, finite_floats
from polyregions.errors import NetworkError, kind_of, shown
from polyregions.network.layer import Layer
from polyregions.pattern import Words, check_pattern, unpack

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["Network", "input_point", "input_points", "layers_given", "network_made_of"]


_DIGESTED_ENTRIES = 2**21


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
        if self.bent[-1]:
            raise NetworkError("the last layer must be affine; append an output layer")
        if not any(self.bent):
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
    def bent(self) -> tuple[int, ...]:
        """Number of units that bend, layer by layer."""
        return tuple(int(np.count_nonzero(layer.bends)) for layer in self.layers)

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """Number of units that bend in each layer that has any."""
        return tuple(count for count in self.bent if count)

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

    def compose(self, following: Network | Layer) -> Network:
        """Return the network that computes this one, then another of its outputs.

        Parameters
        ----------
        following : Network or Layer
            Of as many inputs as this one has outputs; :func:`polyregions.linear` makes a layer
            of a matrix.

        Returns
        -------
        Network
            As :func:`polyregions.compose` returns it.

        Raises
        ------
        NetworkError
            If it reads another number of values, or is no network and no layer.

        Examples
        --------
        >>> import polyregions as pr
        >>> net = Network.from_arrays([([[1.0], [-1.0]], [0, 0]), ([[1, 1]], [0])])
        >>> net.compose(pr.linear([[-2.0]], [0.5])).forward([-1.0])
        array([-1.5])
        """
        from polyregions.network.layer_sequences import chained

        return network_made_of((self, following), chained, " then ")

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
        from polyregions.network.exact_network import patterns_at

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


def layers_given(value: object) -> tuple[Layer, ...]:
    """Return the layers of a network, or of an affine map, which is one layer.

    Raises
    ------
    NetworkError
        If it is neither.

    Examples
    --------
    >>> layers_given(Layer.affine([[1.0]], [0.0]))
    (<Layer of 1 units that read 1 values, 0 bend>,)
    """
    if isinstance(value, Network):
        return value.layers
    if isinstance(value, Layer):
        return (value,)
    raise NetworkError(
        f"networks are composed with networks and affine maps, not with {kind_of(value)}; read a "
        f"file with polyregions.load, and make a map of a matrix with polyregions.linear"
    )


def network_made_of(
    parts: Sequence[Network | Layer],
    combine: Callable[[Sequence[tuple[Layer, ...]]], tuple[Layer, ...]],
    word: str,
) -> Network:
    """Return the network of combined layers, named after the networks that it is made of.

    Raises
    ------
    NetworkError
        If a part is no network and no layer, the parts do not fit, or no unit bends.

    Examples
    --------
    >>> net = Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [0.0])], name="u")
    >>> network_made_of([net, net], lambda sequences: sum(sequences, ()), " then ").name
    'u then u'
    """
    layers = combine([layers_given(part) for part in parts])
    networks = [part for part in parts if isinstance(part, Network)]
    assumed = dict.fromkeys(net.assumed for net in networks if net.assumed)
    name = word.join(net.name for net in networks) or "network"
    return Network(layers, name=name, assumed="; ".join(assumed))


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

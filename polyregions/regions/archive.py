"""Results as .npz files: everything a :class:`Regions` holds, without pickle.

A file is a zip archive of plain arrays. The same result gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats
from polyregions.domain import Box, Domain, Polytope
from polyregions.errors import FormatError
from polyregions.files.archives import read_npz, sealed, write_npz
from polyregions.files.atomic import atomic_write
from polyregions.network import Layer, Network
from polyregions.pattern import n_words

if TYPE_CHECKING:
    from polyregions.regions.regions import Regions

__all__ = [
    "arrays_of",
    "domain_arrays",
    "exact_arrays",
    "exact_witnesses_of",
    "fields_of",
    "read_result_arrays",
    "save_regions",
    "strictly_increasing",
]

_RESULT_FORMAT = "polyregions regions"
_RESULT_VERSION = 1
_POLYTOPE_VERSION = 2  # a domain that readers of version 1 would take for its box
# what the checks below raise on arrays that do not fit together
_MISFITS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def save_regions(regions: Regions, path: str | PathLike[str]) -> None:
    """Write a result to an .npz file, whole or not at all.

    Parameters
    ----------
    regions : Regions
    path : str or path-like
        Must end in ``.npz``.

    Raises
    ------
    FormatError
        If the name does not end in ``.npz``.

    Notes
    -----
    Keys: ``format``, ``version``, ``name``, ``fingerprint``, and ``assumed`` where the
    network has an assumption; ``weight_i``,
    ``bias_i``, ``lower_i``, ``upper_i`` for each layer; ``domain``, shape (2, n),
    or (0, n) for the whole space; for a polytope also ``polytope``, the rows [A | b],
    shape (q, n + 1), and ``domain`` is its box; ``patterns``, ``witnesses``, ``edges``;
    ``complete``, ``proven``, ``exact_decisions``, and ``selection`` where there is one;
    ``exact_indices`` (k,) with
    ``exact_numerators`` and ``exact_denominators`` (k, n), hexadecimal text; ``checksum``,
    SHA-256 over all of them, which files of version 0.1.0 have not.

    Examples
    --------
    >>> import tempfile
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [0.0])])
    >>> path = Path(tempfile.mkdtemp()) / "regions.npz"
    >>> save_regions(pr.enumerate_regions(net, pr.Box.cube(1, 1.0)), path)
    >>> pr.open_regions(path)
    <Regions of network: 2 regions, 1 edges, complete, proven>
    """
    if Path(path).suffix.lower() != ".npz":
        raise FormatError(f"{Path(path).name} does not end in .npz; rename the output file")
    with atomic_write(path) as stream:
        write_npz(stream, sealed(arrays_of(regions)))


def read_result_arrays(path: str | PathLike[str]) -> dict[str, NDArray[Any]]:
    """Return the arrays of a saved result, unchecked.

    Raises
    ------
    FormatError
        If the file cannot be read, is truncated or damaged, or is not a result.
    """
    name = Path(path).name
    with _refusing_damage(name):
        arrays = read_npz(path)
    if "format" not in arrays:
        raise FormatError(
            f"{name} is not a saved result; give a file written by Regions.save "
            f"or by 'polyregions enumerate'"
        )
    return arrays


@contextmanager
def _refusing_damage(name: str) -> Iterator[None]:
    try:
        yield
    except FormatError:
        raise
    except OSError as error:
        raise FormatError(f"{name} cannot be read: {error.strerror or error}") from None
    except _MISFITS as error:
        raise FormatError(
            f"{name} is truncated, damaged or not a saved result ({error}); write it again"
        ) from None


def arrays_of(regions: Regions) -> dict[str, NDArray[Any]]:
    """Return what a file holds, by name; see :func:`save_regions`."""
    network, domain = regions.network, regions.domain
    n = network.input_dimension
    arrays: dict[str, NDArray[Any]] = {
        "format": np.array(_RESULT_FORMAT),
        "version": np.array(_POLYTOPE_VERSION if isinstance(domain, Polytope) else _RESULT_VERSION),
        "name": np.array(network.name),
        "fingerprint": np.array(network.fingerprint),
        "layers": np.array(len(network.layers)),
    }
    if network.assumed:
        arrays["assumed"] = np.array(network.assumed)
    for index, layer in enumerate(network.layers):
        arrays[f"weight_{index}"] = layer.weight
        arrays[f"bias_{index}"] = layer.bias
        arrays[f"lower_{index}"] = layer.lower
        arrays[f"upper_{index}"] = layer.upper
    arrays["domain"], inequalities = domain_arrays(domain, n)
    if isinstance(domain, Polytope):
        arrays["polytope"] = inequalities
    arrays |= {
        "patterns": regions.patterns,
        "witnesses": regions.witnesses,
        "edges": regions.edges,
        "complete": np.array(regions.complete),
        "proven": np.array(regions.proven),
        "exact_decisions": np.array(regions.exact_decisions),
    }
    if regions.selection:
        arrays["selection"] = np.array(True)
    return arrays | exact_arrays(regions.exact_witnesses, n)


def domain_arrays(domain: Domain | None, n: int) -> tuple[Floats, Floats]:
    """Return the sides of a domain's box, shape (2, n), and rows [A b]; none where it has none."""
    if domain is None:
        return np.zeros((0, n)), np.zeros((0, n + 1))
    sides = np.stack([domain.box.lower, domain.box.upper])
    if isinstance(domain, Polytope):
        return sides, np.column_stack([domain.A, domain.b])
    return sides, np.zeros((0, n + 1))


def exact_arrays(witnesses: Mapping[int, tuple[Fraction, ...]], n: int) -> dict[str, NDArray[Any]]:
    """Return exact witnesses as arrays of indices and of hexadecimal text."""
    # hexadecimal, because Python limits the length of decimal integers it reads
    indices = sorted(witnesses)
    shape = (len(indices), n)
    numerators = [f"{value.numerator:x}" for index in indices for value in witnesses[index]]
    denominators = [f"{value.denominator:x}" for index in indices for value in witnesses[index]]
    return {
        "exact_indices": np.array(indices, dtype=np.int64),
        "exact_numerators": np.array(numerators, dtype=np.str_).reshape(shape),
        "exact_denominators": np.array(denominators, dtype=np.str_).reshape(shape),
    }


def fields_of(arrays: Mapping[str, NDArray[Any]], name: str) -> dict[str, Any]:
    """Return what a :class:`Regions` is made of, checked; errors as :func:`read_result_arrays`."""
    with _refusing_damage(name):
        return _fields_of(arrays, name)


def _fields_of(arrays: Mapping[str, NDArray[Any]], name: str) -> dict[str, Any]:
    if _text_in(arrays, "format") != _RESULT_FORMAT:
        raise FormatError(f"{name} is not a saved result of polyregions")
    version = _number_in(arrays, "version")
    if version not in (_RESULT_VERSION, _POLYTOPE_VERSION):
        raise FormatError(
            f"{name} has format version {version}, but this program reads "
            f"versions up to {_POLYTOPE_VERSION}; install a newer polyregions"
        )
    network = _network_of(arrays)
    n, n_bits = network.input_dimension, network.hidden_units
    patterns = _typed(arrays, "patterns", np.uint64, (-1, n_words(n_bits)))
    count = len(patterns)
    _require_valid(strictly_increasing(patterns), "patterns are not sorted")
    padding = 64 * patterns.shape[1] - n_bits
    if padding:
        _require_valid(
            not (patterns[:, -1] >> np.uint64(64 - padding)).any(), "a pattern is too long"
        )
    edges = _typed(arrays, "edges", (np.int32, np.int64), (-1, 2))
    _require_valid(
        bool((edges[:, 0] < edges[:, 1]).all() and (edges >= 0).all() and (edges < count).all()),
        "an edge does not join two regions",
    )
    _require_valid(strictly_increasing(edges), "edges are not sorted")
    complete = bool(_typed(arrays, "complete", np.bool_, ()))
    selection = "selection" in arrays and bool(_typed(arrays, "selection", np.bool_, ()))
    _require_valid(not (complete and selection), "a complete result is no selection")
    return {
        "network": network,
        "domain": _domain_of(arrays, n),
        "patterns": patterns,
        "witnesses": _typed(arrays, "witnesses", np.float64, (count, n)),
        "edges": edges,
        "complete": complete,
        "selection": selection,
        "proven": bool(_typed(arrays, "proven", np.bool_, ())),
        "exact_decisions": _number_in(arrays, "exact_decisions"),
        "exact_witnesses": exact_witnesses_of(arrays, count, n),
    }


def _domain_of(arrays: Mapping[str, NDArray[Any]], n: int) -> Domain | None:
    bounds = _typed(arrays, "domain", np.float64, (-1, n))
    _require_valid(len(bounds) in (0, 2), "the domain has the wrong shape")
    if not len(bounds):
        return None
    box = Box(bounds[0], bounds[1])
    if _number_in(arrays, "version") != _POLYTOPE_VERSION:
        return box
    rows = _typed(arrays, "polytope", np.float64, (-1, n + 1))
    polytope = Polytope(rows[:, :-1], rows[:, -1])
    _require_valid(polytope.box == box, "the polytope was changed")
    return polytope


def _network_of(arrays: Mapping[str, NDArray[Any]]) -> Network:
    layers = tuple(
        Layer.with_slopes(*(arrays[f"{part}_{i}"] for part in ("weight", "bias", "lower", "upper")))
        for i in range(_number_in(arrays, "layers"))
    )
    assumed = _text_in(arrays, "assumed") if "assumed" in arrays else ""
    network = Network(layers, name=_text_in(arrays, "name"), assumed=assumed)
    _require_valid(
        network.fingerprint == _text_in(arrays, "fingerprint"), "the network was changed"
    )
    return network


def exact_witnesses_of(
    arrays: Mapping[str, NDArray[Any]], count: int, n: int
) -> dict[int, tuple[Fraction, ...]]:
    """Return the exact witnesses that arrays hold; ValueError if they do not fit."""
    indices = _typed(arrays, "exact_indices", np.int64, (-1,))
    _require_valid(
        bool(((indices >= 0) & (indices < count)).all()), "an exact witness has no region"
    )
    _require_valid(bool((indices[1:] > indices[:-1]).all()), "exact witnesses are not sorted")
    texts = []
    for key in ("exact_numerators", "exact_denominators"):
        _require_valid(arrays[key].shape == (len(indices), n), f"{key} has the wrong shape")
        texts.append(arrays[key].tolist())
    return {
        index: tuple(
            Fraction(int(top, 16), int(bottom, 16)) for top, bottom in zip(*pair, strict=True)
        )
        for index, *pair in zip(indices.tolist(), *texts, strict=True)
    }


def strictly_increasing(rows: NDArray[Any]) -> bool:
    """Whether each row is lexicographically above the one before."""
    below = np.zeros(max(0, len(rows) - 1), dtype=bool)
    tied = ~below
    for column in rows.T:
        below |= tied & (column[:-1] < column[1:])
        tied &= column[:-1] == column[1:]
    return bool(below.all())


def _number_in(arrays: Mapping[str, NDArray[Any]], key: str) -> int:
    return int(_typed(arrays, key, (np.int32, np.int64), ()))


def _text_in(arrays: Mapping[str, NDArray[Any]], key: str) -> str:
    return str(_typed(arrays, key, np.str_, ()))


def _typed(
    arrays: Mapping[str, NDArray[Any]],
    key: str,
    dtypes: type | tuple[type, ...],
    shape: tuple[int, ...],
) -> NDArray[Any]:
    """Return an array after checking its type and shape; -1 stands for any length."""
    array = arrays[key]
    fits = len(array.shape) == len(shape) and all(
        wanted in (-1, length) for wanted, length in zip(shape, array.shape, strict=True)
    )
    _require_valid(
        array.dtype.type in (dtypes if isinstance(dtypes, tuple) else (dtypes,)) and fits,
        f"{key} has the wrong shape or type",
    )
    return array


def _require_valid(condition: bool, what: str) -> None:
    if not condition:
        raise ValueError(what)

"""Labelled images, the places through them where experiments count, and the regions there.

Images are scikit-learn's digits by default, MNIST from IDX files; places are lines, planes and
subspaces.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats
from polyregions.domain import Box, Domain
from polyregions.errors import FormatError, PolyregionsError
from polyregions.files.reading import import_extra
from polyregions.io.points import read_idx
from polyregions.network import Network
from polyregions.network.slices import Slice
from polyregions.regions import Regions

__all__ = [
    "CLASSES",
    "HALF_SIDE",
    "STRETCH",
    "Images",
    "all_regions",
    "counts",
    "line_from_origin",
    "line_through",
    "load_images",
    "random_rows",
    "shuffled_labels",
    "split_images",
    "through",
]

CLASSES = 10

# of the window of a subspace through images, and the length of its basis vectors over the
# largest image norm (Hanin & Rolnick 2019)
HALF_SIDE = 20.0
STRETCH = 1.25


@dataclass(frozen=True, eq=False)
class Images:
    """Images of ten classes, pixels in [0, 1].

    Attributes
    ----------
    name : str
    pixels : numpy.ndarray of float64, shape (k, n)
    labels : numpy.ndarray of int64, shape (k,)
    """

    name: str
    pixels: Floats
    labels: NDArray[np.int64]

    @property
    def fingerprint(self) -> str:
        """The name and a hash of all pixels and labels, for the file of a run."""
        digest = hashlib.sha256(self.pixels.tobytes())
        digest.update(self.labels.tobytes())
        return f"{self.name} {digest.hexdigest()[:16]}"


def load_images(mnist: str | PathLike[str] | None = None) -> Images:
    """Return the images that networks are trained on.

    Parameters
    ----------
    mnist : path, optional
        A folder with the IDX files of MNIST, plain or gzip: the training images, or the
        test images where it has no others. Without it the 1,797 digits of 8 x 8 pixels
        that come with scikit-learn.

    Raises
    ------
    FormatError
        If the folder has no such files.
    MissingExtraError
        If scikit-learn is needed and not installed.
    """
    return _digits() if mnist is None else _mnist(Path(mnist))


def split_images(images: Images, held_out: float, seed: int) -> tuple[Images, Images]:
    """Return a random part to train on and the held-out rest.

    Parameters
    ----------
    images : Images
    held_out : float
        Share of the rest, between 0 and 1.
    seed : int
    """
    count = len(images.pixels)
    rest = round(held_out * count)
    if not 0 < rest < count:
        raise PolyregionsError(
            f"{held_out} of {count} images leaves none to train on or none to test on; "
            f"hold out a share between 0 and 1"
        )
    order = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,))).permutation(count)
    kept, away = np.sort(order[rest:]), np.sort(order[:rest])
    return (
        Images(images.name, images.pixels[kept], images.labels[kept]),
        Images(f"{images.name}, held out", images.pixels[away], images.labels[away]),
    )


def shuffled_labels(
    labels: NDArray[np.int64], share: float, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return labels of which a random share is replaced by uniformly random ones.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> shuffled_labels(np.zeros(5, dtype=np.int64), 0.0, rng).tolist()
    [0, 0, 0, 0, 0]
    """
    changed = labels.copy()
    chosen = rng.permutation(len(labels))[: round(share * len(labels))]
    changed[chosen] = rng.integers(0, CLASSES, len(chosen))
    return changed


def _digits() -> Images:
    datasets = import_extra("sklearn.datasets", "experiments", "reading the digits")
    pixels, labels = datasets.load_digits(return_X_y=True)
    return Images("digits", np.asarray(pixels / 16.0), np.asarray(labels, dtype=np.int64))


def _mnist(folder: Path) -> Images:
    if not folder.is_dir():
        raise FormatError(f"there is no folder {folder}; give the folder with the MNIST files")
    for part in ("train", "t10k"):
        images = _first_file(folder, f"{part}-images")
        labels = _first_file(folder, f"{part}-labels")
        if images is None or labels is None:
            continue
        pixels, classes = read_idx(images), read_idx(labels)
        _check_images(images, pixels, classes)
        flat = pixels.reshape(len(pixels), -1) / 255.0
        return Images(f"MNIST {part}", flat, classes.astype(np.int64))
    raise FormatError(
        f"{folder} holds neither train-images and train-labels nor t10k-images and "
        f"t10k-labels; put the IDX files of MNIST there, plain or .gz"
    )


def _first_file(folder: Path, start: str) -> Path | None:
    return next((file for file in sorted(folder.glob(f"{start}*")) if file.is_file()), None)


def _check_images(file: Path, pixels: NDArray[Any], labels: NDArray[Any]) -> None:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or labels.shape != pixels.shape[:1]:
        raise FormatError(
            f"{file} and its labels do not fit: {pixels.shape} images and {labels.shape} labels; "
            f"copy both again"
        )
    if not len(pixels) or not np.isin(labels, np.arange(CLASSES)).all():
        raise FormatError(f"{file} has no images, or labels other than 0 to 9; copy both again")


def all_regions(network: Network, domain: Domain | None) -> Regions:
    """Return every region of a network in a domain.

    Raises
    ------
    PartialResultError
        If there are more than a walk can number: a part must not enter a table.
    """
    from polyregions.analysis.adjacency import require_complete
    from polyregions.walk.breadth_first import enumerate_regions

    regions = enumerate_regions(network, domain)
    require_complete(regions, "experiments")
    return regions


def counts(network: Network, **domains: Domain | None) -> dict[str, Any]:
    """Return the columns that say how many regions a network has in some domains.

    Parameters
    ----------
    network : Network
    **domains : Box, Polytope or None
        None is the whole space.

    Returns
    -------
    dict
        A column per domain, ``complete``, ``proven`` (all of them), ``exact_decisions``.

    Examples
    --------
    >>> net = Network.from_arrays([([[1.0], [1.0]], [0.0, -5.0]), ([[1.0, 1.0]], [0.0])])
    >>> from polyregions.domain import Box
    >>> counts(net, window=Box.cube(1, 1.0), whole=None)
    {'window': 2, 'whole': 3, 'complete': True, 'proven': True, 'exact_decisions': 3}
    """
    row: dict[str, Any] = {}
    complete, proven, exact = True, True, 0
    for name, domain in domains.items():
        regions = all_regions(network, domain)
        row[name] = len(regions)
        complete &= regions.complete
        proven &= regions.proven
        exact += regions.exact_decisions
    return row | {"complete": complete, "proven": proven, "exact_decisions": exact}


def random_rows(count: int, chosen: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return `chosen` different numbers below `count`."""
    if chosen > count:
        raise PolyregionsError(f"there are {count} images, fewer than the {chosen} of a slice")
    return np.asarray(rng.permutation(count)[:chosen], dtype=np.int64)


def through(images: Floats) -> Slice:
    """Return the subspace through the origin and images, with the window [-20, 20]^k.

    Parameters
    ----------
    images : numpy.ndarray, shape (k, n)

    Notes
    -----
    *Algorithm.* Gram-Schmidt (a QR factorisation) gives orthogonal directions, which are
    made 1.25 times as long as the largest image; the floats of the result are the slice.

    Examples
    --------
    >>> plane = through(np.array([[3.0, 0.0, 4.0], [0.0, 1.0, 0.0]]))
    >>> np.abs(plane.basis.T).round(2).tolist(), plane.domain
    ([[3.75, 0.0, 5.0], [0.0, 6.25, 0.0]], Box.interval(2, -20.0, 20.0))
    """
    directions, _ = np.linalg.qr(images.T)
    length = STRETCH * float(np.linalg.norm(images, axis=1).max())
    return Slice(np.zeros(images.shape[1]), length * directions, Box.cube(len(images), HALF_SIDE))


def line_from_origin(image: Floats) -> Slice:
    """Return the line through the origin and an image; its window is the way to the image.

    Examples
    --------
    >>> line = line_from_origin(np.array([3.0, 4.0]))
    >>> line.basis.T.tolist(), line.domain
    ([[3.0, 4.0]], Box.interval(1, 0.0, 1.0))
    """
    return Slice(np.zeros(len(image)), image[:, None], Box.interval(1, 0.0, 1.0))


def line_through(first: Floats, second: Floats) -> Slice:
    """Return the line through two images; its window is the segment between them."""
    return Slice(first, (second - first)[:, None], Box.interval(1, 0.0, 1.0))

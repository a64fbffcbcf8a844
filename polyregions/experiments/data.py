"""Labelled images: scikit-learn's digits by default, MNIST from IDX files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats
from polyregions.errors import FormatError, PolyregionsError
from polyregions.files.reading import import_extra
from polyregions.io.points import read_idx

__all__ = ["CLASSES", "Images", "load_images", "shuffled_labels", "split_images"]

CLASSES = 10


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

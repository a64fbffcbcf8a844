"""Train the two example networks that come with the package.

Usage: python tools/train_examples.py [FOLDER]   (needs scikit-learn)

The digits of scikit-learn (1797 images of 8 x 8 pixels, shipped with it) are
reduced to their first 2 or 4 principal components, scaled so that all lie in
[-1, 1]. The networks are perceptrons with ReLU and ten outputs; their weights
are rounded to float32, which the package then takes as they are.
"""

import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import polyregions.examples
from polyregions.io import save_network
from polyregions.network import Network

SHAPES = {"digits2": (2, (32, 32)), "digits4": (4, (16, 16))}
SEED = 0


def train(inputs: int, widths: tuple[int, ...], name: str) -> Network:
    """Train one network and print its accuracy on the test set."""
    images, labels = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(
        images, labels, test_size=0.25, random_state=SEED, stratify=labels
    )
    reduction = PCA(inputs, svd_solver="full", random_state=SEED).fit(train_x)
    train_x, test_x = reduction.transform(train_x), reduction.transform(test_x)
    scale = max(np.abs(train_x).max(), np.abs(test_x).max())
    model = MLPClassifier(widths, max_iter=2000, learning_rate_init=0.01, random_state=SEED)
    model.fit(train_x / scale, train_y)
    network = Network.from_arrays(
        [
            (np.float32(weight.T), np.float32(bias))
            for weight, bias in zip(model.coefs_, model.intercepts_, strict=True)
        ],
        name=name,
    )
    guess = network.forward(test_x / scale).argmax(axis=1)
    accuracy = (guess == test_y).mean()
    print(f"{name}: {inputs} inputs, {widths} ReLUs, test accuracy {accuracy:.3f}")  # noqa: T201
    return network


def main() -> None:
    """Train and save all examples."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else polyregions.examples.__path__[0])
    for name, (inputs, widths) in SHAPES.items():
        save_network(train(inputs, widths, name), folder / f"{name}.npz")


if __name__ == "__main__":
    main()

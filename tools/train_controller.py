"""Train the controller that comes with the package and write its network.

Usage: python tools/train_controller.py [FILE]   (default: the shipped one)

A pendulum that hangs or turns, with the angle from upright and the angular velocity as state, is
to be held upright by a bounded torque. The teacher is an energy-shaping swing-up with a linear law
near the top; a perceptron with two layers of 12 ReLUs learns its torque on random states. Weights
are rounded to float32, which the package takes as they are. Needs scikit-learn.
"""

import sys
from pathlib import Path

import numpy as np
from sklearn.neural_network import MLPRegressor

from polyregions import examples
from polyregions.io import save_network
from polyregions.network import Network

WIDTHS = (12, 12)
LARGEST_ANGLE, LARGEST_VELOCITY = np.pi, 8.0
SEED = 0


def teacher(states: np.ndarray) -> np.ndarray:
    """Return the torque in [-1, 1] for states (angle, velocity), shape (k, 2)."""
    angle, velocity = states.T
    energy = 0.5 * velocity**2 + 9.81 * (np.cos(angle) - 1.0)
    swing = np.clip(-0.5 * energy * velocity, -1.0, 1.0)
    hold = np.clip(-(4.0 * angle + velocity), -1.0, 1.0)
    near = np.abs(angle) + 0.3 * np.abs(velocity) < 0.9
    return np.where(near, hold, swing)


def main() -> None:
    """Train, print the error and save."""
    here = Path(examples.__file__).parent / "pendulum.npz"
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else here
    rng = np.random.default_rng(SEED)
    scaled = rng.uniform(-1, 1, size=(8000, 2))
    torque = teacher(scaled * [LARGEST_ANGLE, LARGEST_VELOCITY])
    model = MLPRegressor(
        hidden_layer_sizes=WIDTHS, max_iter=400, learning_rate_init=0.01, random_state=SEED
    )
    model.fit(scaled, torque)
    layers = zip(model.coefs_, model.intercepts_, strict=True)
    network = Network.from_arrays(
        [(np.float32(weight.T), np.float32(bias)) for weight, bias in layers], name="pendulum"
    )
    error = np.sqrt(np.mean((network.forward(scaled)[:, 0] - torque) ** 2))
    print(f"pendulum: {WIDTHS} ReLUs, root mean square error {error:.3f}")  # noqa: T201
    save_network(network, file)


if __name__ == "__main__":
    main()

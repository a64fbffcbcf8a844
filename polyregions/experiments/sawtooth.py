"""The tent network, and what a little noise on its weights leaves of it.

Hanin & Rolnick 2019 (arXiv 1901.09021): the 2^k pieces of the sawtooth need weights that
are just so; noise destroys almost all of them.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from polyregions.domain import Box
from polyregions.experiments.catalogue import Configuration, Experiment
from polyregions.experiments.drawing import draw, groups, mean_and_error, panels
from polyregions.experiments.evolution import rng_of
from polyregions.experiments.places import counts
from polyregions.experiments.runner import Job, Key, Table, TableRow, Unit
from polyregions.network import Layer, Network
from polyregions.theory.constructions import tent

if TYPE_CHECKING:
    from matplotlib.figure import Figure


__all__ = ["SAWTOOTH", "Config", "noisy"]


@dataclass(frozen=True)
class Config(Configuration):
    """What is run.

    Parameters
    ----------
    depths : tuple of int
        Layers of the tent network, of two units each: 2^depth regions.
    noises : tuple of float
        Standard deviations of what is added to every weight and bias.
    runs : int
        Draws of the noise.
    """

    depths: tuple[int, ...] = (2, 4, 6, 8, 10)
    noises: tuple[float, ...] = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0)
    runs: int = 50

    @classmethod
    def full(cls, seed: int = 0) -> Config:
        """Return deeper networks, and more draws."""
        return cls(seed, (2, 4, 6, 8, 10, 12, 14), (0.0, 0.001, 0.01, 0.03, 0.1, 0.3, 1.0), 500)


def sawtooth_jobs(config: Config, _: None) -> Sequence[Job]:
    """Return the jobs; ``window`` is (0, 1), ``whole`` the line, ``share`` that of 2^depth."""
    keys: list[Key] = [
        {"depth": depth, "units": 2 * depth, "noise": noise, "seed": config.seed, "run": number}
        for depth in config.depths
        for noise in config.noises
        for number in range(config.runs if noise else 1)
    ]

    def units() -> Generator[Unit, None, None]:
        for key in keys:
            rng = rng_of(config.seed, 1, key["depth"], key["run"])
            network = noisy(tent(key["depth"]).network, key["noise"], rng)

            def measure(network: Network = network, key: Key = key) -> TableRow:
                row = counts(network, window=Box.interval(1, 0.0, 1.0), whole=None)
                return {"share": row["window"] / 2 ** key["depth"], **row}

            yield Unit(key, network.fingerprint[:16], measure)

    return [Job(tuple(keys), units)]


def noisy(network: Network, deviation: float, rng: np.random.Generator) -> Network:
    """Return a network with normal noise added to every weight and bias of its hidden layers.

    Examples
    --------
    >>> exact = tent(3).network
    >>> noisy(exact, 0.0, np.random.default_rng(0)).fingerprint == exact.fingerprint
    True
    """
    layers = [
        Layer.with_slopes(
            layer.weight + deviation * rng.standard_normal(layer.weight.shape),
            layer.bias + deviation * rng.standard_normal(layer.bias.shape),
            layer.lower,
            layer.upper,
        )
        for layer in network.layers[:-1]
    ]
    return Network((*layers, network.layers[-1]), name=network.name)


def findings(table: Table) -> list[str]:
    """Return what the table says, in words: pieces without and with noise, by depth."""
    lines = []
    for (depth,), part in groups(table, "depth"):
        shown = ", ".join(
            f"{mean_and_error(rows['window'])[0]:,.1f} at {noise:g}"
            for (noise,), rows in groups(part, "noise")
        )
        left = part["share"][part["noise"] == part["noise"].max()].mean()
        lines.append(f"{depth} layers, mean regions on (0, 1) by noise: {shown} ({left:.1%} left)")
    return lines


def figure(table: Table) -> Figure:
    """Draw the regions on (0, 1) against depth, a curve per noise."""
    drawing, axes = panels(1, width=6.0, height=4.0)
    for index, ((noise,), part) in enumerate(groups(table, "noise")):
        label = f"noise {noise:g}" if noise else "the tent: 2^depth"
        draw(axes[0], part, "depth", "window", index, label)
    depths = np.unique(table["depth"])
    axes[0].plot(depths, 2 * depths + 1, ":", color="black", linewidth=0.8, label="N + 1")
    axes[0].set_yscale("log", base=2)
    axes[0].set(xlabel="layers of two units", ylabel="regions on (0, 1)")
    axes[0].set_xticks(depths)
    axes[0].legend(fontsize=7, frameon=False)
    return drawing


SAWTOOTH = Experiment("sawtooth", Config, sawtooth_jobs, findings, figure, uses_images=False)

"""Networks with larger and smaller biases and weights, before training.

Hanin & Rolnick 2019 (arXiv 1906.00904): how many regions lie near 0 follows the scale, how
many there are in all does not (Lemma 6), except without any bias.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from polyregions.domain import Box
from polyregions.experiments.catalogue import Configuration, Experiment
from polyregions.experiments.drawing import draw, groups, mean_and_error, panels
from polyregions.experiments.evolution import network_columns, rng_of
from polyregions.experiments.places import counts
from polyregions.experiments.runner import Job, Key, Table, TableRow, Unit
from polyregions.network import Network
from polyregions.theory.laws import HE_NORMAL, STANDARD_NORMAL

if TYPE_CHECKING:
    from matplotlib.figure import Figure


__all__ = ["SCALE", "Config"]


@dataclass(frozen=True)
class Config(Configuration):
    """What is run.

    Parameters
    ----------
    widths : tuple of int
        Of the hidden layers; two inputs.
    powers : int
        Scales are 2^-powers, ..., 2^powers, by which floats are multiplied exactly;
        biases are scaled by 0, too.
    runs : int
        Networks, scaled in every way: He-normal weights and standard normal biases.
    """

    widths: tuple[int, ...] = (16,) * 3
    powers: int = 6
    runs: int = 6

    @classmethod
    def full(cls, seed: int = 0) -> Config:
        """Return larger networks, and more."""
        return cls(seed, (32,) * 3, 10, 20)


def scale_jobs(config: Config, _: None) -> Sequence[Job]:
    """Return the jobs; ``window`` is [-1, 1]^2, ``whole`` the plane."""
    scales = [2.0**power for power in range(-config.powers, config.powers + 1)]
    keys = [
        network_columns(config.widths)
        | {"scaled": scaled, "scale": scale, "seed": config.seed, "run": number}
        for scaled, values in (("biases", [0.0, *scales]), ("weights", scales))
        for scale in values
        for number in range(config.runs)
    ]

    def units() -> Generator[Unit, None, None]:
        for key in keys:
            network = _scaled_network(config, key)

            def measure(network: Network = network) -> TableRow:
                return counts(network, window=Box.cube(2, 1.0), whole=None)

            yield Unit(key, network.fingerprint[:16], measure)

    return [Job(tuple(keys), units)]


def _scaled_network(config: Config, key: Key) -> Network:
    rng = rng_of(config.seed, 1, key["run"])
    weights, biases = 1.0, 1.0
    if key["scaled"] == "biases":
        biases = key["scale"]
    else:
        weights = key["scale"]
    sizes = (2, *config.widths, 1)
    return Network.from_arrays(
        (
            weights * HE_NORMAL.sample(rng, (above, below)),
            biases * STANDARD_NORMAL.sample(rng, above),
        )
        for below, above in pairwise(sizes)
    )


def findings(table: Table) -> list[str]:
    """Return what the table says, in words: both counts over all scales."""
    lines = []
    for (scaled,), part in groups(table, "scaled"):
        positive = {name: column[part["scale"] > 0] for name, column in part.items()}
        near = [mean_and_error(rows["window"])[0] for _, rows in groups(positive, "scale")]
        whole = [mean_and_error(rows["whole"])[0] for _, rows in groups(positive, "scale")]
        lines.append(
            f"{scaled} times {positive['scale'].min():g} to {positive['scale'].max():g}: "
            f"{near[0]:,.1f} to {near[-1]:,.1f} regions in [-1, 1]^2, {min(whole):,.1f} to "
            f"{max(whole):,.1f} in the whole plane"
        )
        if (part["scale"] == 0).any():
            zero = part["whole"][part["scale"] == 0]
            lines.append(f"{scaled} times 0: {mean_and_error(zero)[0]:,.1f} in the whole plane")
    return lines


def figure(table: Table) -> Figure:
    """Draw both counts against the scale; without biases at the left."""
    parts = list(groups(table, "scaled"))
    drawing, axes = panels(len(parts), columns=2)
    for axis, ((scaled,), part) in zip(axes, parts, strict=True):
        draw(axis, part, "scale", "whole", 0, "whole plane")
        draw(axis, part, "scale", "window", 1, "[-1, 1]²")
        least = float(part["scale"][part["scale"] > 0].min())
        axis.set_xscale("symlog", base=2, linthresh=least, linscale=0.5)
        axis.set_yscale("log")
        axis.set(xlabel=f"scale of the {scaled}", ylabel="regions")
        axis.legend(fontsize=7, frameon=False)
    return drawing


SCALE = Experiment("scale", Config, scale_jobs, findings, figure, uses_images=False)

"""What is printed: results to stdout, everything else to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from polyregions.domain import Domain, Polytope
from polyregions.network import Network
from polyregions.regions import Regions
from polyregions.slices import Slice

__all__ = [
    "assumed_lines",
    "bounds_lines",
    "complain",
    "count_lines",
    "domain_text",
    "domain_value",
    "exit_code",
    "head_lines",
    "json_number",
    "network_entry",
    "print_json",
    "print_lines",
    "slice_entry",
    "summary_lines",
    "tell",
]

_BOUND_TITLES = {
    "hanin_rolnick_scale": "scale N^n / n! of Hanin & Rolnick 2019",
    "zaslavsky": "at most, Zaslavsky 1975",
    "montufar_2017": "at most, Montúfar 2017",
    "serra_2018": "at most, Serra et al. 2018",
}


def print_json(values: dict[str, Any]) -> None:
    """Print one JSON object, with integers of any size."""
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        print(json.dumps(values, indent=2, allow_nan=False))  # noqa: T201 - a result
    finally:
        sys.set_int_max_str_digits(limit)


def print_lines(*lines: str) -> None:
    """Print a result as text."""
    for line in lines:
        print(line)  # noqa: T201 - a result


def tell(message: str) -> None:
    """Say something that is not a result."""
    print(message, file=sys.stderr, flush=True)  # noqa: T201 - a remark


def complain(message: str, code: int = 2) -> int:
    """Print one sentence about what is wrong and return the exit code."""
    tell(f"polyregions: {message}")
    return code


def exit_code(regions: Regions) -> int:
    """Return 0 for a complete result; say that it is partial and return 3 otherwise."""
    if regions.complete:
        return 0
    tell(f"polyregions: stopped early; these {len(regions):,} regions are not all")
    return 3


def network_entry(network: Network) -> dict[str, str]:
    """Return what JSON says about where a network comes from."""
    assumed = {"assumed": network.assumed} if network.assumed else {}
    return {"network": network.name, **assumed}


def head_lines(network: Network, domain: Domain | None) -> list[str]:
    """Return what stands above a result."""
    title = f"{network.name}: {network.hidden_units} hidden units on {domain_text(domain)}"
    return [title, *assumed_lines(network)]


def assumed_lines(network: Network) -> list[str]:
    """Return what the file does not say about its network, if anything."""
    return [f"assumed: {network.assumed}"] if network.assumed else []


def domain_value(domain: Domain | None) -> dict[str, list[Any]] | None:
    """Return a domain for JSON; null is the whole space."""
    if domain is None:
        return None
    if isinstance(domain, Polytope):
        return {"A": domain.A.tolist(), "b": domain.b.tolist()}
    return {"lower": domain.lower.tolist(), "upper": domain.upper.tolist()}


def slice_entry(place: Slice | None) -> dict[str, dict[str, list[Any]]]:
    """Return what JSON says about a slice: nothing where there is none."""
    if place is None:
        return {}
    return {"slice": {"origin": place.origin.tolist(), "basis": place.basis.T.tolist()}}


def domain_text(domain: Domain | None) -> str:
    """Return a domain in words."""
    if domain is None:
        return "the whole space"
    if isinstance(domain, Polytope):
        return f"a polytope of {len(domain.b)} inequalities in {domain.dimension} inputs"
    sides = list(zip(domain.lower.tolist(), domain.upper.tolist(), strict=True))
    if len(set(sides)) == 1:
        low, high = sides[0]
        return f"[{low:g}, {high:g}]^{len(sides)}"
    return f"a box with {len(domain.free)} of {domain.dimension} inputs free"


def json_number(value: int | Fraction | None) -> int | float | None:
    """Return a number that JSON can hold: an integer where it is one, or too large."""
    if isinstance(value, Fraction):
        if value.denominator == 1:
            return value.numerator
        try:
            return float(value)
        except OverflowError:
            return int(value)
    return value


def count_lines(regions: Regions, seconds: float) -> list[str]:
    """Return the sentences about a walk."""
    return summary_lines(regions.summary(), seconds)


def summary_lines(summary: Mapping[str, Any], seconds: float) -> list[str]:
    """Return the sentences about a walk from its summary; see ``Regions.summary``."""
    at_least = "" if summary["complete"] else "at least "
    state = "proven" if summary["proven"] else "not proven"
    state += "" if summary["complete"] else ", partial"
    regions, edges = summary["regions"], summary["edges"]
    return [
        f"{at_least}{regions:,} regions, {at_least}{edges:,} edges ({state})",
        f"{seconds:.2f} s, {regions / max(seconds, 1e-9):,.0f} regions/s, "
        f"{summary['exact_decisions']:,} decided in exact arithmetic",
    ]


def bounds_lines(bounds: dict[str, int | Fraction | None]) -> list[str]:
    """Return one line per bound that applies."""
    return [
        f"{_BOUND_TITLES[name]}: {_short(value)}"
        for name, value in bounds.items()
        if value is not None
    ]


def _short(value: int | Fraction) -> str:
    if value < 10**15:
        return f"{int(value):,}" if value == int(value) else f"{float(value):,.1f}"
    exponent = int((int(value).bit_length() - 1) * 0.30103)  # for reading only
    return f"about 10^{exponent}"

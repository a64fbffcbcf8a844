"""Options of long runs: declared once, spelled out where help looks, and refused where unknown."""

import inspect

import pytest

import polyregions as pr
from polyregions.run.limits import Threaded, Timed, Watched

NET = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[1, 1]], [0])])
BOX = pr.Box.cube(1, 1.0)
FUNCTIONS = {
    Threaded: (
        "boundary", "count_tree", "count_with_checkpoint", "enumerate_regions", "enumerate_to_file",
        "equal", "equal_classes", "explore", "level", "lipschitz", "maximum", "minimum", "nearest",
        "verify", "where",
    ),
    Timed: ("count_on_cluster", "enumerate_on_cluster"),
    Watched: ("certify_on_cluster",),
}  # fmt: skip
CASES = [(name, kind) for kind, names in FUNCTIONS.items() for name in names]


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_a_signature_names_every_option(name, kind):
    parameters = inspect.signature(getattr(pr, name)).parameters
    defaults = {"threads": 1, "time_limit": None, "progress": None, "on_interrupt": "raise"}
    own = {option: parameters[option].default for option in kind.__annotations__}
    assert own == {option: defaults[option] for option in kind.__annotations__}
    assert not any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    assert set(defaults) - set(own) == set(defaults) - set(parameters)


def test_other_options_are_refused(tmp_path):
    with pytest.raises(TypeError, match="'thread'; further options are progress, on_interrupt"):
        pr.enumerate_regions(NET, BOX, thread=2)
    with pytest.raises(TypeError, match="'memory'"):
        pr.count_tree(NET, BOX, memory=1)
    with pytest.raises(TypeError, match="'threads'"):
        pr.count_on_cluster(NET, BOX, None, threads=2)
    with pytest.raises(TypeError, match="'time_limit'"):
        pr.certify_on_cluster(NET, BOX, tmp_path / "net.cert", None, time_limit=2)

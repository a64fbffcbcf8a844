"""Data by region: every column against loops over rows, and sentences for what is no data."""

import warnings

import numpy as np
import pytest

import polyregions as pr
from polyregions.analysis.affine_maps import exact_affine_map
from polyregions.io import DroppedOperatorWarning
from polyregions.regions import data_report as report_module
from tests.random_nets import random_case


class Frame:
    """As much of a data frame as a report reads."""

    def __init__(self, columns, table, index=None):
        self.columns, self.table, self.index = columns, np.asarray(table), index

    def to_numpy(self):
        return self.table

    def items(self):
        return [(name, Frame([name], self.table[:, k])) for k, name in enumerate(self.columns)]


@pytest.fixture
def as_array(monkeypatch):
    """Tables are arrays, whether pandas is installed or not."""

    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(report_module, "import_module", absent)


@pytest.fixture(scope="module")
def moons():
    """The regions of a trained network of scikit-learn, and its data."""
    datasets = pytest.importorskip("sklearn.datasets")
    from sklearn.neural_network import MLPClassifier

    X, y = datasets.make_moons(300, noise=0.2, random_state=0)
    model = MLPClassifier((8, 8), max_iter=200, random_state=0, solver="lbfgs")
    with warnings.catch_warnings():  # how well it was trained is of no concern here
        warnings.simplefilter("ignore")
        model.fit(X, y)
    with pytest.warns(DroppedOperatorWarning):
        network = pr.from_sklearn(model)
    return pr.enumerate_regions(network, pr.Box.cube(2, 1.5)), X, y


def test_counts_labels_and_areas_are_those_of_loops(moons, as_array):
    from sklearn.metrics import roc_auc_score

    regions, X, y = moons
    report = regions.report(X, y, ["volume", "global_auc"])
    table, found = report.regions, regions.find(X)
    assert report.outside.tolist() == np.flatnonzero(found < 0).tolist()
    assert sorted([*table["region"], *report.empty]) == list(range(len(regions)))
    assert (np.diff(table["count"]) <= 0).all()
    inside = found >= 0
    for row in table:
        region = regions[int(row["region"])]
        mine = found == region.index
        assert row["count"] == mine.sum() == region.contains(X).sum()
        assert row["facets"] == len(region.neighbors())
        assert row["volume"] == region.polytope().volume
        assert row["response_mean"] == pytest.approx(y[mine].mean())
        assert row["response_std"] == pytest.approx(y[mine].std(), abs=1e-12)
        assert row["purity"] == max((y[mine] == k).mean() for k in (0, 1))
        assert row["purity"] == (y[mine] == row["label"]).mean()
        score = region.network.forward(X)[:, 0]
        assert row["accuracy"] == pytest.approx(((score > 0) == y)[mine].mean())
        matrix, shift = region.affine_map()
        np.testing.assert_allclose(
            [row["dy0_dx0"], row["dy0_dx1"], row["y0"]], [*matrix[0], *shift]
        )
        if len(set(y[mine])) == 2:
            assert row["local_auc"] == pytest.approx(roc_auc_score(y[mine], score[mine]))
        else:
            assert np.isnan(row["local_auc"])
        everywhere = (X @ matrix.T + shift)[inside, 0]
        if len(set(np.round(everywhere, 9))) == inside.sum():  # no ties that rounding may split
            assert row["global_auc"] == pytest.approx(roc_auc_score(y[inside], everywhere))


def test_errors_of_a_response_are_those_of_loops(as_array):
    rng = np.random.default_rng(0)
    shapes = [(6, 2), (5, 6), (1, 5)]
    network = pr.Network.from_arrays([(rng.normal(size=s), rng.normal(size=s[0])) for s in shapes])
    regions = pr.enumerate_regions(network, pr.Box.cube(2, 1.0))
    X = rng.uniform(-1.1, 1.1, size=(200, network.input_dimension))
    y = 100.0 + 3.0 * X.sum(axis=1) + rng.normal(size=200)
    table, found = regions.report(X, y).regions, regions.find(X)
    inside = found >= 0
    assert any(table[name].any() for name in table.dtype.names if name.startswith("dy0"))
    for row in table:
        mine = found == row["region"]
        matrix, shift = regions[int(row["region"])].affine_map()
        error = (X @ matrix.T + shift)[:, 0] - y
        assert row["response_mean"] == pytest.approx(y[mine].mean())
        assert row["local_mse"] == pytest.approx((error[mine] ** 2).mean())
        assert row["global_mse"] == pytest.approx((error[inside] ** 2).mean())


@pytest.mark.parametrize("family", ["generic", "duplicates", "fixed coordinate", "whole space"])
def test_distances_are_those_to_the_facets(family, as_array):
    network, domain = random_case(family, 2)
    regions = pr.enumerate_regions(network, domain)
    rng = np.random.default_rng(1)
    X = rng.uniform(-0.9, 0.9, size=(40, network.input_dimension))
    if family == "fixed coordinate":
        X[:, -1] = 0.25
    report, found = regions.report(X), regions.find(X)
    free = range(network.input_dimension) if domain is None else domain.free
    for x, number, distance in zip(X, found, report.rows["distance"], strict=True):
        if number < 0:
            assert np.isnan(distance)
            continue
        facets = regions[int(number)].halfspaces()
        slack = facets.normals @ x[list(free)] + facets.offsets
        lengths = np.linalg.norm(facets.normals, axis=1)
        assert distance == pytest.approx((slack / lengths).min(initial=np.inf), rel=1e-6)


def test_distances_to_slanted_walls_count(as_array):
    triangle = pr.Polytope([[-1, 0], [0, -1], [1, 1]], [0, 0, 1])
    network = pr.Network.from_arrays([([[1, 0]], [-0.25]), ([[1]], [0])])
    report = pr.enumerate_regions(network, triangle).report([[0.5, 0.25], [0.25, 0.75], [0.5, 0.0]])
    np.testing.assert_allclose(report.rows["distance"], [0.125 * 2**0.5, 0.0, 0.0], atol=1e-15)


def test_neighbours_with_the_same_map_are_counted_exactly(as_array):
    """relu(x) - relu(-x) is x on both sides; relu(y) bends."""
    network = pr.Network.from_arrays([([[1, 0], [-1, 0], [0, 1]], [0, 0, 0]), ([[1, -1, 1]], [0])])
    regions = pr.enumerate_regions(network, pr.Box.cube(2, 1.0))
    table = regions.report(regions.witnesses).regions
    assert table["facets"].tolist() == [2] * 4
    assert table["same_map"].tolist() == [1] * 4
    maps = {tuple(exact_affine_map(network, region.pattern)) for region in regions}
    assert len(maps) == 2


@pytest.mark.parametrize("labels", [["no", "yes"], [False, True], [3, 7]])
def test_labels_of_any_kind_stand_for_outputs_in_their_order(labels, as_array):
    network = pr.Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [-0.5])])
    regions = pr.enumerate_regions(network, pr.Box.cube(1, 1.0))
    table = regions.report([[-0.5], [0.25], [0.75], [0.75]], np.array(labels)[[0, 0, 1, 0]]).regions
    assert table["region"].tolist() == [1, 0]
    assert table["accuracy"].tolist() == [pytest.approx(2 / 3), 1.0]
    assert table["local_auc"][0] == 0.75
    assert table["label"].tolist() == [labels[0], labels[0]]


def test_columns_of_a_data_frame_are_named_and_counted(as_array):
    network = pr.Network.from_arrays([([[1.0, 1.0]], [0.0]), ([[1.0]], [0.0])])
    regions = pr.enumerate_regions(network, pr.Box.cube(2, 1.0))
    table = regions.report(Frame(["age", "height"], [[0.5, 0.25]])).regions
    assert table.dtype.names[-3:] == ("dy0_dage", "dy0_dheight", "y0")
    with pytest.raises(
        pr.PolyregionsError, match=r"3 columns \(a, b, c\), but the network reads 2"
    ):
        regions.report(Frame(["a", "b", "c"], [[0.5, 0.25, 0.0]]))
    with pytest.raises(pr.NetworkError, match="column b must be real numbers, not objects"):
        regions.report(Frame(["a", "b"], np.array([[0.5, "high"]], dtype=object)))


def test_a_data_frame_comes_back_where_pandas_is_installed():
    pandas = pytest.importorskip("pandas")
    network = pr.Network.from_arrays([([[1.0, 1.0]], [0.0]), ([[1.0]], [0.0])])
    regions = pr.enumerate_regions(network, pr.Box.cube(2, 1.0))
    X = pandas.DataFrame({"age": [0.5, -0.5, 0.25], "height": [0.25, 0.0, 0.5]})
    report = regions.report(X, pandas.Series(["b", "a", "b"]))
    assert list(report.regions["count"]) == [2, 1]
    assert list(report.regions["dy0_dage"]) == [1.0, 0.0]
    assert list(report.rows["region"]) == [1, 0, 1]
    with pytest.raises(pr.PolyregionsError, match="different indexes"):
        regions.report(X, pandas.Series(["b", "a", "b"], index=[2, 1, 0]))


@pytest.mark.parametrize(
    ("X", "y", "attributes", "said"),
    [
        ([[0.5]], None, (), r"shape \(k, 2\), not \(1, 1\)"),
        ([0.5, 0.5], None, (), r"shape \(k, 2\), not \(2,\)"),
        ([[0.5, float("nan")]], None, (), "X must be finite numbers"),
        ([["a", "b"]], None, (), "X must be real numbers, not text"),
        ([[2.0, 0.0]], None, (), "none of the 1 rows of X is in a region"),
        (np.empty((0, 2)), None, (), "none of the 0 rows of X"),
        ([[0.5, 0.5]], [1.0, 2.0], (), r"shape \(1,\), not \(2,\)"),
        ([[0.5, 0.5]], [float("nan")], (), "y must be finite numbers"),
        ([[0.5, 0.5]], [1j], (), "y holds real numbers, whole numbers or texts, not complex"),
        ([[0.5, 0.5]], None, "size", "attributes of a report are some of volume, global_auc"),
        ([[0.5, 0.5]], None, 3, "not an int"),
        ([[0.5, 0.5]], None, "global_auc", "global_auc is about labels"),
        ([[0.5, 0.5]], [0.5], "global_auc", "y holds a response"),
        ([[0.5, 0.5]], ["a"], "global_auc", "needs two classes"),
    ],
)
def test_what_is_no_data_is_told(X, y, attributes, said, three_lines):
    regions = pr.enumerate_regions(three_lines, pr.Box.cube(2, 1.0))
    with pytest.raises(pr.PolyregionsError, match=said):
        regions.report(X, y, attributes)

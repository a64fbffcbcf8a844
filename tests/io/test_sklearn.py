import warnings

import numpy as np
import pytest
from io_helpers import exact_forward, rationals
from oracles import brute_force

import polyregions as pr
from polyregions.errors import NetworkError, UnsupportedOperatorError
from polyregions.io import DroppedOperatorWarning, RoundedDivisionWarning

pytest.importorskip("sklearn", reason="scikit-learn is not installed")

from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, Normalizer, StandardScaler

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3)) * [1.0, 5.0, 0.1] + [0.0, 2.0, 1.0]
Y = np.abs(X[:, 0]) + np.sin(X[:, 1])
CLASSES = np.digitize(Y, [0.5, 1.5])


def fitted(model, y=Y, x=X):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(x, y)


def regressor(**changes) -> MLPRegressor:
    options = {"hidden_layer_sizes": (5, 4), "max_iter": 20, "random_state": 0, **changes}
    return MLPRegressor(**options)


def classifier(**changes) -> MLPClassifier:
    return MLPClassifier(hidden_layer_sizes=(6,), max_iter=20, random_state=0, **changes)


@pytest.mark.parametrize("y", [Y, np.column_stack([Y, -Y])], ids=["one output", "two"])
@pytest.mark.parametrize(
    "scalers",
    [
        [],
        [StandardScaler()],
        [StandardScaler(with_mean=False)],
        [StandardScaler(with_std=False)],
        [MinMaxScaler()],
        [MinMaxScaler((-1, 2))],
        [MinMaxScaler(clip=True)],
        ["passthrough", MinMaxScaler(), StandardScaler(), "passthrough"],
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore::polyregions.io.RoundedDivisionWarning")
def test_predicts_what_the_regressor_predicts(scalers, y):
    model = fitted(make_pipeline(*scalers, regressor()), y)
    network = pr.from_sklearn(model, name="mlp")
    assert (network.name, network.input_dimension) == ("mlp", 3)
    points = np.vstack([X, 3 * RNG.normal(size=(50, 3))])
    ours = network.forward(points)
    np.testing.assert_allclose(ours.reshape(model.predict(points).shape), model.predict(points))


@pytest.mark.parametrize("y", [CLASSES, CLASSES > 0, np.column_stack([CLASSES > 0, Y > 1])])
def test_a_classifier_is_read_up_to_its_logits(y):
    model = fitted(classifier(), y)
    with pytest.warns(DroppedOperatorWarning, match="(softmax|logistic) is left out"):
        network = pr.from_sklearn(model)
    logits = network.forward(X)
    if model.out_activation_ == "softmax":
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        expected = odds / odds.sum(axis=1, keepdims=True)
        assert (model.classes_[logits.argmax(axis=1)] == model.predict(X)).all()
    else:
        expected = 1 / (1 + np.exp(-logits))
    given = model.predict_proba(X)
    np.testing.assert_allclose(expected, given[:, 1:] if logits.shape[1] == 1 else given)


def test_the_parameters_are_those_of_the_estimator():
    model = fitted(regressor())
    arrays = list(zip(model.coefs_, model.intercepts_, strict=True))
    same = pr.Network.from_arrays(arrays, transpose=True)
    assert pr.from_sklearn(model).fingerprint == same.fingerprint


def test_a_scaler_is_composed_exactly():
    """In fractions, with the numbers that scikit-learn holds."""
    model = fitted(
        make_pipeline(MinMaxScaler((-1, 3)), StandardScaler(with_std=False), regressor())
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", RoundedDivisionWarning)
        network = pr.from_sklearn(model)
    first, second, mlp = (step for _, step in model.steps)
    for point in X[:5]:
        scaled = [
            x * scale + low - mean
            for x, scale, low, mean in zip(
                rationals(point),
                rationals(first.scale_),
                rationals(first.min_),
                rationals(second.mean_),
                strict=True,
            )
        ]
        layers = list(zip(mlp.coefs_, mlp.intercepts_, strict=True))
        expected = exact_forward(pr.Network.from_arrays(layers, transpose=True), scaled)
        assert exact_forward(network, rationals(point)) == expected


def test_the_division_of_a_standard_scaler_is_exact_or_warns():
    model = fitted(make_pipeline(StandardScaler(), regressor()))
    with pytest.warns(RoundedDivisionWarning, match="3 reciprocals"):
        pr.from_sklearn(model)
    model.steps[0][1].scale_ = np.array([0.5, 4.0, 1.0])
    network = pr.from_sklearn(model)
    np.testing.assert_allclose(network.forward(X)[:, 0], model.predict(X))


def test_tiny_models_have_the_regions_of_brute_force():
    x = RNG.normal(size=(30, 2))
    model = make_pipeline(MinMaxScaler(), regressor(random_state=3))
    network = pr.from_sklearn(fitted(model, x[:, 0], x))
    box = pr.Box.cube(2, 8.0)
    found, expected = pr.enumerate_regions(network, box), brute_force(network, box)
    assert len(expected.patterns) > 3
    assert found.patterns.tobytes() == expected.patterns.tobytes()
    assert found.edges.tolist() == expected.edges.tolist()


class Doubled(MLPRegressor):
    def predict(self, x):
        return 2 * super().predict(x)


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (regressor(), NetworkError, "MLPRegressor is not fitted; call fit"),
        (
            make_pipeline(StandardScaler(), regressor()),
            NetworkError,
            "StandardScaler is not fitted",
        ),
        (fitted(regressor(activation="tanh")), UnsupportedOperatorError, "'tanh' is not piecewise"),
        (fitted(regressor(activation="logistic")), UnsupportedOperatorError, "'logistic' is not"),
        (fitted(regressor(activation="identity")), NetworkError, "no hidden unit that bends"),
        (fitted(Doubled()), UnsupportedOperatorError, "another Doubled, which is not read"),
        (fitted(LinearRegression()), UnsupportedOperatorError, "LinearRegression, which is not"),
        (
            fitted(make_pipeline(Normalizer(), regressor())),
            UnsupportedOperatorError,
            "a step is Normalizer, .* StandardScaler and MinMaxScaler before",
        ),
        (
            fitted(make_pipeline(MinMaxScaler(), Normalizer(), regressor())),
            UnsupportedOperatorError,
            "a step is Normalizer",
        ),
        (make_pipeline(StandardScaler()), UnsupportedOperatorError, "last step is StandardScaler"),
        (
            TransformedTargetRegressor(regressor()),
            UnsupportedOperatorError,
            "TransformedTargetRegressor, which is not read; supported are MLPClassifier",
        ),
        (3, UnsupportedOperatorError, "another int"),
    ],
    ids=str,
)
def test_refuses(model, error, message):
    with pytest.raises(error, match=message):
        pr.from_sklearn(model)


def test_an_output_that_is_no_linear_function_is_refused():
    model = fitted(regressor())
    model.out_activation_ = "exp"
    with pytest.raises(UnsupportedOperatorError, match="outputs pass 'exp'"):
        pr.from_sklearn(model)

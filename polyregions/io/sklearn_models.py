"""Multi-layer perceptrons of scikit-learn, with scalers in front of them."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from polyregions.errors import NetworkError, UnsupportedOperatorError
from polyregions.io import lowering, signals
from polyregions.io.comparisons import clip
from polyregions.io.exact_floats import Floats, exact_floats
from polyregions.io.lowering import DroppedOperatorWarning
from polyregions.io.signals import Signal
from polyregions.network import Network

__all__ = ["from_sklearn"]

_SCALERS = ("StandardScaler", "MinMaxScaler")
_PERCEPTRONS = ("MLPClassifier", "MLPRegressor")


def from_sklearn(estimator: Any, *, name: str = "network") -> Network:
    """Read a network from a fitted estimator of scikit-learn.

    Parameters
    ----------
    estimator : MLPRegressor, MLPClassifier or Pipeline
        Fitted, with ``activation="relu"`` (or ``"identity"``, which bends nothing). A
        pipeline may have a StandardScaler or MinMaxScaler, or several, before it.
    name : str

    Returns
    -------
    Network
        Of the unscaled inputs, with the estimator's parameters as they are: a scaler
        is a layer of its own. The outputs are those of the last layer; of a
        classifier, the values before the softmax or the logistic function, which is
        left out with a warning. A MinMaxScaler with ``clip=True`` has units that bend.

    Raises
    ------
    UnsupportedOperatorError
        If a step, activation or output is of another kind.
    NetworkError
        If the estimator is not fitted, or its parameters make no network.

    Warns
    -----
    DroppedOperatorWarning
        If it is a classifier.
    RoundedDivisionWarning
        If a StandardScaler divides by a number that is no power of two, which has no
        float as its reciprocal; see :func:`polyregions.io.lowering.divide`.

    Examples
    --------
    >>> from sklearn.neural_network import MLPRegressor  # doctest: +SKIP
    >>> model = MLPRegressor(hidden_layer_sizes=(8,)).fit(x, y)  # doctest: +SKIP
    >>> from_sklearn(model).widths  # doctest: +SKIP
    (8,)
    """
    steps = [estimator]
    if _estimator_kind(estimator) == "Pipeline":
        steps = [step for _, step in estimator.steps]
    *scalers, perceptron = steps
    if _estimator_kind(perceptron) not in _PERCEPTRONS:
        raise _unsupported(perceptron, "the last step is")
    signal = signals.source((_inputs(steps),))
    for scaler in scalers:
        if scaler is not None and scaler != "passthrough":
            signal = _scaled_features(signal, scaler)
    return signals.to_network(_perceptron_layers(signal, perceptron), name)


def _estimator_kind(step: Any) -> str:
    """Return the name of an estimator's class, if scikit-learn defines it.

    A class that inherits from one of its own may compute anything.
    """
    kind = type(step)
    return kind.__name__ if kind.__module__.startswith("sklearn.") else f"another {kind.__name__}"


def _unsupported(step: Any, where: str) -> UnsupportedOperatorError:
    return UnsupportedOperatorError(
        f"{where} {_estimator_kind(step)}, which is not read; supported are "
        f"{' and '.join(_PERCEPTRONS)}, in a Pipeline with {' and '.join(_SCALERS)} before them"
    )


def _fitted(step: Any, attribute: str) -> Any:
    try:
        return getattr(step, attribute)
    except AttributeError:
        raise NetworkError(f"the {_estimator_kind(step)} is not fitted; call fit first") from None


def _inputs(steps: list[Any]) -> int:
    """Return the number of inputs, that of the first step that does anything."""
    first = next(step for step in steps if step is not None and step != "passthrough")
    if _estimator_kind(first) not in (*_SCALERS, *_PERCEPTRONS):
        raise _unsupported(first, "a step is")
    return int(_fitted(first, "n_features_in_"))


def _scaled_features(signal: Signal, scaler: Any) -> Signal:
    kind = _estimator_kind(scaler)
    if kind == "StandardScaler":
        if scaler.with_mean:
            signal = lowering.add(signal, -_model_floats(_fitted(scaler, "mean_"), "mean_"))
        if scaler.with_std:
            signal = lowering.divide(signal, _model_floats(_fitted(scaler, "scale_"), "scale_"))
        return signal
    if kind != "MinMaxScaler":
        raise _unsupported(scaler, "a step is")
    signal = lowering.multiply(signal, _model_floats(_fitted(scaler, "scale_"), "scale_"))
    signal = lowering.add(signal, _model_floats(_fitted(scaler, "min_"), "min_"))
    if scaler.clip:
        low, high = (np.array(float(bound)) for bound in scaler.feature_range)
        signal = clip(signal, low, high)
    return signal


def _perceptron_layers(signal: Signal, perceptron: Any) -> Signal:
    weights, biases = (_fitted(perceptron, key) for key in ("coefs_", "intercepts_"))
    if perceptron.activation not in ("relu", "identity"):
        raise UnsupportedOperatorError(
            f"the activation {perceptron.activation!r} is not piecewise linear; "
            f"fit the model with activation='relu'"
        )
    end = perceptron.out_activation_
    if end not in ("identity", "softmax", "logistic"):
        raise UnsupportedOperatorError(
            f"the outputs pass {end!r}, which is not piecewise linear; "
            f"fit the model with loss='squared_error'"
        )
    if end != "identity":
        warnings.warn(
            f"the last activation {end} is left out: regions are those of the values it reads",
            DroppedOperatorWarning,
            stacklevel=3,
        )
    last = len(weights) - 1
    for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        matrix = _model_floats(weight, f"coefs_[{layer}]").T
        shift = _model_floats(bias, f"intercepts_[{layer}]")
        signal = lowering.linear_layer(signal, matrix, shift)
        if layer < last and perceptron.activation == "relu":
            signal = lowering.bend(signal, 0.0, 1.0)
    return signal


def _model_floats(numbers: Any, what: str) -> Floats:
    return exact_floats(np.asarray(numbers), what)

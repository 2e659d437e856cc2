"""The state that a model typically has when the VIX stands at a given level."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from models.errors import ModelParameterError
from models.protocols import FloatArray, Model, Stream

SAMPLE = 8192
"""Stationary states from which the typical one is found."""

_NEAR = 64  # states on either side of the level whose mean is taken
_STREAM = Stream(seed=20181231, scenario=2**32 - 2)
_HIGHEST = 100.0


def typical_state(model: Model, vix: float) -> FloatArray:
    """State at which the VIX stands at ``vix`` points.

    One variance is solved for. Several factors can have the same VIX in many ways: the answer lies on the line between
    the mean of the stationary states just below the level and the mean of those just above it. A hidden regime is that
    of the state nearest to the level.

    Parameters
    ----------
    model : Model
        The model.
    vix : float
        Level of the VIX, > 0. [points]

    Returns
    -------
    ndarray of shape (n_factors,)

    Raises
    ------
    ModelParameterError
        If the VIX of the model does not reach the level.
    """
    if not (np.isfinite(vix) and vix > 0.0):
        raise ModelParameterError(f"vix must be > 0 points, got {vix:g}")
    if model.state_names == ("variance",):
        return _variance(model, vix)
    states = model.stationary_state(SAMPLE, _STREAM)
    levels = model.exact_pricer().vix(states)
    order = np.argsort(levels)
    states, levels = states[:, order], levels[order]
    place = int(np.searchsorted(levels, vix))
    if not 0 < place < SAMPLE:
        raise _out_of_reach(model, vix, float(levels[0]), float(levels[-1]))
    if model.state_names[0] == "regime":
        same = states[0] == states[0, place]
        states, levels = states[:, same], levels[same]
        place = int(np.clip(np.searchsorted(levels, vix), 1, levels.size - 1))
    low = states[:, max(place - _NEAR, 0) : place].mean(axis=1)
    high = states[:, place : place + _NEAR].mean(axis=1)
    return _between(model, low, high, vix)


def _variance(model: Model, vix: float) -> FloatArray:
    pricer = model.exact_pricer()

    def excess(value: float) -> float:
        return float(pricer.vix(np.array([[value]]))[0]) - vix

    low, high = 0.0, max((vix / 100.0) ** 2, 1.0)
    while excess(high) < 0.0 and high < _HIGHEST:
        high *= 2.0
    if excess(low) > 0.0 or excess(high) < 0.0:
        raise _out_of_reach(model, vix, excess(low) + vix, excess(high) + vix)
    return np.array([brentq(excess, low, high, xtol=1e-15, rtol=1e-12)])


def _between(model: Model, low: FloatArray, high: FloatArray, vix: float) -> FloatArray:
    """Point of the line through two states that has the VIX; a little beyond them if need be."""
    vix_of = model.exact_pricer().vix

    def excess(share: float) -> float:
        return float(vix_of((low + share * (high - low))[:, None])[0]) - vix

    ends = next(((-r, 1.0 + r) for r in (0.0, 0.25, 0.5, 1.0, 2.0) if excess(-r) * excess(1.0 + r) <= 0.0), None)
    if ends is None:
        raise _out_of_reach(model, vix, excess(0.0) + vix, excess(1.0) + vix)
    share = brentq(excess, *ends, xtol=1e-14, rtol=1e-12)
    return np.asarray(low + share * (high - low))


def _out_of_reach(model: Model, vix: float, low: float, high: float) -> ModelParameterError:
    return ModelParameterError(
        f"vix must lie in the range of {model.name}, {low:.2f} to {high:.2f} points, got {vix:g}"
    )

r"""States of any model at given levels of the VIX, on all paths at once.

A state is moved along a direction until its own VIX is the wanted one, so that everything priced from it stays free of
arbitrage. Along the direction a factor :math:`x_j` that is never negative moves as :math:`(x_j + c_j) e^{w_j u} - c_j`,
:math:`c_j` being half its middling value, any other as :math:`x_j + w_j u`; hidden regimes stay. The weights are those
by which the mean of the model's own stationary states changes from a middling VIX to a high one, per unit of log VIX:
the typical way. A model with a fast and a slow factor may have one of them carry the move alone; then the curve of VIX
futures keeps its far, or its near end. Where the direction does not lead to the level, as from a state on the far side
of a VIX that is no monotone function of its factors, the typical state at that level is moved instead.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, Protocol, cast, final, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from models.protocols import FloatArray, Model, Stream
from models.rising_root import rising_root
from models.steering import SteeredModel

CarriedBy = Literal["typical", "fast", "slow"]
"""Which factors carry a move of the VIX."""

SAMPLE = 8192
"""Stationary states from which the typical direction is found."""

REACH = 4.0
"""Largest move [log VIX]: a factor of 55."""

_STREAM = Stream(seed=20181231, scenario=2**32 - 2)
_MIDDLE, _HIGH = (0.40, 0.60), (0.975, 1.0)
_NEAR = 64  # states on either side of a level that are typical of it
_MISSED = 1e-9  # log VIX
_LEAST_VIX = 1e-3  # points: a state of nothing has a VIX of nothing in some models


@runtime_checkable
class PutsVixIntoState(Protocol):
    """A model whose state holds the VIX itself."""

    def state_with_vix(self, state: FloatArray, vix: FloatArray) -> FloatArray:
        """State with another VIX [points]."""
        ...


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Direction:
    """How the factors of a model move with its VIX.

    Parameters
    ----------
    model : Model
        The model itself, not a steered or scripted one.
    weight : ndarray of shape (n_factors,)
        Move per unit: of the logarithm of factors that are never negative, of others themselves.
    shift : ndarray of shape (n_factors,)
        Added to factors that are never negative before they are multiplied; NaN for others.
    low, high : ndarray of shape (n_factors,)
        Ends of the price tables; infinite where there is none.
    """

    model: Model
    weight: FloatArray
    shift: FloatArray
    low: FloatArray
    high: FloatArray

    def moved(self, state: FloatArray, size: FloatArray) -> FloatArray:
        """State of shape (n_factors, n_paths), moved by ``size`` units (n_paths,), within the price tables."""
        result = np.array(state, dtype=np.float64)
        for j in np.flatnonzero(self.weight):
            step, shift = self.weight[j] * size, self.shift[j]
            if np.isnan(shift):
                value = result[j] + step
            else:
                value = np.maximum((result[j] + shift) * np.exp(np.clip(step, -60.0, 60.0)) - shift, 0.0)
            result[j] = np.where(size == 0.0, result[j], np.clip(value, self.low[j], self.high[j]))
        return result


def state_with_vix(
    model: Model, state: FloatArray, vix: FloatArray, *, carried_by: CarriedBy = "typical"
) -> FloatArray:
    """Move states until their VIX is the wanted one.

    Parameters
    ----------
    model : Model
        The model.
    state : ndarray of shape (n_factors, n_paths)
        States to start from.
    vix : ndarray of shape (n_paths,)
        Wanted levels, > 0. [points]
    carried_by : {"typical", "fast", "slow"}
        Which factors move; in a model without fast and slow factors all of them.

    Returns
    -------
    ndarray of shape (n_factors, n_paths)
        States; where the model's VIX does not reach the level, at the nearest end.
    """
    base = base_model(model)
    if isinstance(base, PutsVixIntoState):
        return base.state_with_vix(state, vix)
    found = _led(base, state, vix, carried_by)
    missed = np.abs(np.log(base.exact_pricer().vix(found) / vix)) > _MISSED
    if carried_by == "typical" and missed.any():
        again = _led(base, _typical(base, vix), vix, carried_by)
        gaps = [np.abs(np.log(base.exact_pricer().vix(one) / vix)) for one in (found, again)]
        found = np.where(missed & (gaps[1] < gaps[0]), again, found)
    return found


def state_on_curve(
    model: Model,
    state: FloatArray,
    vix: FloatArray,
    future_of: Callable[[FloatArray], FloatArray],
    future: FloatArray,
) -> FloatArray:
    """Move the slow and the fast factor until both the VIX and a VIX future are the wanted ones.

    Parameters
    ----------
    model : Model
        The model.
    state : ndarray of shape (n_factors, n_paths)
        States to start from.
    vix : ndarray of shape (n_paths,)
        Wanted levels of the VIX, > 0. [points]
    future_of : callable
        Gives the future (n_paths,) of states (n_factors, n_paths). [points]
    future : ndarray of shape (n_paths,)
        Wanted futures, > 0. [points]

    Returns
    -------
    ndarray of shape (n_factors, n_paths)
        States with the wanted VIX; the future is as near as the model's curve comes, in a model without a fast and a
        slow factor that of ``state_with_vix``.
    """
    if not has_two_speeds(model):
        return state_with_vix(model, state, vix)
    base, wanted = base_model(model), np.log(future)
    slow = _direction(base, "slow")

    def shifted(size: FloatArray) -> FloatArray:
        return state_with_vix(base, slow.moved(state, size), vix, carried_by="fast")

    def excess(size: FloatArray) -> FloatArray:
        return np.asarray(np.log(future_of(shifted(size))) - wanted)

    start = np.zeros(vix.shape)
    found = shifted(rising_root(excess, start - excess(start), reach=REACH, tolerance=1e-7))
    return state_with_vix(base, found, vix)  # where the fast factor alone could not bring the VIX back


def states_at_vix(model: Model, vix: FloatArray) -> FloatArray:
    """Typical states at given levels of the VIX.

    In a model of one factor the VIX says all: the state is that of which it is the VIX. In others it is the median of
    the stationary states with a VIX near the level, moved until the level is met.

    Parameters
    ----------
    model : Model
        The model.
    vix : ndarray of shape (n,)
        Levels, > 0. [points]

    Returns
    -------
    ndarray of shape (n_factors, n)
        States; where the model's VIX does not reach a level, at the nearest end.
    """
    base = base_model(model)
    return state_with_vix(base, _typical(base, vix), vix)


def has_two_speeds(model: Model) -> bool:
    """Whether a model has a fast and a slow factor, so that its curve has more than one shape at a given VIX."""
    names = base_model(model).state_names
    return all(any(name.endswith(speed) for name in names) for speed in ("fast", "slow"))


def base_model(model: Model) -> Model:
    """The model itself, where it is steered the one below."""
    return model.model if isinstance(model, SteeredModel) else model


@lru_cache(maxsize=8)
def _sampled(model: Hashable) -> tuple[FloatArray, FloatArray]:
    one = cast(Model, model)
    states = one.stationary_state(SAMPLE, _STREAM)
    return states, one.exact_pricer().vix(states)


def _sample(model: Model) -> tuple[FloatArray, FloatArray]:
    """Stationary states (n_factors, SAMPLE) and their VIX."""
    return _sampled(cast(Hashable, model))  # models are frozen dataclasses


def _typical(model: Model, vix: FloatArray) -> FloatArray:
    """Median, factor by factor, of the stationary states with a VIX near each level."""
    states, levels = _sample(model)
    order = np.argsort(levels, kind="stable")
    place = np.clip(np.searchsorted(levels[order], vix), _NEAR, levels.size - _NEAR)
    near = order[place[:, None] + np.arange(-_NEAR, _NEAR)]  # (n, 2 _NEAR)
    start = np.median(states[:, near], axis=2)
    is_label = _is_label(model)
    start[is_label] = start[is_label].round()
    return start


def _led(model: Model, state: FloatArray, vix: FloatArray, carried_by: CarriedBy) -> FloatArray:
    """States moved along the direction to the level, or as near as it leads."""
    direction, vix_of, wanted = _direction(model, carried_by), model.exact_pricer().vix, np.log(vix)

    def excess(size: FloatArray) -> FloatArray:
        return np.asarray(np.log(np.maximum(vix_of(direction.moved(state, size)), _LEAST_VIX)) - wanted)

    return direction.moved(state, rising_root(excess, wanted - np.log(vix_of(state)), reach=REACH))


def _is_label(model: Model) -> NDArray[np.bool_]:
    """Which factors are labels, not numbers."""
    return np.array([name == "regime" for name in model.state_names])


def _direction(model: Model, carried_by: CarriedBy) -> Direction:
    states, levels = _sample(model)
    low, high = _table_ends(model)
    middle, top = (_mean_between(states, levels, shares) for shares in (_MIDDLE, _HIGH))
    vix_middle, vix_top = (float(_mean_between(levels[None], levels, shares)[0]) for shares in (_MIDDLE, _HIGH))
    shift = np.where(states.min(axis=1) >= 0.0, 0.5 * middle, np.nan)
    span = np.log(vix_top / vix_middle)
    if span > 1e-3:
        weight = np.where(np.isnan(shift), top - middle, np.log((top + shift) / (middle + shift))) / span
    else:  # a VIX that hardly moves tells nothing
        weight = np.where(np.isnan(shift), 1.0, 2.0)
    weight[_is_label(model)] = 0.0
    chosen = np.array([carried_by in ("typical", name.rpartition("_")[2]) for name in model.state_names])
    if chosen.any() and has_two_speeds(model):
        weight = np.where(chosen, weight, 0.0)
    return Direction(model=model, weight=weight, shift=shift, low=low, high=high)


def _mean_between(values: FloatArray, levels: FloatArray, shares: tuple[float, float]) -> FloatArray:
    """Mean of values (n, SAMPLE) over the states whose VIX lies between two of its quantiles."""
    low, high = np.quantile(levels, shares)
    return np.asarray(values[:, (levels >= low) & (levels <= high)].mean(axis=1))


def _table_ends(model: Model) -> tuple[FloatArray, FloatArray]:
    """Ends of the model's price tables, by factor."""
    axes = getattr(model, "table_axes", None)
    if axes is None:
        return np.full(len(model.state_names), -np.inf), np.full(len(model.state_names), np.inf)
    return np.array([axis.low for axis in axes()]), np.array([axis.high for axis in axes()])

"""The exact pricer of models in sessions, by the backward recursion on a fine grid; whole sessions only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, Protocol, final

import numpy as np
from numpy.typing import ArrayLike

from models.backward_fourier import ComplexArray, Knots, first_session, knots_for, log_return_transforms
from models.backward_grid import BackwardGrid
from models.backward_model import BackwardModel
from models.backward_vix import future_curve, vix_call_sweep
from models.errors import PricingDomainError
from models.log_transform import WIDTH, LogTransform, scaled_puts
from models.protocols import SESSIONS_PER_YEAR, FloatArray, OptionValue
from models.transform_pricer import Rates, TransformPricer, by_time, check_positive, flatten

# nodes of an axis and of the return shock, for models of one and of two continuous factors
SPX_GRID = {1: (161, 512), 2: (41, 64)}
VIX_GRID = {1: (385, 512), 2: (45, 48)}
FUTURE_GRID = {1: (129, 256), 2: (37, 40)}
KNOT_STEP = 0.04
LONGEST = 276
"""Sessions to which knots are laid; the recursion itself goes on as far as it is asked to."""

_SLAB = 200_000  # terms times options that are summed at once


class Sweep(Protocol):
    """Transforms of one model at the sessions and states that are asked for."""

    def prepare(self, sessions: Iterable[int]) -> None:
        """Have the transforms of these sessions ready."""
        ...

    def at(self, states: FloatArray, sessions: int) -> LogTransform:
        """Transform to a session for each of the states (n_factors, n)."""
        ...


class TransformSweep:
    """Log characteristic functions of the sessions that were asked for.

    Parameters
    ----------
    model : BackwardModel
        The model.
    """

    def __init__(self, model: BackwardModel) -> None:
        self.grid = backward_grid(model, SPX_GRID)
        self.knots = knots_for(self.grid, LONGEST, step=KNOT_STEP)
        self._kept: dict[int, LogTransform] = {}
        self._restart()

    def _restart(self) -> None:
        self._done = 0
        self._sweep: Iterator[ComplexArray] = log_return_transforms(self.grid, self.knots, 10**9)

    def prepare(self, sessions: Iterable[int]) -> None:
        """Have the transforms of these sessions ready, from one sweep where that is possible."""
        missing = sorted(set(sessions) - set(self._kept) - {0})
        if missing and missing[0] <= self._done:
            self._restart()
        for wanted in missing:
            while self._done < wanted:
                transform = next(self._sweep)
                self._done += 1
            self._kept[wanted] = LogTransform.of(self.knots, transform.reshape(transform.shape[0], -1))

    def at(self, states: FloatArray, sessions: int) -> LogTransform:
        """Transform to a session for each of the states (n_factors, n)."""
        if sessions == 1:
            return first_logarithm(self.grid, self.knots, states)
        self.prepare([sessions])
        return read_logarithm(self.grid, self._kept[sessions], states)


def first_logarithm(grid: BackwardGrid, knots: Knots, states: FloatArray) -> LogTransform:
    """Transform one session ahead of states (n_factors, n): of the shock itself, read from no grid."""
    return LogTransform.of(knots, first_session(grid.model, states, knots.values))


def read_logarithm(grid: BackwardGrid, nodes: LogTransform, states: FloatArray) -> LogTransform:
    """Transform at states (n_factors, n) from that at the nodes of the grid."""
    shape = (-1, grid.n_regimes, grid.size)
    size = grid.read(nodes.size.T.reshape(shape), states, is_capped=True).T
    phase = grid.read(nodes.phase.T.reshape(shape), states).T
    return LogTransform(knots=nodes.knots, size=np.ascontiguousarray(size), phase=np.ascontiguousarray(phase))


def backward_grid(model: BackwardModel, sizes: dict[int, tuple[int, int]]) -> BackwardGrid:
    """Grid of a model whose size depends on its number of continuous factors."""
    n_nodes, n_shocks = sizes[sum(axis.kind != "index" for axis in model.table_axes())]
    return BackwardGrid(model=model, n_nodes=n_nodes, n_shocks=n_shocks)


@lru_cache(maxsize=2)
def sweep_of(model: BackwardModel) -> Sweep:
    """Sweep of a model; kept for the models last asked about."""
    return TransformSweep(model)


def whole_sessions(ttm: ArrayLike) -> FloatArray:
    """Sessions of times in years.

    Raises
    ------
    PricingDomainError
        If a time is negative or no whole number of sessions.
    """
    exact = np.asarray(ttm, dtype=float) * SESSIONS_PER_YEAR
    sessions = np.rint(exact)
    if np.any(np.abs(exact - sessions) > 1e-6) or np.any(sessions < 0.0):
        raise PricingDomainError(
            f"ttm must be a whole number of sessions / {SESSIONS_PER_YEAR} in this model, got {ttm!r}"
        )
    return np.asarray(sessions)


@final
class BackwardPricer(TransformPricer):
    """Exact prices by the backward recursion; see ``models.protocols.Pricer``.

    Parameters
    ----------
    model : BackwardModel
        The model whose Q-law is priced; hashable, for sweeps are kept between calls.
    sweep : callable
        Finds the sweep of a model.
    """

    __slots__ = ("_sweep_of", "model")

    def __init__(self, model: BackwardModel, *, sweep: Callable[[Any], Sweep] = sweep_of) -> None:
        self.model = model
        self._sweep_of = sweep

    def __repr__(self) -> str:
        return f"BackwardPricer({self.model!r})"

    @property
    def rates(self) -> Rates:
        """The model."""
        return self.model

    def vix(self, state: FloatArray) -> FloatArray:
        """See ``Pricer.vix``."""
        return self.model.vix(np.asarray(state, dtype=float))

    def vix_future(self, state: FloatArray, ttm: ArrayLike) -> FloatArray:
        """See ``Pricer.vix_future``."""
        states, shape, (time,) = flatten(state, whole_sessions(ttm))
        sizes = FUTURE_GRID[sum(axis.kind != "index" for axis in self.model.table_axes())]
        curve = future_curve(self.model, *sizes)
        result = np.empty(time.shape)
        for sessions, part in by_time(time):
            group = states[:, part]
            result[part] = curve.at(group, int(sessions)) if sessions else self.model.vix(group)
        return result.reshape(shape)

    def vix_option(self, state: FloatArray, *, strike: ArrayLike, ttm: ArrayLike, is_call: ArrayLike) -> FloatArray:
        """See ``Pricer.vix_option``."""
        states, shape, (k, time, call) = flatten(state, strike, whole_sessions(ttm), is_call)
        check_positive("strike", k)
        groups = {int(sessions): part for sessions, part in by_time(time)}
        strikes, column = np.unique(k, return_inverse=True)
        result = np.empty(k.shape)
        if 0 in groups:
            part = groups.pop(0)
            sign = np.where(call[part] != 0.0, 1.0, -1.0)
            result[part] = np.maximum(sign * (self.model.vix(states[:, part]) - k[part]), 0.0)
        grid = backward_grid(self.model, VIX_GRID)
        last = max(groups, default=0)
        sweep = vix_call_sweep(grid, strikes, last) if last else iter(())
        for sessions, reader in enumerate(sweep, start=1):
            if sessions not in groups:
                continue
            part = groups[sessions]
            read = reader(states[:, part])
            calls, future = np.maximum(read[3 + column[part], np.arange(part.size)], 0.0), read[0]
            price = np.where(call[part] != 0.0, calls, np.maximum(calls - future + k[part], 0.0))
            result[part] = np.exp(-self.model.rate * sessions / SESSIONS_PER_YEAR) * price
        return result.reshape(shape)

    def spx_option(
        self, spot: ArrayLike, state: FloatArray, *, strike: ArrayLike, ttm: ArrayLike, is_call: ArrayLike
    ) -> OptionValue:
        """See ``Pricer.spx_option``; theta is the price one session later minus the price now."""
        sessions = np.unique(whole_sessions(ttm)).astype(int)
        self._sweep_of(self.model).prepare({int(n) for n in (*sessions, *(sessions - 1)) if n > 0})
        return super().spx_option(spot, state, strike=strike, ttm=ttm, is_call=is_call)

    def relative_puts(self, states: FloatArray, log_moneyness: FloatArray, ttm: float) -> tuple[FloatArray, FloatArray]:
        """See ``TransformPricer.relative_puts``."""
        transform = self._transform(states, ttm)
        deviation = transform.deviation
        scaled = np.clip(log_moneyness / deviation, -0.95 * WIDTH, 0.95 * WIDTH)
        put, below = np.empty(scaled.shape), np.empty(scaled.shape)
        step = max(1, _SLAB // transform.terms(deviation))
        for low in range(0, scaled.size, step):
            part = slice(low, low + step)
            own = LogTransform(knots=transform.knots, size=transform.size[part], phase=transform.phase[part])
            one, two = scaled_puts(own.density_terms(deviation[part]), deviation[part], scaled[part, None])
            put[part], below[part] = one[:, 0] * deviation[part], two[:, 0]
        # beyond the series' interval the law has no mass that a double could show
        outside = np.abs(log_moneyness / deviation) > 0.95 * WIDTH
        intrinsic = np.maximum(np.expm1(np.where(outside, log_moneyness, 0.0)), 0.0)
        return np.where(outside, intrinsic, put), np.where(outside, (log_moneyness > 0.0) * 1.0, below)

    def deviations(self, states: FloatArray, ttm: float) -> FloatArray:
        """See ``TransformPricer.deviations``."""
        return self._transform(states, ttm).deviation

    def _transform(self, states: FloatArray, ttm: float) -> LogTransform:
        return self._sweep_of(self.model).at(states, int(whole_sessions(ttm)))

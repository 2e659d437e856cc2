"""VX futures of simulated histories, on a regular cycle of expiries.

A contract expires every 21 sessions: twelve a year, as the exchange lists. Its settlement is set at the open, so that
on the close before it one session is left, and on its own day the next contract is the nearest. The n-th nearest of a
day has ``left + 21 (n - 1)`` sessions left, with ``left`` from 21 down to 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Self, final

import numpy as np

from models.fidelity.state_table import StateTable, axes_of, spread_over_tenors
from models.protocols import SESSIONS_PER_YEAR, FloatArray, Model, Pricer

CYCLE = 21
"""Sessions between expiries."""


def sessions_left(day: int) -> int:
    """Sessions that the nearest contract has left at the close of ``day`` 0, 1, ..."""
    return CYCLE - day % CYCLE


def tenor_knots(last: int) -> FloatArray:
    """Tenors at which futures are priced, from 1 to ``last`` sessions: dense at first, where the curve bends."""
    steps = np.round(np.linspace(1.0, np.sqrt(last), max(8, int(2.2 * np.sqrt(last)))) ** 2)
    return np.unique(steps)


class Curve(Protocol):
    """VX futures of simulated states."""

    @property
    def n_contracts(self) -> int:
        """Contracts of the curve."""
        ...

    def curve(self, state: FloatArray) -> tuple[FloatArray, int]:
        """Futures (n_contracts, n_days, n_paths) of states (n_days, n_factors, n_paths), and how many were held."""
        ...


def curve_of(model: Model, *, n_contracts: int = 2) -> Curve:
    """Curve of any model: by splines where its state has axes, by its tabulated pricer where it has none."""
    if hasattr(model, "table_axes") or not hasattr(model, "tabulated_pricer"):
        return FuturesTable.of(model, n_contracts=n_contracts)
    return PricedCurve(pricer=model.tabulated_pricer(max_sessions=CYCLE * n_contracts), n_contracts=n_contracts)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PricedCurve:
    """Futures by a pricer, day by day: for models whose state is too large for a grid.

    Parameters
    ----------
    pricer : Pricer
        Prices futures up to the last contract's life.
    n_contracts : int
        Contracts of the curve.
    """

    pricer: Pricer
    n_contracts: int

    def curve(self, state: FloatArray) -> tuple[FloatArray, int]:
        """See ``Curve.curve``; a pricer counts what it holds itself."""
        n_days, _, n_paths = state.shape
        out = np.empty((self.n_contracts, n_days, n_paths))
        for left in range(1, CYCLE + 1):
            days = np.array([day for day in range(n_days) if sessions_left(day) == left], dtype=np.intp)
            states = np.moveaxis(state[days], 1, 0)
            for contract in range(self.n_contracts):
                out[contract, days] = self.pricer.vix_future(states, (left + CYCLE * contract) / SESSIONS_PER_YEAR)
        return out, 0


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FuturesTable:
    """Log of the VX future for every tenor of the cycle, over the states of a model.

    Parameters
    ----------
    table : StateTable
        One spline for each tenor 1, 2, ... sessions.
    n_contracts : int
        Contracts of the curve.
    """

    table: StateTable
    n_contracts: int

    @classmethod
    def of(cls, model: Model, *, n_contracts: int = 2) -> Self:
        """Price the curve of a model on its grid: by the source of its tables, or by its exact pricer."""
        last = CYCLE * n_contracts

        def log_futures(states: FloatArray) -> FloatArray:
            if hasattr(model, "slice_source"):
                slices = model.slice_source().vix_slices(states, np.empty(0), last)
                return np.asarray(np.log(np.stack([future for future, *_ in slices])))
            return _exact_log_futures(model, states, last)

        return cls(table=StateTable.of(axes_of(model), log_futures), n_contracts=n_contracts)

    def curve(self, state: FloatArray) -> tuple[FloatArray, int]:
        """Futures of every day.

        Parameters
        ----------
        state : ndarray of shape (n_days, n_factors, n_paths)
            State at each close.

        Returns
        -------
        futures : ndarray of shape (n_contracts, n_days, n_paths)
            The nearest contracts [points].
        n_outside : int
            Coordinates of states that lay off the grid and were priced at its end.
        """
        n_days, _, n_paths = state.shape
        out = np.empty((self.n_contracts, n_days, n_paths))
        row = np.empty((self.n_contracts, n_paths))
        n_outside = 0
        for day in range(n_days):
            n_outside += self.table.day(row, state[day], tables=slice(sessions_left(day) - 1, None, CYCLE))
            out[:, day] = row
        return np.exp(out, out=out), n_outside


def _exact_log_futures(model: Model, states: FloatArray, last: int) -> FloatArray:
    """Futures of every tenor by the exact pricer, which is asked for a few of them."""
    pricer = model.exact_pricer()
    knots = tenor_knots(last)
    rows = [np.log(pricer.vix_future(states, tenor / SESSIONS_PER_YEAR)) for tenor in knots]
    return spread_over_tenors(np.stack(rows), knots, np.arange(1.0, last + 1.0))

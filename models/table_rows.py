"""Tables on a grid of states, read by compiled kernels: rows of prices of whole tenors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import final

import numpy as np
from numpy.typing import NDArray

from models.errors import PricingDomainError
from models.frozen import frozen
from models.grid_table import Locator
from models.kernels.strike_search import put_deltas
from models.kernels.table_row import lines_of_tenors, log_strikes_of_deltas, price_spx_tenors, price_vix_tenors
from models.protocols import SESSIONS_PER_YEAR, FloatArray
from models.strike_grid import StrikeGrid
from models.table_layout import TableLayout

BoolArray = NDArray[np.bool_]


@final
class TableRows:
    """Rows of all paths of a session from tables; what does not change from session to session is worked out once.

    Parameters
    ----------
    layout : TableLayout
        Grids of the tables.
    tables : dict of ndarray
        From ``models.table_pricer.build_tables`` or the cache.
    rate, dividend_yield : float
        Of the model [1/year, continuous].

    Attributes
    ----------
    max_sessions : int
        Longest tenor. [sessions]
    clamp_count : int
        States asked for so far beyond the grids, once a grid and a life.
    leg_counts : Counter
        Legs priced so far, by index.
    """

    def __init__(
        self, layout: TableLayout, tables: dict[str, FloatArray], *, rate: float, dividend_yield: float
    ) -> None:
        self.max_sessions = int(tables["spx"].shape[0])
        self.clamp_count = 0
        self.leg_counts: Counter[str] = Counter()
        self._tables = tables
        self._known: dict[tuple[int, ...], NDArray[np.int64]] = {}  # tenors that were asked for, checked
        grids = {"state": layout.state, "fine": layout.fine, "vix_state": layout.vix_state, "vix_fine": layout.vix_fine}
        self._locate = {name: Locator(grid) for name, grid in grids.items()}
        columns = {"state": tables["spx"].shape[-1], "vix_state": tables["vix"].shape[-1]}
        self._grids = {
            name: (locator.cells, locator.strides(columns.get(name, 1))) for name, locator in self._locate.items()
        }
        self._surfaces = {name: tables[name].reshape(self.max_sessions, -1) for name in ("spx", "vix")}
        self._shapes = {"spx": _shape(tables["spx"], layout.spx), "vix": _shape(tables["vix"], layout.vix)}
        ttm = [n / SESSIONS_PER_YEAR for n in range(self.max_sessions + 1)]
        self._growth = np.array([np.exp((rate - dividend_yield) * years) for years in ttm])
        discount = np.array([np.exp(-rate * n / SESSIONS_PER_YEAR) for n in range(self.max_sessions + 1)])
        fine, spx, vix = self._grids["fine"], self._grids["state"], self._grids["vix_state"]
        spx_options, vix_options = ((self._surfaces[name], self._shapes[name]) for name in ("spx", "vix"))
        # what the kernels of legs are given on every session
        self._spx = self._growth, discount, fine, tables["spx_deviation"], spx, *spx_options
        lines = fine, tables["vix_future"], self._grids["vix_fine"], tables["vix_deviation"]
        self._vix = discount, *lines, vix, *vix_options

    def price_spx_tenors(
        self, spot: FloatArray, state: FloatArray, strike: FloatArray, sessions: Sequence[int], is_call: BoolArray
    ) -> FloatArray:
        """Present values of SPX options of several tenors, each of at least one session.

        Parameters
        ----------
        spot : ndarray of shape (n_paths,)
            SPX. [index points]
        state : ndarray of shape (n_factors, n_paths)
            States.
        strike : ndarray of shape (n_tenors, n_legs, n_paths)
            Strikes. [index points]
        sessions : sequence of int
            Sessions to expiry, one a tenor.
        is_call : ndarray of bool, shape (n_legs,)
            Right of each leg.

        Returns
        -------
        ndarray of shape (n_tenors, n_legs, n_paths)
            Prices [index points].
        """
        tenors, price = self._tenors(sessions), np.empty(strike.shape)
        self.leg_counts["spx"] += strike.size
        self.clamp_count += price_spx_tenors(
            frozen(spot),
            self._locate["state"].values(state),
            tenors,
            *self._spx,
            frozen(strike),
            frozen(is_call, np.bool_),
            price,
        )
        return price

    def price_vix_tenors(
        self, state: FloatArray, strike: FloatArray, sessions: Sequence[int], is_call: BoolArray
    ) -> FloatArray:
        """Present values of VIX options of several tenors, in VIX points; arguments as above."""
        tenors, price = self._tenors(sessions), np.empty(strike.shape)
        self.leg_counts["vix"] += strike.size
        self.clamp_count += price_vix_tenors(
            self._locate["state"].values(state),
            tenors,
            *self._vix,
            frozen(strike),
            frozen(is_call, np.bool_),
            price,
        )
        return price

    def vix_future_tenors(self, state: FloatArray, sessions: Sequence[int]) -> FloatArray:
        """VIX futures [points] of several tenors, each of at least one session, shape (n_tenors, n_paths)."""
        tenors, values = self._tenors(sessions), self._locate["state"].values(state)
        futures = np.empty((tenors.size, values.shape[1]))
        self.clamp_count += lines_of_tenors(values, tenors, self._grids["fine"], self._tables["vix_future"], futures)
        return futures

    def log_strikes(self, state: FloatArray, put_delta: FloatArray, sessions: int) -> FloatArray:
        """Log-moneyness (n_legs, n_paths) at which puts have the forward deltas (n_legs,), in (-1, 0)."""
        self.check(sessions)
        values = self._locate["state"].values(state)
        log_strike = np.empty((put_delta.size, values.shape[1]))
        self.clamp_count += log_strikes_of_deltas(
            values,
            sessions,
            self._grids["fine"],
            self._tables["spx_deviation"],
            self._grids["state"],
            self._surfaces["spx"],
            self._shapes["spx"],
            frozen(put_delta),
            log_strike,
        )
        return log_strike

    def put_deltas(self, forward: FloatArray, state: FloatArray, strike: FloatArray, sessions: int) -> FloatArray:
        """Forward deltas of puts on given forwards and strikes, all of shape (n_paths,)."""
        self.check(sessions)
        fine, grid = self._locate["fine"], self._locate["state"]
        row, weight, beyond = fine.locate(state)
        deviation = fine.spline(row, weight, self._tables["spx_deviation"][sessions - 1])
        row, weight, further = grid.locate(state)
        self.clamp_count += beyond + further
        delta, surfaces = np.empty(strike.shape), self._surfaces["spx"][sessions - 1]
        put_deltas(
            forward, deviation, row, weight, self._grids["state"][1], surfaces, self._shapes["spx"], strike, delta
        )
        return delta

    def forwards(self, spot: FloatArray, sessions: int) -> FloatArray:
        """Forwards of the SPX [points]."""
        return np.asarray(spot * self._growth[sessions])

    def check(self, sessions: int) -> None:
        """Refuse tenors beyond the tables.

        Raises
        ------
        PricingDomainError
            If ``sessions`` is not covered.
        """
        if not 1 <= sessions <= self.max_sessions:
            raise PricingDomainError(
                f"the tables cover 1 to {self.max_sessions} sessions to expiry, got {sessions}; "
                "build them with a larger max_sessions"
            )

    def _tenors(self, sessions: Sequence[int]) -> NDArray[np.int64]:
        tenors = self._known.get(tuple(sessions))
        if tenors is None:
            for n in sessions:
                self.check(n)
            tenors = self._known[tuple(sessions)] = np.array(sessions, dtype=np.int64)
        return tenors


def _shape(table: FloatArray, grid: StrikeGrid) -> tuple[int, int, int, int, float]:
    """How the two surfaces of a session lie, as ``models.kernels.leg.price_legs`` takes it."""
    n_rows, n_columns = table.shape[-2:]
    return n_columns, n_columns, n_rows * n_columns, grid.pad, grid.step

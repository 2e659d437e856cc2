"""The market of one block of paths: what strategies can see and trade on each session.

A ``MarketBlock`` is built once per chunk and shared by every strategy of the experiment.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.protocols import PathBlock, Pricer
from models.rows import RowPricer, RowsFromPricer
from sim import signals
from sim.calendar import SessionCalendar
from sim.contracts import Product
from sim.errors import DataError
from sim.expiries import ListedExpiries, listed_expiries, nth_expiry_after

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MarketBlock:
    """SPX, VIX, VIX futures and signals of one block of paths, on the exchange's calendar.

    Time indices ``t`` are sessions of ``calendar`` and of the ``PathBlock`` alike. Made by ``MarketBlock.build``.

    Parameters
    ----------
    paths : PathBlock
        Simulated closes.
    calendar : SessionCalendar
        Dates of the closes and of the expiries after them.
    expiries : ListedExpiries
        Expiries listed on the calendar.
    pricer : RowPricer
        Prices from the state.
    rate : float
        Short rate [1/year, continuous].
    dividend_yield : float
        Dividend yield of the SPX [1/year, continuous].
    """

    paths: PathBlock
    calendar: SessionCalendar
    expiries: ListedExpiries
    pricer: RowPricer
    rate: float
    dividend_yield: float
    _vx: dict[int, FloatArray] = field(default_factory=dict, repr=False)
    _futures: dict[tuple[int, int], FloatArray] = field(default_factory=dict, repr=False)
    _signals: dict[str, FloatArray] = field(default_factory=dict, repr=False)

    @classmethod
    def build(
        cls,
        paths: PathBlock,
        calendar: SessionCalendar,
        pricer: Pricer,
        *,
        rate: float,
        dividend_yield: float,
        required_signals: Iterable[str] = (),
    ) -> Self:
        """Lay paths on a calendar and compute the signals that strategies ask for.

        Parameters
        ----------
        paths : PathBlock
            Simulated closes.
        calendar : SessionCalendar
            Built with the same number of warm-up days and days.
        pricer : Pricer
            Tabulated pricer; any other works, slower.
        rate, dividend_yield : float
            Of the model [1/year, continuous].
        required_signals : iterable of str
            Names in ``signals.REGISTRY``.

        Raises
        ------
        DataError
            If calendar and paths do not fit, or the history is too short for a signal.
        ConfigError
            If a signal is unknown.
        """
        if (calendar.day0, calendar.n_days) != (paths.grid.warmup_days, paths.grid.n_days):
            raise DataError(
                f"calendar and paths must have the same warmup_days and n_days, got {calendar.day0} and "
                f"{calendar.n_days} against {paths.grid.warmup_days} and {paths.grid.n_days}"
            )
        market = cls(
            paths=paths,
            calendar=calendar,
            expiries=listed_expiries(calendar),
            pricer=pricer if isinstance(pricer, RowPricer) else RowsFromPricer(pricer),
            rate=rate,
            dividend_yield=dividend_yield,
        )
        for name in sorted(set(required_signals)):
            market.signal(name)
        return market

    @property
    def day0(self) -> int:
        """Index of day 0."""
        return self.calendar.day0

    @property
    def n_times(self) -> int:
        """Number of simulated closes."""
        return self.paths.grid.n_times

    @property
    def n_paths(self) -> int:
        """Number of paths."""
        return self.paths.n_paths

    @property
    def spot_series(self) -> FloatArray:
        """SPX closes [points], shape (n_times, n_paths)."""
        return self.paths.spot

    @property
    def vix_series(self) -> FloatArray:
        """VIX closes [points], shape (n_times, n_paths)."""
        return self.paths.vix

    def spot(self, t: int) -> FloatArray:
        """SPX close [points], shape (n_paths,)."""
        spot: FloatArray = self.paths.spot[t]
        return spot

    def vix(self, t: int) -> FloatArray:
        """VIX close [points], shape (n_paths,)."""
        vix: FloatArray = self.paths.vix[t]
        return vix

    def state(self, t: int) -> FloatArray:
        """Model state, shape (n_factors, n_paths). Strategies never see it."""
        state: FloatArray = self.paths.state[t]
        return state

    def front_vix_expiry(self, t: int, n: int = 1) -> int:
        """``n``-th listed monthly VIX expiry strictly after session ``t``."""
        return nth_expiry_after(self.expiries.vix_monthly, t, n)

    def vix_future(self, t: int, expiry: int) -> FloatArray:
        """Future that settles on session ``expiry`` [points], shape (n_paths,); its settlement value on that day."""
        if expiry < t:
            raise DataError(f"VIX future of session {expiry} has expired before session {t}")
        if expiry == t:
            return settlement_value(self, Product.VIX_FUTURE, expiry)
        if (t, expiry) not in self._futures:
            if any(session != t for session, _ in self._futures):
                self._futures.clear()
            self._futures[t, expiry] = _read_only(self.pricer.vix_future_rows(self.paths.state[t], expiry - t))
        return self._futures[t, expiry]

    def vx(self, n: int) -> FloatArray:
        """Daily settlements of the ``n``-th nearest future [points], shape (n_times, n_paths).

        On its expiry a contract is no longer the nearest: the series moves on to the next one at that close.
        """
        if n not in self._vx:
            series = np.empty((self.n_times, self.n_paths))
            for t in range(self.n_times):
                series[t] = self.vix_future(t, self.front_vix_expiry(t, n))
            self._vx[n] = _read_only(series)
        return self._vx[n]

    def spliced_vx1(self) -> FloatArray:
        """Front future without roll jumps: the returns of the held contract, chained. Shape (n_times, n_paths).

        The contract held over a session is the one nearest at the previous close; on its expiry its settlement value
        counts. The level is that of the front future on the first session.
        """
        if 0 not in self._vx:
            front = self.vx(1)
            held = front.copy()
            for expiry in self.expiries.vix_monthly[self.expiries.vix_monthly < self.n_times]:
                held[expiry] = settlement_value(self, Product.VIX_FUTURE, int(expiry))
            spliced = np.empty_like(front)
            spliced[0] = front[0]
            for t in range(1, self.n_times):
                np.multiply(spliced[t - 1], held[t] / front[t - 1], out=spliced[t])
            self._vx[0] = _read_only(spliced)
        return self._vx[0]

    def signal(self, name: str) -> FloatArray:
        """Signal of ``signals.REGISTRY``, shape (n_times, n_paths); NaN before its history is complete.

        Computed at the first request; every value uses closes up to its own session only.

        Raises
        ------
        ConfigError
            If the name is unknown.
        DataError
            If the warm-up is shorter than the signal's history, so that it is undefined on day 0.
        """
        if name not in self._signals:
            self._signals[name] = _read_only(signals.compute(name, self))
        return self._signals[name]


def settlement_value(market: MarketBlock, product: Product, expiry: int) -> FloatArray:
    """Settlement value of the index on session ``expiry`` [points], shape (n_paths,).

    SPX options settle on the close (PM series), VIX options and futures on the VIX close of their expiry. The opening
    auctions that settle VIX and AM-settled SPX contracts in reality would enter here, and nowhere else.
    """
    return market.spot(expiry) if product is Product.SPX_OPTION else market.vix(expiry)


def _read_only(values: FloatArray) -> FloatArray:
    values.setflags(write=False)
    return values

"""The market of one block of paths: what strategies can see and trade on each session.

A ``MarketBlock`` is built once per chunk and shared by every strategy of the experiment.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from models.curve_pricer import CurvePricer
from models.event_pricer import EventPricer
from models.events import carry_events, event_jumps
from models.opening_pricer import OpeningPricer
from models.protocols import SESSIONS_PER_YEAR, Measure, PathBlock, Pricer, Stream
from models.rows import RowPricer, RowsFromPricer, SessionPricer
from sim import signals
from sim.calendar import SessionCalendar
from sim.carried import CarriedSeries
from sim.config.market import MarketConfig
from sim.contracts import Product
from sim.errors import DataError
from sim.event_calendar import EventSchedule, event_schedule
from sim.event_risk import EventRisk
from sim.expiries import ListedExpiries, listed_expiries, nth_expiry_after
from sim.given import NOTHING, Given
from sim.openings import spx_opening, vix_settlement

FloatArray = NDArray[np.float64]

VIX_VOL_SESSIONS = 21
"""Sessions to the expiry behind the volatility of the VIX: a month."""

_VIX_VOL = -1  # its place among the series by number of future


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MarketBlock:
    """SPX, VIX, VIX futures and signals of one block of paths, on the exchange's calendar.

    Time indices ``t`` are sessions of ``calendar`` and of the ``PathBlock`` alike. Made by ``MarketBlock.build``.

    Parameters
    ----------
    paths : PathBlock
        Simulated closes, with the jumps of events where the market carries them.
    calendar : SessionCalendar
        Dates of the closes and of the expiries after them.
    expiries : ListedExpiries
        Expiries listed on the calendar.
    pricer : RowPricer
        Prices from the model's state; quotes come from ``pricer_at``, which knows openings and events.
    rate : float
        Short rate [1/year, continuous].
    dividend_yield : float
        Dividend yield of the SPX [1/year, continuous].
    config : MarketConfig
        What is carried, and how contracts settle.
    stream : Stream
        Address of the block's random numbers.
    schedule : EventSchedule
        Scheduled events on the calendar.
    carried : CarriedSeries
        Breadth and macro series.
    risk : EventRisk, optional
        Event variance by session; None without event jumps.
    jumps : ndarray of shape (n_times, n_paths), optional
        Event jumps of the log SPX; None without.
    jump_std : ndarray of shape (n_times,), optional
        Deviation of the jump of each session under the law of the paths; None without.
    given : Given
        What a script or a history fixes beside the closes.
    """

    paths: PathBlock
    calendar: SessionCalendar
    expiries: ListedExpiries
    pricer: RowPricer
    rate: float
    dividend_yield: float
    config: MarketConfig
    stream: Stream
    schedule: EventSchedule
    carried: CarriedSeries
    risk: EventRisk | None = None
    jumps: FloatArray | None = None
    jump_std: FloatArray | None = None
    given: Given = NOTHING
    _pricers: dict[int, SessionPricer] = field(default_factory=dict, repr=False)
    _states: dict[int, FloatArray] = field(default_factory=dict, repr=False)
    _scales: dict[int, dict[int, FloatArray]] = field(default_factory=dict, repr=False)
    _openings: dict[tuple[Product, int], FloatArray] = field(default_factory=dict, repr=False)
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
        config: MarketConfig | None = None,
        stream: Stream | None = None,
        measure: Measure = "p",
        given: Given = NOTHING,
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
        config : MarketConfig, optional
            What is carried beside the paths, and how contracts settle; None means the defaults.
        stream : Stream, optional
            Address of the block's random numbers.
        measure : {"p", "q"}
            Law of the event jumps.
        given : Given
            What a script or a history fixes beside the closes.

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
        config, stream, required = config or MarketConfig(), stream or Stream(seed=0), frozenset(required_signals)
        schedule, risk, jumps, std = event_schedule(calendar), None, None, None
        if config.events is not None:
            risk = EventRisk.build(calendar, schedule, config.events)
            std = (risk.std_p if measure == "p" else risk.std_q)[: paths.grid.n_times].copy()
            std[[t for t in given.without_jumps if t < std.size]] = 0.0
            jumps = event_jumps(std, paths, stream)
            paths = carry_events(paths, jumps, risk.close_square[: paths.grid.n_times])
        market = cls(
            paths=paths,
            calendar=calendar,
            expiries=listed_expiries(calendar),
            pricer=pricer if isinstance(pricer, RowPricer) else RowsFromPricer(pricer),
            rate=rate,
            dividend_yield=dividend_yield,
            config=config,
            stream=stream,
            schedule=schedule,
            carried=CarriedSeries(paths=paths, schedule=schedule, config=config, stream=stream, wanted=required),
            risk=risk,
            jumps=jumps,
            jump_std=std,
            given=given,
        )
        for name in sorted(required):
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
        """Model state, shape (n_factors, n_paths), one object a session. Strategies never see it."""
        if t not in self._states:
            self._states.clear()
            self._states[t] = self.paths.state[t]
        return self._states[t]

    def pricer_at(self, t: int, *, curve_of: int | None = None) -> SessionPricer:
        """Quotes of session ``t``: openings on which contracts settle and events that lie ahead are in them.

        Where settlements of VIX futures are given, the quotes are on their curve: on that of session ``curve_of``, by
        default of ``t`` itself.
        """
        known = t if curve_of is None else curve_of
        if not self.given.futures.get(known):
            return self._model_pricer(t)
        if known not in self._scales:
            self._scales.clear()
            self._scales[known] = _curve_scale(self, self._model_pricer(known), known)
        scale = {expiry - t: ratio for expiry, ratio in self._scales[known].items() if expiry > t}
        return CurvePricer(base=self._model_pricer(t), scale=scale)

    def _model_pricer(self, t: int) -> SessionPricer:
        """Quotes of session ``t`` on the model's own curve."""
        if t not in self._pricers:
            while len(self._pricers) > 2:  # a day asks for its own and for the next one
                del self._pricers[next(iter(self._pricers))]
            self._pricers[t] = _session_pricer(self, t)
        return self._pricers[t]

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
            self._futures[t, expiry] = _read_only(self.pricer_at(t).vix_future_rows(self.state(t), expiry - t))
        return self._futures[t, expiry]

    def constant_maturity(self, t: int, sessions: int) -> FloatArray:
        """VIX future that lives whole sessions from the close of ``t`` [points]; to an opening where events count."""
        pricer = self.pricer if self.risk is None else self._model_pricer(t)
        return pricer.vix_future_rows(self.state(t), sessions)

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

    def vix_vol_series(self) -> FloatArray:
        """Volatility of the 21-session VIX future [annual, %], from its at-the-money call; (n_times, n_paths).

        The call's Black volatility: ``C exp(rT) / F = 2 N(d / 2) - 1`` with ``d = volatility sqrt(T)``. Events and the
        openings of listed expiries play no part.
        """
        if _VIX_VOL not in self._vx:
            years, right = VIX_VOL_SESSIONS / SESSIONS_PER_YEAR, np.array([True])
            series = np.empty((self.n_times, self.n_paths))
            for t in range(self.n_times):
                future = self.pricer.vix_future_rows(self.state(t), VIX_VOL_SESSIONS)
                call = self.pricer.price_vix_legs(self.state(t), future[None], VIX_VOL_SESSIONS, right)[0]
                share = call * np.exp(self.rate * years) / future
                series[t] = 100.0 * 2.0 * ndtri(0.5 + 0.5 * share) / np.sqrt(years)
            self._vx[_VIX_VOL] = _read_only(series)
        return self._vx[_VIX_VOL]

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


def settlement_value(market: MarketBlock, product: Product, expiry: int, *, is_am: bool = False) -> FloatArray:
    """Settlement value of the index on session ``expiry`` [points], shape (n_paths,).

    PM-settled SPX options settle on the close, AM-settled ones (``is_am``) on the opening of the session. VIX options
    and futures settle on the opening VIX plus the noise of its auction. The session's quotes are those of its close.
    """
    if product is Product.SPX_OPTION and not is_am:
        return market.spot(expiry)
    key = (product if product is Product.SPX_OPTION else Product.VIX_FUTURE, expiry)
    if key not in market._openings:
        opening = spx_opening if product is Product.SPX_OPTION else vix_settlement
        market._openings[key] = _read_only(np.array(opening(market, expiry)))
    return market._openings[key]


def _session_pricer(market: MarketBlock, t: int) -> SessionPricer:
    """Quotes of session ``t`` from the model, with openings and with the events that lie ahead."""
    settlement = market.config.settlement
    opening = OpeningPricer(
        market.pricer,
        rate=market.rate,
        dividend_yield=market.dividend_yield,
        overnight_share=settlement.overnight_share,
        vix_noise=settlement.vix_noise,
    )
    if market.risk is None:
        return opening
    return EventPricer(opening, market.risk.ahead(t), rate=market.rate, dividend_yield=market.dividend_yield)


def _curve_scale(market: MarketBlock, model: SessionPricer, t: int) -> dict[int, FloatArray]:
    """Given VIX futures over those of the model on session ``t``, by session of their expiry."""
    futures, state = market.given.futures[t], market.paths.state[t]
    return {e: price / model.vix_future_rows(state, e - t) for e, price in futures.items() if e > t}


def _read_only(values: FloatArray) -> FloatArray:
    values.setflags(write=False)
    return values

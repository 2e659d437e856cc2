"""Signals that rules read: each a causal function of market series, in one registry.

A new signal is one function of the market and one line of ``REGISTRY``. Row ``t`` of a signal depends on closes up to
``t`` only. The documents that name a signal are numbered as in the rulebook: S0 (second engine under the five-day
average), S1 (call ratio spreads), S2 (crash engine), S3 (three layers), S4 (temporal buffering).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from models.macro import MEANINGS, REIT_RETURN
from models.protocols import SESSIONS_PER_YEAR
from sim import indicators
from sim.errors import ConfigError, DataError
from sim.etn import FuturesSeries, short_term_index
from sim.event_calendar import EventSchedule

FloatArray = NDArray[np.float64]

REALIZED_WINDOW = 21
"""Sessions of realised volatility: a month, the horizon of the VIX."""

CONTANGO_WINDOW = 30
"""Sessions of the mean and standard deviation behind ``contango_z``."""

AD_WINDOW = 20
"""Sessions of the A/D line's low and of the changes behind ``ad_divergence``."""


class Carried(Protocol):
    """Series that a market carries beside its closes, each of shape (n_times, n_paths)."""

    def net_advances(self) -> FloatArray:
        """Advances less declines over their sum [-]."""
        ...

    def ad_line(self) -> FloatArray:
        """Cumulative advances less declines [stocks]."""
        ...

    def macro(self, name: str) -> FloatArray:
        """Macro factor or surprise [standard deviations]."""
        ...


class MarketSeries(FuturesSeries, Protocol):
    """What a signal may read: closes and futures, each of shape (n_times, n_paths)."""

    @property
    def day0(self) -> int:
        """Index of day 0."""
        ...

    @property
    def spot_series(self) -> FloatArray:
        """SPX closes [points]."""
        ...

    @property
    def vix_series(self) -> FloatArray:
        """VIX closes [points]."""
        ...

    def spliced_vx1(self) -> FloatArray:
        """Front future without roll jumps [points of the first session's contract]."""
        ...

    def vix_vol_series(self) -> FloatArray:
        """Volatility of the 21-session VIX future from its at-the-money call [annual, %]."""
        ...

    @property
    def carried(self) -> Carried:
        """Series beside the closes."""
        ...

    @property
    def schedule(self) -> EventSchedule:
        """Scheduled events by session, known in advance."""
        ...

    def signal(self, name: str) -> FloatArray:
        """Another signal, computed once a market."""
        ...


@dataclass(frozen=True, slots=True)
class Signal:
    """A registered signal.

    Parameters
    ----------
    function : callable
        Market series to an array of shape (n_times, n_paths).
    meaning : str
        Definition in one line.
    unit : str
        Unit of the values.
    sources : str
        Documents that use it.
    history : int
        Sessions before day 0 that it needs.
    needs : str, optional
        Part of the market section that must be switched on: ``breadth`` or ``macro``.
    """

    function: Callable[[MarketSeries], FloatArray]
    meaning: str
    unit: str
    sources: str
    history: int = 0
    needs: str | None = None


def vix(market: MarketSeries) -> FloatArray:
    """VIX close."""
    return market.vix_series


def vix_sma5(market: MarketSeries) -> FloatArray:
    """Five-day simple mean of the VIX, today included."""
    return indicators.sma(market.vix_series, 5)


def vix_vs_sma5(market: MarketSeries) -> FloatArray:
    """VIX over its five-day mean, less one."""
    return market.vix_series / market.signal("vix_sma5") - 1.0


def rsi_spx(market: MarketSeries) -> FloatArray:
    """Relative strength index of the SPX."""
    return indicators.rsi(market.spot_series)


def rsi_vix(market: MarketSeries) -> FloatArray:
    """Relative strength index of the VIX."""
    return indicators.rsi(market.vix_series)


def rsi_vx1(market: MarketSeries) -> FloatArray:
    """Relative strength index of the spliced front future."""
    return indicators.rsi(market.spliced_vx1())


def note_series(market: MarketSeries) -> FloatArray:
    """Short-term VIX futures index, which volatility notes track."""
    return short_term_index(market)


def front_chart(market: MarketSeries) -> FloatArray:
    """Front future, its past adjusted so that rolls leave no jump."""
    return market.spliced_vx1()


def front_scale(market: MarketSeries) -> FloatArray:
    """Front over spliced future: MACD is linear, so that it turns the chart into the one that ends at today's level."""
    return market.vx(1) / market.spliced_vx1()


MacdPart = Literal["line", "signal", "histogram"]


def _macd(
    chart: Callable[[MarketSeries], FloatArray],
    part: MacdPart,
    scale: Callable[[MarketSeries], FloatArray] | None = None,
) -> Callable[[MarketSeries], FloatArray]:
    """Part of the MACD of a chart."""

    def read(market: MarketSeries) -> FloatArray:
        values: FloatArray = getattr(indicators.macd(chart(market)), part)
        return values if scale is None else values * scale(market)

    return read


def contango(market: MarketSeries) -> FloatArray:
    """Second over front future, less one."""
    ratio = market.vx(2) / market.vx(1)
    ratio -= 1.0  # in place: passes over a series cost more than its arithmetic
    return ratio


def vx_spread(market: MarketSeries) -> FloatArray:
    """Second less front future."""
    return market.vx(2) - market.vx(1)


def inverted(market: MarketSeries) -> FloatArray:
    """1 where the front future is above the second, else 0."""
    return (market.vx(1) > market.vx(2)).astype(np.float64)


def contango_z(market: MarketSeries) -> FloatArray:
    """Contango less its 30-day mean, in 30-day standard deviations."""
    return indicators.zscore(market.signal("contango"), CONTANGO_WINDOW)


def drawdown_spx(market: MarketSeries) -> FloatArray:
    """Loss of the SPX from its running maximum, history included."""
    return indicators.drawdown(market.spot_series)


def realized_vol(market: MarketSeries) -> FloatArray:
    """Realised volatility over 21 sessions: root of the annualised mean squared log return, mean not removed."""
    spot = market.spot_series
    squared = np.full_like(spot, np.nan)
    np.square(np.diff(np.log(spot), axis=0), out=squared[1:])
    return np.sqrt(SESSIONS_PER_YEAR * indicators.rolling_mean(squared, REALIZED_WINDOW))


def vrp(market: MarketSeries) -> FloatArray:
    """Variance premium as seen today: squared VIX less realised variance of the last 21 sessions."""
    return np.square(market.vix_series / 100.0) - np.square(market.signal("realized_vol"))


def vvix(market: MarketSeries) -> FloatArray:
    """Volatility of the one-month VIX future, as the model's at-the-money VIX call implies it."""
    return market.vix_vol_series()


def net_advances(market: MarketSeries) -> FloatArray:
    """Advances less declines over their sum."""
    return market.carried.net_advances()


def ad_line(market: MarketSeries) -> FloatArray:
    """Advance-decline line."""
    return market.carried.ad_line()


def ad_break(market: MarketSeries) -> FloatArray:
    """1 where the A/D line closes under the lowest of its 20 closes before, else 0."""
    line = market.carried.ad_line()
    low = np.full_like(line, np.nan)
    low[1:] = indicators.rolling_min(line, AD_WINDOW)[:-1]
    return np.where(np.isnan(low), np.nan, line < low)


def ad_divergence(market: MarketSeries) -> FloatArray:
    """1 where the SPX is above and the A/D line below its close 20 sessions ago, else 0."""
    line, spot = market.carried.ad_line(), market.spot_series
    diverges = np.full_like(spot, np.nan)
    diverges[AD_WINDOW:] = (spot[AD_WINDOW:] > spot[:-AD_WINDOW]) & (line[AD_WINDOW:] < line[:-AD_WINDOW])
    return diverges


def days_to_event(market: MarketSeries) -> FloatArray:
    """Sessions to the next FOMC decision, CPI or PPI release, from today's close on."""
    return _by_session(market, market.schedule.sessions_to_next)


def days_since_event(market: MarketSeries) -> FloatArray:
    """Sessions since the last one; 0 on its own day."""
    return _by_session(market, market.schedule.sessions_since)


def event_type(market: MarketSeries) -> FloatArray:
    """Kind of the next event."""
    return _by_session(market, market.schedule.next_kind)


def _by_session(market: MarketSeries, values: NDArray[np.int64]) -> FloatArray:
    """Series of the calendar, the same on all paths."""
    n_times, n_paths = market.spot_series.shape
    return np.repeat(values[:n_times, None].astype(np.float64), n_paths, axis=1)


def _macro(name: str) -> Callable[[MarketSeries], FloatArray]:
    def read(market: MarketSeries) -> FloatArray:
        return market.carried.macro(name)

    return read


MACRO_SOURCES = {
    "rate_diff": "S0 S2 S3 S4",
    "reer": "S0 S2 S3 S4",
    "cpi_surprise": "S0 S1 S2 S3 S4",
    "ppi_surprise": "S0 S1 S2 S3 S4",
    "gdp_revision": "S0 S2",
    "p_cf": "S0 S2 S3 S4",
    "ddm_gap": "S0 S2 S3 S4",
    "equity_risk_premium": "S0 S2 S3 S4",
    "concentration": "S0 S3 S4",
    "reit_vol": "S2 S3 S4",
}
"""Macro signal -> documents that use it."""

MACD_PARTS: dict[MacdPart, tuple[str, str, int]] = {
    "histogram": ("", "histogram", 33),
    "line": ("_line", "line", 25),
    "signal": ("_signal", "signal line", 33),
}
"""Part of a MACD -> suffix of the signal's name, its words, and the history that it needs."""


def _macd_signals(
    name: str,
    chart: Callable[[MarketSeries], FloatArray],
    words: str,
    unit: str,
    sources: str,
    *,
    scale: Callable[[MarketSeries], FloatArray] | None = None,
    needs: str | None = None,
) -> dict[str, Signal]:
    """Histogram, line and signal line of a chart."""
    return {
        f"macd_{name}{suffix}": Signal(
            _macd(chart, part, scale), f"MACD(12,26,9) {what} of {words}", unit, sources, history, needs
        )
        for part, (suffix, what, history) in MACD_PARTS.items()
    }


REGISTRY: dict[str, Signal] = {
    "vix": Signal(vix, "VIX close", "points", "S0 S1 S3 S4"),
    "vix_sma5": Signal(vix_sma5, "5-day simple mean of the VIX", "points", "S0", 4),
    "vix_vs_sma5": Signal(vix_vs_sma5, "VIX / vix_sma5 - 1", "ratio", "S0", 4),
    "rsi_spx": Signal(rsi_spx, "Wilder RSI(14) of the SPX", "0 to 100", "S0 S3", 14),
    "rsi_vix": Signal(rsi_vix, "Wilder RSI(14) of the VIX", "0 to 100", "S3 S4", 14),
    "rsi_vx1": Signal(rsi_vx1, "Wilder RSI(14) of the front VIX future without roll jumps", "0 to 100", "S1", 14),
    **_macd_signals("vix", vix, "the VIX", "points", "S0 S4"),
    **_macd_signals(
        "vx1", front_chart, "the front VIX future without roll jumps", "points", "S1 S3", scale=front_scale
    ),
    **_macd_signals("etn", note_series, "the short-term VIX futures note", "USD a note", "S4"),
    "contango": Signal(contango, "VX2 / VX1 - 1", "ratio", "S1 S3"),
    "vx_spread": Signal(vx_spread, "VX2 - VX1", "points", "S4"),
    "inverted": Signal(inverted, "1 where VX1 > VX2, else 0", "0 or 1", "S3"),
    "contango_z": Signal(
        contango_z, "contango less its 30-day mean, over its 30-day standard deviation", "deviations", "S3", 29
    ),
    "drawdown_spx": Signal(drawdown_spx, "1 - SPX / its running maximum", "fraction, >= 0", "S2"),
    "realized_vol": Signal(realized_vol, "21-day realised volatility", "annual, decimal", "S0 S4", 21),
    "vrp": Signal(vrp, "(VIX / 100)^2 - realized_vol^2", "annual variance, decimal", "S0 S4", 21),
    "vvix": Signal(vvix, "volatility of the 21-session VIX future, from its at-the-money call", "annual, %", "S1"),
    "net_advances": Signal(
        net_advances, "(advances - declines) / (advances + declines)", "-1 to 1", "S0 S1 S2 S3 S4", needs="breadth"
    ),
    "ad_line": Signal(
        ad_line,
        "cumulative advances less declines since the first session",
        "stocks",
        "S0 S1 S2 S3 S4",
        needs="breadth",
    ),
    "ad_break": Signal(
        ad_break, "1 where ad_line is under its 20 closes before, else 0", "0 or 1", "S0 S3", 20, needs="breadth"
    ),
    "ad_divergence": Signal(
        ad_divergence,
        "1 where the SPX rose and ad_line fell over 20 sessions, else 0",
        "0 or 1",
        "S0 S2 S4",
        20,
        needs="breadth",
    ),
    **_macd_signals("ad", ad_line, "ad_line", "stocks", "S1 S2 S3", needs="breadth"),
    "days_to_event": Signal(
        days_to_event,
        "sessions to the next FOMC decision, CPI or PPI release after today's close",
        "sessions, >= 1",
        "S0 S1 S2 S3 S4",
    ),
    "days_since_event": Signal(
        days_since_event,
        "sessions since the last FOMC decision, CPI or PPI release; 0 on its day",
        "sessions, >= 0",
        "S3 S4",
    ),
    "event_type": Signal(event_type, "next event: 1 FOMC, 2 CPI, 3 PPI", "number", "S0 S1 S2 S3 S4"),
    **{
        name: Signal(
            _macro(name),
            f"{item.meaning}, {'log ' if item.is_log else ''}level {item.centre:g} {item.unit}"
            f" with deviation {item.spread:g}",
            "standard deviations",
            MACRO_SOURCES[name],
            needs="macro",
        )
        for name, item in MEANINGS.items()
    },
    REIT_RETURN: Signal(
        _macro(REIT_RETURN),
        "daily return of real-estate trusts, of volatility reit_vol, correlated with the SPX",
        "decimal",
        "S2 S3 S4",
        needs="macro",
    ),
}
"""Signal name -> how it is computed and what it means."""


def check_name(name: str) -> None:
    """Refuse an unknown signal.

    Raises
    ------
    ConfigError
        Names the known signals and the nearest one.
    """
    if name not in REGISTRY:
        near = get_close_matches(name, REGISTRY, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ConfigError(f"signal must be one of {', '.join(REGISTRY)}, got {name!r}{hint}")


def compute(name: str, market: MarketSeries) -> FloatArray:
    """Compute one signal on a market, shape (n_times, n_paths).

    Raises
    ------
    ConfigError
        If the signal is unknown.
    DataError
        If the history before day 0 is shorter than the signal needs.
    """
    check_name(name)
    signal = REGISTRY[name]
    if market.day0 < signal.history:
        raise DataError(
            f"warmup_days must be >= {signal.history} for the signal {name!r} to be known on day 0, got {market.day0}"
        )
    return signal.function(market)

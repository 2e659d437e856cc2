"""Openings between two closes, on which AM-settled contracts settle.

Given the day's log move ``r`` between closes, of which the share ``w`` of the variance ``d^2`` falls before the
opening, the move to the opening is that of a Brownian bridge ::

    o = w r + sqrt(w (1 - w)) d Z

so that the opening has variance ``w d^2``, the rest of the day the other part, and the two are uncorrelated. The
expected deviation ``d`` is that of the session's at-the-money straddle at the previous close. An opening is a function
of the two closes and of one number of its own: nothing before the session depends on it, nothing after it is changed by
it. The SPX and the VIX open on numbers of their own, because no session settles both: VIX contracts settle on
Wednesdays, SPX options in their AM series on Fridays.

References
----------
.. [1] Brownian bridge: P. Glasserman (2004), "Monte Carlo Methods in Financial Engineering", section 3.1.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from models.protocols import SESSIONS_PER_YEAR, PathBlock, Stream
from models.rows import RowPricer
from models.streams import Purpose, normals
from sim.config.market import MarketConfig
from sim.event_risk import EventRisk
from sim.given import Given

FloatArray = NDArray[np.float64]

LEAST_VIX = 0.01
"""Smallest VIX that the settlement noise may lead to [points]."""

_CALL_AND_PUT = np.array([True, False])


class Closes(Protocol):
    """What an opening is made of."""

    @property
    def paths(self) -> PathBlock:
        """Closes."""
        ...

    @property
    def pricer(self) -> RowPricer:
        """Prices from the state, without events."""
        ...

    @property
    def rate(self) -> float:
        """Short rate [1/year, continuous]."""
        ...

    @property
    def dividend_yield(self) -> float:
        """Dividend yield [1/year, continuous]."""
        ...

    @property
    def config(self) -> MarketConfig:
        """Overnight share and noise."""
        ...

    @property
    def stream(self) -> Stream:
        """Address of the random numbers."""
        ...

    @property
    def risk(self) -> EventRisk | None:
        """Event variance by session."""
        ...

    @property
    def jumps(self) -> FloatArray | None:
        """Event jumps of the log SPX."""
        ...

    @property
    def jump_std(self) -> FloatArray | None:
        """Deviation of the jump of each session."""
        ...

    @property
    def given(self) -> Given:
        """Openings that are given."""
        ...


def spx_opening(market: Closes, t: int) -> FloatArray:
    """SPX at the opening of session ``t`` [points], shape (n_paths,); the close on the first session of all.

    An event of the day has moved the opening if it was published before it. Where the opening is given, it is that.
    """
    spot, w = market.paths.spot, market.config.settlement.overnight_share
    if t > 0 and t in market.given.spx_gap:
        return np.asarray(spot[t - 1] * np.exp(market.given.spx_gap[t]))
    if t == 0 or w == 1.0:
        first: FloatArray = spot[t]
        return first
    bridge, _, _, event = _numbers(market, t)
    move, jump = np.log(spot[t] / spot[t - 1]), 0.0
    if market.jumps is not None and market.risk is not None and market.jump_std is not None:
        share, std = market.risk.share_before_open[t], market.jump_std[t]
        move = move - market.jumps[t]
        jump = share * market.jumps[t] + np.sqrt(share * (1.0 - share)) * std * event
    state, before = market.paths.state[t - 1], spot[t - 1]
    forward = before * np.exp((market.rate - market.dividend_yield) / SESSIONS_PER_YEAR)
    legs = market.pricer.price_spx_legs(before, state, np.stack([forward] * 2), 1, _CALL_AND_PUT)
    overnight = w * move + np.sqrt(w * (1.0 - w)) * _deviation(legs, forward, market.rate) * bridge
    return np.asarray(before * np.exp(overnight + jump))


def vix_settlement(market: Closes, t: int) -> FloatArray:
    """Settlement value of VIX contracts at the opening of session ``t`` [points], shape (n_paths,).

    The opening VIX between the closes, plus the noise of the auction, without the events that lie ahead of closes; then
    with the events that lie ahead of the opening. A given opening holds its events; it gets the noise alone.
    """
    w, noise = market.config.settlement.overnight_share, market.config.settlement.vix_noise
    vix = _without_events(market, t)
    _, bridge, auction, _ = _numbers(market, t)
    if t in market.given.vix_open:
        return np.asarray(np.maximum(market.given.vix_open[t] + noise * auction, LEAST_VIX))
    if t > 0 and w < 1.0:
        before, state = _without_events(market, t - 1), market.paths.state[t - 1]
        future = market.pricer.vix_future_rows(state, 1)
        legs = market.pricer.price_vix_legs(state, np.stack([future] * 2), 1, _CALL_AND_PUT)
        deviation = _deviation(legs, future, market.rate)
        vix = before * np.exp(w * np.log(vix / before) + np.sqrt(w * (1.0 - w)) * deviation * bridge)
    if noise > 0.0:
        vix = np.maximum(vix + noise * auction, LEAST_VIX)
    return vix if market.risk is None else np.asarray(np.sqrt(np.square(vix) + market.risk.open_square[t]))


def _without_events(market: Closes, t: int) -> FloatArray:
    vix: FloatArray = market.paths.vix[t]
    return vix if market.risk is None else np.asarray(np.sqrt(np.square(vix) - market.risk.close_square[t]))


def _numbers(market: Closes, t: int) -> FloatArray:
    """Four normals of session ``t``: opening of the SPX, opening of the VIX, auction, event before the opening."""
    paths = market.paths
    return normals(market.stream, paths.n_paths, purpose=Purpose.SETTLEMENT, day=t - paths.grid.warmup_days)


def _deviation(straddle: FloatArray, forward: FloatArray, rate: float) -> FloatArray:
    """Total deviation of one session from its at-the-money call and put: (C + P) / F = 2 (2 N(d / 2) - 1)."""
    share = straddle.sum(axis=0) * np.exp(rate / SESSIONS_PER_YEAR) / forward
    return np.asarray(2.0 * ndtri(0.5 + 0.25 * np.clip(share, 0.0, 1.9)))

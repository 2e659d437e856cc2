"""Sizing gate: a hedge goes on where its projected return over a set of scenarios exceeds what funding it costs.

The scenarios are the outcomes of the next CPI, PPI or FOMC date, and the holding period leads to the close of that date
unless a fixed one is given. The projection prices the hedge there in every scenario, by Black's formula at each leg's
implied volatility of today, on its forward moved by the scenario. Its yearly rate is compared with the funding cost:
the rate on the premium and the opportunity rate on the margin, weighted by their amounts (S0 and S4 call it WACC, S2
IRR).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from models.black import black_price, implied_volatility
from models.protocols import SESSIONS_PER_YEAR
from sim.config import ConfigSection, broken_rule
from sim.contracts import HOLDINGS, ContractSet, Product
from sim.event_calendar import EventKind
from sim.margin import option_margin
from sim.strategies.legs import premium
from sim.strategies.protocols import FUTURE_OUTLAY, DayView

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


class ScenarioMove(ConfigSection):
    """One outcome of the next release."""

    spx: float = Field(gt=-1.0, description="return of the SPX [-]")
    vix_future: float = Field(gt=-1.0, description="return of VIX futures [-]")
    probability: float = Field(ge=0.0, le=1.0, description="weight of the outcome [-]")


_MOVES = (
    ScenarioMove(spx=0.02, vix_future=-0.10, probability=0.20),
    ScenarioMove(spx=0.005, vix_future=-0.04, probability=0.45),
    ScenarioMove(spx=-0.01, vix_future=0.05, probability=0.22),
    ScenarioMove(spx=-0.03, vix_future=0.25, probability=0.10),
    ScenarioMove(spx=-0.07, vix_future=0.70, probability=0.03),
)


class IrrGateConfig(ConfigSection):
    """Gate on the projected internal rate of return (S0, S2, S4)."""

    moves: tuple[ScenarioMove, ...] = Field(
        default=_MOVES, min_length=1, description="outcomes of the next CPI, PPI or FOMC date; weights sum to 1"
    )
    horizon_sessions: int | None = Field(
        default=None, ge=1, le=126, description="holding period [sessions]; null: to the next CPI, PPI or FOMC date"
    )
    fomc_scale: float = Field(default=1.0, ge=0.0, le=3.0, description="moves times this where FOMC is next [-]")
    cpi_scale: float = Field(default=1.0, ge=0.0, le=3.0, description="moves times this where CPI is next [-]")
    ppi_scale: float = Field(default=1.0, ge=0.0, le=3.0, description="moves times this where PPI is next [-]")
    opportunity_rate: float = Field(default=0.08, description="what margin could earn elsewhere [1/year]")

    @model_validator(mode="after")
    def _weights_sum_to_one(self) -> IrrGateConfig:
        total = sum(move.probability for move in self.moves)
        if abs(total - 1.0) > 1e-9:
            raise broken_rule("moves", f"have probabilities that sum to 1, not {total:g}")
        return self

    @model_validator(mode="after")
    def _nothing_falls_below_zero(self) -> IrrGateConfig:
        for name in ("fomc_scale", "cpi_scale", "ppi_scale"):
            if any(getattr(self, name) * min(move.spx, move.vix_future) <= -1.0 for move in self.moves):
                raise broken_rule(name, "keep every scaled move above -1")
        return self

    def outcomes(self, kind: EventKind) -> list[tuple[float, float, float]]:
        """Return of the SPX, that of VIX futures and the weight of each outcome of an event of a kind."""
        scale = getattr(self, f"{kind.name.lower()}_scale")
        return [(scale * move.spx, scale * move.vix_future, move.probability) for move in self.moves]

    def horizon(self, view: DayView) -> int:
        """Sessions that a hedge is held for by the projection."""
        return view.next_event[0] if self.horizon_sessions is None else self.horizon_sessions


def bound_margin(view: DayView, contracts: ContractSet, unit: FloatArray) -> FloatArray:
    """Equity that one unit binds beyond the premium paid for it [USD], shape (n_paths,).

    Options: margin at today's mids, less the premium paid; 0 where the premium is all that can be lost. A VIX future:
    ``FUTURE_OUTLAY`` of its value. A note: nothing.
    """
    if contracts.product in HOLDINGS:
        return np.zeros(view.n_paths)
    if contracts.product is Product.VIX_FUTURE:
        return np.asarray(FUTURE_OUTLAY * contracts.multiplier * view.vix_future(contracts.expiry) * np.abs(unit[0]))
    legs = np.broadcast_to(unit, contracts.strike.shape)
    underlying = view.spot if contracts.product is Product.SPX_OPTION else view.vix_future(contracts.expiry)
    mids = view.mids(contracts)
    bound = option_margin(contracts.product, contracts.is_call, contracts.strike, legs, mids, underlying)
    return np.asarray(contracts.multiplier * bound - np.maximum(premium(view, contracts, unit), 0.0))


def expected_gain(view: DayView, gate: IrrGateConfig, contracts: ContractSet, unit: FloatArray) -> FloatArray:
    """Probability-weighted gain of one unit up to the horizon [USD], shape (n_paths,)."""
    legs = np.broadcast_to(unit, contracts.strike.shape)
    change = np.where(legs != 0.0, _expected(view, gate, contracts) - view.mids(contracts), 0.0)
    return np.asarray(contracts.multiplier * np.einsum("lp,lp->p", legs, change))


def yearly_rate(gain: FloatArray, bound: FloatArray, sessions: int) -> FloatArray:
    """Rate at which a gain on what is bound for some sessions compounds over a year; -1 where nothing is bound."""
    is_bound = bound > 0.0
    growth = np.maximum(1.0 + gain / np.where(is_bound, bound, 1.0), 0.0)
    with np.errstate(over="ignore"):  # a day's gain may compound to no number at all: it is inf, and above any cost
        return np.asarray(np.where(is_bound, growth ** (SESSIONS_PER_YEAR / sessions) - 1.0, -1.0))


def projected_irr(view: DayView, gate: IrrGateConfig, contracts: ContractSet, unit: FloatArray) -> FloatArray:
    """Yearly rate of the expected gain of one unit over the premium and margin that it binds, shape (n_paths,).

    -1 where the unit binds nothing, a rate of return having no meaning there.
    """
    bound = bound_margin(view, contracts, unit)
    if contracts.product is not Product.VIX_FUTURE:
        bound = bound + np.maximum(premium(view, contracts, unit), 0.0)
    sessions = min(gate.horizon(view), contracts.expiry - view.t)
    return yearly_rate(expected_gain(view, gate, contracts, unit), bound, sessions)


def funding_rate(view: DayView, gate: IrrGateConfig, paid: FloatArray, margin: FloatArray) -> FloatArray:
    """Rate on premium and margin, weighted by their amounts [1/year], shape (n_paths,)."""
    total = np.maximum(paid, 0.0) + margin
    weight = np.where(total > 0.0, margin / np.where(total > 0.0, total, 1.0), 0.0)
    return np.asarray(weight * gate.opportunity_rate + (1.0 - weight) * view.rate)


def passes(view: DayView, gate: IrrGateConfig | None, contracts: ContractSet, unit: FloatArray) -> BoolArray:
    """Paths on which a position is worth the funding of its premium and margin; all where there is no gate."""
    if gate is None:
        return np.ones(view.n_paths, dtype=np.bool_)
    is_future = contracts.product is Product.VIX_FUTURE  # no premium is paid for it
    paid = np.zeros(view.n_paths) if is_future else premium(view, contracts, unit)
    cost = funding_rate(view, gate, paid, bound_margin(view, contracts, unit))
    return np.asarray(projected_irr(view, gate, contracts, unit) > cost)


def _expected(view: DayView, gate: IrrGateConfig, contracts: ContractSet) -> FloatArray:
    """Probability-weighted price of each leg, future or note at the horizon [points], shape (n_legs, n_paths)."""
    outcomes = gate.outcomes(view.next_event[1])
    if contracts.product in (Product.VIX_FUTURE, *HOLDINGS):
        is_spx = contracts.product is Product.SPX_UNIT
        mean = sum(weight * (spx if is_spx else vix) for spx, vix, weight in outcomes)
        return np.asarray((1.0 + mean) * view.mids(contracts))
    is_spx = contracts.product is Product.SPX_OPTION
    years = (contracts.expiry - view.t) / SESSIONS_PER_YEAR
    left = max(contracts.expiry - view.t - gate.horizon(view), 0) / SESSIONS_PER_YEAR
    carry = view.rate - view.dividend_yield
    forward = view.spot * np.exp(carry * years) if is_spx else view.vix_future(contracts.expiry)
    is_call = contracts.is_call[:, None]
    sign = np.where(is_call, 1.0, -1.0)
    intrinsic = np.maximum(sign * (forward - contracts.strike), 0.0)
    upper = np.where(is_call, forward, contracts.strike)
    price = np.clip(view.mids(contracts) * np.exp(view.rate * years), intrinsic, upper * (1.0 - 1e-9))
    volatility = implied_volatility(price, forward, contracts.strike, years, is_call=is_call)
    total = np.zeros(contracts.strike.shape)
    for spx, vix, weight in outcomes:
        # at the horizon the forward to the same date has moved by the scenario alone
        moved = forward * (1.0 + (spx if is_spx else vix))
        total += weight * black_price(moved, contracts.strike, left, volatility, is_call=is_call)
    return np.asarray(total * np.exp(-view.rate * left))

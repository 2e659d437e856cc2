"""Baseline: a condor managed by value at risk instead of hedges (S2 compares the method with it).

One-day value at risk of the condor book, by the greeks of today and the joint moves of SPX and VIX of the last
sessions: parametric, normal with their covariance, or historical, a quantile of the revalued moves with gamma.
"""

from __future__ import annotations

from typing import ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import ndtri

from sim.config import EngineConfig
from sim.strategies.protocols import CONDOR, Close, DayView, Orders

FloatArray = NDArray[np.float64]

NAME = "var_stop"


class VarStopConfig(EngineConfig):
    """Closes all condors, and opens none, where their one-day VaR or their open loss exceeds 2% of equity (S2)."""

    sized_on: ClassVar[str | None] = CONDOR
    decides_before: ClassVar[str | None] = CONDOR

    engine: Literal["var_stop"] = "var_stop"
    method: Literal["parametric", "historical"] = Field(
        default="parametric", description="parametric: normal, delta and vega; historical: quantile, with gamma"
    )
    limit: float = Field(default=0.02, gt=0.0, le=1.0, description="one-day VaR over equity, 0.01 to 0.05 [-] (S2)")
    loss_stop: float | None = Field(
        default=0.02, gt=0.0, le=1.0, description="open loss of the condors over equity that closes them too [-]"
    )
    confidence: float = Field(default=0.95, gt=0.5, lt=1.0, description="of the VaR [-]")
    window: int = Field(default=60, ge=20, le=60, description="sessions of SPX and VIX moves [sessions]")


@final
class VarStop:
    """Value-at-risk limit; see ``VarStopConfig``."""

    config_type: ClassVar[type[EngineConfig]] = VarStopConfig
    required_signals: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: VarStopConfig, n_paths: int) -> None:
        self.config = config

    def decide(self, view: DayView) -> Orders:
        """Close the condors and keep new ones away where a limit is passed."""
        config, orders = self.config, Orders()
        tranches = view.tranches(CONDOR)
        if not tranches:
            return orders
        is_hit = value_at_risk(view, config) > config.limit * view.equity
        if config.loss_stop is not None:
            profit = np.sum([np.where(tranche.is_open, tranche.open_profit(), 0.0) for tranche in tranches], axis=0)
            is_hit |= -profit > config.loss_stop * view.equity
        if is_hit.any():
            for tranche in tranches:
                mask = tranche.is_open & is_hit
                if mask.any():
                    orders.closes.append(Close(tranche=tranche, mask=mask))
            view.may_enter &= ~is_hit
        return orders


def value_at_risk(view: DayView, config: VarStopConfig) -> FloatArray:
    """One-day value at risk of the open condors [USD], shape (n_paths,); expected moves count as none."""
    delta, gamma, vega = book_greeks(view)
    first = max(view.t - config.window, 0)
    spot = np.array([view.spot_on(day) for day in range(first, view.t + 1)])
    vix = np.array([view.vix_on(day) for day in range(first, view.t + 1)])
    move = (spot[1:] / spot[:-1] - 1.0) * view.spot
    vix_move = np.diff(vix, axis=0)
    if config.method == "parametric":
        std = np.std(delta * move + vega * vix_move, axis=0, ddof=1)
        return np.asarray(ndtri(config.confidence) * std)
    profit = delta * move + 0.5 * gamma * move**2 + vega * vix_move
    return np.asarray(np.maximum(-np.quantile(profit, 1.0 - config.confidence, axis=0), 0.0))


def book_greeks(view: DayView) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Delta [USD/point], gamma [USD/point^2] and vega [USD per point of volatility] of the condors."""
    delta, gamma, vega = (np.zeros(view.n_paths) for _ in range(3))
    for tranche in view.tranches(CONDOR):
        contracts = tranche.contracts
        greeks = view.greeks(contracts)
        held = contracts.multiplier * tranche.quantity
        delta += np.einsum("lp,lp->p", held, greeks.delta)
        gamma += np.einsum("lp,lp->p", held, view.gamma(contracts))
        vega += np.einsum("lp,lp->p", held, greeks.vega)
    return delta, gamma, vega

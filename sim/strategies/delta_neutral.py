"""Synthetic SPX forward that brings the book's delta back inside a band (S2: conversion and reversal)."""

from __future__ import annotations

from typing import ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from models.protocols import SESSIONS_PER_YEAR
from sim.config import EngineConfig, broken_rule
from sim.contracts import Product
from sim.strategies.legs import SYNTHETIC, spx_synthetic
from sim.strategies.protocols import Close, DayView, Open, Orders, Trade
from sim.tranche import Tranche

FloatArray = NDArray[np.float64]

NAME = "delta_neutral"


class DeltaNeutralConfig(EngineConfig):
    """Long call and short put at one strike, or the reverse, whenever the book's SPX delta leaves a band (S2)."""

    engine: Literal["delta_neutral"] = "delta_neutral"
    band: float = Field(
        default=0.10, gt=0.0, description="SPX exposure of the book over equity up to which nothing is done [-]"
    )
    target: Literal["zero", "edge"] = Field(default="zero", description="exposure is brought to zero, or to the edge")
    target_days: int = Field(default=60, ge=20, le=100, description="expiry nearest to this [calendar days]")
    roll_days: int = Field(default=15, ge=1, le=60, description="rolled with this long to expiry [calendar days]")

    @model_validator(mode="after")
    def _days_fit(self) -> DeltaNeutralConfig:
        if self.roll_days >= self.target_days - 10:
            raise broken_rule("roll_days", f"be below target_days - 10, {self.target_days - 10}")
        return self


@final
class DeltaNeutral:
    """Synthetic forwards; see ``DeltaNeutralConfig``."""

    config_type: ClassVar[type[EngineConfig]] = DeltaNeutralConfig
    required_signals: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: DeltaNeutralConfig, n_paths: int) -> None:
        self.config = config

    def decide(self, view: DayView) -> Orders:
        """Measure the delta of all SPX positions, and trade forwards where it is out of the band."""
        config, orders = self.config, Orders()
        delta = others_delta(view)
        kept: list[Tranche] = []
        is_rolled = np.zeros(view.n_paths, dtype=np.bool_)
        for tranche in view.tranches(NAME):
            if view.days_to_expiry(tranche.contracts.expiry) <= config.roll_days:
                orders.closes.append(Close(tranche=tranche, mask=tranche.is_open))
                is_rolled |= tranche.is_open
            else:
                kept.append(tranche)
                delta += forward_delta(view, tranche.contracts.expiry) * tranche.quantity[0]
        exposure = delta * view.spot / view.equity
        is_out = (np.abs(exposure) > config.band) | is_rolled
        edge = np.clip(exposure, -config.band, config.band) if config.target == "edge" else np.zeros(view.n_paths)
        excess = np.where(is_out, (exposure - edge) * view.equity / view.spot, 0.0)
        for tranche in kept:
            each = forward_delta(view, tranche.contracts.expiry)
            change = np.where(tranche.is_open, view.rounded(-excess / each), 0.0)
            if change.any():
                orders.trades.append(Trade(tranche=tranche, change=SYNTHETIC * change))
            excess = np.where(tranche.is_open, 0.0, excess)
        entry = self._entry(view, excess) if excess.any() else None
        orders.opens.extend([entry] if entry is not None else [])
        return orders

    def _entry(self, view: DayView, excess: FloatArray) -> Open | None:
        days = self.config.target_days
        expiry = view.spx_expiry(days, days - 10, days + 10)
        if expiry is None:
            return None
        number = view.rounded(-excess / forward_delta(view, expiry))
        if not number.any():
            return None
        return Open(contracts=spx_synthetic(view, expiry), quantity=SYNTHETIC * number)


def forward_delta(view: DayView, expiry: int) -> float:
    """SPX units that a synthetic forward of 100 is worth in delta: by parity, whatever the model."""
    return 100.0 * float(np.exp(-view.dividend_yield * (expiry - view.t) / SESSIONS_PER_YEAR))


def others_delta(view: DayView) -> FloatArray:
    """Delta of all SPX positions but the forwards of this engine [USD per point], shape (n_paths,).

    Volatility held fixed: VIX positions count nothing.
    """
    total = np.zeros(view.n_paths)
    for tranche in view.book:
        contracts = tranche.contracts
        if tranche.engine == NAME:
            continue
        if contracts.product is Product.SPX_UNIT:
            total += tranche.quantity[0] * view.mids(contracts)[0] / view.spot
        elif contracts.product is Product.SPX_OPTION:
            delta = np.where(tranche.is_open, view.delta(contracts), 0.0)
            total += contracts.multiplier * np.einsum("lp,lp->p", tranche.quantity, delta)
    return total

"""What a trade costs: commission and fees a contract, and the part of the spread that is paid.

The half-spread of a contract with mid ``premium`` on a day with the VIX at ``vix`` is ::

    max(tick / 2, fixed + proportional * premium) * (1 + stress_slope * max(vix / calm_vix - 1, 0)) * tenor factor

so that a higher delta, which is dearer, is wider too; the tenor factor is read from a table by days to expiry. An
order of ``n`` legs pays the fraction ``crossing[n]`` of it on each leg. Defaults are those of broker and exchange
schedules of 2024 and of quoted spreads; all can be overridden.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, Field, field_validator

from sim.config.section import ConfigSection


def _rising(value: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    if not value or value[0][0] != 0.0 or any(later <= earlier for (earlier, _), (later, _) in pairwise(value)):
        raise ValueError("must be pairs whose first numbers start at 0 and rise")
    if any(amount < 0.0 for _, amount in value):
        raise ValueError("must have no negative second number")
    return value


def _fee(value: float | tuple[tuple[float, float], ...]) -> float | tuple[tuple[float, float], ...]:
    if isinstance(value, tuple):
        return _rising(value)
    if value < 0.0:
        raise ValueError("must not be negative")
    return value


Table = Annotated[tuple[tuple[float, float], ...], AfterValidator(_rising)]
"""Pairs; the first numbers start at 0 and rise."""

Fee = Annotated[float | tuple[tuple[float, float], ...], AfterValidator(_fee)]
"""One fee, or fees by premium: pairs (from this premium on [points], fee)."""


class HalfSpreadConfig(ConfigSection):
    """Half-spread of one product as a function of premium and VIX."""

    tick: float = Field(gt=0.0, description="smallest price step [index points]")
    fixed: float = Field(default=0.0, ge=0.0, description="half-spread of a worthless contract [index points]")
    proportional: float = Field(default=0.0, ge=0.0, le=1.0, description="half-spread added per point of premium [-]")
    stress_slope: float = Field(default=0.0, ge=0.0, description="widening per 100% of VIX above calm_vix [-]")
    calm_vix: float = Field(default=20.0, gt=0.0, description="VIX up to which spreads do not widen [points]")
    tenor: Table = Field(
        default=((0.0, 1.0),),
        description="factor by time to expiry: pairs (calendar days, factor), linear between them [-]",
    )


class SpxOptionSpread(HalfSpreadConfig):
    """SPX options: 0.10 to 0.40 points wide at 10 to 20 delta in calm markets."""

    tick: float = Field(default=0.05, gt=0.0, description="smallest price step [index points]")
    fixed: float = Field(default=0.03, ge=0.0, description="half-spread of a worthless contract [index points]")
    proportional: float = Field(default=0.004, ge=0.0, le=1.0, description="half-spread added per point of premium [-]")
    stress_slope: float = Field(default=1.0, ge=0.0, description="widening per 100% of VIX above calm_vix [-]")


class VixOptionSpread(HalfSpreadConfig):
    """VIX options: 5 to 8% of the premium in calm markets, 13% in a crash; wider beyond a quarter."""

    tick: float = Field(default=0.05, gt=0.0, description="smallest price step [index points]")
    proportional: float = Field(default=0.065, ge=0.0, le=1.0, description="half-spread added per point of premium [-]")
    stress_slope: float = Field(default=0.3, ge=0.0, description="widening per 100% of VIX above calm_vix [-]")
    tenor: Table = Field(
        default=((0.0, 1.0), (90.0, 1.0), (220.0, 1.5)),
        description="factor by time to expiry: pairs (calendar days, factor), linear between them [-]",
    )


class VixFutureSpread(HalfSpreadConfig):
    """VIX futures: one tick wide in the first month, two to four in later ones."""

    tick: float = Field(default=0.05, gt=0.0, description="smallest price step [index points]")
    stress_slope: float = Field(default=1.0, ge=0.0, description="widening per 100% of VIX above calm_vix [-]")
    tenor: Table = Field(
        default=((0.0, 1.0), (35.0, 1.0), (70.0, 2.0), (220.0, 4.0)),
        description="factor by time to expiry: pairs (calendar days, factor), linear between them [-]",
    )


class SpxUnitSpread(HalfSpreadConfig):
    """Fund on the SPX: a hundredth of a percent."""

    tick: float = Field(default=0.01, gt=0.0, description="smallest price step [USD]")
    proportional: float = Field(default=0.0001, ge=0.0, le=1.0, description="half-spread added per USD of price [-]")
    stress_slope: float = Field(default=1.0, ge=0.0, description="widening per 100% of VIX above calm_vix [-]")


class VixEtnSpread(HalfSpreadConfig):
    """Note on the short-term VIX futures index: five hundredths of a percent."""

    tick: float = Field(default=0.01, gt=0.0, description="smallest price step [USD]")
    proportional: float = Field(default=0.0005, ge=0.0, le=1.0, description="half-spread added per USD of price [-]")
    stress_slope: float = Field(default=1.0, ge=0.0, description="widening per 100% of VIX above calm_vix [-]")


class HalfSpreadsConfig(ConfigSection):
    """Half-spreads by product."""

    spx_option: SpxOptionSpread = Field(default=SpxOptionSpread(), description="SPX options")
    vix_option: VixOptionSpread = Field(default=VixOptionSpread(), description="VIX options")
    vix_future: VixFutureSpread = Field(default=VixFutureSpread(), description="VIX futures")
    spx_unit: SpxUnitSpread = Field(default=SpxUnitSpread(), description="units of an SPX fund")
    vix_etn: VixEtnSpread = Field(default=VixEtnSpread(), description="notes on the short-term VIX futures index")


class CostsConfig(ConfigSection):
    """Commission, fees and half-spreads."""

    commission_per_contract: float = Field(
        default=0.65, ge=0.0, description="broker, per option contract and side [USD]"
    )
    commission_per_future: float = Field(default=0.87, ge=0.0, description="broker and NFA, per future and side [USD]")
    exchange_fee_spx: Fee = Field(
        default=((0.0, 0.36), (1.0, 0.45)),
        description="exchange, per SPX option contract and side [USD]: one number, or pairs (premium from, fee)",
    )
    exchange_fee_vix: Fee = Field(
        default=((0.0, 0.10), (0.11, 0.25), (1.0, 0.40), (2.0, 0.45)),
        description="exchange, per VIX option contract and side [USD]: one number, or pairs (premium from, fee)",
    )
    exchange_fee_vix_future: float = Field(default=1.51, ge=0.0, description="exchange, per VIX future and side [USD]")
    regulatory_fee: float = Field(default=0.06, ge=0.0, description="ORF and OCC, per option contract and side [USD]")
    commission_per_share: float = Field(
        default=0.005, ge=0.0, description="broker, per fund unit or note and side [USD]"
    )
    etn_fee: float = Field(
        default=0.0089, ge=0.0, le=0.2, description="investor fee of the VIX note, taken daily [1/year]"
    )
    half_spread: HalfSpreadsConfig = Field(default=HalfSpreadsConfig(), description="half-spreads by product")
    crossing: dict[int, float] = Field(
        default={1: 1.0, 2: 0.75, 4: 0.53},
        description="fraction of the half-spread paid on each leg, by number of legs in the order [-]",
    )

    @field_validator("crossing")
    @classmethod
    def _crossing_covers_one_leg(cls, value: dict[int, float]) -> dict[int, float]:
        if 1 not in value:
            raise ValueError("must say what an order of 1 leg pays (key 1)")
        if any(n < 1 for n in value) or any(not 0.0 <= fraction <= 1.0 for fraction in value.values()):
            raise ValueError("must map numbers of legs >= 1 to fractions from 0 to 1")
        return value

    def crossing_fraction(self, n_legs: int) -> float:
        """Fraction of the half-spread paid by an order of ``n_legs`` legs: the entry of the largest number <= it."""
        return self.crossing[max(n for n in self.crossing if n <= n_legs)]

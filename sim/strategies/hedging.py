"""What all hedges of the condor have in common: a budget under caps, switching on and off, rolling."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from sim.columns import true_places
from sim.config import EngineConfig, broken_rule
from sim.contracts import ContractSet, Product
from sim.strategies.gates import IrrGateConfig, passes
from sim.strategies.legs import VERTICAL, premium, vix_call_spread, vix_expiry_number
from sim.strategies.protocols import CONDOR, FUTURE_OUTLAY, Close, DayView, Open, Orders, entry_outlay

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IndexArray = NDArray[np.intp]


class HedgeConfig(EngineConfig):
    """Budget of a hedge of the condor."""

    sized_on: ClassVar[str | None] = CONDOR
    asks_gate: ClassVar[bool] = True
    """Whether the engine asks ``irr_gate`` before it buys; one that does not refuses to have one."""

    size: float = Field(default=0.10, gt=0.0, le=1.0, description="outlay over the condor's capital [-]")
    capital: Literal["risk", "notional"] = Field(
        default="risk", description="risk: sum of largest losses of open condors; notional: their short put strikes"
    )
    high_vix: float = Field(default=30.0, gt=0.0, description="VIX above which all hedges share a cap [points] (S4)")
    high_vix_cap: float = Field(
        default=0.40, gt=0.0, le=1.0, description="outlay of all hedges together over that capital, VIX high [-] (S4)"
    )
    profile: Literal["steward", "promoter"] = Field(
        default="steward", description="steward: sizes as they stand; promoter: expanded while VVIX is low (S1)"
    )
    expansion: float = Field(default=1.5, ge=1.0, le=5.0, description="promoter: size times this while VVIX is low [-]")
    low_vvix: float = Field(default=85.0, gt=0.0, description="promoter: VVIX below this is low [points] (S1)")
    irr_gate: IrrGateConfig | None = Field(
        default=None, description="on only where the projected return exceeds the funding cost; null: no gate"
    )

    @model_validator(mode="after")
    def _gate_is_asked(self) -> Self:
        if self.irr_gate is not None and not self.asks_gate:
            raise broken_rule("irr_gate", f"be null, as {self.engine} buys no return that a gate could project")
        return self

    @property
    def reads(self) -> frozenset[str]:
        """A promoter reads the volatility of the VIX."""
        return frozenset({"vvix"} if self.profile == "promoter" else ())


class CallSpreadConfig(HedgeConfig):
    """A hedge that buys out-of-the-money VIX call spreads."""

    expiry_number: int = Field(
        default=2,
        ge=1,
        le=4,
        description="which monthly expiry, or the first after it that lives longer than roll_days",
    )
    long_offset: float = Field(default=2.0, description="long strike above the VIX future of that expiry [points]")
    short_offset: float = Field(default=12.0, description="short strike above that future [points]")
    roll_days: int = Field(default=10, ge=0, le=30, description="rolled with this long to expiry [calendar days]")

    @model_validator(mode="after")
    def _offsets_fit(self) -> Self:
        if self.short_offset <= self.long_offset:
            raise broken_rule("short_offset", f"be above long_offset, {self.long_offset}")
        return self


def capital(view: DayView, config: HedgeConfig) -> FloatArray:
    """Capital of the open condors on which hedges are sized [USD], shape (n_paths,)."""
    if config.capital == "risk":
        return view.condor_risk_capital()
    total = np.zeros(view.n_paths)
    for tranche in view.tranches(CONDOR):
        short_puts = np.where(tranche.contracts.is_call[:, None], 0.0, np.maximum(-tranche.quantity, 0.0))
        total += tranche.contracts.multiplier * np.einsum("lp,lp->p", short_puts, tranche.contracts.strike)
    return total


def budget(
    view: DayView,
    config: HedgeConfig,
    wanted: BoolArray,
    orders: Orders,
    *,
    scale: FloatArray | float = 1.0,
    held: FloatArray | float = 0.0,
) -> FloatArray:
    """Outlay allowed for a purchase [USD]; 0 where none is wanted.

    What ``orders`` close today frees its share of the cap.

    Parameters
    ----------
    view : DayView
        Today.
    config : HedgeConfig
        Size, capital and caps.
    wanted : ndarray of bool, shape (n_paths,)
        Where something is to be bought.
    orders : Orders
        Orders so far.
    scale : ndarray of shape (n_paths,), optional
        The size is multiplied by this; the cap is not.
    held : ndarray of shape (n_paths,), optional
        Outlay of the position that the purchase adds to [USD].
    """
    allowed, index = np.zeros(view.n_paths), true_places(wanted)
    if index.size == 0:
        return allowed
    base = capital(view, config)
    amount = config.size * _on(scale, index) * base[index]
    if config.profile == "promoter":
        amount = np.where(view.signal("vvix")[index] < config.low_vvix, config.expansion * amount, amount)
    allowed[index] = np.maximum(amount - _on(held, index), 0.0)
    capped = index[view.vix[index] > config.high_vix]
    if capped.size:
        bound = view.bound_by_hedges(capped)
        for close in orders.closes:
            bound -= np.where(close.mask[capped], entry_outlay(close.tranche, capped), 0.0)
        room = np.maximum(config.high_vix_cap * base[capped] - bound, 0.0)
        allowed[capped] = np.minimum(allowed[capped], room)
    return allowed


def _on(values: FloatArray | float, index: IndexArray) -> FloatArray | float:
    """Values on some paths; a number is the same on all."""
    return values[index] if isinstance(values, np.ndarray) else values


def buy(
    view: DayView, contracts: ContractSet, unit: FloatArray, amount: FloatArray, gate: IrrGateConfig | None = None
) -> Open | None:
    """Buy as many units of an option position as ``amount`` pays for; None where no path can."""
    if not amount.any():
        return None
    is_bought = amount > 0.0
    debit = premium(view, contracts, unit, is_bought)
    index = true_places(is_bought & (debit > 0.0) & passes(view, gate, contracts, unit))
    units = np.zeros(view.n_paths)
    units[index] = view.whole(amount[index] / debit[index], index)
    if not units.any():
        return None
    view.memory.committed[index] += units[index] * debit[index]
    return Open(contracts=contracts, quantity=unit * units, is_pooled=True)


def futures_within(view: DayView, expiry: int, amount: FloatArray) -> FloatArray:
    """Number of VIX futures whose outlay is ``amount``, shape (n_paths,)."""
    each = FUTURE_OUTLAY * 1000.0 * view.vix_future(expiry)
    return view.whole(amount / each)


def close_ended(
    view: DayView, name: str, is_over: BoolArray, roll_days: int, orders: Orders, product: Product | None = None
) -> tuple[BoolArray, BoolArray]:
    """Close what has ended or nears its expiry; return where the hedge stays on, and where it is rolled.

    Parameters
    ----------
    view : DayView
        Today.
    name : str
        Engine.
    is_over : ndarray of bool, shape (n_paths,)
        Where it ends.
    roll_days : int
        Days to expiry with which a tranche is closed in any case [calendar days].
    orders : Orders
        Takes the closes.
    product : Product, optional
        Look at tranches of this product only.
    """
    is_on = np.zeros(view.n_paths, dtype=np.bool_)
    is_rolled = is_on.copy()
    for tranche in view.tranches(name):
        if product is not None and tranche.contracts.product is not product:
            continue
        is_held = tranche.is_open
        if view.days_to_expiry(tranche.contracts.expiry) <= roll_days:
            mask = is_held
            is_rolled |= is_held & ~is_over
        else:
            mask = is_held & is_over
            is_on |= is_held & ~is_over
        if mask.any():
            orders.closes.append(Close(tranche=tranche, mask=mask))
    return is_on, is_rolled


def switch_call_spread(
    view: DayView, name: str, config: CallSpreadConfig, trigger: BoolArray, is_over: BoolArray
) -> Orders:
    """Orders of a hedge that holds one VIX call spread while it is on."""
    orders = Orders()
    is_on, is_rolled = close_ended(view, name, is_over, config.roll_days, orders)
    amount = budget(view, config, (trigger & ~is_on & ~is_over) | is_rolled, orders)
    if amount.any():
        expiry = vix_expiry_number(view, config.expiry_number, config.roll_days)
        contracts = vix_call_spread(view, expiry, config.long_offset, config.short_offset)
        entry = buy(view, contracts, VERTICAL, amount, config.irr_gate)
        if entry is not None:
            orders.opens.append(entry)
    return orders

"""Adjustments of open condors: roll a side or the whole, widen the call side in a rally, tighten before events (S1).

A side that is rolled becomes a tranche of its own, a credit spread of two legs; exits treat it like a condor.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.protocols import SESSIONS_PER_YEAR
from sim.contracts import ContractSet, Product, listed_spx_strike, listed_spx_wing
from sim.expiry_risk import worst_expiry_loss
from sim.strategies.protocols import CONDOR, Close, DayView, Open, Orders, Trade
from sim.tranche import Tranche, dollars

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

SHORT_FIRST = np.array([[-1.0], [1.0]])
"""Contracts of a credit spread, the sold leg first."""


def short_strike(tranche: Tranche, *, is_call: bool) -> FloatArray:
    """Strike of the sold leg of one side, shape (n_paths,); NaN on paths that hold none."""
    legs = tranche.contracts.is_call == is_call
    sold = legs[:, None] & (tranche.quantity < 0.0)
    strike = np.where(sold, tranche.contracts.strike, np.nan)
    if not sold.any():
        return np.full(tranche.quantity.shape[1], np.nan)
    best = np.where(sold, strike, -np.inf).max(axis=0)
    return np.where(sold.any(axis=0), best, np.nan)


def side_units(tranche: Tranche, *, is_call: bool) -> FloatArray:
    """Contracts sold on one side, shape (n_paths,)."""
    legs = tranche.contracts.is_call == is_call
    return np.asarray(np.maximum(-tranche.quantity[legs], 0.0).sum(axis=0))


def credit_spread(
    view: DayView, expiry: int, delta: float, width: float | None, wing_delta: float | None, *, is_call: bool
) -> ContractSet:
    """One side of a condor, the sold leg first."""
    sign = 1.0 if is_call else -1.0
    (short,) = view.strike_for_delta([sign * delta], expiry)
    if width is not None:
        long = listed_spx_wing(short, sign * width, view.spot, expiry - view.t)
    else:
        assert wing_delta is not None
        (long,) = view.strike_for_delta([sign * wing_delta], expiry)
    key = (CONDOR, "side", is_call, delta, width, wing_delta, expiry)
    return view.contracts(key, Product.SPX_OPTION, [is_call, is_call], np.stack([short, long]), expiry)


def side_closed(tranche: Tranche, mask: BoolArray, *, is_call: bool) -> Trade:
    """Order that closes one side on some paths."""
    legs = (tranche.contracts.is_call == is_call)[:, None]
    return Trade(tranche=tranche, change=np.where(legs & mask, -tranche.quantity, 0.0))


def unit_risk(view: DayView, contracts: ContractSet, unit: FloatArray) -> FloatArray:
    """Largest loss of one condor or credit spread at today's mids [USD], shape (n_paths,); inf where it is none.

    It is none where strikes coincide, as those of neighbouring deltas do on a coarse list, where it brings no credit,
    or where the credit pays for the wing.
    """
    strike = contracts.strike
    value = np.einsum("lp,lp->p", np.broadcast_to(unit, strike.shape), view.mids(contracts))
    wings = [strike[right] for right in (contracts.is_call, ~contracts.is_call) if right.any()]
    width = np.max([np.abs(pair[1] - pair[0]) for pair in wings], axis=0)
    risk = contracts.multiplier * (width + value)
    is_sound = np.all(np.diff(strike, axis=0) != 0.0, axis=0) & (value < 0.0) & (risk > 0.0)
    return np.where(is_sound, risk, np.inf)


def risk_without(tranche: Tranche, *, is_call: bool) -> FloatArray:
    """Largest loss of a tranche on what it holds beside one side [USD], shape (n_paths,)."""
    contracts = tranche.contracts
    rest = np.where((contracts.is_call == is_call)[:, None], 0.0, tranche.quantity)
    loss = worst_expiry_loss(contracts.is_call, contracts.strike, rest)
    return np.asarray(np.maximum(contracts.multiplier * loss + dollars(contracts, rest, tranche.entry_mid), 0.0))


def side_roll_debit(
    view: DayView, tranche: Tranche, contracts: ContractSet, units: FloatArray, *, is_call: bool
) -> FloatArray:
    """Cost at mid of closing one side and selling ``units`` of a new one [USD], shape (n_paths,); < 0 for a credit."""
    legs = (tranche.contracts.is_call == is_call)[:, None]
    held = np.where(legs, tranche.quantity, 0.0)
    multiplier = tranche.contracts.multiplier
    to_close = -multiplier * np.einsum("lp,lp->p", held, tranche.mid)
    return np.asarray(to_close + multiplier * np.einsum("lp,lp->p", SHORT_FIRST * units, view.mids(contracts)))


def roll_side(tranche: Tranche, contracts: ContractSet, units: FloatArray, orders: Orders, *, is_call: bool) -> None:
    """Close one side and sell ``units`` of the new one, on paths where that is any."""
    if units.any():
        orders.trades.append(side_closed(tranche, units > 0.0, is_call=is_call))
        orders.opens.append(Open(contracts=contracts, quantity=SHORT_FIRST * units, replaces=tranche))


def tested(view: DayView, tranche: Tranche, *, is_call: bool) -> BoolArray:
    """Paths on which the SPX has reached the sold strike of one side."""
    strike = short_strike(tranche, is_call=is_call)
    with np.errstate(invalid="ignore"):
        return np.asarray(view.spot >= strike if is_call else view.spot <= strike)


def rallied(view: DayView, tranche: Tranche, sigmas: float) -> BoolArray:
    """Paths on which the SPX has risen since entry by so many deviations that the VIX at entry implied for the time."""
    sessions = view.t - tranche.entry_day
    if sessions <= 0:
        return np.zeros(view.n_paths, dtype=np.bool_)
    deviation = view.vix_on(tranche.entry_day) / 100.0 * np.sqrt(sessions / SESSIONS_PER_YEAR)
    return np.asarray(np.log(view.spot / view.spot_on(tranche.entry_day)) >= sigmas * deviation)


def tightened(
    view: DayView, tranche: Tranche, share: float, mask: BoolArray, orders: Orders, allowed: FloatArray
) -> FloatArray:
    """Replace whole condors by ones with the same sold strikes and narrower wings; return what was paid at mid [USD].

    The whole tranche is traded, so that the legs that stay are paid for too: costs are at most overstated.
    """
    strike = tranche.contracts.strike
    if tranche.contracts.n_legs != 4:
        return np.zeros(view.n_paths)
    long_put, long_call = (
        listed_spx_strike(short + share * (long - short), view.spot, tranche.contracts.expiry - view.t)
        for short, long in ((strike[1], strike[0]), (strike[2], strike[3]))
    )
    long_put, long_call = np.maximum(long_put, strike[0]), np.minimum(long_call, strike[3])  # never wider
    wanted = np.stack([long_put, strike[1], strike[2], long_call])
    key = (CONDOR, "tightened", share, tranche.entry_day, tranche.contracts.expiry, id(tranche.contracts))
    contracts = view.contracts(key, Product.SPX_OPTION, tranche.contracts.is_call, wanted, tranche.contracts.expiry)
    quantity = tranche.quantity.copy()
    change = view.mids(contracts) - tranche.mid
    debit = contracts.multiplier * np.einsum("lp,lp->p", quantity, change)
    is_whole = np.all(quantity != 0.0, axis=0) & (long_put < strike[1]) & (long_call > strike[2])
    is_whole &= (long_put > strike[0]) | (long_call < strike[3])  # listed strikes may leave nothing to narrow
    mask = mask & is_whole & (debit <= allowed) & view.alive
    if not mask.any():
        return np.zeros(view.n_paths)
    orders.closes.append(Close(tranche=tranche, mask=mask))
    orders.opens.append(Open(contracts=contracts, quantity=np.where(mask, quantity, 0.0), replaces=tranche))
    return np.where(mask, debit, 0.0)

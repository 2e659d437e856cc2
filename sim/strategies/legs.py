"""Contracts that several engines trade: strikes by points out of the money or by delta, expiries by number or days."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.protocols import SESSIONS_PER_YEAR
from sim.contracts import ContractSet, Product, listed_spx_strike, listed_vix_strike
from sim.expiries import nearest_expiry
from sim.greeks import black_greeks
from sim.strategies.protocols import DayView

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

VERTICAL = np.array([[1.0], [-1.0]])
"""Contracts of a bought spread, the leg nearer to the money first."""

SYNTHETIC = np.array([[1.0], [-1.0]])
"""Contracts of a synthetic future or forward: long call, short put."""

_CANDIDATES = np.linspace(0.7, 2.6, 39)
"""Strikes over the VIX future among which a delta is looked for."""


def vix_expiry_number(view: DayView, number: int, roll_days: int) -> int:
    """``number``-th monthly VIX expiry, or the first after it that lives longer than ``roll_days``."""
    while view.days_to_expiry(view.vix_expiry(number)) <= roll_days:
        number += 1  # it would be rolled at once
    return view.vix_expiry(number)


def vix_expiry_days(view: DayView, target_days: int, min_days: int, *, weeklys: bool = False) -> int:
    """Monthly or, if asked for, any weekly VIX expiry nearest to ``target_days``, at least ``min_days`` away."""
    expiry = nearest_expiry(
        view.calendar,
        view.t,
        target_days=max(target_days, min_days),
        min_days=min_days,
        max_days=max(target_days, min_days) + 35,
        expiries=view.expiries.vix_weekly if weeklys else view.expiries.vix_monthly,
    )
    assert expiry is not None, "monthly expiries are at most 35 days apart"
    return expiry


def vix_calls(view: DayView, expiry: int, offset: float) -> ContractSet:
    """One VIX call, ``offset`` points above the future of its expiry."""
    strike = listed_vix_strike(view.vix_future(expiry) + offset)
    return view.contracts(("vix_calls", offset, expiry), Product.VIX_OPTION, [True], strike[None, :], expiry)


def vix_call_spread(view: DayView, expiry: int, long_offset: float, short_offset: float) -> ContractSet:
    """VIX calls ``long_offset`` and ``short_offset`` points above the future of their expiry."""
    future = view.vix_future(expiry)
    strike = np.stack([listed_vix_strike(future + offset) for offset in (long_offset, short_offset)])
    key = ("vix_call_spread", long_offset, short_offset, expiry)
    return view.contracts(key, Product.VIX_OPTION, [True, True], strike, expiry)


def vix_synthetic(view: DayView, expiry: int) -> ContractSet:
    """Call and put on the VIX struck next to the future of their expiry."""
    strike = listed_vix_strike(view.vix_future(expiry))
    return view.contracts(
        ("vix_synthetic", expiry), Product.VIX_OPTION, [True, False], np.stack([strike, strike]), expiry
    )


def vix_calls_by_delta(view: DayView, expiry: int, delta: float) -> ContractSet:
    """VIX call whose Black delta on its future, at its own implied volatility, is nearest to ``delta``."""
    key = ("vix_calls_by_delta", delta, expiry)
    future = view.vix_future(expiry)
    candidates = listed_vix_strike(future * _CANDIDATES[:, None])
    is_call = np.ones(candidates.shape[0], dtype=np.bool_)
    ladder = view.contracts((*key, "candidates"), Product.VIX_OPTION, is_call, candidates, expiry)
    distance = np.abs(black_delta(view, ladder) - delta)
    strike = np.take_along_axis(candidates, np.argmin(distance, axis=0)[None, :], axis=0)
    return view.contracts(key, Product.VIX_OPTION, [True], strike, expiry)


def black_delta(view: DayView, contracts: ContractSet) -> FloatArray:
    """Discounted Black delta of VIX options on the future of their expiry, each at its own implied volatility.

    Shape (n_legs, n_paths), change of price per point of the future. Model-free: from listed prices alone.
    """
    years = (contracts.expiry - view.t) / SESSIONS_PER_YEAR
    future = view.vix_future(contracts.expiry)
    right = contracts.is_call[:, None]
    delta, _ = black_greeks(view.mids(contracts), future, contracts.strike, years, view.rate, right)
    return delta


def spx_put_spread(
    view: DayView, expiry: int, long_delta: float, short_delta: float, where: BoolArray | None = None
) -> ContractSet:
    """SPX puts at two deltas given as positive numbers, the nearer one first; ``where`` they are asked for."""
    strike = view.strike_for_delta([-long_delta, -short_delta], expiry, where)
    asked = None if where is None else where.tobytes()
    key = ("spx_put_spread", long_delta, short_delta, expiry, asked)
    return view.contracts(key, Product.SPX_OPTION, [False, False], strike, expiry)


def spx_synthetic(view: DayView, expiry: int) -> ContractSet:
    """Call and put on the SPX struck at the money."""
    strike = listed_spx_strike(view.spot, view.spot, expiry - view.t)
    return view.contracts(
        ("spx_synthetic", expiry), Product.SPX_OPTION, [True, False], np.stack([strike, strike]), expiry
    )


def premium(view: DayView, contracts: ContractSet, unit: FloatArray, where: BoolArray | None = None) -> FloatArray:
    """Cost at mid of one unit of a position, negative for a credit [USD], shape (n_paths,); 0 or so but ``where``."""
    legs = np.broadcast_to(unit, contracts.strike.shape)
    return np.asarray(contracts.multiplier * np.einsum("lp,lp->p", legs, view.mids(contracts, where)))

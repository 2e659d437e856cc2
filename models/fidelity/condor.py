"""The condor of the Cboe's CNDR index on simulated windows: what selling wings earned, month by month.

Each month the 20-delta put and call are sold and the 5-delta ones bought, held to their settlement, with Treasury bills
for ten times the largest possible loss: the wider wing. The credit does not lower it, else a month beyond a long strike
would cost a tenth; the worst of the index, 7.9%, is a tenth less a credit of a fifth of the wing. Strikes are taken at
their deltas, not rounded to those listed, at mid, without costs, as the index is.

References
----------
.. [1] Cboe, "Cboe S&P 500 Iron Condor Index (CNDR) methodology".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.fidelity.smiles import MONTH, TTM
from models.protocols import FloatArray, Model, Pricer

SHORT_DELTA, LONG_DELTA = 0.20, 0.05

COLLATERAL = 10.0
"""Treasury bills over the wider wing."""

ENTRY_RANGES = {
    "lt15": (0.0, 15.0),
    "15_20": (15.0, 20.0),
    "20_25": (20.0, 25.0),
    "25_30": (25.0, 30.0),
    "gt30": (30.0, np.inf),
}
"""Ranges of the VIX at entry [points]."""


def condor_returns(model: Model, pricer: Pricer, state: FloatArray, growth: FloatArray) -> FloatArray:
    """Returns of the months in excess of Treasury bills.

    Parameters
    ----------
    model : Model
        Gives the rates.
    pricer : Pricer
        Prices of options a month from expiry.
    state : ndarray of shape (n_factors, n) or (n_factors, 1)
        States at entry.
    growth : ndarray of shape (n,)
        SPX at settlement over SPX at entry.

    Returns
    -------
    ndarray of shape (n,)
        Profit over the collateral.
    """
    deltas = (-LONG_DELTA, -SHORT_DELTA, SHORT_DELTA, LONG_DELTA)
    strikes = [pricer.strike_for_delta(1.0, state, delta=delta, ttm=TTM) for delta in deltas]
    credit, paid = np.zeros(growth.size), np.zeros(growth.size)
    for delta, strike, sign in zip(deltas, strikes, (-1.0, 1.0, 1.0, -1.0), strict=True):
        is_call = delta > 0.0
        credit += sign * pricer.spx_option(1.0, state, strike=strike, ttm=TTM, is_call=is_call).price
        paid += sign * np.maximum(growth - strike if is_call else strike - growth, 0.0)
    width = np.maximum(strikes[1] - strikes[0], strikes[3] - strikes[2])
    return np.asarray((credit * np.exp(model.rate * TTM) - paid) / (COLLATERAL * width))


def condor_rows(returns: FloatArray, vix: FloatArray) -> dict[str, FloatArray]:
    """Rows of windows from their months.

    Parameters
    ----------
    returns : ndarray of shape (n_windows, n_months)
        Excess returns of the months.
    vix : ndarray of shape (n_windows, n_months)
        VIX at entry [points].

    Returns
    -------
    dict
        Name of the row to its values (n_windows,), in percent but for the skewness.
    """
    from scipy.stats import skew  # slow to import, and needed here alone

    wealth = np.cumprod(np.concatenate([np.ones((returns.shape[0], 1)), 1.0 + returns], axis=1), axis=1)
    peak = np.maximum.accumulate(wealth, axis=1)
    years = returns.shape[1] * TTM
    rows = {
        "condor_excess_pct": 100.0 * (wealth[:, -1] ** (1.0 / years) - 1.0),
        "condor_vol_pct": 100.0 * returns.std(axis=1, ddof=1) / np.sqrt(TTM),
        "condor_skew": skew(returns, axis=1),
        "condor_worst_month_pct": 100.0 * returns.min(axis=1),
        "condor_drawdown_pct": 100.0 * (wealth / peak - 1.0).min(axis=1),
    }
    for label, (low, high) in ENTRY_RANGES.items():
        inside = (vix >= low) & (vix < high)
        count = inside.sum(axis=1)
        mean = np.where(inside, returns, 0.0).sum(axis=1) / np.maximum(count, 1)
        rows[f"condor_month_{label}_pct"] = np.where(count > 0, 100.0 * mean, np.nan)
    return rows


def months_of(closes: int) -> NDArray[np.intp]:
    """Closes of a window on which a month begins, and the last settlement."""
    return np.arange(0, closes, MONTH, dtype=np.intp)

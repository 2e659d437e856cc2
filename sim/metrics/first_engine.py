"""Which engine of a strategy is the one whose losses the others are to offset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.config import CONDOR

FloatArray = NDArray[np.float64]


def first_engine(engines: Sequence[str]) -> int:
    """Position of the condor, or 0 where there is none.

    The order in which engines are written decides nothing: a stop that closes condors has to stand before them.

    Parameters
    ----------
    engines : sequence of str
        Engines of a strategy, as it lists them.
    """
    return list(engines).index(CONDOR) if CONDOR in engines else 0


def hedged_accounts(engines: Sequence[str], pnl: FloatArray, cost: FloatArray) -> dict[str, Any]:
    """Accounts of the first engine and of its hedges, by the names under which statistics read them.

    Parameters
    ----------
    engines : sequence of str
        Engines of a strategy, as it lists them.
    pnl, cost : ndarray of shape (n_engines, n_paths)
        P&L of each engine at mid, and its costs [USD].
    """
    first, net = first_engine(engines), pnl - cost
    return {
        "first_engine_pnl": net[first],
        "hedge_pnl": np.delete(net, first, axis=0).sum(axis=0),
        "first_engine_cost": cost[first],
        "hedge_cost": np.delete(cost, first, axis=0).sum(axis=0),
    }

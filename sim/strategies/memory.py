"""What a strategy remembers from day to day, beside its ledger."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.protocols import Stream
from models.streams import Purpose, uniforms

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

LEAST_SESSIONS = 20
"""Sessions of P&L below which there is no regression."""


def roll_phases(stream: Stream, n_paths: int) -> FloatArray:
    """Two uniforms a path, shape (2, n_paths): they choose its weekday and its week of the roll cycle."""
    return uniforms(stream, n_paths, purpose=Purpose.ROLL_PHASE)[:2]


@dataclass(slots=True, kw_only=True)
class BookMemory:
    """Running values of one strategy.

    Parameters
    ----------
    peak : ndarray of shape (n_paths,)
        Running maximum of equity [USD].
    committed : ndarray of shape (n_paths,)
        Outlay of hedges ordered today [USD].
    weekday, week : ndarray of int, shape (n_paths,)
        Drawn weekday, 0 to 4, and week of the roll cycle, 0 to 3.
    condor_pnl, front_move : deque of ndarray
        Daily P&L at mid of the condor [USD] and change of the front VIX future [points], day 0 or the session before
        the window first.
    """

    peak: FloatArray
    committed: FloatArray
    weekday: IntArray
    week: IntArray
    condor_pnl: deque[FloatArray]
    front_move: deque[FloatArray]
    _condor_total: FloatArray

    @classmethod
    def start(cls, n_paths: int, phases: FloatArray, beta_window: int = 0) -> Self:
        """Nothing has happened yet; hedge ratios by regression are to look back ``beta_window`` sessions."""
        return cls(
            peak=np.full(n_paths, -np.inf),
            committed=np.zeros(n_paths),
            weekday=(5.0 * phases[0]).astype(np.int64),
            week=(4.0 * phases[1]).astype(np.int64),
            condor_pnl=deque(maxlen=beta_window + 1),
            front_move=deque(maxlen=beta_window + 1),
            _condor_total=np.zeros(n_paths),
        )

    @classmethod
    def empty(cls, n_paths: int) -> Self:
        """Memory of a strategy that has not lived yet, with the phases of Monday and of the first week."""
        return cls.start(n_paths, np.zeros((2, n_paths)))

    def note(self, equity: FloatArray, condor_total: FloatArray, front_move: FloatArray) -> None:
        """Take up today's close: equity, the condor's P&L so far, the move of the front future."""
        np.maximum(self.peak, equity, out=self.peak)
        self.committed = np.zeros(equity.size)
        self.condor_pnl.append(condor_total - self._condor_total)
        self.front_move.append(front_move)
        self._condor_total = condor_total.copy()

    def condor_beta(self) -> FloatArray | None:
        """Slope of the condor's daily P&L on the front VIX future [USD per point]; None while too little is known."""
        if len(self.condor_pnl) <= LEAST_SESSIONS:
            return None
        # the first entry is day 0, on which nothing was held
        pnl, move = np.array(self.condor_pnl)[1:], np.array(self.front_move)[1:]
        pnl, move = pnl - pnl.mean(axis=0), move - move.mean(axis=0)
        variance = np.sum(move * move, axis=0)
        return np.asarray(np.sum(pnl * move, axis=0) / np.where(variance > 0.0, variance, 1.0))

"""The scorecard: how many of the 34 facts of the real market a model reproduces.

A fact passes if the median over simulated windows lies in the envelope of the real six-year windows, and the real value
over the whole sample lies between the 5% and the 95% quantile of the simulated windows. Where the envelope rests on one
real episode (``envelope_counts`` false), the band decides alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

from models.fidelity.facts import FACTS, history_facts
from models.fidelity.futures import Curve, curve_of
from models.fidelity.real_market import RealFact, real_facts
from models.fidelity.windows import WINDOW_SESSIONS, WindowBlock, simulate_windows
from models.protocols import FloatArray, Model

MIN_KNOWN = 0.02
"""Least share of windows that must have a fact (enough days with the VIX in its range) for it to be judged."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FactScore:
    """One fact of a model beside the real one.

    Parameters
    ----------
    fact : RealFact
        The real fact.
    median, low, high : float
        Median, 5% and 95% quantile over the simulated windows; NaN where too few have the fact.
    known_share : float
        Share of windows that have the fact.
    """

    fact: RealFact
    median: float
    low: float
    high: float
    known_share: float

    @property
    def in_envelope(self) -> bool:
        """Whether the median lies in the envelope of the real windows."""
        return self.fact.low <= self.median <= self.fact.high

    @property
    def in_band(self) -> bool:
        """Whether the real value lies in the band of the simulated windows."""
        return self.low <= self.fact.real <= self.high

    @property
    def passed(self) -> bool:
        """Whether the fact is reproduced."""
        return self.in_band and (self.in_envelope or not self.fact.envelope_counts)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """All facts of a model.

    Parameters
    ----------
    scores : tuple of FactScore
        In the order of ``FACTS``.
    n_windows : int
        Simulated windows.
    seed : int
        Their seed.
    outside_share : float
        Share of simulated states that lay off the grid of the futures.
    """

    scores: tuple[FactScore, ...]
    n_windows: int
    seed: int
    outside_share: float

    @property
    def n_passed(self) -> int:
        """Number of facts reproduced."""
        return sum(score.passed for score in self.scores)


def score_facts(values: FloatArray, *, seed: int, outside_share: float = 0.0) -> Scorecard:
    """Judge the facts of simulated windows.

    Parameters
    ----------
    values : ndarray of shape (n_windows, 34)
        Facts of each window, NaN where it has none.
    seed : int
        Seed of the windows.
    outside_share : float
        Share of states off the grid.
    """
    rows = []
    for fact, column in zip(real_facts(), values.T, strict=True):
        known = column[~np.isnan(column)]
        share = known.size / column.size
        low, median, high = np.quantile(known, [0.05, 0.5, 0.95]) if share >= MIN_KNOWN else (np.nan,) * 3
        rows.append(FactScore(fact=fact, median=float(median), low=float(low), high=float(high), known_share=share))
    return Scorecard(scores=tuple(rows), n_windows=values.shape[0], seed=seed, outside_share=outside_share)


def window_facts(block: WindowBlock) -> tuple[FloatArray, int]:
    """Facts (n_windows, 34) of a block of windows, and its number of states off the grid."""
    return history_facts(block.log_return.T, block.vix.T, block.futures[0].T, block.futures[1].T), block.n_outside


def simulate_facts(
    model: Model,
    *,
    n_windows: int = 1000,
    seed: int = 1,
    n_threads: int = 2,
    futures: Curve | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[FloatArray, float]:
    """Facts of simulated windows of a model.

    Parameters
    ----------
    model : Model
        The model.
    n_windows, seed, n_threads : int
        See ``simulate_windows``.
    futures : Curve, optional
        VX curve of the model, if it is at hand already.
    progress : callable, optional
        Called with the windows done and their number.

    Returns
    -------
    values : ndarray of shape (n_windows, 34)
    outside_share : float
        Share of coordinates off the grid of the futures.
    """
    values = np.empty((n_windows, len(FACTS)))
    done = outside = 0
    curve = curve_of(model) if futures is None else futures
    for part, n_outside in simulate_windows(model, curve, n_windows, seed=seed, use=window_facts, n_threads=n_threads):
        values[done : done + part.shape[0]] = part
        done += part.shape[0]
        outside += n_outside
        if progress is not None:
            progress(done, n_windows)
    return values, outside / (n_windows * (WINDOW_SESSIONS + 1))


def scorecard(
    model: Model,
    *,
    n_windows: int = 1000,
    seed: int = 1,
    n_threads: int = 2,
    futures: Curve | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Scorecard:
    """Score a model; see ``simulate_facts`` for the parameters."""
    values, outside_share = simulate_facts(
        model, n_windows=n_windows, seed=seed, n_threads=n_threads, futures=futures, progress=progress
    )
    return score_facts(values, seed=seed, outside_share=outside_share)

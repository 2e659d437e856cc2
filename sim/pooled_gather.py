"""Gather daily and monthly P&L of all paths into histograms, from the daily equity that waits in scratch files."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sim.config import ExperimentConfig
from sim.experiment import windows_of
from sim.metrics.estimate import INDEPENDENT, Estimate, SampleDesign
from sim.metrics.path_groups import N_GROUPS, group_of
from sim.metrics.period_statistics import NO_PERIOD, PERIODS
from sim.metrics.pooled import N_BINS, PooledPnl, count_pnl, pooled_estimates

_PATHS_AT_ONCE = 2048

Pooled = Mapping[str, Estimate]


def periods_of(config: ExperimentConfig) -> list[str]:
    """Kinds of period whose P&L an experiment asks for."""
    return [prefix for prefix, (_, metric, _) in PERIODS.items() if metric in config.metrics]


def has_daily_windows(config: ExperimentConfig) -> bool:
    """Whether daily P&L is asked for window by window too."""
    return "daily" in periods_of(config) and bool(windows_of(config))


def pooled_of(
    config: ExperimentConfig,
    equity: NDArray[np.float32],
    inside: NDArray[np.unsignedinteger] | None,
    design: SampleDesign = INDEPENDENT,
) -> list[Pooled]:
    """Estimates from the P&L of all periods of one strategy in one scenario.

    Parameters
    ----------
    config : ExperimentConfig
        The experiment.
    equity : ndarray of shape (n_days + 1, n_paths)
        Equity at every close [USD]; may be a file, some paths are read at a time.
    inside : ndarray of shape (n_days + 1, n_paths), optional
        Windows that each session belongs to, from ``windows.membership.codes``.
    design : SampleDesign
        How the paths were drawn.

    Returns
    -------
    list of mapping
        Estimates by name: of all sessions, then of the sessions of each window, daily P&L only.
    """
    n_paths, initial = equity.shape[1], config.account.initial_equity
    weight, group = design.relative(n_paths), group_of(n_paths, design.cluster)
    of_windows: list[dict[str, Estimate]] = [{} for _ in range(1 if inside is None else 1 + len(config.windows))]
    for prefix in periods_of(config):
        codes = inside if prefix == "daily" else None
        counts = np.zeros((1 if codes is None else len(of_windows), N_GROUPS, 2 * N_BINS + 1))
        for first in range(0, n_paths, _PATHS_AT_ONCE):
            part = slice(first, min(first + _PATHS_AT_ONCE, n_paths))
            bits = np.zeros((0, n_paths), dtype=np.uint32) if codes is None else codes[:, part].astype(np.uint32)
            chunk = np.ascontiguousarray(equity[:, part])
            count_pnl(chunk, initial, PERIODS[prefix][0], bits, weight[part], group[part], counts)
        for estimates, histogram in zip(of_windows, counts, strict=False):
            pooled = PooledPnl(counts=histogram, scale=initial)
            estimates.update(pooled_estimates(pooled, prefix, NO_PERIOD))
    return list(of_windows)

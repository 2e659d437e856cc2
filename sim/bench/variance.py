"""How much each way of drawing paths saves: squared standard errors at equal numbers of paths, measured by repetition.

Each method runs the same experiment with the same seeds. Two ratios to independent paths are given: of the squared
standard errors that the runs report, and of the variance of the estimates from run to run, which says whether the
reported errors can be believed. Control variates concern means and are measured on the plain runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from threadpoolctl import threadpool_limits

from sim.cell import Cell, CellResult, run_cell
from sim.config import ExperimentConfig, SamplingConfig
from sim.experiment import parse_experiment
from sim.metrics.controlled import adjusted
from sim.metrics.drawdown import max_drawdown
from sim.metrics.estimate import Estimate, SampleDesign, expected_shortfall, mean, quantile

FloatArray = NDArray[np.float64]
Progress = Callable[[int, int], None]

EXPERIMENT: dict[str, Any] = {
    "name": "variance",
    "days": 126,
    "scenarios": {"svcj": {"model": "svcj", "preset": "svcj_index_2018"}},
    "strategies": {"condor": {"engines": [{"engine": "iron_condor"}]}},
    "windows": {},
    "keep": {"fan": False, "example_paths": 0, "explorer": [], "greek_paths": 0},
}
"""Half a year of weekly condors on SVCJ from its stationary law."""

POINTS = 32
"""Paths of a replicate."""

METHODS: dict[str, dict[str, Any]] = {
    "plain": {"method": "plain", "controls": ["spx", "strip", "vix"]},
    "antithetic": {"method": "antithetic"},
    "stratified": {"method": "stratified", "points": POINTS},
    "sobol": {"method": "sobol", "points": POINTS},
    "importance": {"method": "importance"},
}
"""Name -> section ``sampling``."""

CONTROLS = "controls"
"""Name of the plain runs whose means are adjusted."""

STATISTICS: dict[str, Callable[[FloatArray, FloatArray, SampleDesign], Estimate]] = {
    "mean P&L": lambda pnl, drawdown, design: mean(pnl, design),
    "mean maximum drawdown": lambda pnl, drawdown, design: mean(drawdown, design),
    "95% quantile of the maximum drawdown": lambda pnl, drawdown, design: quantile(drawdown, 0.95, design),
    "expected shortfall 95%": lambda pnl, drawdown, design: expected_shortfall(pnl, 0.95, design),
    "expected shortfall 99%": lambda pnl, drawdown, design: expected_shortfall(pnl, 0.99, design),
    "expected shortfall 99.9%": lambda pnl, drawdown, design: expected_shortfall(pnl, 0.999, design),
}
"""Name -> from terminal P&L and maximum drawdown of the paths to the estimate."""

MEANS = ("mean P&L", "mean maximum drawdown")
"""Statistics that controls adjust."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class VarianceRow:
    """One method and statistic.

    Parameters
    ----------
    method, statistic : str
        Names.
    estimate : float
        Mean over the repetitions.
    bias_errors : float
        Its distance from the mean of the plain repetitions, in standard errors of that distance.
    standard_error : float
        Root mean square of the reported errors.
    spread : float
        Deviation of the estimates from run to run.
    variance_ratio : float
        Mean squared reported error of independent paths over that of the method: above 1 it saves paths.
    spread_ratio, spread_low, spread_high : float
        The same of the variance from run to run, with its 95% interval for normal estimates.
    cost_ratio : float
        Time of a path over that of an independent one.
    """

    method: str
    statistic: str
    estimate: float
    bias_errors: float
    standard_error: float
    spread: float
    variance_ratio: float
    spread_ratio: float
    spread_low: float
    spread_high: float
    cost_ratio: float


@dataclass(slots=True)
class _Runs:
    """Estimates of one method: statistic to one value a repetition."""

    estimates: dict[str, list[float]] = field(default_factory=dict)
    errors: dict[str, list[float]] = field(default_factory=dict)
    seconds: float = 0.0

    def add(self, name: str, found: Estimate) -> None:
        self.estimates.setdefault(name, []).append(found.estimate)
        self.errors.setdefault(name, []).append(found.standard_error)


def variance_rows(*, paths: int, repeats: int, seed: int = 1, progress: Progress | None = None) -> list[VarianceRow]:
    """Measure all methods.

    Parameters
    ----------
    paths : int
        Paths of a run.
    repeats : int
        Runs of each method, >= 2.
    seed : int
        Seed of the first run; the others follow.
    progress : callable, optional
        Called with the number of runs done and in all.
    """
    configs = {name: _experiment(paths, section) for name, section in METHODS.items()}
    runs = {name: _Runs() for name in (*METHODS, CONTROLS)}
    for config in configs.values():
        _run(config, seed, paths=min(paths, 16))  # compiles, and builds the tables
    total = len(METHODS) * repeats
    for turn in range(repeats):
        for number, (name, config) in enumerate(configs.items()):
            started = time.perf_counter()
            result = _run(config, seed + turn, paths=paths)
            runs[name].seconds += time.perf_counter() - started
            _note(result, config.sampling, runs[name], runs[CONTROLS])
            if progress is not None:
                progress(turn * len(METHODS) + number + 1, total)
    runs[CONTROLS].seconds = runs["plain"].seconds
    return [row for name in runs for row in _rows(name, runs[name], runs["plain"])]


def _experiment(paths: int, section: dict[str, Any]) -> ExperimentConfig:
    compute = {"block_paths": paths}
    return parse_experiment({**EXPERIMENT, "paths": paths, "sampling": section, "compute": compute}, "bench")


def _run(config: ExperimentConfig, seed: int, *, paths: int) -> CellResult:
    with threadpool_limits(limits=1):
        return run_cell(config.model_copy(update={"seed": seed}), Cell(scenario="svcj", first_path=0, n_paths=paths))


def _note(result: CellResult, sampling: SamplingConfig, runs: _Runs, controlled: _Runs) -> None:
    """Keep the estimates of a run."""
    outcomes = result.outcomes["condor"]
    design = SampleDesign(weights=result.market.get("path_weight"), cluster=sampling.cluster)
    drawdown = max_drawdown(outcomes.equity)
    for name, statistic in STATISTICS.items():
        found = statistic(outcomes.terminal_pnl, drawdown, design)
        runs.add(name, found)
        if "controls" in result.market and name in MEANS:
            controlled.add(name, adjusted(found, result.market["controls"], design))


def _rows(method: str, runs: _Runs, plain: _Runs) -> Iterator[VarianceRow]:
    for name, values in runs.estimates.items():
        n = len(values)
        own, base = np.var(values, ddof=1), np.var(plain.estimates[name], ddof=1)
        squares = float(np.mean(np.square(runs.errors[name])))
        ratio = float(base / own)
        low, high = stats.f.ppf([0.025, 0.975], n - 1, n - 1)
        gap = float(np.mean(values) - np.mean(plain.estimates[name]))
        yield VarianceRow(
            method=method,
            statistic=name,
            estimate=float(np.mean(values)),
            bias_errors=0.0 if method == "plain" else gap / float(np.sqrt((own + base) / n)),
            standard_error=float(np.sqrt(squares)),
            spread=float(np.sqrt(own)),
            variance_ratio=float(np.mean(np.square(plain.errors[name]))) / squares,
            spread_ratio=ratio,
            spread_low=ratio / float(high),
            spread_high=ratio / float(low),
            cost_ratio=runs.seconds / plain.seconds,
        )

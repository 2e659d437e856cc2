"""The answer: what the paired differences say about every strategy, in words.

Two strategies run on the same paths, so the difference of a statistic has a far smaller error than either number.
A strategy is called better or worse than the first one only where the 95% interval of that difference leaves out 0.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr

Verdict = Literal["better", "worse", "same"]

HEADLINES = {
    "expected_shortfall_95": "expected shortfall of the terminal P&L (95%, net of costs)",
    "max_drawdown_mean": "mean maximum drawdown",
    "terminal_pnl_mean": "mean P&L",
}
"""Statistics that the answer is about, what premium sellers can lose before what they earn, and their names."""

HIGHER_IS_BETTER = frozenset({"terminal_pnl_mean", "terminal_pnl_median", "terminal_pnl_q05"})


def verdict(ci_low: float, ci_high: float, *, higher_is_better: bool) -> Verdict:
    """Judge a paired difference by its interval."""
    if not (np.isfinite(ci_low) and np.isfinite(ci_high)) or ci_low <= 0.0 <= ci_high:
        return "same"
    return "better" if (ci_low > 0.0) == higher_is_better else "worse"


def verdict_of(paired: xr.Dataset, scenario: str, strategy: str, statistic: str) -> Verdict:
    """Verdict on one cell of the paired table."""
    cell = paired.sel(scenario=scenario, strategy=strategy, statistic=statistic)
    return verdict(float(cell["ci_low"]), float(cell["ci_high"]), higher_is_better=statistic in HIGHER_IS_BETTER)


def answer_sentences(statistics: xr.Dataset, paired: xr.Dataset) -> list[str]:
    """One sentence a strategy, with the largest effect and its interval.

    Parameters
    ----------
    statistics : xarray.Dataset
        ``estimate`` over (scenario, strategy, statistic).
    paired : xarray.Dataset
        ``difference``, ``ci_low``, ``ci_high`` against the first strategy, over the same dimensions.
    """
    strategies = [str(name) for name in paired["strategy"].values]
    baseline = str(statistics["strategy"].values[0])
    scenarios = [str(name) for name in paired["scenario"].values]
    headlines = [name for name in HEADLINES if name in paired["statistic"].values]
    sentences = [
        _sentence(paired, strategy, baseline, scenarios, headlines)
        for strategy in strategies
        if strategy != baseline and headlines
    ]
    return sentences or [f"{baseline} is the only strategy; its figures stand below."]


def _sentence(paired: xr.Dataset, strategy: str, baseline: str, scenarios: list[str], headlines: list[str]) -> str:
    """What happens to each headline statistic in how many scenarios, and the largest change of the first of them."""
    parts = []
    for statistic in headlines:
        better, worse = ("higher", "lower") if statistic in HIGHER_IS_BETTER else ("lower", "higher")
        verdicts = [verdict_of(paired, name, strategy, statistic) for name in scenarios]
        parts.append(f"{HEADLINES[statistic]} is {_count(verdicts, better, worse)}")
    cells = paired.sel(strategy=strategy, statistic=headlines[0])
    largest = max(scenarios, key=lambda name: abs(float(cells["difference"].sel(scenario=name))))
    cell = cells.sel(scenario=largest)
    change, low, high = (float(cell[name]) for name in ("difference", "ci_low", "ci_high"))
    in_dollars = headlines[0] != "max_drawdown_mean"
    change_text, low_text, high_text = (f"{x:+,.0f}" if in_dollars else f"{x:+.2%}" for x in (change, low, high))
    return (
        f"{strategy} against {baseline}: {'; '.join(parts)}. Largest change of the first, in {largest}: "
        f"{change_text}{' USD' if in_dollars else ''} [95% interval {low_text} to {high_text}]."
    )


def _count(verdicts: list[Verdict], better: str, worse: str) -> str:
    """Say in how many scenarios it is better, worse or neither; what never happens is left out."""
    names: dict[Verdict, str] = {
        "better": f"{better} (better)",
        "worse": f"{worse} (worse)",
        "same": "not distinguishable",
    }
    counts = [(name, verdicts.count(verdict)) for verdict, name in names.items() if verdict in verdicts]
    if len(counts) == 1:
        every = {1: "in the one scenario", 2: "in both scenarios"}
        return f"{counts[0][0]} {every.get(len(verdicts), f'in all {len(verdicts)} scenarios')}"
    first, *rest = counts
    return ", ".join(
        [f"{first[0]} in {first[1]} of {len(verdicts)} scenarios", *(f"{name} in {n}" for name, n in rest)]
    )

"""The answer: what the paired differences say about every strategy, in words.

Two strategies run on the same paths, so the difference of a statistic has a far smaller error than either number.
A strategy is called better or worse than the first one only where the 95% interval of that difference leaves out 0.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr

from sim.metrics.interval_text import TOO_FEW

Verdict = Literal["better", "worse", "same"]

HEADLINES = {
    "expected_shortfall_95": "expected shortfall of the terminal P&L (95%, net of costs)",
    "max_drawdown_mean": "mean maximum drawdown",
    "terminal_pnl_mean": "mean P&L",
}
"""Statistics that the answer is about, what premium sellers can lose before what they earn, and their names."""


def higher_is_better(table: xr.Dataset, statistic: str) -> bool:
    """Which way is better: as stored, or by its name in results of before that was stored."""
    if "better" not in table.variables:
        return statistic.startswith("terminal_pnl")
    return str(table["better"].sel(statistic=statistic).values) == "higher"


def verdict(ci_low: float, ci_high: float, *, higher_is_better: bool) -> Verdict:
    """Judge a paired difference by its interval."""
    if not (np.isfinite(ci_low) and np.isfinite(ci_high)) or ci_low <= 0.0 <= ci_high:
        return "same"
    return "better" if (ci_low > 0.0) == higher_is_better else "worse"


def verdict_of(paired: xr.Dataset, scenario: str, strategy: str, statistic: str) -> Verdict:
    """Verdict on one cell of the paired table."""
    cell = paired.sel(scenario=scenario, strategy=strategy, statistic=statistic)
    better = higher_is_better(paired, statistic)
    return verdict(float(cell["ci_low"]), float(cell["ci_high"]), higher_is_better=better)


@dataclass(frozen=True, slots=True)
class _Words:
    """The paired table, asked for texts."""

    paired: xr.Dataset
    baseline: str
    candidates: Collection[str] = ()

    @property
    def scenarios(self) -> list[str]:
        return [str(name) for name in self.paired["scenario"].values]

    @property
    def others(self) -> list[str]:
        return [str(name) for name in self.paired["strategy"].values if str(name) != self.baseline]

    @property
    def hedges(self) -> list[str]:
        """Those of the others that the answer may name."""
        return [name for name in self.others if name in self.candidates] or self.others

    @property
    def headlines(self) -> list[str]:
        return [name for name in HEADLINES if name in self.paired["statistic"].values]

    def verdicts(self, strategy: str, statistic: str) -> list[Verdict]:
        return [verdict_of(self.paired, name, strategy, statistic) for name in self.scenarios]

    def largest(self, strategy: str, statistic: str) -> str:
        """Scenario with the largest difference."""
        cells = self.paired["difference"].sel(strategy=strategy, statistic=statistic)
        return max(self.scenarios, key=lambda name: abs(float(cells.sel(scenario=name))))

    def strength(self, strategy: str, statistic: str) -> tuple[float, float]:
        """Scenarios in which it is better less those in which it is worse, and the mean difference towards better."""
        verdicts = self.verdicts(strategy, statistic)
        sign = 1.0 if higher_is_better(self.paired, statistic) else -1.0
        gain = sign * float(self.paired["difference"].sel(strategy=strategy, statistic=statistic).mean())
        return verdicts.count("better") - verdicts.count("worse"), gain

    def change(self, scenario: str, strategy: str, statistic: str) -> str:
        """Difference with its interval: ``-1,234 USD [95% interval -2,000 to -400]``."""
        cell = self.paired.sel(scenario=scenario, strategy=strategy, statistic=statistic)
        change, low, high = (float(cell[name]) for name in ("difference", "ci_low", "ci_high"))
        form, unit = ("+.2%", "") if statistic == "max_drawdown_mean" else ("+,.0f", " USD")
        if not np.isfinite([low, high]).all():
            return f"{change:{form}}{unit} [{TOO_FEW} for an interval]"
        return f"{change:{form}}{unit} [95% interval {low:{form}} to {high:{form}}]"


def headline(statistics: xr.Dataset, paired: xr.Dataset, candidates: Collection[str] = ()) -> str:
    """Answer in one sentence: the strategy that does most for the tail, what it costs, how sure that is.

    Parameters
    ----------
    statistics : xarray.Dataset
        ``estimate`` and interval over (scenario, strategy, statistic).
    paired : xarray.Dataset
        ``difference``, ``ci_low``, ``ci_high`` against the first strategy, over the same dimensions.
    candidates : collection of str
        Strategies that the sentence chooses from, such as those that add to the first one; all others where none.
    """
    words = _Words(paired, str(statistics["strategy"].values[0]), candidates)
    if not words.headlines:
        return "None of the statistics that an answer needs was asked for; those that were stand below."
    if not words.others:
        return _alone(statistics, words)
    statistic = words.headlines[0]
    hedges = words.hedges
    chosen = max(hedges, key=lambda name: words.strength(name, statistic))
    verdicts = words.verdicts(chosen, statistic)
    better, worse = ("raises", "lowers") if higher_is_better(paired, statistic) else ("lowers", "raises")
    number, scenario = len(verdicts), words.largest(chosen, statistic)
    change = words.change(scenario, chosen, statistic)
    where = f"most in {scenario}: {change}" if number > 1 else f"by {change}"
    kept = f"that keep the engines of {words.baseline}, " if len(hedges) < len(words.others) else ""
    if "better" not in verdicts:
        who = f"{chosen} does not {better.rstrip('s')}"
        if len(hedges) > 1:
            who = f"Of {len(hedges)} alternatives {kept}none {better}"
        text = f"{who} the {HEADLINES[statistic]} of {words.baseline} distinguishably"
        text += f" in any of {number} scenarios" if number > 1 else ""
        text += f"; that of {chosen} differs {where}"
    else:
        who = chosen if len(hedges) == 1 else f"Of {len(hedges)} alternatives {kept}{chosen} does most: it"
        text = f"{who} {better} the {HEADLINES[statistic]} of {words.baseline}"
        text += f" in {verdicts.count('better')} of {number} scenarios" if number > 1 else ""
        text += f" and {worse} it in {verdicts.count('worse')}" if "worse" in verdicts else ""
        text += f", {where}" if number > 1 else f" {where}"
    paid = "terminal_pnl_mean"
    if paid in words.headlines and paid != statistic:
        there = " there" if number > 1 else ""
        text += f"; its mean P&L{there} differs by {words.change(scenario, chosen, paid)}"
    return f"{text}."


def _alone(statistics: xr.Dataset, words: _Words) -> str:
    """Range of the last headline over scenarios, where there is nothing to compare with."""
    statistic = words.headlines[-1]
    cells = statistics.sel(strategy=words.baseline, statistic=statistic)
    texts = []
    for pick in (np.argmin, np.argmax):
        cell = cells.isel(scenario=int(pick(cells["estimate"].values)))
        form, unit = ("+.2%", "") if statistic == "max_drawdown_mean" else ("+,.0f", " USD")
        value, low, high = (float(cell[name]) for name in ("estimate", "ci_low", "ci_high"))
        is_known = np.isfinite([low, high]).all()
        interval = f"95% interval {low:{form}} to {high:{form}}" if is_known else f"{TOO_FEW} for an interval"
        texts.append(f"{value:{form}}{unit} [{interval}] in {cell['scenario'].item()}")
    span = texts[0] if cells.sizes["scenario"] == 1 else f"between {texts[0]} and {texts[1]}"
    return f"{HEADLINES[statistic].capitalize().replace('p&l', 'P&L')} of {words.baseline}, the only strategy: {span}."


def answer_sentences(statistics: xr.Dataset, paired: xr.Dataset) -> list[str]:
    """One sentence a strategy, with the largest effect and its interval; takes what ``headline`` takes."""
    words = _Words(paired, str(statistics["strategy"].values[0]))
    return [_sentence(words, strategy) for strategy in words.others if words.headlines]


def _sentence(words: _Words, strategy: str) -> str:
    """What happens to each headline statistic in how many scenarios, and the largest change of the first of them."""
    parts = []
    for statistic in words.headlines:
        better, worse = ("higher", "lower") if higher_is_better(words.paired, statistic) else ("lower", "higher")
        parts.append(f"{HEADLINES[statistic]} is {_count(words.verdicts(strategy, statistic), better, worse)}")
    first = words.headlines[0]
    largest = words.largest(strategy, first)
    return (
        f"{strategy} against {words.baseline}: {'; '.join(parts)}. Largest change of the first, in {largest}: "
        f"{words.change(largest, strategy, first)}."
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

"""The first screen: question, answer, strategies by scenario, and the assumptions that decide it."""

from __future__ import annotations

from dataclasses import dataclass

import xarray as xr

from sim.claims import judge
from sim.claims.text import sentence
from sim.report.answer import HEADLINES, answer_sentences, headline, higher_is_better
from sim.report.assumptions import Assumption, assumptions, premia_table
from sim.report.ranking import MARKS, Mark, marks
from sim.report.stored import names
from sim.report.tables import Cell, Table, Value, form_of
from sim.storage import Results

ORDER = ("terminal_pnl_mean", "expected_shortfall_95", "max_drawdown_mean")
"""Statistics of the first table, which readers choose from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstScreen:
    """What stands above all sections.

    Parameters
    ----------
    name, question, answer : str
        Of the experiment; the answer in a sentence.
    sentences : list of str
        The answer strategy by strategy.
    note : str
        How many paths, and how to read the table.
    tables : list of Table
        Strategies by scenario, one for each statistic to choose from.
    assumptions : list of Assumption
        Variance premium, costs, model.
    premia : Table
        Everything that parts P from Q.
    """

    name: str
    question: str
    answer: str
    sentences: list[str]
    note: str
    tables: list[Table]
    assumptions: list[Assumption]
    premia: Table


def first_screen(results: Results) -> FirstScreen:
    """Make the first screen of a report."""
    data, statistics, paired = results.data, results.statistics, results.paired
    shown = [name for name in ORDER if name in names(statistics, "statistic")]
    pairwise = results.table("pairwise") if results.has_table("pairwise") else None
    ruin = "" if bool((data["ruined"] == 1).any()) else " No path was ruined."
    return FirstScreen(
        name=str(data.attrs["name"]),
        question=str(data.attrs["question"]),
        answer=_answer(results),
        sentences=answer_sentences(statistics, paired),
        note=f"{data.sizes['path']:,} paths of {data.sizes['day'] - 1} sessions a scenario, net of costs, 95% "
        f"intervals below. {_legend(results)}{ruin}",
        tables=_tables(statistics, pairwise, shown),
        assumptions=assumptions(results),
        premia=premia_table(results),
    )


def _legend(results: Results) -> str:
    """What the signs mean, and how often chance alone would set one."""
    n_strategies, n_scenarios = (results.data.sizes[name] for name in ("strategy", "scenario"))
    if n_strategies < 2:
        return ""
    signs = ", ".join(f"{sign} {meaning}" for sign, meaning in MARKS.values() if sign)
    comparisons = n_scenarios * (n_strategies - 1) * len([name for name in HEADLINES if name in ORDER])
    return (
        f"In each column, by paired tests on the same paths: {signs}. Of {comparisons} comparisons with the first "
        f"strategy, {0.05 * comparisons:.1f} would stand out by chance if all strategies were alike."
    )


def _answer(results: Results) -> str:
    """Verdict of the claim that a run was made for, else what the differences from the first strategy say."""
    if results.manifest["config"].get("claim"):
        return sentence(judge(results))
    return headline(results.statistics, results.paired, _hedges(results))


def _hedges(results: Results) -> list[str]:
    """Strategies that have all engines of the first one, and others beside: what it is hedged with."""
    engines = {
        name: [str(engine["engine"]) for engine in strategy["engines"]]
        for name, strategy in results.manifest["config"]["strategies"].items()
    }
    first, *others = names(results.data, "strategy")
    return [name for name in others if engines[first] and set(engines[first]) < set(engines[name])]


def _tables(statistics: xr.Dataset, pairwise: xr.Dataset | None, shown: list[str]) -> list[Table]:
    """A table a statistic with the scenarios side by side; of one scenario a single one with the statistics."""
    scenarios = names(statistics, "scenario")
    columns = {name: [_column(statistics, pairwise, scenario, name) for scenario in scenarios] for name in shown}
    titles = {name: _title(statistics, name) for name in shown}
    strategies = names(statistics, "strategy")
    if len(scenarios) == 1 and shown:
        header = ("strategy", *titles.values())
        rows: list[tuple[Cell, ...]] = list(zip(strategies, *(column for (column,) in columns.values()), strict=True))
        return [Table(title=f"Strategies in {scenarios[0]}", header=header, rows=rows)]
    return [
        Table(title=titles[name], header=("strategy", *scenarios), rows=list(zip(strategies, *own, strict=True)))
        for name, own in columns.items()
    ]


def _title(statistics: xr.Dataset, statistic: str) -> str:
    label, unit = (str(statistics[name].sel(statistic=statistic).values) for name in ("label", "unit"))
    return f"{label} [{'% of the peak' if unit == 'share' else unit}]"


def _column(statistics: xr.Dataset, pairwise: xr.Dataset | None, scenario: str, statistic: str) -> list[Cell]:
    """Strategies in one scenario and statistic, with the marks of the paired tests."""
    found: dict[str, Mark] = {}
    if pairwise is not None:
        better = higher_is_better(statistics, statistic)
        found = marks(statistics, pairwise, scenario, statistic, higher_is_better=better)
    cells: list[Cell] = []
    for strategy in names(statistics, "strategy"):
        cell = statistics.sel(scenario=scenario, strategy=strategy, statistic=statistic)
        mark = found.get(strategy, "middle")
        value, low, high = (float(cell[name]) for name in ("estimate", "ci_low", "ci_high"))
        sign = f" {MARKS[mark][0]}" if MARKS[mark][0] else ""
        cells.append(Value(value=value, low=low, high=high, form=form_of(statistic), sign=sign, css=mark))
    return cells

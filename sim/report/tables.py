"""The report's tables as HTML: estimates with their intervals below them, verdicts of the paired test as colour."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import xarray as xr

from sim.report.answer import verdict_of

SHARE_STATISTICS = ("max_drawdown", "probability", "time_under_water", "ulcer_index")
"""Beginnings of the names of statistics that are fractions and printed in percent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of the report.

    Parameters
    ----------
    title, note : str
        What it shows, and how to read it.
    html : str
        The ``<table>`` element.
    """

    title: str
    html: str
    note: str = ""


_NUMBERS = re.compile(r"[-+±\d.,%/e\s]+|n/a")


def plain_table(title: str, header: Sequence[str], rows: Iterable[Sequence[str]], *, note: str = "") -> Table:
    """Table of plain text; the first column is left-aligned, long last columns wrap."""
    rows = list(rows)
    is_text = [i == 0 or any(not _NUMBERS.fullmatch(row[i]) for row in rows) for i in range(len(header))]
    head = "".join(f"<th{' class=text' if is_text[i] else ''}>{escape(name)}</th>" for i, name in enumerate(header))
    body = []
    for row in rows:
        cells = [
            f"<td class={_css(cell, is_text=text)}>{escape(cell)}</td>" for text, cell in zip(is_text, row, strict=True)
        ]
        body.append(f"<tr>{''.join(cells)}</tr>")
    html = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"
    return Table(title=title, note=note, html=html)


def _css(cell: str, *, is_text: bool) -> str:
    if len(cell) > 40:
        return "wrap"
    return "text" if is_text else "number"


def format_value(statistic: str, value: float) -> str:
    """Write a statistic in its unit: percent for fractions, whole dollars otherwise."""
    if not np.isfinite(value):
        return "n/a"
    if statistic.startswith(SHARE_STATISTICS):
        return f"{value:.2%}"
    return f"{value:,.0f}"


def statistics_table(statistics: xr.Dataset, paired: xr.Dataset, *, labels: Mapping[str, str], scenario: str) -> Table:
    """Strategies by statistic in one scenario, each with its 95% interval.

    Parameters
    ----------
    statistics, paired : xarray.Dataset
        As stored: estimates with intervals, and differences from the first strategy.
    labels : mapping
        Statistic to its printed name and unit, in the order of the columns.
    scenario : str
        Which scenario.
    """
    strategies = [str(name) for name in statistics["strategy"].values]
    head = "<th class=text>strategy</th>" + "".join(f"<th>{escape(label)}</th>" for label in labels.values())
    body = []
    for number, strategy in enumerate(strategies):
        cells = [f"<td class=text>{escape(strategy)}</td>"]
        for statistic in labels:
            cell = statistics.sel(scenario=scenario, strategy=strategy, statistic=statistic)
            css = "same" if number == 0 else verdict_of(paired, scenario, strategy, statistic)
            cells.append(_interval_cell(statistic, cell, css=css if number else ""))
        body.append(f"<tr>{''.join(cells)}</tr>")
    return Table(title=scenario, html=f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>")


def _interval_cell(statistic: str, cell: xr.Dataset, *, css: str) -> str:
    value = format_value(statistic, float(cell["estimate"]))
    low, high = (format_value(statistic, float(cell[name])) for name in ("ci_low", "ci_high"))
    mark = {"better": " ▲", "worse": " ▼", "same": " ="}.get(css, "")
    return f'<td class="{css}">{value}{mark}<span class=ci>[{low}, {high}]</span></td>'


def paired_table(paired: xr.Dataset, *, labels: Mapping[str, str], baseline: str) -> Table:
    """Differences from the baseline on the same paths, every scenario and strategy."""
    header = ["scenario", "strategy", *labels.values()]
    rows = []
    for scenario in paired["scenario"].values:
        for strategy in paired["strategy"].values:
            if str(strategy) == baseline:
                continue
            cells = [f"<td class=text>{escape(str(scenario))}</td><td class=text>{escape(str(strategy))}</td>"]
            for statistic in labels:
                cell = paired.sel(scenario=scenario, strategy=strategy, statistic=statistic)
                css = verdict_of(paired, str(scenario), str(strategy), statistic)
                cells.append(_interval_cell(statistic, cell.rename(difference="estimate"), css=css))
            rows.append(f"<tr>{''.join(cells)}</tr>")
    head = "".join(f"<th{' class=text' if i < 2 else ''}>{escape(name)}</th>" for i, name in enumerate(header))
    return Table(
        title=f"Differences from {baseline} on the same paths",
        note="Estimate of strategy minus baseline, with its 95% interval. ▲ better, ▼ worse, = not distinguishable.",
        html=f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>",
    )

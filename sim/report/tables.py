"""The report's tables: cells of text, or of values with their intervals, as HTML and as rows for export."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import xarray as xr

from sim.metrics.interval_text import interval_text
from sim.metrics.registry import REGISTRY
from sim.report.answer import verdict_of

PERCENT = ("volatility", "cagr_mean", "cagr_median", "irr")
"""Statistics printed in percent whose unit does not say so."""

SIGNS = {"better": " ▲", "worse": " ▼", "same": " ="}
"""Verdict -> sign after the value."""

LONGEST = 40
"""Longest text that stays on one line [characters]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A number in a cell.

    Parameters
    ----------
    value : float
        The number.
    low, high : float, optional
        Its 95% interval.
    form : str
        Format of the three, such as ``,.0f`` or ``.2%``.
    sign : str
        What stands behind it.
    css : str
        Class of the cell.
    """

    value: float
    low: float | None = None
    high: float | None = None
    form: str = ",.0f"
    sign: str = ""
    css: str = ""

    def text(self, number: float | None) -> str:
        """Write one of its numbers."""
        return "n/a" if number is None or not np.isfinite(number) else format(number, self.form)

    @property
    def html(self) -> str:
        """Number, sign, and interval below."""
        interval = ""
        if self.low is not None and self.high is not None and np.isfinite(self.value):
            interval = f"<span class=ci>{escape(interval_text(self.low, self.high, self.form))}</span>"
        return f"{self.text(self.value)}{escape(self.sign)}{interval}"


Cell = str | Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of the report.

    Parameters
    ----------
    title, note : str
        What it shows, and how to read it.
    header : tuple of str
        Names of the columns, with units.
    rows : list of tuple of (str or Value)
        Cells.
    scenario : str, optional
        Scenario that it belongs to; None: shown always.
    """

    title: str
    header: tuple[str, ...]
    rows: list[tuple[Cell, ...]]
    note: str = ""
    scenario: str | None = None

    @property
    def html(self) -> str:
        """The ``<table>`` element."""
        texts = [self._is_text(column) for column in range(len(self.header))]
        head = "".join(
            f"<th{' class=text' if text else ''}>{breakable(name)}</th>"
            for name, text in zip(self.header, texts, strict=True)
        )
        body = "".join(
            f"<tr>{''.join(_cell(cell, is_text=text) for cell, text in zip(row, texts, strict=True))}</tr>"
            for row in self.rows
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def _is_text(self, column: int) -> bool:
        cells = [row[column] for row in self.rows]
        return column == 0 or any(isinstance(cell, str) and not _NUMBERS.fullmatch(cell) for cell in cells)

    def records(self) -> list[dict[str, str | float]]:
        """Rows for export: a value becomes a column, its interval two more.

        A column is called after its header; ends of intervals add ``ci_low`` and ``ci_high``.
        """
        has_interval = [
            any(isinstance(row[column], Value) and row[column].low is not None for row in self.rows)  # type: ignore[union-attr]
            for column in range(len(self.header))
        ]
        return [
            {
                key: item
                for name, cell, wide in zip(self.header, row, has_interval, strict=True)
                for key, item in _export(name, cell, wide=wide).items()
            }
            for row in self.rows
        ]


_NUMBERS = re.compile(r"(?!\d{4}-\d\d-\d\d)[-+±\d.,%/e\s]*|n/a")


def plain_table(
    title: str, header: Sequence[str], rows: Iterable[Sequence[Cell]], *, note: str = "", scenario: str | None = None
) -> Table:
    """Table of texts and values; text is left-aligned, and wraps where it is long."""
    return Table(title=title, header=tuple(header), rows=[tuple(row) for row in rows], note=note, scenario=scenario)


def breakable(name: str) -> str:
    """Escape a name, and let it break after underscores."""
    return escape(name).replace("_", "_<wbr>")


def _cell(cell: Cell, *, is_text: bool) -> str:
    if isinstance(cell, Value):
        return f'<td class="number {cell.css}">{cell.html}</td>'
    css = "wrap" if len(cell) > LONGEST else "text" if is_text else "number"
    return f"<td class={css}>{breakable(cell)}</td>"


def _export(name: str, cell: Cell, *, wide: bool) -> dict[str, str | float]:
    if isinstance(cell, str):
        return {name: cell, **({f"{name} ci_low": "", f"{name} ci_high": ""} if wide else {})}
    if not wide:
        return {name: cell.value}
    nan = float("nan")
    low, high = (nan if end is None else end for end in (cell.low, cell.high))
    return {name: cell.value, f"{name} ci_low": low, f"{name} ci_high": high}


def form_of(statistic: str) -> str:
    """Format of a statistic of the run."""
    item = REGISTRY.get(statistic)
    return form_in(item.unit if item is not None else "", statistic)


def form_in(unit: str, statistic: str = "") -> str:
    """Format by unit: percent for fractions and rates, two decimals for ratios, whole ones else."""
    if statistic in PERCENT or unit == "share":
        return ".2%"
    return ",.2f" if unit.startswith("1") else ",.0f"


def with_unit(label: str, unit: str, statistic: str) -> str:
    """Name of a column with its unit; a share is printed in percent, and says so in each cell."""
    if unit == "share":
        return label
    is_percent = form_in(unit, statistic).endswith("%")
    return f"{label} [{f'%{unit[1:]}' if is_percent else '-' if unit == '1' else unit}]"


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
    rows: list[tuple[Cell, ...]] = []
    for number, strategy in enumerate(str(name) for name in statistics["strategy"].values):
        cells: list[Cell] = [strategy]
        for statistic in labels:
            cell = statistics.sel(scenario=scenario, strategy=strategy, statistic=statistic)
            css = verdict_of(paired, scenario, strategy, statistic) if number else ""
            cells.append(_interval(statistic, cell, css=css))
        rows.append(tuple(cells))
    return Table(title=scenario, header=("strategy", *labels.values()), rows=rows, scenario=scenario)


def paired_table(paired: xr.Dataset, *, labels: Mapping[str, str], baseline: str) -> Table:
    """Differences from the baseline on the same paths, every scenario and strategy."""
    rows: list[tuple[Cell, ...]] = []
    for scenario in (str(name) for name in paired["scenario"].values):
        for strategy in (str(name) for name in paired["strategy"].values):
            if strategy == baseline:
                continue
            cells: list[Cell] = [scenario, strategy]
            for statistic in labels:
                cell = paired.sel(scenario=scenario, strategy=strategy, statistic=statistic)
                css = verdict_of(paired, scenario, strategy, statistic)
                cells.append(_interval(statistic, cell.rename(difference="estimate"), css=css))
            rows.append(tuple(cells))
    return Table(
        title=f"Differences from {baseline} on the same paths",
        note="Estimate of strategy minus baseline, with its 95% interval. ▲ better, ▼ worse, = not distinguishable.",
        header=("scenario", "strategy", *labels.values()),
        rows=rows,
    )


def _interval(statistic: str, cell: xr.Dataset, *, css: str) -> Value:
    value, low, high = (float(cell[name]) for name in ("estimate", "ci_low", "ci_high"))
    return Value(value=value, low=low, high=high, form=form_of(statistic), sign=SIGNS.get(css, ""), css=css)

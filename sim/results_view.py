"""Stored results as people look at them: a tidy table, a line of text, a table in a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd
import xarray as xr

from sim.config.faults import one_of
from sim.errors import ConfigError
from sim.metrics.interval_text import interval_text

if TYPE_CHECKING:
    from sim.storage import Results

KEY_STATISTICS = ("terminal_pnl_mean", "expected_shortfall_95", "max_drawdown_mean")
"""Statistics of the short table, as far as they are stored."""

COLUMNS = ("estimate", "difference", "ci_low", "ci_high", "standard_error", "unit", "label")
"""Columns of the tidy table, as far as they are stored."""


def statistics_frame(table: xr.Dataset, statistics: Sequence[str] = ()) -> pd.DataFrame:
    """Put statistics into a table: a row a scenario, strategy (window) and statistic.

    Parameters
    ----------
    table : xarray.Dataset
        ``statistics``, ``paired``, ``windows`` or ``windows_paired`` of results.
    statistics : sequence of str
        Those wanted; all if empty.

    Raises
    ------
    ConfigError
        If one of them is not stored.
    """
    stored = [str(name) for name in table["statistic"].values]
    for name in statistics:
        if name not in stored:
            raise ConfigError(f"statistic {one_of(name, stored)}")
    chosen = table.sel(statistic=list(statistics)) if statistics else table
    frame = chosen.to_dataframe()
    return frame[[name for name in COLUMNS if name in frame.columns]]


def results_text(results: Results) -> str:
    """One paragraph: what was run, where it is, and by what."""
    lines = [f"Results of {_name(results)} in {results.directory}: {_size(results)}"]
    question = str(results.data.attrs.get("question", ""))
    return "\n  ".join(
        [*lines, *([question] if question else []), "statistics, paired, data, windows: xarray; frame()"]
    )


def key_table(results: Results) -> list[list[str]]:
    """Key statistics of each cell with their 95% intervals, as text; the first row is the header."""
    table = results.statistics
    stored = [str(name) for name in table["statistic"].values]
    shown = [name for name in KEY_STATISTICS if name in stored] or stored[:3]
    head = [f"{table['label'].sel(statistic=s).item()} [{table['unit'].sel(statistic=s).item()}]" for s in shown]
    rows = [["scenario", "strategy", *head]]
    for scenario in table["scenario"].values:
        for strategy in table["strategy"].values:
            cell = table.sel(scenario=scenario, strategy=strategy)
            rows.append([str(scenario), str(strategy), *(_interval(cell.sel(statistic=name)) for name in shown)])
    return rows


def results_html(results: Results) -> str:
    """The same, and the key statistics of each cell with their 95% intervals."""
    header, *rows = key_table(results)
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    question = escape(str(results.data.attrs.get("question", "")))
    return (
        f"<p><strong>{escape(_name(results))}</strong>: {escape(_size(results))}<br>{question}<br>"
        f"<code>{escape(str(results.directory))}</code></p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        "<p>95% intervals in brackets; <code>frame()</code> has every statistic.</p>"
    )


def _name(results: Results) -> str:
    return str(results.data.attrs.get("name", results.directory.name))


def _size(results: Results) -> str:
    sizes: Any = results.data.sizes
    cells = f"{sizes['scenario']} scenarios x {sizes['strategy']} strategies x {sizes['path']:,} paths"
    version = results.manifest.get("code", {}).get("version", "")
    made = f", made {results.data.attrs['created']}" if "created" in results.data.attrs else ""
    return f"{cells}{made}{f' by regimesim {version}' if version else ''}"


def _interval(cell: xr.Dataset) -> str:
    estimate, low, high = (float(cell[key]) for key in ("estimate", "ci_low", "ci_high"))
    form = ",.0f" if abs(estimate) >= 1000.0 else ".4g"
    if str(cell["unit"].values) == "share":
        form = ".2%"
    return f"{estimate:{form}} {interval_text(low, high, form)}"

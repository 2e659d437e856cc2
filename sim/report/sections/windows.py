"""Windows: what the strategies earn, risk and offset in sessions that are measured apart."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sim.report.answer import verdict_of
from sim.report.section import Section
from sim.report.stored import names
from sim.report.tables import SIGNS, Cell, Table, Value, form_in, plain_table, with_unit
from sim.storage import Results

COLUMNS = ("session_share", "path_share", "pnl_per_year", "volatility", "hedge_carry", "offset_ratio")
"""Statistics of the first table; all are in the results."""

RISKS = (
    "max_drawdown_mean",
    "drawdown_share",
    "sharpe_ratio",
    "sortino_ratio",
    "omega_ratio",
    "skewness",
    "kurtosis",
    "daily_value_at_risk_95",
    "daily_expected_shortfall_95",
    "daily_value_at_risk_99",
    "daily_expected_shortfall_99",
)
"""Statistics of the second table, those that the metrics of the experiment ask for."""


def has_data(results: Results) -> bool:
    """Whether the run has windows."""
    return bool(results.windows.sizes)


def build(results: Results) -> Section:
    """A table a scenario with a row for every window and strategy, and one of P&L by engine."""
    windows = results.windows
    tables: list[Table] = []
    for scenario in names(windows, "scenario"):
        tables.append(_by_strategy(results, scenario, "Windows", COLUMNS))
        if set(RISKS) & set(names(windows, "statistic")):
            tables.append(_by_strategy(results, scenario, "Drawdowns, ratios and tails by window", RISKS))
        tables.append(_by_engine(windows.sel(scenario=scenario), scenario))
    listed = zip(names(windows, "window"), map(str, windows["description"].values), strict=True)
    described = "; ".join(f"{name}: {text}" for name, text in listed if text)
    return Section(
        anchor="windows",
        title="In calm markets, spikes and crashes",
        note="P&L net of costs of the sessions that belong to a window, over their number, a year; the offset ratio is "
        f"what the hedges paid of the first engine's losses. {described}.",
        tables=tables,
        wide=True,
    )


def _by_strategy(results: Results, scenario: str, title: str, columns: tuple[str, ...]) -> Table:
    table, paired = results.windows, results.windows_paired
    shown = [name for name in columns if name in table["statistic"].values]
    rows: list[list[Cell]] = []
    for window in names(table, "window"):
        for number, strategy in enumerate(names(table, "strategy")):
            cell = table.sel(scenario=scenario, strategy=strategy, window=window)
            verdicts = paired.sel(window=window) if number else None
            rows.append([window, strategy, *(_value(cell.sel(statistic=s), verdicts) for s in shown)])
    about = {s: [str(table[key].sel(statistic=s).item()) for key in ("label", "unit")] for s in shown}
    labels = [with_unit(label, unit, s) for s, (label, unit) in about.items()]
    return plain_table(
        f"{title}, {scenario}",
        ["window", "strategy", *labels],
        rows,
        scenario=scenario,
        note=f"{results.data.sizes['path']:,} paths, 95% intervals below. Against {names(table, 'strategy')[0]} on the "
        "same paths: ▲ better, ▼ worse, = not distinguishable.",
    )


def _value(cell: xr.Dataset, paired: xr.Dataset | None) -> Value:
    statistic, unit = str(cell["statistic"].item()), str(cell["unit"].item())
    value, low, high = (float(cell[name]) for name in ("estimate", "ci_low", "ci_high"))
    css = ""
    if paired is not None and np.isfinite(value) and str(cell["better"].item()) != "neither":
        css = verdict_of(paired, str(cell["scenario"].item()), str(cell["strategy"].item()), statistic)
    ends = (low, high) if np.isfinite(value) else (None, None)
    form = form_in(unit, statistic)
    return Value(value=value, low=ends[0], high=ends[1], form=form, sign=SIGNS.get(css, ""), css=css)


def _by_engine(table: xr.Dataset, scenario: str) -> Table:
    engines = names(table, "engine")
    rows: list[list[Cell]] = []
    for window in names(table, "window"):
        for strategy in names(table, "strategy"):
            cell = table.sel(window=window, strategy=strategy)
            values = [cell.sel(engine=engine) for engine in engines]
            rows.append([window, strategy, *map(_engine_value, values)])
    return plain_table(
        f"P&L a year by engine, {scenario}",
        ["window", "strategy", *(f"{name} [USD/year]" for name in engines)],
        rows,
        scenario=scenario,
        note="Net of the engine's costs; 95% intervals below. n/a: the strategy has no such engine.",
    )


def _engine_value(cell: xr.Dataset) -> Value:
    value = float(cell["engine_pnl_per_year"])
    if not np.isfinite(value):
        return Value(value=value)
    low, high = (float(cell[f"engine_pnl_per_year_{end}"]) for end in ("ci_low", "ci_high"))
    return Value(value=value, low=low, high=high)

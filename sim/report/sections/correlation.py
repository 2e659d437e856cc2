"""Correlation of the engines by regime: how the daily P&L of the hedges moves with that of the first engine."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sim.report import figures
from sim.report.figure import Figure
from sim.report.section import Card, Section
from sim.report.stored import names
from sim.report.tables import Cell, Value, plain_table
from sim.storage import Results

VARIABLE = "engine_correlation"
MOST_DRAWN = 6
"""Pairs of engines that a figure has room for."""

BELOW = "95% intervals below. n/a: one of the two never traded there."


def has_data(results: Results) -> bool:
    """Whether the run has windows, and a strategy with two engines that both traded in one."""
    return VARIABLE in results.windows and bool(_pairs(results.windows))


def build(results: Results) -> Section:
    """One figure a scenario and strategy, the windows side by side."""
    windows, cards, tables = results.windows, [], []
    pairs = _pairs(windows)
    header = ["strategy", "engine", "with", *(f"{name} [-]" for name in names(windows, "window"))]
    for scenario in names(windows, "scenario"):
        rows: list[list[Cell]] = []
        for strategy, own in pairs.items():
            cell = windows.sel(scenario=scenario, strategy=strategy)
            figure = _figure(cell, _drawn(own))
            cards.append(Card(title=strategy, figure=figure, scenario=scenario, strategy=strategy))
            rows += [[strategy, one, other, *_values(cell, one, other)] for one, other in own]
        tables.append(plain_table(f"Correlations, {scenario}", header, rows, scenario=scenario, note=BELOW))
    return Section(
        anchor="correlation",
        title="Correlation of engines by regime",
        note="Daily P&L of two engines, net of costs, pooled over all paths and the sessions of a window, with 95% "
        "intervals. Below 0 one pays while the other loses; a hedge should lie lowest in spikes and crashes. A pair is "
        "left out of a window in which one of the two never traded. Of a strategy with many engines the figure shows "
        "the pairs with its first one, the table all.",
        cards=cards,
        tables=tables,
        wide=True,
    )


def _pairs(windows: xr.Dataset) -> dict[str, list[tuple[str, str]]]:
    """Strategy to the pairs of its engines with a correlation in any window, in the order of the engines."""
    engines = names(windows, "engine")
    found: dict[str, list[tuple[str, str]]] = {}
    for strategy in names(windows, "strategy"):
        known = windows[VARIABLE].sel(strategy=strategy).notnull().any(dim=("scenario", "window"))
        pairs = [
            (one, other)
            for number, one in enumerate(engines)
            for other in engines[number + 1 :]
            if bool(known.sel(engine=one, other_engine=other))
        ]
        if pairs:
            found[strategy] = pairs
    return found


def _drawn(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Pairs that a figure has room for: all, or those with the first engine."""
    return pairs if len(pairs) <= MOST_DRAWN else [pair for pair in pairs if pair[0] == pairs[0][0]]


def _values(cell: xr.Dataset, one: str, other: str) -> list[Cell]:
    """Correlation of a pair in every window."""
    own = cell.sel(engine=one, other_engine=other)
    parts = (own[key].values for key in (VARIABLE, f"{VARIABLE}_ci_low", f"{VARIABLE}_ci_high"))
    return [Value(value=value, low=low, high=high, form="+.2f") for value, low, high in zip(*parts, strict=True)]


def _figure(cell: xr.Dataset, pairs: list[tuple[str, str]]) -> Figure:
    """Correlations with their intervals over the windows, a marker a pair."""
    figure, labels = Figure(), names(cell, "window")
    colours = {f"{one}, {other}": figures.colour_of(number) for number, (one, other) in enumerate(pairs)}
    for number, (one, other) in enumerate(pairs):
        name = f"{one}, {other}"
        value, low, high = (
            cell[key].sel(engine=one, other_engine=other).values
            for key in (VARIABLE, f"{VARIABLE}_ci_low", f"{VARIABLE}_ci_high")
        )
        figure.add_scatter(
            x=np.arange(len(labels)) + min(0.12, 0.8 / len(pairs)) * (number - (len(pairs) - 1) / 2),
            y=value,
            error_y={
                "type": "data",
                "symmetric": False,
                "array": figures.known_half(high - value),
                "arrayminus": figures.known_half(value - low),
                "color": colours[name],
            },
            mode="markers",
            marker={"color": colours[name], "size": 8, "symbol": figures.symbol_of(colours, name)},
            name=name,
            hovertemplate="%{y:+.2f}",
        )
    figures.finish(figure, x_title="window", y_title="correlation of daily P&L [-]")
    figure.update_xaxes(tickmode="array", tickvals=list(range(len(labels))), ticktext=labels, tickangle=-25)
    figure.update_yaxes(range=[-1.05, 1.05])
    figure.add_hline(y=0.0, line={"width": 1, "color": figures.REFERENCE_COLOUR})
    height = figures.HEIGHT + 30 + figures.legend_height(len(pairs))
    figure.update_layout(height=height, showlegend=True, legend={"y": figures.legend_place(height) - 0.12})
    return figure

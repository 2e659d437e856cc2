"""P&L by source: waterfalls of theta, delta, vega, gamma, jumps, costs and interest, and decay earned by window."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sim.metrics.design import stored_design
from sim.metrics.estimate import Estimate, SampleDesign, mean, ratio
from sim.report import figures
from sim.report.section import Card, Section
from sim.report.stored import cells, engines_used, names
from sim.report.tables import Cell, Table, Value, plain_table
from sim.storage import Results

PREMIUM = ("theta", "gamma")
"""Sources whose sum is the premium."""

ORDER = ("theta", "gamma", "delta", "vega", "jump", "cost", "interest")
"""Sources of a waterfall: those of the premium first."""


def has_data(results: Results) -> bool:
    """Whether P&L was split by source (``keep.sources``)."""
    return "engine_source" in results.data


def build(results: Results) -> Section:
    """One waterfall a scenario and strategy, the table of engines, and decay by window."""
    data = results.data
    cards: list[Card] = []
    rows: list[list[Cell]] = []
    for scenario, strategy, cell in cells(data):
        design = stored_design(cell, first=cell.sizes["greek_path"])
        book = cell["book_source"]
        parts = {name: mean(book.sel(source=name).values, design) for name in ORDER}
        total = mean(book.sum("source").values, design)
        errors = [item.ci_high - item.estimate for item in (*parts.values(), total)]
        values = {name: item.estimate for name, item in parts.items()}
        figure = figures.waterfall(values, errors, x_title="mean P&L [USD]")
        cards.append(Card(title=strategy, figure=figure, scenario=scenario, strategy=strategy))
        used = engines_used(cell)
        rows += [[scenario, strategy, name, *_row(cell["engine_source"].sel(engine=name), design)] for name in used]
        if len(used) > 1:
            rows.append([scenario, strategy, "book", *_row(book, design)])
    header = ["scenario", "strategy", "engine", "premium", *ORDER[:-1], "P&L net of costs"]
    units = [*header[:3], *(f"{name} [USD]" for name in header[3:])]
    tables = [plain_table("P&L by source", units, rows, note="Mean over paths, with its 95% interval.")]
    if "window_engine_source" in data:
        tables.append(_decay(data))
    return Section(
        anchor="sources",
        title="P&L by source",
        note=f"The first {data.sizes['greek_path']} paths of each scenario, session by session; sources add up to the "
        "terminal P&L on every path. Theta: a session passes, SPX and volatility as they are. Delta: the SPX moves, "
        "along the delta of the close before. Vega: the volatility state moves. Gamma: what the three leave. Jump: all "
        "but theta on days on which the SPX moves by more than so many deviations of the VIX as `keep.jump_deviations` "
        "says. The premium is theta and gamma together: time value that decayed, less what moves took through "
        "curvature.",
        cards=cards,
        tables=tables,
    )


def _row(sources: xr.DataArray, design: SampleDesign) -> list[Cell]:
    """Premium, every source of an engine, and their sum; interest, of no engine, is in the sum of the book."""
    paths = {name: sources.sel(source=name).values for name in ORDER}
    premium = np.sum([paths[name] for name in PREMIUM], axis=0)
    columns = [premium, *(paths[name] for name in ORDER[:-1]), np.sum(list(paths.values()), axis=0)]
    return [_value(mean(values, design)) for values in columns]


def _value(item: Estimate) -> Value:
    if item.note:
        return Value(value=float("nan"))
    return Value(value=item.estimate, low=item.ci_low, high=item.ci_high)


def _decay(data: xr.Dataset) -> Table:
    """Theta and premium a session of each window: "temporal theta", measured."""
    rows: list[list[Cell]] = []
    for scenario, strategy, cell in cells(data):
        n_paths = cell.sizes["greek_path"]
        design = stored_design(cell, first=n_paths)
        sessions: NDArray[np.float64] = cell["window_sessions"].values[:, :n_paths].astype(np.float64)
        for engine in engines_used(cell):
            for row, window in enumerate(names(data, "window")):
                own = cell["window_engine_source"].sel(engine=engine, window=window).astype(np.float64)
                theta = own.sel(source="theta").values
                columns = (theta, own.sel(source=list(PREMIUM)).sum("source").values, own.sum("source").values)
                values = [_value(ratio(values, sessions[row], design)) for values in columns]
                rows.append([scenario, strategy, engine, window, *values])
    measured = [f"{name} [USD per session]" for name in ("theta", "premium", "net")]
    header = ["scenario", "strategy", "engine", "window", *measured]
    note = "Sums over sessions of the window over their number, with 95% intervals; net: all sources, costs included."
    return plain_table("Decay by window", header, rows, note=note)

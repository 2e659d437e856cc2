"""Greeks of every engine through time, and how the break-evens of the condors migrate."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sim.metrics.design import stored_design
from sim.metrics.estimate import mean
from sim.report import figures
from sim.report.figure import Figure
from sim.report.section import Card, Section
from sim.report.stored import cells, engines_used, quantiles
from sim.report.tables import Cell, Value, plain_table
from sim.storage import Results

DRAWN = {
    "delta": "delta [USD per % of the SPX]",
    "vega": "vega [USD per volatility point]",
    "theta": "theta [USD per session]",
    "vix_delta": "VIX delta [USD per VIX point]",
}
"""Greeks that are drawn, each where any engine has some."""

HEADER = [
    "scenario",
    "strategy",
    "engine",
    "mean |delta| [USD per %]",
    "mean vega [USD per volatility point]",
    "mean VIX delta [USD per VIX point]",
]


def has_data(results: Results) -> bool:
    """Whether greeks were measured (``keep.greek_paths``)."""
    return "engine_greek" in results.data


def build(results: Results) -> Section:
    """Greeks by engine, break-evens, and the table of averages."""
    data = results.data
    cards: list[Card] = []
    rows: list[list[Cell]] = []
    for scenario, strategy, cell in cells(data):
        used = [name for name in engines_used(cell) if _has_some(cell.sel(engine=name))]
        for greek, label in DRAWN.items():
            if any(bool((cell["engine_greek_mean"].sel(engine=name, greek=greek) != 0.0).any()) for name in used):
                figure = _by_engine(cell, used, greek, label)
                title = f"{strategy}: {label.split(' [')[0]}"
                cards.append(Card(title=title, figure=figure, scenario=scenario, strategy=strategy))
        if bool((cell["break_even_share"] > 0.0).any()):
            title = f"{strategy}: break-even migration"
            cards.append(Card(title=title, figure=_break_evens(cell), scenario=scenario, strategy=strategy))
        rows += [[scenario, strategy, name, *_averages(cell.sel(engine=name), "")] for name in used]
        if len(used) > 1:
            rows.append([scenario, strategy, "book", *_averages(cell, "book_")])
    return Section(
        anchor="greeks",
        title="Greeks and break-evens",
        note=f"The first {data.sizes['greek_path']} paths of each scenario, every {_step(data)} sessions, after the "
        "orders of the day. Delta holds the volatility state fixed, so that VIX products have none; vega is by each "
        "SPX option's own implied volatility, and by the spot VIX for VIX products. Lines are means over paths, the "
        "band holds 90% of them, for the whole book. Break-evens: distance from the SPX to the nearest sold strike "
        "less or plus its credit; dashed with the open profit of the hedges.",
        cards=cards,
        tables=[
            plain_table("Average greeks", HEADER, rows, note="Mean over sessions and paths, with its 95% interval.")
        ],
    )


def _step(data: xr.Dataset) -> int:
    days = data["greek_day"].values
    return int(days[1] - days[0]) if days.size > 1 else 1


def _has_some(cell: xr.Dataset) -> bool:
    return bool((cell["engine_greek_mean"] != 0.0).any())


def _by_engine(cell: xr.Dataset, used: list[str], greek: str, label: str) -> Figure:
    """Mean of each engine, and of the book with its 5-95% band."""
    days, figure = cell["greek_day"].values, Figure()
    book = quantiles(cell["book_greek"].sel(greek=greek))
    colour = figures.REFERENCE_COLOUR
    figures.band(figure, days, book[0.05], book[0.95], colour=figures.rgba(colour, 0.2), name="book, 5-95%")
    for number, name in enumerate(used):
        figure.add_scatter(
            x=days,
            y=cell["engine_greek_mean"].sel(engine=name, greek=greek).values,
            mode="lines",
            name=name,
            line={"color": figures.colour_of(number), "width": 1.8},
        )
    if len(used) > 1:
        total = cell["book_greek_mean"].sel(greek=greek).values
        line = {"color": colour, "width": 2.4, "dash": "dot"}
        figure.add_scatter(x=days, y=total, mode="lines", name="book", line=line)
    return figures.finish(figure, x_title="session", y_title=label)


def _break_evens(cell: xr.Dataset) -> Figure:
    """Distance of both break-evens in per cent of the SPX, below 0 for puts, with and without hedges."""
    days, figure = cell["greek_day"].values, Figure()
    for number, (side, sign) in enumerate((("put", -100.0), ("call", 100.0))):
        plain, hedged = (quantiles(cell["break_even"].sel(side=name)) for name in (side, f"{side}_hedged"))
        colour = figures.colour_of(number)
        band = figures.rgba(colour, 0.16)
        figures.band(figure, days, sign * plain[0.05], sign * plain[0.95], colour=band, name=f"{side}, 5-95%")
        figure.add_scatter(
            x=days, y=sign * plain[0.5], mode="lines", name=f"{side}, median", line={"color": colour, "width": 2}
        )
        if not np.allclose(plain[0.5], hedged[0.5], equal_nan=True):
            line = {"color": colour, "width": 2, "dash": "dash"}
            figure.add_scatter(x=days, y=sign * hedged[0.5], mode="lines", name=f"{side} with hedges", line=line)
    return figures.finish(figure, x_title="session", y_title="distance from the SPX [%]")


def _averages(cell: xr.Dataset, prefix: str) -> list[Cell]:
    design = stored_design(cell, first=cell.sizes["greek_path"])
    averages = [cell[f"{prefix}{name}"].values for name in ("mean_abs_delta", "mean_vega", "mean_vix_delta")]
    results = [mean(values, design) for values in averages]
    return [Value(value=item.estimate, low=item.ci_low, high=item.ci_high) for item in results]

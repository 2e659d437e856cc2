"""Through time: which engines hold positions, and how much of the equity margin binds."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sim.metrics.design import WEIGHT
from sim.report import figures
from sim.report.figure import Figure
from sim.report.section import Card, Section
from sim.report.stored import cells, colours, names, quantiles
from sim.storage import Results

FloatArray = NDArray[np.float64]
TABLE = "usage"


def has_data(results: Results) -> bool:
    """Whether the run counted engines and margin through time, of paths that count alike."""
    return results.has_table(TABLE) and WEIGHT not in results.data


def build(results: Results) -> Section:
    """Two figures a scenario and strategy: engines, margin."""
    usage = results.table(TABLE)
    shades, days = colours(results.data), usage["day"].values.astype(float)
    engines = {name: figures.colour_of(i) for i, name in enumerate(names(usage, "engine"))}
    cards = []
    for scenario, strategy, cell in cells(usage):
        if not bool((cell["engine_open"] > 0.0).any()):
            continue  # cash
        lines = _lines(days, cell, engines, results.data.sizes["path"])
        cards.append(Card(title=f"{strategy}: engines", figure=lines, scenario=scenario, strategy=strategy))
        percent = {key: 100.0 * values for key, values in quantiles(cell["margin_use"]).items()}
        fan = figures.fan(days, percent, colour=shades[strategy], y_title="margin over equity [%]")
        fan.update_yaxes(rangemode="tozero")
        cards.append(Card(title=f"{strategy}: margin", figure=fan, scenario=scenario, strategy=strategy))
    return Section(
        anchor="activity",
        title="Engines and margin through time",
        note="Share of paths on which each engine holds a position at the close, with 95% intervals, and quantiles of "
        "margin over equity (counted in bins of half a percent up to 50%, wider beyond); the most of the day, "
        "before its orders or after them.",
        cards=cards,
        wide=True,
    )


def _lines(days: FloatArray, cell: xr.Dataset, engines: dict[str, str], n_paths: int) -> Figure:
    """Share of paths by engine with Wilson's band; engines that never trade are left out."""
    figure = Figure()
    for name, colour in engines.items():
        share = cell["engine_open"].sel(engine=name).values
        if not share.any():
            continue
        low, high = figures.wilson_band(share, n_paths)
        figures.band(figure, days, 100.0 * low, 100.0 * high, colour=figures.rgba(colour, 0.16), name=name)
        figure.data[-1]["showlegend"] = False
        figure.add_scatter(
            x=days,
            y=100.0 * share,
            mode="lines",
            line={"color": colour, "width": 1.6, "dash": figures.dash_of(engines, name)},
            name=name,
            hovertemplate="%{y:.1f}%",
        )
    figures.finish(figure, x_title="session", y_title="paths with a position [%]")
    figure.update_yaxes(range=[0.0, 102.0])
    return figure

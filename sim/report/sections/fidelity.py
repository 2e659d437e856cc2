"""How real the models are: facts of simulated six-year windows beside those of SPX, VIX and VIX futures."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sim.report import figures
from sim.report.figure import Figure
from sim.report.section import Card, Section
from sim.report.stored import names
from sim.report.tables import plain_table
from sim.storage import Results

TABLE = "fidelity"
_FARTHEST = 4.0  # half widths of the envelope beyond which a mark stands at the edge
_ROW_HEIGHT = 17


def has_data(results: Results) -> bool:
    """Whether the scores of the models are stored: those of shipped presets, as they were shipped."""
    return results.has_table(TABLE)


def build(results: Results) -> Section:
    """A figure a scenario with all facts, and a table of what each model misses."""
    table = results.table(TABLE)
    rows, cards = [], []
    for scenario in names(table, "scenario"):
        own = table.sel(scenario=scenario)
        preset = str(own.preset.item())
        if not preset:
            rows.append([scenario, "not scored: no shipped preset has its parameters", "", ""])
            continue
        passed = own.passed.values == 1.0
        missed = ", ".join(str(fact) for fact in own.fact.values[~passed])
        rows.append([scenario, preset, f"{int(passed.sum())} of {passed.size}", missed or "none"])
        cards.append(Card(title="facts of the model", figure=_figure(own, passed), scenario=scenario, note=_read(own)))
    header = ["scenario", "preset", "facts reproduced", "missed"]
    return Section(
        anchor="fidelity",
        title="How real the models are",
        note=(
            "Facts of SPX, VIX and VIX futures, 1990 to 2018, against six-year histories simulated from each model's "
            "own long-run law, whatever the scenario starts from. A fact is reproduced if the median of the histories "
            "lies between the lowest and the highest real six-year window, and the real value of all years between "
            "the 5% and the 95% quantile of the histories. The count is no probability."
        ),
        cards=cards,
        tables=[plain_table("Facts reproduced", header, rows)],
        wide=True,
    )


def _read(own: xr.Dataset) -> str:
    return (
        "Dot: median of the model; bar: its 5% to 95% quantiles; diamond: the real value of all years. -1 and 1 are "
        f"the lowest and the highest real six-year window. Printed by {own.command.item()}."
    )


def _figure(own: xr.Dataset, passed: np.ndarray) -> Figure:
    """Every fact on the scale of its envelope."""
    centre = 0.5 * (own.envelope_low.values + own.envelope_high.values)
    half = np.maximum(0.5 * (own.envelope_high.values - own.envelope_low.values), 1e-12 + 0.05 * np.abs(centre))

    def placed(values: np.ndarray) -> np.ndarray:
        return np.asarray(np.clip((values - centre) / half, -_FARTHEST, _FARTHEST))

    labels = [str(fact) for fact in own.fact.values]
    median, low, high = (placed(own[name].values) for name in ("median", "low", "high"))
    figure = Figure()
    figure.add_vrect(x0=-1.0, x1=1.0, fillcolor=figures.rgba(figures.REFERENCE_COLOUR, 0.15))
    for name, chosen, colour, symbol in (
        ("reproduced", passed, figures.colour_of(0), "circle"),
        ("missed", ~passed, figures.colour_of(1), "x"),
    ):
        known = chosen & np.isfinite(median)
        figure.add_scatter(
            x=median[known],
            y=[label for label, shown in zip(labels, known, strict=True) if shown],
            mode="markers",
            marker={"color": colour, "symbol": symbol, "size": 8},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": (high - median)[known],
                "arrayminus": (median - low)[known],
                "color": colour,
                "thickness": 1.5,
                "width": 0,
            },
            name=name,
            customdata=np.stack([own[key].values[known] for key in ("median", "low", "high", "real")], axis=1),
            hovertemplate="%{y}: %{customdata[0]:.3f} (%{customdata[1]:.3f} to %{customdata[2]:.3f}), "
            "real %{customdata[3]:.3f}<extra></extra>",
        )
    figure.add_scatter(
        x=placed(own["real"].values),
        y=labels,
        mode="markers",
        marker={"color": figures.REFERENCE_COLOUR, "symbol": "diamond-open", "size": 8},
        name="real, all years",
        hoverinfo="skip",
    )
    figures.finish(figure, x_title="place among real six-year windows [-1 lowest, 1 highest]", y_title="")
    figure.update_yaxes(categoryorder="array", categoryarray=labels[::-1], automargin=True, tickfont={"size": 10})
    figure.update_layout(height=_ROW_HEIGHT * len(labels) + 110, hovermode="closest")
    return figure

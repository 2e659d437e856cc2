"""Figures of a sensitivity study: bars of indices, screening, tornado, surface, and the course over each factor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sim.metrics.estimate import Z
from sim.report.figure import Figure
from sim.report.figures import REFERENCE_COLOUR, colour_of, finish, legend_place
from sim.study import MEASURES

FloatArray = NDArray[np.float64]

ROW = 46
"""Height of a factor in a chart of bars [pixels]."""

N_BINS = 8
"""Parts of the range of a factor over which the output is averaged."""

MOST_LINES = 6
"""Factors whose course is drawn."""


def index_bars(measures: xr.Dataset, factors: Sequence[str], names: Sequence[str], *, x_title: str) -> Figure:
    """Horizontal bars of one output with 95% intervals: a row a factor, a bar a measure.

    Parameters
    ----------
    measures : xarray.Dataset
        Measures of one output over ``factor``.
    factors : sequence of str
        Rows, from the top.
    names : sequence of str
        Measures.
    x_title : str
        Quantity and unit.
    """
    figure = Figure()
    for number, name in enumerate(names):
        cell = measures.sel(factor=list(factors))
        value, low, high = (cell[f"{name}{end}"].values for end in ("", "_ci_low", "_ci_high"))
        _add_bars(figure, factors, value, low, high, label=MEASURES[name].label, colour=colour_of(number))
    return _rows(figure, len(factors), x_title)


def tornado(
    measures: xr.Dataset, factors: Sequence[str], ends: Mapping[str, tuple[str, str]], *, x_title: str
) -> Figure:
    """Change of an output from the base at low and high of each factor, with 95% intervals.

    Parameters
    ----------
    measures : xarray.Dataset
        Differences of one output over ``factor``.
    factors : sequence of str
        Rows, from the top.
    ends : mapping
        Factor to its low and high as text.
    x_title : str
        Quantity and unit.
    """
    figure = Figure()
    for number, end in enumerate(("low", "high")):
        cell = measures.sel(factor=list(factors))
        name = f"{end}_difference"
        value, low, high = (cell[f"{name}{suffix}"].values for suffix in ("", "_ci_low", "_ci_high"))
        text = [ends[factor][number] for factor in factors]
        _add_bars(figure, factors, value, low, high, label=f"{end} value", colour=colour_of(number), text=text)
    figure.add_vline(x=0.0, line={"width": 1, "color": REFERENCE_COLOUR})
    return _rows(figure, len(factors), x_title)


def screening(measures: xr.Dataset, factors: Sequence[str], *, unit: str) -> Figure:
    """Morris plot: mean absolute effect against the deviation of effects, a point a factor."""
    figure = Figure()
    for number, factor in enumerate(factors):
        cell = measures.sel(factor=factor)
        value, high = (float(cell[f"mean_absolute_effect{end}"]) for end in ("", "_ci_high"))
        figure.add_scatter(
            x=[value],
            y=[float(cell["effect_deviation"])],
            error_x={"type": "data", "array": [high - value], "color": colour_of(number)},
            mode="markers+text",
            text=[factor],
            textposition="top center",
            marker={"color": colour_of(number), "size": 9},
            name=factor,
            showlegend=False,
            hovertemplate="%{x:,.4g}, %{y:,.4g}",
        )
    finish(figure, x_title=f"mean absolute effect [{unit}]", y_title=f"deviation of effects [{unit}]")
    figure.update_layout(hovermode="closest")
    return figure


def surface(measures: xr.Dataset, axes: Sequence[str], *, z_title: str) -> Figure:
    """Output over both factors of a grid, as colours with lines of equal value.

    Parameters
    ----------
    measures : xarray.Dataset
        Surface of one output over ``first`` and ``second``.
    axes : sequence of str
        Names and units of the factors.
    z_title : str
        Quantity and unit.
    """
    figure = Figure()
    figure.add(
        "contour",
        x=measures["second"].values,
        y=measures["first"].values,
        z=measures["surface"].values.tolist(),
        colorscale="Cividis",
        contours={"showlabels": True, "labelfont": {"size": 10}},
        colorbar={"title": {"text": z_title, "side": "right"}, "thickness": 12},
        hovertemplate="%{x:,.4g}, %{y:,.4g}: %{z:,.4g}<extra></extra>",
    )
    finish(figure, x_title=axes[1], y_title=axes[0])
    figure.update_layout(hovermode="closest", height=420)
    return figure


def courses(position: FloatArray, estimate: FloatArray, names: Sequence[str], *, y_title: str) -> Figure:
    """Mean of an output over parts of the range of each factor, all others as in the sample.

    Parameters
    ----------
    position : ndarray of shape (n_evaluations, n_factors)
        Places in the ranges, 0 to 1.
    estimate : ndarray of shape (n_evaluations,)
        Output, NaN where there is none.
    names : sequence of str
        Factors, in the order of the columns.
    y_title : str
        Quantity and unit.
    """
    figure = Figure()
    used = np.isfinite(estimate)
    for number, name in enumerate(names[:MOST_LINES]):
        part = np.minimum((N_BINS * position[used, number]).astype(int), N_BINS - 1)
        rows = [estimate[used][part == i] for i in range(N_BINS)]
        middle = [float(np.mean(row)) if row.size else None for row in rows]
        half = [Z * float(np.std(row, ddof=1)) / np.sqrt(row.size) if row.size > 1 else None for row in rows]
        figure.add_scatter(
            x=(np.arange(N_BINS) + 0.5) / N_BINS,
            y=middle,
            error_y={"type": "data", "array": half, "width": 2, "thickness": 1},
            mode="lines+markers",
            line={"color": colour_of(number), "width": 2},
            marker={"size": 5},
            name=name,
            hovertemplate="%{y:,.4g}",
        )
    finish(figure, x_title="place in the range of the factor, low 0 to high 1 [-]", y_title=y_title)
    return figure


def _add_bars(
    figure: Figure,
    factors: Sequence[str],
    value: FloatArray,
    low: FloatArray,
    high: FloatArray,
    *,
    label: str,
    colour: str,
    text: Sequence[str] | None = None,
) -> None:
    """Add a bar a factor; an interval that is not known is left out."""
    known = np.isfinite(low) & np.isfinite(high)
    figure.add(
        "bar",
        y=list(factors),
        x=[None if not np.isfinite(item) else item for item in value],
        orientation="h",
        name=label,
        marker={"color": colour},
        customdata=list(text) if text else [""] * len(factors),
        error_x={
            "type": "data",
            "symmetric": False,
            "array": np.where(known, high - value, 0.0).tolist(),
            "arrayminus": np.where(known, value - low, 0.0).tolist(),
            "color": REFERENCE_COLOUR,
            "thickness": 1.5,
        },
        hovertemplate="%{y} %{customdata}: %{x:,.4g}",
    )


def _rows(figure: Figure, n_rows: int, x_title: str) -> Figure:
    finish(figure, x_title=x_title, y_title="")
    height = 130 + ROW * n_rows
    figure.update_yaxes(type="category", autorange="reversed", automargin=True)
    figure.update_layout(
        hovermode="closest", height=height, bargap=0.25, legend={"y": legend_place(height), "traceorder": "normal"}
    )
    return figure

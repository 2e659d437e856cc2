"""The report's plots: one function a figure, from stored arrays to a figure.

Colours are the Okabe-Ito set, which people with any colour vision tell apart; backgrounds are transparent and text
colours are left to the page, so that light and dark are the page's own choice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sim.metrics.estimate import Z
from sim.report.figure import Figure

FloatArray = NDArray[np.float64]

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#999999")
"""Okabe-Ito colours, in the order of the strategies."""

DASHES, SYMBOLS = ("solid", "dash", "dot"), ("circle", "diamond", "square")
"""What tells names apart that share a colour."""

REFERENCE_COLOUR = "#888888"
BAND_ALPHA = (0.16, 0.30)
HEIGHT = 340
LEGEND_DEPTH = 66
"""Height of a figure, and how far below the axis its legend starts [pixels]."""
TOP, BOTTOM = 30, 44
"""Margins of a figure: its buttons stand in the upper one, beside the data [pixels]."""


def colour_of(index: int) -> str:
    """Colour of the strategy number ``index``."""
    return PALETTE[index % len(PALETTE)]


def dash_of(colours: Mapping[str, str], name: str) -> str:
    """Dash of a name's line: where colours are used a second time, lines are dashed."""
    return DASHES[list(colours).index(name) // len(PALETTE) % len(DASHES)]


def symbol_of(colours: Mapping[str, str], name: str) -> str:
    """Symbol of a name's markers, by the same rule as ``dash_of``."""
    return SYMBOLS[list(colours).index(name) // len(PALETTE) % len(SYMBOLS)]


def rgba(colour: str, alpha: float) -> str:
    """CSS ``rgba()`` of a ``#rrggbb`` colour."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"


def legend_height(n_names: int) -> int:
    """Room for a legend of many names below a figure [pixels]; a few fit into the margin."""
    return 22 * max(-(-n_names // 3) - 2, 0)


def legend_place(height: int) -> float:
    """Place of the legend below a figure of this height, as a share of its plotting area."""
    return -LEGEND_DEPTH / (height - TOP - BOTTOM)


def finish(figure: Figure, *, x_title: str, y_title: str, y_type: str = "linear") -> Figure:
    """Give a figure the look of the report: size, margins, legend, grid, titles of the axes.

    Parameters
    ----------
    figure : Figure
        Changed in place, and returned.
    x_title, y_title : str
        Quantity and unit of the axes.
    y_type : str
        ``linear`` or ``log``.
    """
    figure.update_layout(
        height=HEIGHT,
        margin={"l": 62, "r": 14, "t": TOP, "b": BOTTOM},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        hovermode="x unified",
        legend={"orientation": "h", "y": legend_place(HEIGHT), "yanchor": "top", "x": 0},
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": "rgba(128,128,128,0.6)", "activecolor": "#0072B2"},
        font={"size": 12},
    )
    grid = {"gridcolor": "rgba(128,128,128,0.25)", "zerolinecolor": "rgba(128,128,128,0.5)"}
    figure.update_xaxes(title={"text": x_title, "standoff": 6}, automargin=True, **grid)
    figure.update_yaxes(
        title={"text": y_title}, type=y_type, exponentformat="power" if y_type == "log" else "SI", **grid
    )
    return figure


def band(figure: Figure, x: FloatArray, low: FloatArray, high: FloatArray, *, colour: str, name: str) -> None:
    """Add an area between two lines."""
    figure.add_scatter(x=x, y=high, mode="lines", line={"width": 0}, hoverinfo="skip", showlegend=False)
    figure.add_scatter(
        x=x, y=low, mode="lines", line={"width": 0}, fill="tonexty", fillcolor=colour, name=name, hoverinfo="skip"
    )


def fan(
    days: FloatArray,
    quantiles: Mapping[float, FloatArray],
    *,
    colour: str,
    y_title: str,
    levels: Mapping[str, float] | None = None,
    examples: Sequence[FloatArray] = (),
) -> Figure:
    """Fan of daily quantiles, with horizontal reference levels and example paths.

    Parameters
    ----------
    days : ndarray of shape (n_times,)
        Session numbers.
    quantiles : mapping
        Probability to the quantile of every day, shape (n_times,); 0.05, 0.25, 0.5, 0.75 and 0.95 are drawn.
    colour : str
        ``#rrggbb`` of the fan.
    y_title : str
        Quantity and unit.
    levels : mapping, optional
        Name to level of the dashed reference lines.
    examples : sequence of ndarray of shape (n_times,)
        Single paths drawn as thin lines.
    """
    figure = Figure()
    band(figure, days, quantiles[0.05], quantiles[0.95], colour=rgba(colour, BAND_ALPHA[0]), name="5-95%")
    band(figure, days, quantiles[0.25], quantiles[0.75], colour=rgba(colour, BAND_ALPHA[1]), name="25-75%")
    for number, path in enumerate(examples):
        figure.add_scatter(
            x=days,
            y=path,
            mode="lines",
            line={"width": 0.8, "color": REFERENCE_COLOUR},
            opacity=0.6,
            name="single paths",
            legendgroup="examples",
            showlegend=number == 0,
            hoverinfo="skip",
        )
    for probability, dash in ((0.05, "dot"), (0.5, "solid"), (0.95, "dot")):
        figure.add_scatter(
            x=days,
            y=quantiles[probability],
            mode="lines",
            line={"color": colour, "width": 2 if probability == 0.5 else 1, "dash": dash},
            name="median" if probability == 0.5 else f"{probability:.0%} quantile",
            showlegend=probability == 0.5,
        )
    for name, level in (levels or {}).items():
        figure.add_hline(
            y=level,
            line={"dash": "dash", "width": 1, "color": REFERENCE_COLOUR},
            text=name,
        )
    return finish(figure, x_title="session", y_title=y_title)


def band_lines(
    figure: Figure | None,
    days: FloatArray,
    quantiles: Mapping[float, FloatArray],
    *,
    colour: str,
    name: str,
    y_title: str,
) -> Figure:
    """Add the median of a daily value, and its 5% to 95% band, to a figure of several.

    Parameters
    ----------
    figure : Figure, optional
        What to add to; None begins a new one.
    days : ndarray of shape (n_times,)
        Session numbers.
    quantiles : mapping
        Quantiles 0.05, 0.5 and 0.95 of every day, shape (n_times,).
    colour : str
        ``#rrggbb``.
    name : str
        Of the lines.
    y_title : str
        Quantity and unit.
    """
    figure = figure or Figure()
    figure.add_scatter(
        x=days, y=quantiles[0.95], mode="lines", line={"width": 0}, hoverinfo="skip", showlegend=False, legendgroup=name
    )
    figure.add_scatter(
        x=days,
        y=quantiles[0.05],
        mode="lines",
        line={"width": 0},
        fill="tonexty",
        fillcolor=rgba(colour, BAND_ALPHA[0]),
        hoverinfo="skip",
        showlegend=False,
        legendgroup=name,
    )
    line = {"color": colour, "width": 2}
    figure.add_scatter(x=days, y=quantiles[0.5], mode="lines", line=line, name=f"{name}, median", legendgroup=name)
    return finish(figure, x_title="session", y_title=y_title)


def survival(
    samples: Mapping[str, FloatArray], *, x_title: str, colours: Mapping[str, str], floor: float = 0.0
) -> Figure:
    """Share of paths beyond a level, on a log axis, with the 95% binomial (Wilson) band.

    Parameters
    ----------
    samples : mapping
        Name to values, one a path.
    x_title : str
        Quantity and unit.
    colours : mapping
        Name to ``#rrggbb``.
    floor : float
        Values up to here are not drawn: the axis starts where losses start.
    """
    figure = Figure()
    for name, values in samples.items():
        level, share, low, high = survival_curve(values, floor=floor)
        band(figure, level, low, high, colour=rgba(colours[name], BAND_ALPHA[0]), name=f"{name}: 95% interval")
        for line in figure.data[-2:]:
            line.update(showlegend=False, legendgroup=name)
        figure.add_scatter(
            x=level,
            y=share,
            mode="lines",
            line={"color": colours[name], "width": 2, "dash": dash_of(colours, name)},
            name=name,
            legendgroup=name,
            hovertemplate="%{y:.3%}",
        )
    finish(figure, x_title=x_title, y_title="share of paths beyond [-]", y_type="log")
    return _with_legend_of(figure, len(samples))


def survival_curve(
    values: FloatArray, *, floor: float = 0.0, n_points: int = 200
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Level, share of paths beyond it, and the Wilson 95% band of that share.

    The curve ends where five paths are left: a line through fewer would show noise as if it were a tail.
    """
    n_paths = values.size
    ordered = np.sort(values)
    last = ordered[-min(5, n_paths)]
    level = np.linspace(floor, max(last, floor + 1e-12), n_points)
    share = 1.0 - np.searchsorted(ordered, level, side="right") / n_paths
    share = np.maximum(share, 1.0 / n_paths)
    low, high = wilson_band(share, n_paths)
    return level, share, np.maximum(low, 0.1 / n_paths), high


def wilson_band(share: FloatArray, n_paths: int) -> tuple[FloatArray, FloatArray]:
    """Ends of Wilson's 95% interval of shares of ``n_paths``."""
    centre = (share + Z * Z / (2 * n_paths)) / (1 + Z * Z / n_paths)
    half = Z * np.sqrt(share * (1 - share) / n_paths + Z * Z / (4 * n_paths**2)) / (1 + Z * Z / n_paths)
    return centre - half, centre + half


def density(
    samples: Mapping[str, FloatArray], *, x_title: str, colours: Mapping[str, str], most_bins: int = 60
) -> Figure:
    """Histograms as step lines over common bins: share of paths per bin; fewer bins for fewer paths."""
    n_bins = int(np.clip(np.sqrt(min(values.size for values in samples.values())), 8, most_bins))
    pooled = np.concatenate(list(samples.values()))
    low, high = np.quantile(pooled, [0.001, 0.999])
    edges = np.linspace(low, max(high, low + 1e-12), n_bins + 1)
    figure = Figure()
    for name, values in samples.items():
        count, _ = np.histogram(np.clip(values, edges[0], edges[-1]), bins=edges)
        figure.add_scatter(
            x=0.5 * (edges[:-1] + edges[1:]),
            y=count / values.size,
            mode="lines",
            line={"color": colours[name], "width": 2, "shape": "hvh", "dash": dash_of(colours, name)},
            name=name,
            legendgroup=name,
            hovertemplate="%{y:.2%}",
        )
    finish(figure, x_title=x_title, y_title="share of paths per bin [-]")
    return _with_legend_of(figure, len(samples))


def _with_legend_of(figure: Figure, n_names: int) -> Figure:
    """Make room for the names of many strategies."""
    height = HEIGHT + legend_height(n_names)
    figure.update_layout(height=height, legend={"y": legend_place(height)})
    return figure


def waterfall(parts: Mapping[str, float], errors: Sequence[float], *, x_title: str) -> Figure:
    """Mean P&L by source, adding up to the mean terminal P&L, with 95% intervals at the ends of the bars.

    Parameters
    ----------
    parts : mapping
        Source to its mean, from the top.
    errors : sequence of float
        Half-widths of the intervals of the parts and of their sum.
    x_title : str
        Quantity and unit.
    """
    names = [*parts, "terminal P&L"]
    values = [*parts.values(), sum(parts.values())]
    rows = list(range(len(names)))
    figure = Figure()
    figure.add(
        "waterfall",
        orientation="h",
        y=rows,
        x=values,
        measure=["relative"] * len(parts) + ["total"],
        increasing={"marker": {"color": PALETTE[2]}},
        decreasing={"marker": {"color": PALETTE[1]}},
        totals={"marker": {"color": PALETTE[0]}},
        connector={"line": {"color": REFERENCE_COLOUR, "width": 1}},
        hovertext=[f"{n}: {value:,.0f} ± {half:,.0f}" for n, value, half in zip(names, values, errors, strict=True)],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    figure.add_scatter(
        y=rows,
        x=[*np.cumsum(values[:-1]), values[-1]],
        error_x={"type": "data", "array": known_half(errors), "color": REFERENCE_COLOUR, "thickness": 1.4},
        mode="markers",
        marker={"size": 1, "color": REFERENCE_COLOUR},
        hoverinfo="skip",
    )
    finish(figure, x_title=x_title, y_title="")
    labels = [f"{name}  {value:+,.0f}" for name, value in zip(names, values, strict=True)]
    figure.update_yaxes(tickmode="array", tickvals=rows, ticktext=labels, autorange="reversed", automargin=True)
    height = TOP + BOTTOM + 26 * len(names) + 30
    figure.update_layout(showlegend=False, hovermode="closest", height=height, bargap=0.3, margin={"l": 20})
    return figure


def known_half(half: Sequence[float] | FloatArray) -> FloatArray:
    """Half-widths as they can be drawn: none where an interval is not known."""
    widths = np.asarray(half, dtype=np.float64)
    return np.where(np.isfinite(widths), widths, 0.0)


def intervals(
    rows: Sequence[tuple[str, Mapping[str, tuple[float, float, float]]]], *, x_title: str, colours: Mapping[str, str]
) -> Figure:
    """Estimates with 95% intervals, one row a scenario, one marker a strategy; of one scenario, a row a strategy.

    Parameters
    ----------
    rows : sequence of (scenario, mapping)
        The mapping goes from strategy to (estimate, ci_low, ci_high).
    x_title : str
        Quantity and unit.
    colours : mapping
        Strategy to ``#rrggbb``.
    """
    figure = Figure()
    names = list(rows[0][1]) if rows else []
    is_single = len(rows) == 1
    for number, name in enumerate(names):
        offset = (number - (len(names) - 1) / 2) * min(0.18, 0.8 / len(names))
        value = np.array([row[1][name] for row in rows])
        figure.add_scatter(
            x=value[:, 0],
            y=[number] if is_single else np.arange(len(rows)) - offset,
            error_x={
                "type": "data",
                "symmetric": False,
                "array": known_half(value[:, 2] - value[:, 0]),
                "arrayminus": known_half(value[:, 0] - value[:, 1]),
                "color": colours[name],
            },
            mode="markers",
            marker={"color": colours[name], "size": 8, "symbol": symbol_of(colours, name)},
            name=name,
            legendgroup=None if is_single else name,
            hovertemplate="%{x:,.4g}",
        )
    finish(figure, x_title=x_title, y_title="")
    figure.add_vline(x=0.0, line={"width": 1, "color": REFERENCE_COLOUR})
    labels = names if is_single else [row[0] for row in rows]
    figure.update_yaxes(tickmode="array", tickvals=list(range(len(labels))), ticktext=labels, automargin=True)
    figure.update_yaxes(range=[len(labels) - 0.4, -0.6])
    legend = 0 if is_single else 30 + legend_height(len(names))
    height = TOP + BOTTOM + 26 + legend + (26 if is_single else max(60, 12 * len(names))) * len(labels)
    place = {"y": legend_place(height)}
    figure.update_layout(hovermode="closest", height=height, legend=place, showlegend=not is_single)
    return figure


def term_structure(
    tenor: FloatArray,
    quantiles: Mapping[float, FloatArray],
    *,
    colour: str,
    real: Mapping[str, tuple[FloatArray, ...]],
) -> Figure:
    """VIX futures curve: simulated fan over the tenor, with curves of the real market beside it.

    Parameters
    ----------
    tenor : ndarray of shape (n_tenors,)
        Sessions to expiry; 0 is the VIX itself.
    quantiles : mapping
        Probability to curve of shape (n_tenors,) [VIX points].
    colour : str
        ``#rrggbb`` of the fan.
    real : mapping
        Name to (tenor, mean, low, high) of the real reference.
    """
    figure = fan(tenor, quantiles, colour=colour, y_title="VIX future [points]")
    for name, (x, middle, low, high) in real.items():
        figure.add_scatter(
            x=x,
            y=middle,
            error_y={"type": "data", "symmetric": False, "array": high - middle, "arrayminus": middle - low},
            mode="lines+markers",
            name=name,
            line={"color": PALETTE[1], "dash": "dash", "width": 1.5},
            marker={"size": 5},
        )
    figure.update_xaxes(title={"text": "sessions to expiry", "standoff": 6})
    return figure

"""Figures of the report as plain values, checked by plotly's own classes."""

from __future__ import annotations

import json
from base64 import b64decode

import numpy as np
import plotly.graph_objects as go
import plotly.io
import pytest

from sim.report import figures
from sim.report.figure import Figure

LINE = {"width": 1, "color": "#888888"}


def by_plotly(figure: go.Figure) -> dict[str, object]:
    """Plain values that plotly makes of its own figure, without the template."""
    plain = json.loads(plotly.io.to_json(figure, validate=False))
    plain["layout"].pop("template", None)
    return dict(plain)


def test_a_figure_is_what_plotly_makes_of_the_same_calls() -> None:
    days, known = np.arange(3), np.array([1.5, 2.5, 4.0], dtype=np.float32)
    traces = [
        {"x": days, "y": known, "mode": "lines", "line": {"width": 0}, "legendgroup": None, "showlegend": False},
        {
            "x": [1.0, float("nan")],
            "y": ["a", "b"],
            "customdata": known[:2].reshape(1, 2),
            "text": np.array(["p", "q"]),
        },
        {"x": np.array([40_000, 1]), "y": np.array([200, 1]), "error_x": {"type": "data", "array": known[:2]}},
    ]
    ours, theirs = Figure(), go.Figure()
    for trace in traces:
        ours.add_scatter(**trace)
        theirs.add_scatter(**trace)
    ours.add("bar", x=[1, None], y=["a", "b"], orientation="h")
    theirs.add_bar(x=[1, None], y=["a", "b"], orientation="h")
    ours.add_hline(y=2.5, line=LINE, text="level")
    theirs.add_hline(
        y=2.5, line=LINE, annotation_text="level", annotation_position="top right", annotation_font_size=10
    )
    ours.add_vrect(x0=-1.0, x1=1.0, fillcolor="rgba(1,2,3,0.1)")
    theirs.add_vrect(x0=-1.0, x1=1.0, fillcolor="rgba(1,2,3,0.1)", line_width=0)
    for figure in (ours, theirs):
        figure.add_vline(x=0.0, line=LINE)
        figure.update_layout(height=300, margin={"l": 62, "r": 14})
        figure.update_layout(margin={"l": 20}, showlegend=False)
        figure.update_xaxes(title={"text": "x", "standoff": 6}, automargin=True)
        figure.update_xaxes(tickmode="array", tickvals=[0, 1], range=[np.float64(0.5), 3])
        figure.update_yaxes(title={"text": "y"}, type="log")
    assert ours.plain() == by_plotly(theirs)


def test_doubles_become_singles_and_what_is_not_finite_is_left_out() -> None:
    figure = Figure()
    figure.add_scatter(x=np.array([1.0, np.nan]), y=[1.0, np.inf], text=np.array([], dtype=float))
    trace = figure.plain()["data"][0]
    np.testing.assert_array_equal(np.frombuffer(b64decode(trace["x"]["bdata"]), dtype="<f4"), [1.0, np.nan])
    assert trace["y"] == [1.0, None]
    assert trace["text"] == []


def drawn() -> list[Figure]:
    """A figure of each kind."""
    sample, colours = np.random.default_rng(1).standard_normal(500), {"a": "#0072B2", "b": "#D55E00"}
    days, rows = np.arange(4.0), {"a": (1.0, 0.5, 1.5), "b": (2.0, 1.0, 3.0)}
    fan = {p: days + p for p in (0.05, 0.25, 0.5, 0.75, 0.95)}
    two = {name: sample for name in colours}
    return [
        figures.fan(days, fan, colour="#0072B2", y_title="equity", levels={"start": 1.0}, examples=[days]),
        figures.band_lines(None, days, fan, colour="#0072B2", name="a", y_title="equity"),
        figures.survival(two, x_title="loss", colours=colours),
        figures.density(two, x_title="loss", colours=colours),
        figures.waterfall({"theta": 1.0, "vega": -2.0}, [0.1, 0.1, 0.2], x_title="P&L"),
        figures.intervals([("calm", rows), ("stress", rows)], x_title="P&L", colours=colours),
        figures.term_structure(days, fan, colour="#0072B2", real={"real": (days, days, days - 1, days + 1)}),
    ]


@pytest.mark.parametrize("number", range(7))
def test_plotly_knows_every_property(number: int) -> None:
    plain = drawn()[number].plain()
    assert go.Figure(plain).to_plotly_json()["layout"]["xaxis"] == plain["layout"]["xaxis"]

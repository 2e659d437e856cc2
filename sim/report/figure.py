"""A figure of the report as plain values, in the terms of plotly.js, which draws it in the browser.

Plotly's own classes check every property that is set, which takes longer than the statistics of a run; the tests have
them check the figures of whole reports instead.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

_WHOLE = (np.int8, np.int16, np.int32)
"""Types of whole numbers that the browser reads as they are, the narrowest first."""


class Figure:
    """Traces over common axes.

    Properties are named as in plotly.js; those that are None are left out. Arrays may be given wherever a list may.

    Attributes
    ----------
    data : list of dict
        Properties of each trace.
    layout : dict
        Properties of axes, legend and margins.
    """

    def __init__(self) -> None:
        self.data: list[dict[str, Any]] = []
        self.layout: dict[str, Any] = {}

    def add(self, kind: str, **properties: Any) -> None:
        """Add a trace of a kind: ``scatter``, ``bar``, ``waterfall``, ``contour``."""
        self.data.append({"type": kind, **{key: value for key, value in properties.items() if value is not None}})

    def add_scatter(self, **properties: Any) -> None:
        """Add lines or markers."""
        self.add("scatter", **properties)

    def add_hline(self, y: float, *, line: Mapping[str, Any], text: str | None = None) -> None:
        """Add a level across the figure, with its name above its right end."""
        ends = {"x0": 0, "x1": 1, "xref": "x domain", "y0": y, "y1": y, "yref": "y"}
        self.layout.setdefault("shapes", []).append({"type": "line", "line": dict(line), **ends})
        if text is not None:
            place = {"x": 1, "xanchor": "right", "xref": "x domain", "y": y, "yanchor": "bottom", "yref": "y"}
            note = {"text": text, "showarrow": False, "font": {"size": 10}, **place}
            self.layout.setdefault("annotations", []).append(note)

    def add_vline(self, x: float, *, line: Mapping[str, Any]) -> None:
        """Add a line from the bottom to the top of the figure."""
        ends = {"x0": x, "x1": x, "xref": "x", "y0": 0, "y1": 1, "yref": "y domain"}
        self.layout.setdefault("shapes", []).append({"type": "line", "line": dict(line), **ends})

    def add_vrect(self, x0: float, x1: float, *, fillcolor: str) -> None:
        """Add an area from the bottom to the top of the figure."""
        ends = {"x0": x0, "x1": x1, "xref": "x", "y0": 0, "y1": 1, "yref": "y domain"}
        shape = {"type": "rect", "fillcolor": fillcolor, "line": {"width": 0}, **ends}
        self.layout.setdefault("shapes", []).append(shape)

    def update_layout(self, **properties: Any) -> None:
        """Set properties of the layout; those that hold others are changed in what is named only."""
        _merge(self.layout, properties)

    def update_xaxes(self, **properties: Any) -> None:
        """Set properties of the horizontal axis, likewise."""
        self.update_layout(xaxis=properties)

    def update_yaxes(self, **properties: Any) -> None:
        """Set properties of the vertical axis, likewise."""
        self.update_layout(yaxis=properties)

    def plain(self) -> dict[str, Any]:
        """Values that JSON has: arrays of numbers as base64 in single precision, nothing for what is not finite."""
        return {"data": [_plain(trace) for trace in self.data], "layout": _plain(self.layout)}


def _merge(into: dict[str, Any], changes: Mapping[str, Any]) -> None:
    for key, value in changes.items():
        if isinstance(value, Mapping):
            _merge(into.setdefault(key, {}), value)
        elif value is not None:
            into[key] = value


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, np.ndarray):
        return _packed(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not isfinite(value) else value


def _packed(array: NDArray[Any]) -> Any:
    """Typed array of plotly.js; a list where there are no numbers: pixels need no more than singles."""
    kind = array.dtype.kind
    if kind in "iu" and array.size:
        for narrow in _WHOLE:
            limits = np.iinfo(narrow)
            if limits.min <= array.min() and array.max() <= limits.max:
                return _typed(array.astype(narrow), f"i{np.dtype(narrow).itemsize}")
    if kind != "f" or not array.size:
        return _plain(array.tolist())
    return _typed(array.astype("<f4"), "f4")


def _typed(array: NDArray[Any], name: str) -> dict[str, Any]:
    packed = {"dtype": name, "bdata": b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")}
    if array.ndim > 1:
        packed["shape"] = ", ".join(map(str, array.shape))
    return packed

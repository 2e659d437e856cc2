"""Small multiples: equity of every strategy in every scenario on common axes, drawn as vectors without a script."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sim.report.section import Section
from sim.report.stored import colours, names, quantiles
from sim.report.tables import breakable
from sim.storage import Results

FloatArray = NDArray[np.float64]

WIDTH, HEIGHT, POINTS = 120, 62, 60
"""Size of a small figure [pixels], and the most points along it."""


def has_data(results: Results) -> bool:
    """Whether fans of equity are stored (``keep.fan``)."""
    return "equity_fan" in results.data


def build(results: Results) -> Section:
    """A table of small fans, strategies by scenario."""
    data = results.data
    scenarios, strategies, shades = names(data, "scenario"), names(data, "strategy"), colours(data)
    start = float(results.manifest["config"]["account"]["initial_equity"])
    fan = data["equity_fan"]
    low = 100.0 * (float(fan.sel(quantile=0.05).min()) / start - 1.0)
    high = 100.0 * (float(fan.sel(quantile=0.95).max()) / start - 1.0)
    if len(scenarios) == 1:
        fans = [(name, fan.sel(scenario=scenarios[0], strategy=name), shades[name]) for name in strategies]
        return _section(results, (low, high), _row(fans, start, (low, high)))
    head = "".join(f"<th>{breakable(name)}</th>" for name in scenarios)
    rows = []
    for strategy in strategies:
        cells = [
            f"<td>{_small(fan.sel(scenario=name, strategy=strategy), start, (low, high), shades[strategy])}</td>"
            for name in scenarios
        ]
        rows.append(f"<tr><td class=text>{breakable(strategy)}</td>{''.join(cells)}</tr>")
    table = f"<thead><tr><th class=text>strategy</th>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"
    return _section(results, (low, high), f'<div class="scroll"><table class="multiples">{table}</table></div>')


def _section(results: Results, limits: tuple[float, float], markup: str) -> Section:
    return Section(
        anchor="multiples",
        title="Every strategy in every scenario",
        note=f"Equity over {results.data.sizes['day'] - 1} sessions: median, 25-75% and 5-95% of paths, all on one "
        f"scale from {limits[0]:+.1f}% to {limits[1]:+.1f}% of the initial equity; the line is at 0. The numbers are "
        "the median at the end, and 5% and 95%.",
        markup=markup,
    )


def _row(cells: list[tuple[str, xr.DataArray, str]], start: float, limits: tuple[float, float]) -> str:
    """Strategies of the one scenario side by side, as many a row as there is room for."""
    parts = [
        f"<figure><figcaption>{breakable(name)}</figcaption>{_small(fan, start, limits, colour)}</figure>"
        for name, fan, colour in cells
    ]
    return f'<div class="smalls">{"".join(parts)}</div>'


def _small(fan: xr.DataArray, start: float, limits: tuple[float, float], colour: str) -> str:
    """One small fan as an ``<svg>`` element."""
    level = {key: 100.0 * (values / start - 1.0) for key, values in quantiles(fan).items()}
    n_times = level[0.5].size
    pick = np.unique(np.linspace(0, n_times - 1, min(POINTS, n_times)).round().astype(int))
    x = WIDTH * pick / max(n_times - 1, 1)
    low, high = limits
    span = max(high - low, 1e-9)

    def y(values: FloatArray | float) -> FloatArray:
        return np.asarray(HEIGHT * (1.0 - (np.asarray(values, dtype=np.float64) - low) / span))

    def area(lower: float, upper: float, opacity: float) -> str:
        forth, back = _points(x, y(level[upper][pick])), _points(x[::-1], y(level[lower][pick])[::-1])
        return f'<polygon points="{forth} {back}" fill="{colour}" fill-opacity="{opacity}"/>'

    zero, (least, end, most) = float(y(0.0)), (level[key][-1] for key in (0.05, 0.5, 0.95))
    alt = f"equity: median {end:+.1f}%, 5% {least:+.1f}%, 95% {most:+.1f}%"
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'aria-label="{alt}">{area(0.05, 0.95, 0.18)}{area(0.25, 0.75, 0.35)}'
        f'<line x1="0" x2="{WIDTH}" y1="{zero:.1f}" y2="{zero:.1f}" stroke="currentColor" stroke-opacity="0.4"/>'
        f'<polyline points="{_points(x, y(level[0.5][pick]))}" fill="none" stroke="{colour}" stroke-width="1.6"/></svg>'
        f"<span class=ci>{end:+.1f}% [{least:+.1f}, {most:+.1f}]</span>"
    )


def _points(x: FloatArray, y: FloatArray) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))

"""The market that was simulated: VIX, nearest future and term structure beside those of the real market."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim import facts
from sim.report import figures
from sim.report.section import Card, Section
from sim.report.stored import names, quantiles
from sim.storage import Results

FloatArray = NDArray[np.float64]

FRONT_LIFE = 11.0
"""Mean life of the nearest VIX future [sessions]: half of the time between two monthly expiries."""

SERIES = {"vix": "VIX", "vx1": "nearest VIX future"}
MOMENTS = ("on day 0", "on the last day")
COLOUR = figures.colour_of(5)


def has_data(results: Results) -> bool:
    """Whether fans are stored (``keep.fan``)."""
    return "vix_fan" in results.data


def build(results: Results) -> Section:
    """Four figures a scenario: two fans through time, the curve at both ends."""
    data, real = results.data, facts.level_quantiles()
    cards = []
    for scenario in names(data, "scenario"):
        cell = data.sel(scenario=scenario)
        for name, label in SERIES.items():
            levels = {
                f"real {probability:.0%}": float(points)
                for probability, points in zip(real[name].probability, real[name].points, strict=True)
                if probability in (0.05, 0.5, 0.95)
            }
            fan = quantiles(cell[f"{name}_fan"])
            figure = figures.fan(data["day"].values, fan, colour=COLOUR, y_title=f"{label} [points]", levels=levels)
            cards.append(Card(title=label, figure=figure, scenario=scenario))
        for moment, day in enumerate(MOMENTS):
            curve, tenor = quantiles(cell["term_structure"].isel(moment=moment)), data["tenor"].values.astype(float)
            figure = figures.term_structure(tenor, curve, colour=COLOUR, real=_real_curve(tenor, curve[0.5]))
            cards.append(Card(title=f"VIX term structure {day}", figure=figure, scenario=scenario))
    return Section(
        anchor="market",
        title="The market that was simulated",
        note=f"Dashed: real quantiles of all days, {_window(real['vix'])} for the VIX and {_window(real['vx1'])} for "
        "futures. The real curve is the mean, with 5% and 95% quantiles, of days with the VIX near the simulated "
        f"median, relative to the nearest future and put on its simulated median; it lives {FRONT_LIFE:g} sessions on "
        "average.",
        cards=cards,
        wide=True,
    )


def _window(real: facts.Quantiles) -> str:
    return f"{real.first_date:%Y}-{real.last_date:%Y} ({real.source})"


def _real_curve(tenor: FloatArray, median: FloatArray) -> dict[str, tuple[FloatArray, ...]]:
    """Real curve of days with such a VIX: futures as multiples of the nearest one, with their quantiles."""
    vix, front = float(median[0]), float(np.interp(FRONT_LIFE, tenor, median))
    row = [point for point in facts.vx_curve() if point.vix_low <= vix < point.vix_high and point.tenor <= 4]
    if not row:
        return {}
    lives = FRONT_LIFE + 21.0 * np.array([0, *(point.tenor - 1 for point in row)])
    curves = [
        front * np.array([1.0, *(1.0 + getattr(point, name) for point in row)]) for name in ("mean", "p05", "p95")
    ]
    high = f"to {row[0].vix_high:g}" if row[0].vix_high < 100 else "and more"
    return {f"real, VIX {row[0].vix_low:g} {high}": (lives, *curves)}

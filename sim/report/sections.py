"""The sections of the report: which figures, from which stored variables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from numpy.typing import NDArray

from sim import facts
from sim.metrics.estimate import mean
from sim.report import figures
from sim.report.tables import Table, plain_table
from sim.storage import Results

FloatArray = NDArray[np.float64]

FRONT_LIFE = 11.0
"""Mean life of the nearest VIX future [sessions]: half of the time between two monthly expiries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A section of the report.

    Parameters
    ----------
    anchor, title, note : str
        Where it is, what it shows, how to read it.
    cards : list of (title, figure)
        Its figures.
    tables : list of Table
        Tables above the figures.
    wide : bool
        Two figures a row instead of three.
    """

    anchor: str
    title: str
    note: str
    cards: list[tuple[str, go.Figure]]
    tables: list[Table] = field(default_factory=list)
    wide: bool = False


def make_sections(results: Results) -> list[Section]:
    """All sections that the stored variables allow."""
    data = results.data
    sections = [_effects(results), _drawdowns(data), _tails(data), _engines(data)]
    if "equity_fan" in data:
        sections += [_equity(data), _market(data)]
    return sections


def _names(data: xr.Dataset, dimension: str) -> list[str]:
    return [str(name) for name in data[dimension].values]


def _colours(data: xr.Dataset) -> dict[str, str]:
    return {name: figures.colour_of(i) for i, name in enumerate(_names(data, "strategy"))}


def _effects(results: Results) -> Section:
    """Differences from the first strategy, with intervals."""
    paired = results.paired
    colours = _colours(results.data)
    others = _names(paired, "strategy")[1:] or _names(paired, "strategy")
    cards = []
    for name, label, unit in zip(
        _names(paired, "statistic"), paired["label"].values, paired["unit"].values, strict=True
    ):
        if name not in ("terminal_pnl_mean", "expected_shortfall_95", "max_drawdown_mean"):
            continue
        rows = []
        for scenario in _names(paired, "scenario"):
            cell = paired.sel(scenario=scenario, statistic=name)
            values = {
                other: (
                    float(cell["difference"].sel(strategy=other)),
                    float(cell["ci_low"].sel(strategy=other)),
                    float(cell["ci_high"].sel(strategy=other)),
                )
                for other in others
            }
            rows.append((scenario, values))
        cards.append((f"{label}: difference", figures.intervals(rows, x_title=f"difference [{unit}]", colours=colours)))
    return Section(
        anchor="effects",
        title="What the hedges change",
        note=f"Difference from {_names(results.data, 'strategy')[0]} on the same paths, with 95% intervals.",
        cards=cards,
        wide=True,
    )


def _samples(data: xr.Dataset, variable: str, scenario: str, *, sign: float = 1.0) -> dict[str, FloatArray]:
    cell = data[variable].sel(scenario=scenario)
    return {name: sign * cell.sel(strategy=name).values for name in _names(data, "strategy")}


def _per_scenario(data: xr.Dataset) -> Iterator[tuple[str, dict[str, str]]]:
    colours = _colours(data)
    for scenario in _names(data, "scenario"):
        yield scenario, colours


def _drawdowns(data: xr.Dataset) -> Section:
    cards = []
    for scenario, colours in _per_scenario(data):
        samples = _samples(data, "max_drawdown", scenario)
        title = "maximum drawdown [share of the peak]"
        cards.append((f"{scenario}: share of paths beyond", figures.survival(samples, x_title=title, colours=colours)))
        cards.append((f"{scenario}: distribution", figures.density(samples, x_title=title, colours=colours)))
    return Section(
        anchor="drawdowns",
        title="Maximum drawdown",
        note="Largest fall of daily equity from its running maximum. Left: survival curve on a log axis with 95% "
        "intervals, drawn down to five paths. Right: share of paths in bins of equal width.",
        cards=cards,
        wide=True,
    )


def _tails(data: xr.Dataset) -> Section:
    cards = []
    for scenario, colours in _per_scenario(data):
        losses = _samples(data, "terminal_pnl", scenario, sign=-1.0)
        cards.append(
            (f"{scenario}: share losing more", figures.survival(losses, x_title="terminal loss [USD]", colours=colours))
        )
        pnl = _samples(data, "terminal_pnl", scenario)
        cards.append((f"{scenario}: distribution", figures.density(pnl, x_title="terminal P&L [USD]", colours=colours)))
    return Section(
        anchor="tails",
        title="Tail of terminal P&L",
        note="Equity at the end minus initial equity, net of costs, open positions at mid.",
        cards=cards,
        wide=True,
    )


def _engines(data: xr.Dataset) -> Section:
    cards, rows = [], []
    for scenario in _names(data, "scenario"):
        for strategy in _names(data, "strategy"):
            cell = data.sel(scenario=scenario, strategy=strategy)
            used = [name for name in _names(data, "engine") if _is_used(cell, name)]
            parts = {name: float(cell["engine_pnl"].sel(engine=name).mean()) for name in used}
            parts["costs"] = -float(cell["total_cost"].mean())
            parts["interest"] = float(cell["interest"].mean())
            cards.append((f"{scenario}: {strategy}", figures.waterfall(parts, y_title="mean P&L [USD]")))
            rows += [[scenario, strategy, name, *_gross_cost_net(cell.sel(engine=name))] for name in used]
    header = ["scenario", "strategy", "engine", "P&L at mid [USD]", "costs [USD]", "P&L net of costs [USD]"]
    return Section(
        anchor="engines",
        title="P&L by engine",
        note="Mean over paths; engines at mid, costs of all engines, interest on cash. The parts add up to the "
        "terminal P&L on every path.",
        cards=cards,
        tables=[plain_table("Engines, gross and net", header, rows, note="Mean over paths, with its 95% interval.")],
    )


def _gross_cost_net(cell: xr.Dataset) -> list[str]:
    """Mean P&L at mid, costs, and the difference, each with its interval."""
    gross, cost = cell["engine_pnl"].values, cell["engine_cost"].values
    texts = []
    for values in (gross, cost, gross - cost):
        result = mean(values)
        texts.append(f"{result.estimate:,.0f} [{result.ci_low:,.0f}, {result.ci_high:,.0f}]")
    return texts


def _is_used(cell: xr.Dataset, engine: str) -> bool:
    return bool((cell["engine_active"].sel(engine=engine) > 0.0).any())


def _quantiles(variable: xr.DataArray) -> dict[float, FloatArray]:
    return {round(float(q), 4): variable.sel(quantile=q).values for q in variable["quantile"].values}


def _equity(data: xr.Dataset) -> Section:
    days, colours = data["day"].values, _colours(data)
    cards = []
    for scenario in _names(data, "scenario"):
        for strategy in _names(data, "strategy"):
            fan = _quantiles(data["equity_fan"].sel(scenario=scenario, strategy=strategy))
            examples = []
            if "example_equity" in data:
                examples = list(data["example_equity"].sel(scenario=scenario, strategy=strategy).values)
            figure = figures.fan(days, fan, colour=colours[strategy], y_title="equity [USD]", examples=examples)
            cards.append((f"{scenario}: {strategy}", figure))
    return Section(
        anchor="equity",
        title="Equity",
        note="Quantiles of equity at each close over all paths, and the first few paths.",
        cards=cards,
    )


def _market(data: xr.Dataset) -> Section:
    days = data["day"].values
    quantiles = facts.level_quantiles()
    cards = []
    for scenario in _names(data, "scenario"):
        for name, label in (("vix", "VIX"), ("vx1", "nearest VIX future")):
            real = quantiles[name]
            levels = {
                f"real {probability:.0%}": float(points)
                for probability, points in zip(real.probability, real.points, strict=True)
                if probability in (0.05, 0.5, 0.95)
            }
            fan = _quantiles(data[f"{name}_fan"].sel(scenario=scenario))
            figure = figures.fan(days, fan, colour=figures.colour_of(5), y_title=f"{label} [points]", levels=levels)
            cards.append((f"{scenario}: {label}", figure))
        for moment, day in enumerate(("on day 0", "on the last day")):
            curve = _quantiles(data["term_structure"].sel(scenario=scenario).isel(moment=moment))
            tenor = data["tenor"].values.astype(float)
            figure = figures.term_structure(
                tenor, curve, colour=figures.colour_of(5), real=_real_curve(tenor, curve[0.5])
            )
            cards.append((f"{scenario}: VIX term structure {day}", figure))
    vix = quantiles["vix"]
    return Section(
        anchor="market",
        title="The market that was simulated",
        note=f"Dashed: real quantiles of all days, {_window(vix)} for the VIX and {_window(quantiles['vx1'])} for "
        "futures. The real curve is the mean, with 5% and 95% quantiles, of days with the VIX near the simulated "
        f"median, relative to the nearest future and put on its simulated median; it lives {FRONT_LIFE:g} sessions on "
        "average.",
        cards=cards,
        wide=True,
    )


def _window(quantiles: facts.Quantiles) -> str:
    return f"{quantiles.first_date:%Y}-{quantiles.last_date:%Y} ({quantiles.source})"


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

"""Spread over roll phases: how much of a strategy's mean hangs on the weekday or week on which it rolls."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.metrics.design import stored_design
from sim.metrics.estimate import Estimate, SampleDesign, mean, ratio
from sim.report import figures
from sim.report.figure import Figure
from sim.report.section import Card, Section
from sim.report.stored import colours, names
from sim.report.tables import Cell, Value, plain_table
from sim.storage import Results

FloatArray = NDArray[np.float64]

TABLE = "phases"
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
BY_WEEKDAY = "_weekday"
"""End of a field of engines that go by weekdays; others that draw their phase go by weeks of the cycle."""


def has_data(results: Results) -> bool:
    """Whether an engine draws its phase and every phase has paths."""
    return results.has_table(TABLE) and results.data.sizes["path"] > 1


def build(results: Results) -> Section:
    """One figure a scenario and phase, and a table of spreads."""
    data, phases = results.data, results.table(TABLE)
    shades, rows = colours(data), []
    cards: list[Card] = []
    for scenario in names(data, "scenario"):
        for kind, strategies in _drawing(results.manifest["config"]).items():
            phase = phases[kind].sel(scenario=scenario).values
            means: dict[str, dict[str, Estimate]] = {}
            for strategy in strategies:
                cell = data.sel(scenario=scenario, strategy=strategy)
                pnl, design = cell["terminal_pnl"].values, stored_design(cell)
                means[strategy] = {
                    _label(kind, value): _mean_of(pnl, phase == value, design) for value in np.unique(phase)
                }
                rows.append([scenario, strategy, kind, *_spread(list(means[strategy].values()))])
            figure = _figure(means, shades, kind)
            cards.append(Card(title=f"mean P&L by {kind} of the roll", figure=figure, scenario=scenario))
    header = ["scenario", "strategy", "phase", "best less worst mean [USD]", "by chance alone up to [USD]", "verdict"]
    return Section(
        anchor="roll-phase",
        title="Spread over roll phases",
        note="Each path draws on which weekday, or in which week of the cycle, an engine rolls: a hedge is judged over "
        "all phases, not by one. Mean terminal P&L by phase with 95% intervals.",
        cards=cards,
        tables=[
            plain_table(
                "Spread of the mean over phases",
                header,
                rows,
                note="Where all phases had one mean, the spread would exceed the second number in one run of twenty "
                "(range of independent means).",
            )
        ],
        wide=True,
    )


def _drawing(config: dict[str, Any]) -> dict[str, list[str]]:
    """Kind of phase -> strategies with an engine that draws it."""
    found: dict[str, list[str]] = {}
    for name, strategy in config["strategies"].items():
        for engine in strategy["engines"]:
            if engine.get("roll_phase") == "drawn":
                kind = "weekday" if any(field.endswith(BY_WEEKDAY) for field in engine) else "week"
                if name not in found.setdefault(kind, []):
                    found[kind].append(name)
    return found


def _mean_of(pnl: FloatArray, those: NDArray[np.bool_], design: SampleDesign) -> Estimate:
    """Mean over some of the paths."""
    if design.is_plain:
        return mean(pnl[those])
    return ratio(pnl * those, those.astype(np.float64), design)


def _label(kind: str, value: int) -> str:
    return WEEKDAYS[value] if kind == "weekday" else f"week {value + 1}"


def _spread(means: list[Estimate]) -> list[Cell]:
    """Range of the means, the range that chance alone reaches in one run of twenty, and what follows."""
    values = np.array([item.estimate for item in means])
    errors = np.array([item.standard_error for item in means])
    if len(means) < 2 or not np.isfinite(errors).all():
        return ["n/a", "n/a", "too few paths"]
    from scipy.stats import studentized_range  # slow to import, and needed here alone

    spread = float(np.ptp(values))
    chance = float(studentized_range.ppf(0.95, len(means), np.inf) * np.sqrt(np.mean(errors**2)))
    verdict = "phases differ" if spread > chance else "not distinguishable"
    return [Value(value=spread), Value(value=chance), verdict]


def _figure(means: dict[str, dict[str, Estimate]], shades: dict[str, str], kind: str) -> Figure:
    figure = Figure()
    for number, (name, by_phase) in enumerate(means.items()):
        estimates = list(by_phase.values())
        value = np.array([item.estimate for item in estimates])
        figure.add_scatter(
            x=np.arange(value.size) + 0.12 * (number - (len(means) - 1) / 2),
            y=value,
            error_y={
                "type": "data",
                "symmetric": False,
                "array": np.array([item.ci_high for item in estimates]) - value,
                "arrayminus": value - np.array([item.ci_low for item in estimates]),
                "color": shades[name],
            },
            mode="markers",
            marker={"color": shades[name], "size": 8, "symbol": figures.symbol_of(shades, name)},
            name=name,
            legendgroup=name,
            hovertemplate="%{y:,.0f}",
        )
    figures.finish(figure, x_title=f"{kind} of the roll", y_title="mean P&L [USD]")
    labels = list(next(iter(means.values())))
    figure.update_xaxes(tickmode="array", tickvals=list(range(len(labels))), ticktext=labels)
    return figure

"""Equity through time: quantiles over all paths, and the first few paths."""

from __future__ import annotations

from sim.report import figures
from sim.report.section import Card, Section
from sim.report.stored import cells, colours, quantiles
from sim.storage import Results


def has_data(results: Results) -> bool:
    """Whether fans are stored (``keep.fan``)."""
    return "equity_fan" in results.data


def build(results: Results) -> Section:
    """One fan a scenario and strategy."""
    data = results.data
    days, shades, cards = data["day"].values, colours(data), []
    for scenario, strategy, cell in cells(data):
        examples = list(cell["example_equity"].values) if "example_equity" in cell else []
        fan = quantiles(cell["equity_fan"])
        figure = figures.fan(days, fan, colour=shades[strategy], y_title="equity [USD]", examples=examples)
        cards.append(Card(title=strategy, figure=figure, scenario=scenario, strategy=strategy))
    return Section(
        anchor="equity",
        title="Equity",
        note="Quantiles of equity at each close over all paths, and the first few paths.",
        cards=cards,
    )

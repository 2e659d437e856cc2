"""Tail of terminal P&L: share of paths that lose more, and distributions."""

from __future__ import annotations

from sim.report import figures
from sim.report.section import Card, Section
from sim.report.stored import colours, names, samples
from sim.storage import Results


def has_data(results: Results) -> bool:
    """Whether terminal P&L of the paths is stored."""
    return "terminal_pnl" in results.data


def build(results: Results) -> Section:
    """Two figures a scenario, all strategies in each."""
    data = results.data
    shades, cards = colours(data), []
    for scenario in names(data, "scenario"):
        losses = samples(data, "terminal_pnl", scenario, sign=-1.0)
        curve = figures.survival(losses, x_title="terminal loss [USD]", colours=shades)
        cards.append(Card(title="share losing more", figure=curve, scenario=scenario))
        pnl = samples(data, "terminal_pnl", scenario)
        shape = figures.density(pnl, x_title="terminal P&L [USD]", colours=shades)
        cards.append(Card(title="distribution", figure=shape, scenario=scenario))
    return Section(
        anchor="tails",
        title="Tail of terminal P&L",
        note="Equity at the end minus initial equity, net of costs, open positions at mid.",
        cards=cards,
        wide=True,
    )

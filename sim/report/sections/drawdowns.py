"""Maximum drawdown: survival curves on a log axis, and distributions."""

from __future__ import annotations

from sim.report import figures
from sim.report.section import Card, Section
from sim.report.stored import colours, names, samples
from sim.storage import Results


def has_data(results: Results) -> bool:
    """Whether drawdowns of the paths are stored."""
    return "max_drawdown" in results.data


def build(results: Results) -> Section:
    """Two figures a scenario, all strategies in each."""
    data = results.data
    shades, cards = colours(data), []
    for scenario in names(data, "scenario"):
        values = samples(data, "max_drawdown", scenario)
        title = "maximum drawdown [share of the peak]"
        curve = figures.survival(values, x_title=title, colours=shades)
        cards.append(Card(title="share of paths beyond", figure=curve, scenario=scenario))
        shape = figures.density(values, x_title=title, colours=shades)
        cards.append(Card(title="distribution", figure=shape, scenario=scenario))
    return Section(
        anchor="drawdowns",
        title="Maximum drawdown",
        note="Largest fall of daily equity from its running maximum. Left: survival curve on a log axis with 95% "
        "intervals, drawn down to five paths. Right: share of paths in bins of equal width.",
        cards=cards,
        wide=True,
    )

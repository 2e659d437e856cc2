"""Hedge cost against tail benefit: what each alternative gives up in the mean, and what it takes off the tail."""

from __future__ import annotations

import xarray as xr

from sim.report import figures
from sim.report.figure import Figure
from sim.report.section import Card, Section
from sim.report.stored import colours, names
from sim.storage import Results

COST, TAILS = "terminal_pnl_mean", ("expected_shortfall_95", "max_drawdown_mean")


def has_data(results: Results) -> bool:
    """Whether there are alternatives, with their mean and a tail."""
    known = names(results.paired, "statistic")
    return results.paired.sizes["strategy"] > 1 and COST in known and any(name in known for name in TAILS)


def build(results: Results) -> Section:
    """One figure a scenario and tail."""
    paired, shades = results.paired, colours(results.data)
    first, *others = names(paired, "strategy")
    cards = []
    for scenario in names(paired, "scenario"):
        for tail in TAILS:
            if tail in names(paired, "statistic"):
                figure = _frontier(paired.sel(scenario=scenario), tail, others, shades)
                label = str(paired["label"].sel(statistic=tail).values)
                cards.append(Card(title=f"cost and {label}", figure=figure, scenario=scenario))
    return Section(
        anchor="frontier",
        title="Hedge cost against tail benefit",
        note=f"Against {first} on the same paths, with 95% intervals. To the right: the mean P&L that is given up. "
        "Upwards: what the tail loses. Above 0 and left of 0 an alternative is better in both; below and right, worse "
        "in both.",
        cards=cards,
        wide=True,
    )


def _frontier(cell: xr.Dataset, tail: str, others: list[str], shades: dict[str, str]) -> Figure:
    """Crosses of cost and benefit, a marker a strategy."""
    figure = Figure()
    scale, unit = (1.0, "USD") if tail.startswith("expected") else (100.0, "% of the peak")
    for name in others:
        cost, benefit = (_reversed(cell.sel(strategy=name, statistic=item)) for item in (COST, tail))
        figure.add_scatter(
            x=[cost[0]],
            y=[scale * benefit[0]],
            error_x=_ends(*cost, colour=shades[name]),
            error_y=_ends(*(scale * value for value in benefit), colour=shades[name]),
            mode="markers",
            marker={"color": shades[name], "size": 9, "symbol": figures.symbol_of(shades, name)},
            name=name,
            legendgroup=name,
            hovertemplate="cost %{x:,.0f}, benefit %{y:,.4g}",
        )
    figures.finish(figure, x_title="mean P&L given up [USD]", y_title=f"tail reduced by [{unit}]")
    figure.add_hline(y=0.0, line={"width": 1, "color": figures.REFERENCE_COLOUR})
    figure.add_vline(x=0.0, line={"width": 1, "color": figures.REFERENCE_COLOUR})
    height = figures.HEIGHT + figures.legend_height(len(others))
    figure.update_layout(hovermode="closest", height=height, legend={"y": figures.legend_place(height)})
    return figure


def _reversed(cell: xr.Dataset) -> tuple[float, float, float]:
    """Difference with its ends, signs turned: a loss of P&L is a cost, a fall of the tail a benefit."""
    return -float(cell["difference"]), -float(cell["ci_high"]), -float(cell["ci_low"])


def _ends(value: float, low: float, high: float, *, colour: str) -> dict[str, object]:
    return {
        "type": "data",
        "symmetric": False,
        "array": figures.known_half([high - value]),
        "arrayminus": figures.known_half([value - low]),
        "color": colour,
        "thickness": 1.2,
    }

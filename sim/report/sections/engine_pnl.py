"""P&L by engine: waterfalls whose parts add up to the terminal P&L, and a table with intervals."""

from __future__ import annotations

import xarray as xr

from sim.metrics.cost_statistics import BREAK_EVEN as BREAK_EVEN_COST
from sim.metrics.cost_statistics import break_even_cost
from sim.metrics.design import stored_design
from sim.metrics.estimate import Estimate, Z, expected_shortfall, mean
from sim.report import figures
from sim.report.section import Card, Section
from sim.report.stored import cells, engines_used
from sim.report.tables import Cell, Value, plain_table
from sim.storage import Results

HEADER = ["scenario", "strategy", "engine", "P&L at mid [USD]", "costs [USD]", "P&L net of costs [USD]"]
TAIL, LEVEL = "loss in the worst 5% [USD]", 0.95
BREAK_EVEN = "break-even cost [multiple of costs]"


NOTE = (
    "Mean over paths, with its 95% interval. Loss in the worst 5%: mean over the 5% of paths in which this engine's "
    "P&L net of costs is worst, as a loss: the tail of each engine by itself, whatever the others made there. "
    f"Break-even cost: {BREAK_EVEN_COST}, trades being what they were; below 1 "
    "the engine loses net of costs, at 0 or below before any cost."
)


def has_data(results: Results) -> bool:
    """Whether P&L is stored by engine."""
    return "engine_pnl" in results.data


def build(results: Results) -> Section:
    """One waterfall a scenario and strategy, and the table of all engines."""
    cards: list[Card] = []
    rows: list[list[Cell]] = []
    for scenario, strategy, cell in cells(results.data):
        used = engines_used(cell)
        design = stored_design(cell)
        parts = {name: mean(cell["engine_pnl"].sel(engine=name).values, design) for name in used}
        parts["costs"], parts["interest"] = (
            mean(-cell["total_cost"].values, design),
            mean(cell["interest"].values, design),
        )
        errors = [Z * item.standard_error for item in (*parts.values(), mean(cell["terminal_pnl"].values, design))]
        values = {name: item.estimate for name, item in parts.items()}
        figure = figures.waterfall(values, errors, x_title="mean P&L [USD]")
        cards.append(Card(title=strategy, figure=figure, scenario=scenario, strategy=strategy))
        rows += [[scenario, strategy, name, *_gross_cost_net(cell.sel(engine=name))] for name in used]
    return Section(
        anchor="engines",
        title="P&L by engine",
        note="Mean over paths; engines at mid, costs of all engines, interest on cash. The parts add up to the "
        "terminal P&L on every path. Whiskers: 95% interval of each part, and of the sum.",
        cards=cards,
        tables=[plain_table("Engines, gross and net", [*HEADER, TAIL, BREAK_EVEN], rows, note=NOTE)],
    )


def _gross_cost_net(cell: xr.Dataset) -> list[Cell]:
    """Mean P&L at mid, costs, the difference, its tail, and the multiple of costs at which it is 0, with intervals."""
    gross, cost = cell["engine_pnl"].values, cell["engine_cost"].values
    design = stored_design(cell)
    results = [mean(values, design) for values in (gross, cost, gross - cost)]
    dollars: list[Cell] = [Value(value=item.estimate, low=item.ci_low, high=item.ci_high) for item in results]
    tail = expected_shortfall(gross - cost, LEVEL, design)
    worst = Value(value=tail.estimate, low=tail.ci_low, high=tail.ci_high)
    return [*dollars, worst, _multiple(break_even_cost(gross - cost, cost, design))]


def _multiple(item: Estimate) -> Value:
    if item.note:  # no costs
        return Value(value=item.estimate, form=".2f")
    return Value(value=item.estimate, low=item.ci_low, high=item.ci_high, form=".2f")

"""Replays: the real outcome beside the simulated distribution of the same period and start."""

from __future__ import annotations

from sim.report import figures
from sim.report.figure import Figure
from sim.report.replay import Row, describe_history, replay_rows, replayed_scenarios
from sim.report.section import Card, Section
from sim.report.stored import quantiles
from sim.report.tables import Cell, Table, Value, plain_table
from sim.storage import Results

REAL, DRAWN = 1, 5
"""Colours of replay and simulation."""

HEADER = ["strategy", "what", "replayed", "5%", "95%", "simulated 5%", "median", "95%", "percentile of the replay"]


def has_data(results: Results) -> bool:
    """Whether a scenario replays a history."""
    return bool(replayed_scenarios(results))


def build(results: Results) -> Section:
    """A table a replay, and where fans are stored a figure a strategy."""
    tables: list[Table] = []
    cards: list[Card] = []
    for item in replay_rows(results):
        tables.append(_table(item))
        if item["simulated"] is not None and "equity_fan" in results.data:
            cards += [_card(results, item, one["strategy"]) for one in item["strategies"]]
    return Section(
        anchor="replay",
        title="Replayed history",
        note="Real closes through the same evaluator; paths of a replay differ in what is drawn beside the closes: "
        "roll phases, openings, settlement noise. The percentile is the share of simulated paths below the replay's "
        "median.",
        cards=cards,
        tables=tables,
        wide=True,
    )


def _table(item: Row) -> Table:
    rows: list[list[Cell]] = []
    for one in item["strategies"]:
        for value in one["values"]:
            form = ".2%" if value["unit"] == "share" else ",.0f"
            real, drawn = value["replayed"], value["simulated"]
            row: list[Cell] = [one["strategy"], f"{value['label']} [{value['unit']}]"]
            row += [format(real[key], form) for key in ("p50", "p05", "p95")]
            row += ["" if drawn is None else format(drawn[key], form) for key in ("p05", "p50", "p95")]
            row.append(_percentile(value))
            rows.append(row)
    return plain_table(
        item["scenario"], HEADER, rows, note=describe_history(item["history"]), scenario=item["scenario"]
    )


def _percentile(value: Row) -> Cell:
    if value["percentile"] is None:
        return ""
    return Value(value=value["percentile"], low=value["ci_low"], high=value["ci_high"], form=".1%")


def _card(results: Results, item: Row, strategy: str) -> Card:
    figure: Figure | None = None
    for name, label, colour in ((item["simulated"], "simulated", DRAWN), (item["scenario"], "replayed", REAL)):
        fan = quantiles(results.data["equity_fan"].sel(scenario=name, strategy=strategy))
        figure = figures.band_lines(
            figure,
            results.data["day"].values,
            fan,
            colour=figures.colour_of(colour),
            name=label,
            y_title="equity [USD]",
        )
    assert figure is not None
    return Card(title=strategy, figure=figure, scenario=item["scenario"], strategy=strategy)

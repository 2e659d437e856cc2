"""Stress scripts: what was asked and what came of it, losses by engine and leg, margin paths, the days things broke."""

from __future__ import annotations

import numpy as np

from sim.report import figures
from sim.report.section import Card, Section
from sim.report.stored import colours
from sim.report.stress import LEAST_MISS, Row, has_stress, stress_summary
from sim.report.tables import Cell, Table, Value, plain_table
from sim.storage import Results

NOTHING = ""
QUANTILES = ("5%", "median", "95%", "worst path")
READING = "Medians over paths; the curve is a future over the VIX."


def has_data(results: Results) -> bool:
    """Whether a scenario of the run has a script."""
    return has_stress(results)


def build(results: Results) -> Section:
    """Four tables and two figures a scripted scenario."""
    shades = colours(results.data)
    tables: list[Table] = []
    cards: list[Card] = []
    for item in stress_summary(results):
        tables += [_sessions(item), _losses(item), _legs(item), _broken(item)]
        for name, unit in (("margin", "margin [USD]"), ("equity", "equity [USD]")):
            cards.append(_path_card(item, name, unit, shades))
    return Section(
        anchor="stress",
        title="Under the scripts",
        note="Scripted shocks laid over the paths. P&L runs from the close before a script to its last session; margin "
        "calls, ruin and the largest loss are watched until the end of its aftermath.",
        cards=cards,
        tables=tables,
        wide=True,
    )


def _text(value: float | None, form: str) -> str:
    return NOTHING if value is None else format(value, form)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _sessions(item: Row) -> Table:
    """What was asked of SPX, VIX and curve, and what came of it."""
    header = ["session", "what", "SPX asked", "SPX", "VIX asked", "VIX", "VIX missed by", "VX1", "curve asked", "curve"]
    rows: list[list[Cell]] = []
    for row in item["sessions"]:
        rows.append(
            [
                str(row["session"]),
                row["note"],
                _text(row["spx_asked"], ".1%"),
                _text(row["spx_return"], ".1%"),
                _text(row["vix_asked"], ".1f"),
                _text(row["vix"], ".1f"),
                _text(row["vix_miss"], "+.1f") if abs(row["vix_miss"] or 0.0) >= LEAST_MISS["vix"] else NOTHING,
                _text(row["vx1"], ".1f"),
                _text(row["curve_asked"], ".2f"),
                _text(row["curve_ratio"], ".2f"),
            ]
        )
    return plain_table(
        f"{item['script'] or 'script'}: what was asked and what came of it",
        header,
        rows,
        scenario=item["scenario"],
        note=". ".join([_sentence(item["meaning"]), f"Source: {item['source']}", *item["notes"], READING]),
    )


def _value(row: Row) -> Value:
    return Value(value=row["mean"], low=row["ci_low"], high=row["ci_high"])


def _losses(item: Row) -> Table:
    """P&L by strategy and engine."""
    rows: list[list[Cell]] = []
    for one in item["strategies"]:
        whole = one["pnl"]
        rows.append([one["strategy"], "book", NOTHING, NOTHING, _value(whole), *_tail(whole)])
        for engine in one["engines"]:
            at_mid, costs = _value(engine["at_mid"]), f"{engine['costs']:,.0f}"
            rows.append(
                [one["strategy"], engine["engine"], at_mid, costs, _value(engine["net"]), *_tail(engine["net"])]
            )
    header = ["strategy", "engine", "at mid [USD]", "costs [USD]", "net [USD]", *(f"net, {x} [USD]" for x in QUANTILES)]
    note = "Mean over paths with its 95% interval, and quantiles of the net P&L; the book includes interest."
    return plain_table("P&L over the script", header, rows, note=note, scenario=item["scenario"])


def _tail(row: Row) -> list[Cell]:
    return [f"{row[key]:,.0f}" for key in ("p05", "p50", "p95", "worst")]


def _legs(item: Row) -> Table:
    rows: list[list[Cell]] = [
        [one["strategy"], leg["engine"], leg["leg"], _value(leg["at_mid"]), *_tail(leg["at_mid"])]
        for one in item["strategies"]
        for leg in one["legs"]
    ]
    header = ["strategy", "engine", "leg", "at mid [USD]", *(f"{x} [USD]" for x in QUANTILES)]
    note = "Mean over paths with its 95% interval, and quantiles."
    return plain_table("P&L by leg over the script", header, rows, note=note, scenario=item["scenario"])


def _broken(item: Row) -> Table:
    rows: list[list[Cell]] = []
    for one in item["strategies"]:
        for key, name in (("margin_call", "first margin call"), ("ruin", "ruin"), ("worst_session", "largest loss")):
            row = one[key]
            share = Value(value=row["share"], low=row["ci_low"], high=row["ci_high"], form=".1%")
            rows.append([one["strategy"], name, share, *(_text(row[q], ".0f") for q in ("p05", "p50", "p95"))])
    header = ["strategy", "what", "paths", "session, 5%", "median", "95%"]
    note = f"Sessions after day 0; the script runs from {item['first_session']} to {item['last_session']}."
    return plain_table("The day things broke", header, rows, note=note, scenario=item["scenario"])


def _path_card(item: Row, name: str, unit: str, shades: dict[str, str]) -> Card:
    """Median and 5% to 95% of margin or equity, day by day, one fan a strategy."""
    figure = None
    for one in item["strategies"]:
        days = np.array([row["stress_day"] for row in one["margin"]], dtype=float) + item["first_session"] - 1
        quantiles = {
            q: np.array([row[name][key] for row in one["margin"]])
            for q, key in ((0.05, "p05"), (0.5, "p50"), (0.95, "p95"))
        }
        figure = figures.band_lines(
            figure, days, quantiles, colour=shades[one["strategy"]], name=one["strategy"], y_title=unit
        )
    assert figure is not None  # an experiment has at least one strategy
    return Card(title=f"{name} day by day", figure=figure, scenario=item["scenario"])

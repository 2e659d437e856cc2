"""The answer in a sentence and the tables behind it, on made-up statistics."""

from __future__ import annotations

import math

import numpy as np
import pytest
import xarray as xr

from sim.report.answer import answer_sentences, headline, higher_is_better, verdict
from sim.report.tables import Value, plain_table

STATISTICS = ["expected_shortfall_95", "terminal_pnl_mean"]
BETTER = ["lower", "higher"]


def tables(differences: dict[str, list[list[float]]], half: float = 10.0) -> tuple[xr.Dataset, xr.Dataset]:
    """Differences by strategy, [scenario][statistic], each with an interval of the same width."""
    strategies = ["base", *differences]
    scenarios = ["calm", "storm"]
    moves = np.array([[[0.0, 0.0]] * 2, *differences.values()]).transpose(1, 0, 2)
    dims = ("scenario", "strategy", "statistic")
    coordinates = {
        "scenario": scenarios,
        "strategy": strategies,
        "statistic": STATISTICS,
        "better": ("statistic", BETTER),
    }
    level = np.array([[[1000.0, 50.0]], [[2000.0, -70.0]]]) + moves
    single = {"estimate": (dims, level), "ci_low": (dims, level - half), "ci_high": (dims, level + half)}
    paired = {"difference": (dims, moves), "ci_low": (dims, moves - half), "ci_high": (dims, moves + half)}
    return xr.Dataset(single, coords=coordinates), xr.Dataset(paired, coords=coordinates)


def test_the_strategy_that_helps_in_most_scenarios_is_named_with_its_interval_and_its_cost() -> None:
    said = headline(*tables({"one": [[-300.0, -40.0], [5.0, 1.0]], "two": [[-100.0, -20.0], [-50.0, 3.0]]}))
    assert said == (
        "Of 2 alternatives two does most: it lowers the expected shortfall of the terminal P&L (95%, net of costs) of "
        "base in 2 of 2 scenarios, most in calm: -100 USD [95% interval -110 to -90]; its mean P&L there differs by "
        "-20 USD [95% interval -30 to -10]."
    )


def test_what_is_worse_somewhere_is_said() -> None:
    said = headline(*tables({"one": [[-300.0, -40.0], [50.0, 1.0]]}))
    assert said.startswith("one lowers the expected shortfall")
    assert "in 1 of 2 scenarios and raises it in 1, most in calm: -300 USD" in said


def test_nothing_is_claimed_that_an_interval_does_not_show() -> None:
    said = headline(*tables({"one": [[-9.0, 0.0], [8.0, 0.0]]}))
    assert said.startswith("one does not lower the expected shortfall")
    assert "distinguishably in any of 2 scenarios" in said
    assert headline(*tables({"one": [[-11.0, 0.0], [8.0, 0.0]]})).startswith("one lowers")  # the partner that must


def test_a_lone_strategy_is_told_by_its_range() -> None:
    said = headline(*tables({}))
    assert said == (
        "Mean P&L of base, the only strategy: between -70 USD [95% interval -80 to -60] in storm and +50 USD [95% "
        "interval +40 to +60] in calm."
    )
    assert answer_sentences(*tables({})) == []


@pytest.mark.parametrize(
    ("low", "high", "higher", "expected"),
    [
        (1.0, 2.0, True, "better"),
        (1.0, 2.0, False, "worse"),
        (-2.0, -1.0, True, "worse"),
        (-1.0, 1.0, True, "same"),
        (-math.inf, math.inf, True, "same"),
        (math.nan, math.nan, False, "same"),
    ],
)
def test_verdicts(low: float, high: float, higher: bool, expected: str) -> None:
    assert verdict(low, high, higher_is_better=higher) == expected


def test_which_way_is_better_is_as_stored_wherever_it_stands() -> None:
    """Tables of windows hold it as a variable, others as a coordinate; by name only where neither is there."""
    stored = {"better": ("statistic", ["higher", "lower"])}
    for table in (
        xr.Dataset(stored, {"statistic": ["carry", "loss"]}),
        xr.Dataset(coords=stored | {"statistic": ["carry", "loss"]}),
    ):
        assert higher_is_better(table, "carry")
        assert not higher_is_better(table, "loss")
    assert higher_is_better(xr.Dataset(), "terminal_pnl")


def test_rows_for_export_keep_numbers_and_name_the_ends_of_intervals() -> None:
    table = plain_table(
        "t", ["who", "pnl [USD]", "days"], [["a<b", Value(value=1.25, low=1.0, high=1.5), "7"], ["b", "n/a", "8"]]
    )
    first, second = table.records()
    assert first == {
        "who": "a<b",
        "pnl [USD]": 1.25,
        "pnl [USD] ci_low": 1.0,
        "pnl [USD] ci_high": 1.5,
        "days": "7",
    }
    assert list(second) == list(first)
    assert "a&lt;b" in table.html
    assert "a<b" not in table.html


def test_a_value_that_is_not_known_is_not_a_number_in_print() -> None:
    assert Value(value=math.nan).html == "n/a"
    assert Value(value=math.nan, low=math.nan, high=math.nan).html == "n/a"
    assert Value(value=1.0, low=-math.inf, high=2.0).html == "1<span class=ci>[−∞, 2]</span>"
    assert Value(value=1.0, low=-math.inf, high=math.inf).html == "1<span class=ci>[too few paths]</span>"


def test_the_answer_chooses_among_strategies_that_keep_the_engines_of_the_first() -> None:
    told = tables({"cash": [[-900.0, 90.0]] * 2, "hedged": [[-100.0, -20.0], [-50.0, 3.0]]})
    assert headline(*told).startswith("Of 2 alternatives cash does most")
    assert headline(*told, ["hedged"]).startswith("hedged lowers the expected shortfall")
    few = [table.isel(scenario=[0]) for table in told]
    assert "of base by -100 USD [95% interval -110 to -90]; its mean P&L differs by -20" in headline(*few, ["hedged"])


def test_an_interval_that_is_not_known_is_no_verdict() -> None:
    statistics, paired = tables({"one": [[-300.0, -40.0], [5.0, 1.0]]}, half=math.inf)
    said = headline(statistics, paired)
    assert said.startswith("one does not lower")
    assert "-300 USD [too few paths for an interval]" in said

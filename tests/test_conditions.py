"""Trees of conditions: what they accept, what they mean, and that they see no later than their session."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from sim.conditions import CompiledConditions, condition, conditions_of, measured
from sim.config import EngineConfig

RISING = np.array([[1.0, 4.0], [2.0, 3.0], [3.0, 2.0], [4.0, 1.0]])
FLAT = np.full((4, 2), 2.5)


class Signals:
    """Two signals by name, and what was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def signal(self, name: str) -> Any:
        self.asked.append(name)
        return {"vix": RISING, "vix_sma5": FLAT}[name]


def leaf(op: str = "<", value: Any = 2.5, **more: Any) -> dict[str, Any]:
    return {"signal": "vix", "op": op, "value": value, **more}


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        (leaf("<"), RISING < 2.5),
        (leaf(">=", 3.0), RISING >= 3.0),
        (leaf(">", "vix_sma5"), RISING > 2.5),
        ({"not": leaf("<")}, RISING >= 2.5),
        ({"all": [leaf(">", 1.0), leaf("<=", 3.0)]}, (RISING > 1.0) & (RISING <= 3.0)),
        ({"any": [leaf("<", 2.0), {"all": [leaf(">", 3.0)]}]}, (RISING < 2.0) | (RISING > 3.0)),
    ],
)
def test_trees_mean_what_they_say(tree: dict[str, Any], expected: Any) -> None:
    compiled, source = CompiledConditions(signals := Signals()), condition(tree)
    np.testing.assert_array_equal(compiled.rows(source), expected)
    asked = len(signals.asked)
    compiled.rows(condition(tree))  # an equal tree is not computed again
    assert len(signals.asked) == asked
    for t in range(4):
        np.testing.assert_array_equal(compiled.today(source, t, lambda name: FLAT[0]), expected[t])


def test_signals_of_the_book_are_asked_for_on_the_day() -> None:
    tree = condition({"any": [leaf(">", 3.5), {"not": {"signal": "drawdown_nav", "op": "<", "value": 0.05}}]})
    compiled = CompiledConditions(Signals())
    nav = np.array([0.10, 0.01])
    np.testing.assert_array_equal(compiled.today(tree, 0, lambda name: nav), [True, True])  # path 2: VIX of 4
    np.testing.assert_array_equal(compiled.today(tree, 1, lambda name: nav), [True, False])


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        ({"signal": "vixx", "op": "<", "value": 1}, "did you mean 'vix'"),
        ({"signal": "vix", "op": "<", "value": "vix_sma"}, "did you mean 'vix_sma5'"),
        ({"signal": "vix", "op": "=", "value": 1}, "'<', '<=', '>' or '>='"),
        ({"signal": "vix", "op": "<"}, "op and value"),
        ({"all": []}, "at least 1 item"),
        ({}, "exactly one of"),
        ({**leaf(), "all": [leaf()]}, "exactly one of"),
        ({"not": leaf(), "op": "<"}, "beside signal only"),
        (leaf(measure="change"), "window if"),
        (leaf(window=5), "window if"),
        (leaf(measure="zscore", window=1), "2 sessions"),
        ({"signal": "drawdown_nav", "op": ">", "value": 0.1, "measure": "change", "window": 5}, "of the book"),
        (leaf(value=float("nan")), "finite"),
        ({"and": [leaf()]}, "not permitted"),
    ],
)
def test_faults_are_named(tree: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        condition(tree)
    assert words in str(caught.value)


def test_a_tree_is_written_as_it_was_read() -> None:
    tree = {"all": [leaf(), {"not": leaf(">", "vix_sma5")}, {"any": [leaf(measure="change", window=5)]}]}
    parsed = condition(tree)
    assert parsed.model_dump() == tree
    assert condition(parsed.model_dump()) == parsed
    assert str(parsed) == "(vix < 2.5 and not vix > vix_sma5 and (change(vix, 5) < 2.5))"
    assert parsed.signals() == {"vix", "vix_sma5"}


def test_trees_of_a_configuration_are_found() -> None:
    class WithTrees(EngineConfig):
        engine: str = "with_trees"
        one: Any = condition(leaf())
        many: Any = (condition(leaf(">")), condition(leaf("<=")))

    assert [str(tree) for tree in conditions_of(WithTrees())] == ["vix < 2.5", "vix > 2.5", "vix <= 2.5"]


def history(n_times: int = 60) -> Any:
    series = np.random.default_rng(11).standard_normal((n_times, 3)).cumsum(axis=0)
    series[:7, 1] = np.nan
    return series


@pytest.mark.parametrize("measure", ["change", "over_std", "zscore", "percentile"])
@pytest.mark.parametrize("window", [5, 40])
def test_measures_by_hand(measure: Any, window: int) -> None:
    series = history()
    result = measured(series, measure, window)
    for t in range(60):
        for path in range(3):
            if measure == "change":
                expected = series[t, path] - series[t - window, path] if t >= window else np.nan
            else:
                past = [x for x in series[max(t - window + 1, 0) : t + 1, path] if not np.isnan(x)]
                enough = len(past) >= min(window, 20) and not np.isnan(series[t, path])
                today = series[t, path]
                mean = sum(past) / max(len(past), 1)
                std = (sum((x - mean) ** 2 for x in past) / max(len(past) - 1, 1)) ** 0.5
                rank = sum(x <= today for x in past) / max(len(past), 1)
                shown = {"over_std": lambda: today / std, "zscore": lambda: (today - mean) / std}  # noqa: B023
                expected = np.nan if not enough else rank if measure == "percentile" else shown[measure]()
            np.testing.assert_allclose(result[t, path], expected, rtol=1e-10)


@pytest.mark.parametrize("measure", ["change", "over_std", "zscore", "percentile"])
def test_measures_know_no_future(measure: Any) -> None:
    series = history()
    changed = series.copy()
    changed[40:] = 99.0
    np.testing.assert_array_equal(measured(series, measure, 25)[:40], measured(changed, measure, 25)[:40])


def test_what_is_not_known_is_false() -> None:
    class Unknown(Signals):
        def signal(self, name: str) -> Any:
            return np.full((2, 2), np.nan)

    compiled = CompiledConditions(Unknown())
    for op in ("<", ">=", ">", "<="):
        assert not compiled.rows(condition(leaf(op))).any()

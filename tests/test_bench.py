"""The measure itself: ratios of known work, and the shape of what is printed. No test looks at a time."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sim.bench import guard, headline, measure, packages, rows, variance
from sim.bench.measure import Row, ratio, seconds
from sim.calendar import WARMUP_DAYS
from sim.errors import ConfigError


def test_a_ratio_is_that_of_the_two_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a clock that the tasks advance themselves: 10 items in 30 units, the floor's normals in one unit each."""
    now = [0.0]
    monkeypatch.setattr(measure.time, "perf_counter", lambda: now[0])

    def spend(amount: float) -> None:
        now[0] += amount

    monkeypatch.setattr(measure, "floor_task", lambda: lambda: spend(float(measure.FLOOR_NORMALS)))
    amounts = iter([999.0, *[30.0, 20.0, 40.0] * 3])
    row = ratio("x", lambda: spend(next(amounts)), 10, reach=2.5, repeats=9)
    assert row.value == pytest.approx(3.0)
    assert row.spread == pytest.approx(1.0)
    assert row.met is False
    assert Row(name="x", value=2.5, unit="normals", reach=2.5, spread=0.0).met is True
    assert Row(name="x", value=2.5, unit="normals", reach=None, spread=0.0).met is None
    assert seconds("y", lambda: spend(7.0), reach=None).value == pytest.approx(7.0)


def test_steps_are_measured_for_every_kind_of_kernel() -> None:
    names = ("QE-M step (heston)", "SVCJ step")
    some = {name: rows.STEPS[name] for name in names}
    found = [
        rows._step(name, rows.model_of(source, changes), reach, 3) for name, (source, changes, reach) in some.items()
    ]
    assert [row.name for row in found] == list(names)
    assert all(math.isfinite(row.value) and row.value > 0.0 for row in found)
    assert all(row.unit == "normals" for row in found)


def test_the_headline_is_the_whole_method_and_its_variants() -> None:
    one, ten = headline.headline(64), headline.headline(64, strategies=10)
    (book,) = one.strategies.values()
    assert [engine.engine for engine in book.engines] == list(headline.METHOD)
    books = [tuple(engine.engine for engine in strategy.engines) for strategy in ten.strategies.values()]
    assert books[0] == headline.METHOD
    assert len(set(books)) == 10


def test_a_floor_is_steps_and_legs_at_the_speed_of_their_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: 10 paths of 252 + warm-up sessions, 1000 SPX and 500 VIX legs."""
    monkeypatch.setattr(headline, "processor_time", lambda task: 2.0)
    monkeypatch.setattr(headline, "seconds_of_legs", lambda *_: {"spx": 3.0, "vix": 5.0})
    steps = 10 * (WARMUP_DAYS + 252) * 2.0 / (rows.PATHS * rows.DAYS)
    assert headline._floor({"spx": 1000, "vix": 500}, 10, 3) == pytest.approx(steps + 3000.0 + 2500.0)


def test_legs_are_counted_by_index() -> None:
    model = rows.model_of(headline.PRESET, {})
    pricer = model.tabulated_pricer(max_sessions=90)
    pricer.leg_counts.clear()
    for task in rows.leg_tasks(model, pricer).values():
        task()
    assert dict(pricer.leg_counts) == {"spx": 4 * rows.PATHS, "vix": 4 * rows.PATHS}


def test_ratios_far_above_the_stored_ones_are_slower(tmp_path: Path) -> None:
    path = tmp_path / "speed.json"
    stored = [("step", 1.0, "normals"), ("whole", 4.0, "ratio"), ("build", 3.0, "s"), ("not measured", 2.0, "ratio")]
    stored.append(("peak memory, ten times the paths / once", 1.0, "ratio"))
    path.write_text(json.dumps({"rows": [{"name": n, "value": v, "unit": unit} for n, v, unit in stored]}))
    known = guard.stored_rows(path)
    assert known == {"step": 1.0, "whole": 4.0, "not measured": 2.0}
    now = [("step", 1.5), ("whole", 7.0), ("build", 90.0), ("new", 5.0)]
    measured = [Row(name=n, value=v, unit="ratio", reach=None, spread=0.0) for n, v in now]
    pairs = guard.compared(measured, known)
    assert [(pair.name, pair.is_slower) for pair in pairs] == [("step", False), ("whole", True)]
    assert guard.Compared(name="x", value=math.nan, stored=1.0).is_slower
    assert guard.unmeasured(measured, known) == ["not measured"]
    assert guard.unmeasured(measured, {"step": 1.0}) == []


def test_nothing_is_measured_beyond_what_is_stored() -> None:
    taken: list[str] = []

    def endless() -> Iterator[Row]:
        for name in ("a", "b", "c"):
            taken.append(name)
            yield Row(name=name, value=1.0, unit="ratio", reach=None, spread=0.0)

    assert [row.name for row in guard.until_measured(endless(), {"b"})] == ["a", "b"]
    assert taken == ["a", "b"]
    assert list(guard.until_measured(endless(), set())) == []


@pytest.mark.parametrize("text", ["{", "[]", '{"rows": []}', '{"rows": [{"name": "x", "value": 0, "unit": "ratio"}]}'])
def test_other_files_are_no_stored_run(tmp_path: Path, text: str) -> None:
    path = tmp_path / "speed.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"speed\.json"):
        guard.stored_rows(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        guard.stored_rows(tmp_path / "missing.json")


def test_a_package_with_other_values_is_not_timed() -> None:
    rival = packages.Rival(package="x", row="y", tolerance=1e-3, both=lambda _: (list, 1, list, 1))  # type: ignore[arg-type,return-value]
    packages.check_agreement(rival, np.array([1.0, 2.0]), np.array([1.0, 2.001, 3.0]))
    with pytest.raises(ArithmeticError, match="not timed"):
        packages.check_agreement(rival, np.array([1.0, 2.0]), np.array([1.0, 2.01, 3.0]))


def test_quantlib_prices_what_we_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "RIVALS", packages.RIVALS[:1])
    assert [row.name for row in packages.package_rows(progress=lambda _: None)] == ["Heston option: QuantLib / ours"]


def test_savings_are_ratios_of_squared_errors() -> None:
    """Estimates with half the spread save a factor of four; one that is off shows by how many standard errors."""
    values = np.array([-3.0, -1.0, 1.0, 3.0])
    plain, better = variance._Runs(seconds=2.0), variance._Runs(seconds=3.0)
    plain.estimates["mean P&L"], plain.errors["mean P&L"] = list(values), [2.0] * 4
    better.estimates["mean P&L"], better.errors["mean P&L"] = list(0.5 * values + 10.0), [0.5] * 4
    (row,) = variance._rows("antithetic", better, plain)
    assert row.variance_ratio == pytest.approx(16.0)
    assert row.spread_ratio == pytest.approx(4.0)
    assert row.spread_low < 4.0 < row.spread_high
    assert row.cost_ratio == pytest.approx(1.5)
    assert row.bias_errors == pytest.approx(10.0 / math.sqrt((20.0 / 3.0) * 1.25 / 4.0))


@pytest.mark.slow
def test_every_method_estimates_the_same() -> None:
    """Four runs of each method: no estimate is off by 6 standard errors, means cost less with nets and controls.

    A thousandth of 3072 paths is three, of fewer than two there would be no error to compare with.
    """
    rows = variance.variance_rows(paths=3072, repeats=4)
    assert {row.method for row in rows} == {*variance.METHODS, variance.CONTROLS}
    assert all(abs(row.bias_errors) < 6.0 for row in rows)  # Student's law of six degrees: one in a thousand
    saved = {(row.method, row.statistic): row.variance_ratio for row in rows}
    assert min(saved[method, "mean P&L"] for method in ("sobol", "controls")) > 1.1
    least = {"95%": 2.0, "99%": 3.0, "99.9%": 3.0}  # two thirds, half and a quarter of what docs/sampling.md says
    for level, gain in least.items():
        assert gain < saved["importance", f"expected shortfall {level}"] < float("inf")

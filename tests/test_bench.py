"""The measure itself: ratios of known work, and the shape of what is printed. No test looks at a time."""

from __future__ import annotations

import math

import pytest

from sim.bench import measure, rows
from sim.bench.measure import Row, ratio, seconds


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
        rows._step(name, rows._model(source, changes), reach, 3) for name, (source, changes, reach) in some.items()
    ]
    assert [row.name for row in found] == list(names)
    assert all(math.isfinite(row.value) and row.value > 0.0 for row in found)
    assert all(row.unit == "normals" for row in found)

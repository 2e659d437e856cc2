"""Maximum drawdown: a share of the running maximum, against a plain loop and against cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sim.metrics.drawdown import drawdown_duration, max_drawdown, time_under_water, ulcer_index

EQUITY = st.floats(min_value=-1e7, max_value=1e7, allow_subnormal=False)


def by_loop(path: list[float]) -> float:
    """Largest of the falls from the highest equity so far, day by day."""
    worst = peak = 0.0
    for day, equity in enumerate(path):
        peak = equity if day == 0 else max(peak, equity)
        worst = max(worst, (peak - equity) / peak)
    return worst


@st.composite
def equity_paths(draw: st.DrawFn) -> np.ndarray:
    n_times, n_paths = draw(st.integers(1, 12)), draw(st.integers(1, 4))
    equity = draw(arrays(np.float64, (n_times, n_paths), elements=EQUITY))
    equity[0] = draw(arrays(np.float64, n_paths, elements=st.floats(min_value=1.0, max_value=1e7)))
    return equity


@given(equity_paths())
def test_it_is_that_of_a_plain_loop(equity: np.ndarray) -> None:
    expected = [by_loop(list(path)) for path in equity.T]
    np.testing.assert_allclose(max_drawdown(equity), expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("path", "share"),
    [
        ([100.0, 100.0, 100.0], 0.0),
        ([100.0, 120.0, 150.0], 0.0),
        ([100.0, 90.0, 95.0], 0.10),  # a loss on the first day counts: the initial equity is a peak
        ([100.0, 200.0, 150.0, 199.0, 140.0], 0.30),
        ([100.0, 50.0, 1000.0, 600.0], 0.50),  # the deeper share wins over the larger sum
        ([100.0, 0.0], 1.0),
        ([100.0, -50.0], 1.5),  # debts: more than everything is lost
        ([100.0], 0.0),
    ],
)
def test_cases_worked_out_by_hand(path: list[float], share: float) -> None:
    assert max_drawdown(np.array(path)[:, None])[0] == pytest.approx(share, abs=1e-15)


@given(equity_paths(), st.sampled_from([0.25, 2.0, 1024.0]))
def test_it_has_no_unit(equity: np.ndarray, factor: float) -> None:
    """Dollars or thousands of dollars: the same share. Factors are powers of two, so that nothing is rounded."""
    np.testing.assert_array_equal(max_drawdown(factor * equity), max_drawdown(equity))


def test_paths_do_not_see_each_other_and_order_in_time_matters() -> None:
    rng = np.random.default_rng(31)
    equity = 1e6 * np.exp(np.cumsum(0.01 * rng.standard_normal((80, 30)), axis=0))
    alone = [max_drawdown(equity[:, i : i + 1])[0] for i in range(30)]
    np.testing.assert_array_equal(max_drawdown(equity), alone)
    assert np.all(max_drawdown(equity[::-1]) != max_drawdown(equity))


def test_a_brownian_path_falls_as_much_as_theory_says() -> None:
    """Without drift the fall from the maximum of a Brownian motion reaches sqrt(pi T / 2) on average.

    By Levy's theorem it is a reflected Brownian motion, whose expected maximum is that number. Equity moves by so
    little that share and sum are the same; monitoring by steps misses 0.5826 of a step's deviation (Broadie,
    Glasserman and Kou), at the peak and at the trough.
    """
    n_steps, n_paths, step = 2000, 4000, 1e-6
    rng = np.random.default_rng(20181231)
    walk = np.cumsum(rng.standard_normal((n_steps, n_paths), dtype=np.float32), axis=0, dtype=np.float64)
    fall = max_drawdown(1.0 + step * np.concatenate([np.zeros((1, n_paths)), walk])) / step
    expected = np.sqrt(np.pi * n_steps / 2.0) - 2 * 0.5826
    error = fall.std(ddof=1) / np.sqrt(n_paths)
    assert abs(fall.mean() - expected) < 4.0 * error
    assert abs(fall.mean() - np.sqrt(2.0 * n_steps / np.pi)) > 20.0 * error  # the mean of |W(T)|, easily confused


@given(equity_paths())
def test_duration_time_under_water_and_ulcer_index_by_a_plain_loop(equity: np.ndarray) -> None:
    for path, duration, share, ulcer in zip(
        equity.T, drawdown_duration(equity), time_under_water(equity), ulcer_index(equity), strict=True
    ):
        peak, peak_day, longest, below, squares, is_below = path[0], 0, 0, 0, 0.0, False
        for day, value in enumerate(path):
            if value < peak or is_below:
                longest = max(longest, day - peak_day)
            is_below = value < peak
            below += is_below
            if not is_below:
                peak, peak_day = value, day
            squares += ((peak - value) / peak) ** 2
        assert duration == longest
        assert share == pytest.approx(below / max(len(path) - 1, 1))
        assert ulcer == pytest.approx(np.sqrt(squares / len(path)), rel=1e-9, abs=1e-12)


def test_durations_worked_out_by_hand() -> None:
    equity = np.array([[100.0, 110.0, 99.0, 105.0, 110.0, 108.0, 120.0], [100.0, 90.0, 80.0, 85.0, 95.0, 99.0, 99.5]]).T
    np.testing.assert_array_equal(drawdown_duration(equity), [3.0, 6.0])  # the second never recovers
    np.testing.assert_allclose(time_under_water(equity), [3 / 6, 1.0])
    np.testing.assert_allclose(ulcer_index(equity)[0] ** 2 * 7, 0.1**2 + (5 / 110) ** 2 + (2 / 110) ** 2)

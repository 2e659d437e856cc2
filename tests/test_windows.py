"""Windows of a run: which sessions they hold, what is added up in them, and the tables that come of it."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.protocols import PathBlock, SimulationGrid
from sim import open_results, run_experiment
from sim.conditions import condition
from sim.config import AccountConfig, CostsConfig, MarginConfig, StrategyConfig
from sim.errors import ConfigError
from sim.evaluator import evaluate
from sim.experiment import experiment_schema, parse_experiment
from sim.metrics.first_engine import CONDOR, first_engine
from sim.storage import Results
from sim.strategies.iron_condor import IronCondorConfig
from sim.strategies.registry import REGISTRY as ENGINES
from sim.windows.accumulate import WindowBook, WindowOutcomes, engine_pairs
from sim.windows.courses import window_courses
from sim.windows.definition import DEFAULT_WINDOWS, Window
from sim.windows.groups import add_by_group
from sim.windows.membership import codes, dilated, lagged, membership, runs_of
from tests.toy_experiment import DAYS, EQUITY, PATHS, experiment, registered
from tests.toy_market import toy_market

FloatArray = NDArray[np.float64]
HIGH = condition({"signal": "vix", "op": ">", "value": 20.0})


def row(text: str) -> NDArray[np.bool_]:
    """Truth of one path by session: x where it holds."""
    return np.array([[mark == "x"] for mark in text])


def written(truth: NDArray[np.bool_]) -> str:
    return "".join("x" if value else "." for value in truth[:, 0])


# which sessions


def test_a_lag_and_neighbours_by_hand() -> None:
    assert written(lagged(row("x..x.x"), 0)) == "x..x.x"
    assert written(lagged(row("x..x.x"), 1)) == ".x..x."
    assert written(lagged(row("x..x.x"), 4)) == "....x."
    assert written(dilated(row("....x....."), 2, 3)) == "..xxxxxx.."
    assert written(dilated(row("x........x"), 2, 1)) == "xx.....xxx"
    assert written(dilated(row("..x.."), 0, 0)) == "..x.."


def test_runs_are_counted() -> None:
    for text, runs in ((".....", 0), (".xxx.", 1), (".x.x.", 2), (".xx.x", 2), (".xxxx", 1)):
        assert int(runs_of(row(text)[:, None])[0, 0]) == runs, text


def vix_market(levels: list[float], warmup: int) -> Any:
    vix = np.array(levels)[:, None]
    grid = SimulationGrid(n_days=len(levels) - 1 - warmup, warmup_days=warmup)
    paths = PathBlock(grid=grid, spot=np.full_like(vix, 4000.0), state=(vix / 100.0)[:, None] ** 2, vix=vix)
    return toy_market(paths, start_date="2019-01-02")


def test_membership_by_hand() -> None:
    """Two sessions of history, then day 0, then five sessions."""
    market = vix_market([10, 25, 10, 10, 30, 30, 10, 25], warmup=2)
    windows = {
        "same_day": Window(when=HIGH),
        "day_before": Window(when=HIGH, lag=1),
        "two_before": Window(when=HIGH, lag=2),
        "around": Window(when=HIGH, before=1, after=1),
        "never": Window(when=condition({"signal": "vix", "op": ">", "value": 80.0})),
    }
    inside = membership(windows, market)
    found = {name: written(inside[:, w]) for w, name in enumerate(windows)}
    assert found == {
        "same_day": "..xx.x",
        "day_before": "...xx.",  # day 0 is quiet, so session 1 is outside
        "two_before": ".x..xx",  # the high VIX of the session before day 0 selects session 1
        "around": ".xxxxx",
        "never": "......",
    }


def test_default_regimes_share_out_all_sessions() -> None:
    levels = [14.0, 15.0, 14.9, 20.0, 29.9, 30.0, 45.0, 15.0, 19.9, 12.0]
    market = vix_market(levels, warmup=2)
    regimes = {name: window for name, window in DEFAULT_WINDOWS.items() if window.lag}
    inside = membership(regimes, market)
    np.testing.assert_array_equal(inside[1:].sum(axis=1), 1)
    assert {name: written(inside[:, w]) for w, name in enumerate(regimes)} == {
        "vix_below_15": ".x......",
        "vix_15_20": "......xx",
        "vix_20_30": "..xx....",
        "vix_above_30": "....xx..",
    }


def test_default_spikes_and_crashes() -> None:
    """A rise by 6 points in three sessions, all of which belong to the spike; likewise a fall of the SPX by 8%."""
    vix = np.array([15, 15, 15, 15, 15, 17, 19, 21, 21, 21, 21], dtype=float)[:, None]
    spot = np.array([100, 100, 100, 100, 98, 96, 94, 93, 92, 92, 91.8])[:, None]
    paths = PathBlock(
        grid=SimulationGrid(n_days=9, warmup_days=1), spot=spot, state=(vix / 100.0)[:, None] ** 2, vix=vix
    )
    names = ("vix_spike", "crash")
    inside = membership({name: DEFAULT_WINDOWS[name] for name in names}, toy_market(paths, start_date="2019-01-02"))
    assert {name: written(inside[:, w]) for w, name in enumerate(names)} == {
        "vix_spike": "....xxx...",
        "crash": "...xxxxx..",
    }


# what is added up


def test_a_small_book_by_hand() -> None:
    """One path, two engines, seven sessions; the window holds sessions 1, 2, 4, 6 and 7: three runs."""
    inside = row(".xx.x.xx")[:, None]
    engine = [[-10, -20, 5, 30, -1, -4, -6], [2, 3, -7, -9, 8, 1, 12]]
    interest = [1, 0, 0, 2, 0, 0, 0]
    net, equity = np.cumsum(engine, axis=1), 1000.0 + np.cumsum(np.sum(engine, axis=0) + interest)
    book = WindowBook(inside, 2, 1000.0)
    book.note(0, np.zeros((2, 1)), np.array([999.0]))  # costs of day 0: the first session bears them
    for day in range(1, 8):
        book.note(day, net[:, day - 1, None].astype(float), np.array([equity[day - 1]]))
    out = book.finish()
    assert out.engine_pnl[0, :, 0].tolist() == [-10 - 20 + 30 - 4 - 6, 2 + 3 - 9 + 1 + 12]
    assert out.pnl[0, 0] == sum([-7, -17, 23, -3, 6])
    # runs: sessions 1-2 lost 30 (hedges +5), session 4 gained, sessions 6-7 lost 10 (hedges +13)
    assert out.loss_first_engine[0, 0] == -40.0
    assert out.loss_hedges[0, 0] == 18.0
    returns = [-7 / 1000, -17 / 993, 23 / 974, -3 / (974 + 23 + 7), 6 / (974 + 23 + 7 - 3)]
    assert out.return_sum[0, 0] == pytest.approx(sum(returns), rel=1e-12)
    assert out.return_square_sum[0, 0] == pytest.approx(sum(r * r for r in returns), rel=1e-12)
    assert out.products[0, :, 0].tolist() == [
        100 + 400 + 900 + 16 + 36,
        -20 - 60 - 270 - 4 - 72,
        4 + 9 + 81 + 1 + 144,
    ]


def by_loop(inside: NDArray[np.bool_], daily: FloatArray, equity: FloatArray, start: float) -> dict[str, FloatArray]:
    """The same sums, session by session with nothing but their definitions."""
    n_days, n_engines, n_paths = daily.shape
    n_windows = inside.shape[1]
    out = {"engine_pnl": np.zeros((n_windows, n_engines, n_paths))}
    for name in ("pnl", "return_sum", "return_square_sum", "loss_first_engine", "loss_hedges"):
        out[name] = np.zeros((n_windows, n_paths))
    for w, i in np.ndindex(n_windows, n_paths):
        before = start
        run: list[FloatArray] = []
        for t in range(1, n_days + 1):
            gain, before_now = equity[t - 1, i] - before, before
            before = equity[t - 1, i]
            if inside[t, w, i]:
                run.append(daily[t - 1, :, i])
                out["engine_pnl"][w, :, i] += daily[t - 1, :, i]
                out["pnl"][w, i] += gain
                change = gain / before_now if before_now > 0 else 0.0
                out["return_sum"][w, i] += change
                out["return_square_sum"][w, i] += change**2
            if run and (t == n_days or not inside[t, w, i]):
                total = np.sum(run, axis=0)
                if total[0] < 0.0:
                    out["loss_first_engine"][w, i] += total[0]
                    out["loss_hedges"][w, i] += total[1:].sum()
                run = []
    return out


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 9))
def test_sums_are_those_of_a_plain_loop(seed: int, n_engines: int, n_days: int) -> None:
    rng = np.random.default_rng(seed)
    n_windows, n_paths = 3, 2
    inside = rng.random((n_days + 1, n_windows, n_paths)) < 0.6
    inside[0] = False
    daily = rng.normal(0.0, 30.0, (n_days, n_engines, n_paths))
    equity = 100.0 + np.cumsum(daily.sum(axis=1), axis=0)  # some paths lose everything
    book = WindowBook(inside, n_engines, 100.0)
    for t in range(1, n_days + 1):
        book.note(t, daily[:t].sum(axis=0), equity[t - 1])
    out = book.finish()
    for name, expected in by_loop(inside, daily, equity, 100.0).items():
        np.testing.assert_allclose(getattr(out, name), expected, rtol=1e-9, atol=1e-9, err_msg=name)
    for k, (a, b) in enumerate(engine_pairs(n_engines)):
        expected = np.einsum("tp,twp->wp", daily[:, a] * daily[:, b], inside[1:])
        np.testing.assert_allclose(out.products[:, k], expected, rtol=1e-9, atol=1e-9)


@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_courses_are_those_of_a_plain_loop(seed: int, n_days: int) -> None:
    """Session by session and window by window, with nothing but the definitions; some paths lose everything."""
    rng, n_paths, rate = np.random.default_rng(seed), 3, 0.05
    inside = rng.random((n_days + 1, 3, n_paths)) < 0.6
    inside[:, 2] = ~inside[:, 1]
    equity = 100.0 + np.cumsum(np.vstack([np.zeros(n_paths), rng.normal(0.0, 25.0, (n_days, n_paths))]), axis=0)
    found = window_courses(equity, codes(inside), 3, rate)
    one_session = np.expm1(rate / 252)
    for w, i in np.ndindex(3, n_paths):
        path = equity[:, i]
        own = [t for t in range(1, n_days + 1) if inside[t, w, i]]
        returns = np.array([path[t] / path[t - 1] - 1.0 if path[t - 1] > 0.0 else 0.0 for t in own])
        excess = np.array([r - one_session if path[t - 1] > 0.0 else 0.0 for t, r in zip(own, returns, strict=True)])
        account = np.concatenate([[1.0], np.cumprod(1.0 + returns)])
        fall = 1.0 - path / np.maximum.accumulate(path)
        trough = int(np.argmax(fall))
        peak = int(np.argmax(path[: trough + 1]))
        lost = sum(path[t - 1] - path[t] for t in own if peak < t <= trough)
        expected = {
            "return_cube_sum": (returns**3).sum(),
            "return_fourth_sum": (returns**4).sum(),
            "shortfall_square_sum": (np.minimum(excess, 0.0) ** 2).sum(),
            "excess_gain_sum": np.maximum(excess, 0.0).sum(),
            "max_drawdown": np.max(1.0 - account / np.maximum.accumulate(account)),
            "drawdown_part": lost / path[peak],
        }
        for name, value in expected.items():
            assert found[name][w, i] == pytest.approx(value, rel=1e-9, abs=1e-12), name
    worst = np.max(1.0 - equity / np.maximum.accumulate(equity, axis=0), axis=0)
    np.testing.assert_allclose(found["drawdown_part"][1:].sum(axis=0), worst, rtol=1e-9, atol=1e-12)


def test_the_first_engine_may_stand_anywhere() -> None:
    rng = np.random.default_rng(3)
    inside = rng.random((9, 2, 3)) < 0.7
    net, equity = np.cumsum(rng.normal(0.0, 30.0, (8, 3, 3)), axis=0), np.full(3, 1000.0)
    books = [WindowBook(inside, 3, 1000.0), WindowBook(inside, 3, 1000.0, first=2)]
    for t in range(1, 9):
        books[0].note(t, net[t - 1], equity)
        books[1].note(t, net[t - 1][[1, 2, 0]], equity)
    plain, moved = (book.finish() for book in books)
    assert (plain.loss_first_engine < 0.0).any()
    np.testing.assert_allclose(moved.loss_first_engine, plain.loss_first_engine, rtol=1e-12)
    np.testing.assert_allclose(moved.loss_hedges, plain.loss_hedges, rtol=1e-12)
    assert first_engine(["var_stop", CONDOR, "layer1_call_spread"]) == 1
    assert first_engine(["spx", "cash"]) == 0
    assert CONDOR in ENGINES


def test_nothing_is_earned_after_ruin() -> None:
    book = WindowBook(np.ones((4, 1, 1), dtype=bool), 1, 10.0)
    for day, equity in ((1, 4.0), (2, -6.0), (3, -6.0)):
        book.note(day, np.array([[equity - 10.0]]), np.array([equity]))
    out = book.finish()
    assert out.pnl[0, 0] == out.loss_first_engine[0, 0] == -16.0
    assert out.return_sum[0, 0] == pytest.approx(-0.6 - 2.5)


def evaluated(inside: NDArray[np.bool_] | None) -> tuple[WindowOutcomes, Any]:
    vix = np.array([16, 16, 16, 16, 17, 19, 22, 26, 24, 21, 18, 16, 15, 15, 15], dtype=float)
    spot = 4000.0 - 12.0 * (vix - 16.0) ** 1
    levels = [np.stack([series, series[::-1]], axis=1) for series in (spot, vix)]
    grid = SimulationGrid(n_days=len(vix) - 2, warmup_days=1)
    paths = PathBlock(grid=grid, spot=levels[0], state=(levels[1] / 100.0)[:, None] ** 2, vix=levels[1])
    outcomes = evaluate(
        toy_market(paths, start_date="2019-01-04"),  # session 1 is a Monday
        {"book": StrategyConfig(engines=(IronCondorConfig(),))},
        account=AccountConfig(),
        costs=CostsConfig(),
        margin=MarginConfig(),
        inside=inside,
    )["book"]
    return outcomes.windows, outcomes


def test_windows_that_share_out_all_sessions_share_out_the_pnl() -> None:
    inside = np.zeros((14, 3, 2), dtype=bool)
    for t in range(1, 14):
        inside[t, t % 3] = True
    windows, outcomes = evaluated(inside)
    assert outcomes.n_trades.min() > 0
    np.testing.assert_allclose(windows.pnl.sum(axis=0), outcomes.terminal_pnl, rtol=0.0, atol=1e-6)
    net = outcomes.engine_pnl - outcomes.engine_cost
    np.testing.assert_allclose(windows.engine_pnl.sum(axis=0), net, rtol=0.0, atol=1e-6)
    assert evaluated(None)[0].pnl.shape == (0, 2)


def test_sums_by_group_do_not_depend_on_the_cut() -> None:
    values = np.random.default_rng(3).standard_normal((5, 37)).astype(np.float32)
    weight = np.random.default_rng(4).random(37)
    results = []
    for cuts in ([0, 37], [0, 1, 20, 37], [0, 10, 11, 12, 36, 37]):
        sums = np.zeros((4, 5))
        for first, last in pairwise(cuts):
            add_by_group(values[:, first:last], weight[first:last], first, 2, sums)
        results.append(sums)
    assert results[0].tobytes() == results[1].tobytes() == results[2].tobytes()
    group = (np.arange(37) // 2) % 4
    expected = [[np.dot(weight[group == g], row[group == g].astype(float)) for row in values] for g in range(4)]
    np.testing.assert_allclose(results[0], expected, rtol=1e-10)


# files


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    windows = {
        "falling": {"when": {"signal": "drawdown_spx", "op": ">", "value": 0.05}, "lag": 1, "description": "low"},
        "other": {"when": {"not": {"signal": "drawdown_spx", "op": ">", "value": 0.05}}, "lag": 1},
        "never": {"when": {"signal": "vix", "op": ">", "value": 99}},
    }
    with registered():
        metrics = ["terminal_pnl", "daily_risk", "max_drawdown", "ratios", "returns"]
        more = {"keep": {"daily_equity": True}, "metrics": metrics}
        config = parse_experiment(experiment(windows=windows, **more))
        stored = open_results(run_experiment(config, output=tmp_path_factory.mktemp("windows") / "toy", jobs=1))
    return stored


def cell(table: Any, statistic: str, window: str = "falling") -> Any:
    return table.sel(scenario="loud", strategy="far", window=window, statistic=statistic)


def test_stored_windows_share_out_the_run(results: Results) -> None:
    data = results.data
    assert list(data["window"].values) == ["falling", "other", "never"]
    np.testing.assert_array_equal(data["window_sessions"].sum("window"), DAYS)
    total = data["window_pnl"].sum("window")
    np.testing.assert_allclose(total, data["terminal_pnl"], rtol=1e-5, atol=1.0)  # stored as single precision
    assert results.windows["description"].values.tolist() == ["low", "", ""]


def test_window_statistics_are_those_of_the_stored_days(results: Results) -> None:
    """From the stored equity and the definition of the window; the toy model's SPX is on the example paths."""
    data = results.data.sel(scenario="loud")
    equity = data["daily_equity"].sel(strategy="far").values.astype(float)
    previous = np.vstack([np.full((1, PATHS), EQUITY), equity[1:-1]])
    gain, change = equity[1:] - previous, equity[1:] / previous - 1.0
    sessions = data["window_sessions"].sel(window="falling").values
    assert 0 < sessions.sum() < DAYS * PATHS
    everything = float(cell(results.windows, "session_share")["estimate"])
    assert everything == pytest.approx(sessions.sum() / (DAYS * PATHS))
    # every session belongs to one of the two windows, so their pooled moments are those of all sessions
    parts = [cell(results.windows, "pnl_per_year", name)["estimate"] for name in ("falling", "other")]
    weighted = everything * float(parts[0]) + (1.0 - everything) * float(parts[1])
    assert weighted == pytest.approx(252 * gain.mean(), rel=1e-3)
    squares = data["window_return_square_sum"].sel(strategy="far").sum().item()
    assert squares == pytest.approx(np.sum(change**2), rel=1e-3)


def test_volatility_is_the_deviation_of_all_days_of_the_window(results: Results) -> None:
    data = results.data.sel(scenario="loud", strategy="far", window="other")
    names = ("window_sessions", "window_return_sum", "window_return_square_sum")
    n, total, squares = (float(data[name].astype(float).sum()) for name in names)
    expected = np.sqrt(252 * (squares / n - (total / n) ** 2))
    assert float(cell(results.windows, "volatility", "other")["estimate"]) == pytest.approx(expected, rel=1e-9)


def test_returns_and_drawdowns_of_windows_are_those_of_the_whole_run(results: Results) -> None:
    """``falling`` and ``other`` share out all sessions, and with them the sums behind the run's statistics."""
    data = results.data.sel(scenario="loud", strategy="far")
    for name in ("return_cube_sum", "return_fourth_sum", "shortfall_square_sum", "excess_gain_sum"):
        parts = data[f"window_{name}"].astype(float).sum("window")
        np.testing.assert_allclose(parts, data[name], rtol=1e-4, atol=1e-9, err_msg=name)
    np.testing.assert_allclose(data["window_drawdown_part"].sum("window"), data["max_drawdown"], rtol=1e-4)
    shares = [float(cell(results.windows, "drawdown_share", name)["estimate"]) for name in ("falling", "other")]
    assert sum(shares) == pytest.approx(1.0, rel=1e-5)
    assert min(shares) > 0.0
    within = [float(cell(results.windows, "max_drawdown_mean", name)["estimate"]) for name in ("falling", "other")]
    assert max(within) > 0.0
    assert {"skewness", "kurtosis"} <= set(results.windows["statistic"].values.tolist())


def test_ratios_of_a_window_are_measured_from_the_short_rate(results: Results) -> None:
    data = results.data.sel(scenario="loud", strategy="far", window="other")
    names = ("sessions", "return_sum", "return_square_sum", "shortfall_square_sum", "excess_gain_sum")
    n, total, squares, shortfall, gain = (float(data[f"window_{name}"].astype(float).sum()) for name in names)
    rate = float(np.expm1(data["short_rate"] / 252))
    assert rate > 1e-6
    excess = np.sqrt(252) * (total / n - rate)
    expected = {
        "sharpe_ratio": excess / np.sqrt(squares / n - (total / n) ** 2),
        "sortino_ratio": excess / np.sqrt(shortfall / n),
        "omega_ratio": gain / (gain - (total - rate * n)),
    }
    for name, value in expected.items():
        assert float(cell(results.windows, name, "other")["estimate"]) == pytest.approx(value, rel=1e-6), name


def test_a_window_that_never_comes_says_so(results: Results) -> None:
    for name in ("pnl_per_year", "volatility", "run_length", "hedge_carry", "offset_ratio"):
        item = cell(results.windows, name, "never")
        assert np.isnan(float(item["estimate"]))
        assert str(item["note"].values), name
    assert float(cell(results.windows, "session_share", "never")["estimate"]) == 0.0
    known = results.windows["note"] == ""
    assert np.isfinite(results.windows["estimate"].where(known, 0.0)).all()


def test_daily_risk_of_windows_is_that_of_their_sessions(results: Results) -> None:
    """The two windows share out all sessions, so the shares of sessions beyond any loss add up to that of the whole."""
    whole = results.statistics["estimate"].sel(scenario="loud", strategy="far", statistic="daily_value_at_risk_95")
    data = results.data.sel(scenario="loud")
    equity = data["daily_equity"].sel(strategy="far").values.astype(float)
    equity[0] = EQUITY
    loss = -np.diff(equity, axis=0)
    assert float(whole) == pytest.approx(np.quantile(loss, 0.95, method="inverted_cdf"), rel=6e-3)
    falling, other = (
        float(cell(results.windows, "daily_value_at_risk_95", name)["estimate"]) for name in ("falling", "other")
    )
    assert min(falling, other) < float(whole) < max(falling, other)
    assert np.isnan(float(cell(results.windows, "daily_value_at_risk_95", "never")["estimate"]))


def test_codes_are_bits_of_windows() -> None:
    inside = np.random.default_rng(5).random((6, 11, 4)) < 0.5
    packed = codes(inside)
    assert packed.dtype == np.uint16
    for w in range(11):
        np.testing.assert_array_equal((packed >> w) & 1, inside[:, w])
    assert codes(np.ones((2, 32, 1), dtype=bool)).tolist() == [[2**32 - 1]] * 2
    assert codes(np.zeros((2, 0, 1), dtype=bool)).tolist() == [[0]] * 2


def test_differences_are_paired_with_the_first_strategy(results: Results) -> None:
    row = results.windows["estimate"].sel(scenario="loud", window="other", statistic="pnl_per_year")
    pair = results.windows_paired.sel(scenario="loud", window="other", statistic="pnl_per_year")
    expected = float(row.sel(strategy="far") - row.sel(strategy="near"))
    assert float(pair["difference"].sel(strategy="far")) == pytest.approx(expected)
    assert float(pair["difference"].sel(strategy="near")) == 0.0
    independent = np.hypot(
        *(
            float(results.windows["standard_error"].sel(scenario="loud", window="other", strategy=s, statistic=k))
            for s, k in (("far", "pnl_per_year"), ("near", "pnl_per_year"))
        )
    )
    assert 0.0 < float(pair["standard_error"].sel(strategy="far")) < independent


def test_no_windows_no_tables(tmp_path: Path) -> None:
    with registered():
        config = parse_experiment(experiment(windows={}, paths=3))
        stored = open_results(run_experiment(config, output=tmp_path / "toy", jobs=1))
    assert not [name for name in (*stored.data.data_vars, *stored.data.sizes) if str(name).startswith("window")]
    assert not stored.windows.sizes


# experiment files


def test_an_experiment_has_the_default_windows_unless_it_says_otherwise() -> None:
    with registered():
        assert dict(parse_experiment(experiment()).windows) == DEFAULT_WINDOWS
        config = parse_experiment(experiment())
        again = parse_experiment(config.model_dump(mode="json"))
        assert again == config
        own = parse_experiment(experiment(windows={"calm": {"when": {"signal": "vix", "op": "<", "value": 12}}}))
        assert list(own.windows) == ["calm"]


@pytest.mark.parametrize(
    ("windows", "message"),
    [
        ({"a": {"when": {"signal": "vxi", "op": "<", "value": 12}}}, "windows.a.when.*did you mean 'vix'"),
        ({"a": {"when": {"signal": "drawdown_nav", "op": ">", "value": 0.1}}}, "drawdown_nav is one of the book"),
        ({"a": {}}, "windows.a.when: is missing"),
        ({"a": {"when": HIGH, "lga": 1}}, "windows.a.lga: unknown key.*did you mean 'lag'"),
        ({"a": {"when": HIGH, "lag": 21}}, "windows.a.lag: got 21; must be <= 20"),
        ({"a": {"when": HIGH, "before": -1}}, "windows.a.before: got -1; must be >= 0"),
        ({"a": 3}, "windows.a: got 3; must be a mapping"),
        ([], r"windows: got \[\]; must be a mapping"),
        ({"a b": {"when": HIGH}}, "windows.a b: name got 'a b'; must consist of letters"),
        ({"a": {"when": {"signal": "ad_line", "op": ">", "value": 0}}}, "windows.a.when: .*needs market.breadth"),
    ],
)
def test_faults_of_windows_are_named(windows: Any, message: str) -> None:
    with registered(), pytest.raises(ConfigError) as error:
        parse_experiment(experiment(windows=windows, market={"breadth": None}))
    lines = str(error.value).splitlines()
    assert [line for line in lines if re.search(message, line)], lines
    assert len(lines) == 1


def test_the_schema_knows_windows() -> None:
    definitions = experiment_schema()["$defs"]
    assert "when" in definitions["WindowConfig"]["properties"]
    assert {"all", "any", "not", "signal"} <= set(definitions["Condition"]["properties"])

"""Block bootstrap: what of the history it keeps, against ``arch``'s own bootstrap and by counting."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from arch.bootstrap import StationaryBootstrap
from numpy.typing import NDArray

import models
from models.block_bootstrap import BlockBootstrap
from models.errors import ModelParameterError
from models.index_history import IndexHistory
from models.protocols import SESSIONS_PER_YEAR, SimulationGrid, Start, Stream

FloatArray = NDArray[np.float64]
MODEL = BlockBootstrap(rate=0.019, dividend_yield=0.019)
PLAIN = BlockBootstrap(neighbours=0)
HISTORY: IndexHistory = MODEL.history()


@cache
def paths(model: BlockBootstrap, n_days: int, n_paths: int) -> tuple[FloatArray, FloatArray]:
    """Log returns (n_days, n_paths) and states, the start included (n_days + 1, 3, n_paths)."""
    stream = Stream(seed=17)
    start = model.stationary_state(n_paths, stream)
    log_return, state = model.propagate(start, n_days, stream)
    return log_return, np.concatenate((start[None], state))


def days(state: FloatArray) -> NDArray[np.int64]:
    return state[:, 1].astype(np.int64)


# the chain of days


@pytest.mark.parametrize(("block_length", "agrees"), [(42.0, True), (4.0, False)])
def test_the_plain_bootstrap_has_the_law_of_arch(block_length: float, agrees: bool) -> None:
    """Variance of the mean absolute return over as many sessions as history has: it grows with the block length."""
    size = np.abs(HISTORY.log_return)
    theirs = StationaryBootstrap(42, size, seed=5).apply(np.mean, 500)[:, 0]
    model = BlockBootstrap(neighbours=0, mean_block_length=block_length)
    mine = np.abs(paths(model, size.size, 1500)[0]).mean(axis=0)
    score = np.log(mine.var() / theirs.var()) / np.sqrt(2.0 / 500 + 2.0 / 1500)
    assert (abs(score) < 4.0) == agrees, score
    # the mean is that of history
    assert abs(mine.mean() - size.mean()) < 4.0 * mine.std() / np.sqrt(mine.size)


def test_blocks_have_geometric_lengths() -> None:
    _, state = paths(MODEL, 400, 1500)
    moved = days(state)
    n = HISTORY.n_days
    goes_on = moved[1:] == (moved[:-1] + 1) % n
    # a joint may by chance lead to the next day too: the neighbour drawn is the day itself, or its twin in rank
    by_chance = 1.0 / (2 * MODEL.neighbours + 1)
    expected = 1.0 - (1.0 - by_chance) / MODEL.mean_block_length
    error = np.sqrt(expected * (1.0 - expected) / goes_on.size)
    assert abs(goes_on.mean() - expected) < 4.0 * error
    assert abs(goes_on.mean() - (1.0 - 1.0 / 38.0)) > 4.0 * error


@pytest.mark.parametrize("model", [MODEL, PLAIN], ids=["matched", "plain"])
def test_every_day_of_history_is_equally_likely(model: BlockBootstrap) -> None:
    def score(state: FloatArray) -> float:
        counts = np.bincount(state[1].astype(int), minlength=HISTORY.n_days)
        expected = state.shape[1] / HISTORY.n_days
        statistic = np.sum((counts - expected) ** 2 / expected)
        return float((statistic - HISTORY.n_days + 1) / np.sqrt(2.0 * HISTORY.n_days))

    stream = Stream(seed=23)
    start = model.stationary_state(20_000, stream)
    later = model.propagate(start, 40, stream)[1][-1]
    assert abs(score(start)) < 4.0
    assert abs(score(later)) < 4.0
    # from one day, blocks have not yet spread over history
    same = np.repeat(start[:, :1], 20_000, axis=1)
    assert score(model.propagate(same, 40, stream)[1][-1]) > 100.0


# what is kept


def test_a_session_is_a_real_day() -> None:
    log_return, state = paths(MODEL, 300, 500)
    moved = days(state)[1:]
    np.testing.assert_array_equal(log_return, HISTORY.log_return[moved])
    # the VIX moves by what it moved by, less the fading of the gap to its history
    log_vix = np.log(state[:, 2])
    gap = log_vix[:-1] - HISTORY.log_vix_before[moved]
    real = HISTORY.log_vix[moved] - HISTORY.log_vix_before[moved]
    fading = 1.0 - np.exp(-1.0 / MODEL.splice_days)
    np.testing.assert_allclose(np.diff(log_vix, axis=0), real - fading * gap, atol=1e-12)


def test_matching_keeps_the_vix_from_jumping_at_joints() -> None:
    def worst(model: BlockBootstrap) -> float:
        _, state = paths(model, 300, 500)
        moved = days(state)[1:]
        real = HISTORY.log_vix[moved] - HISTORY.log_vix_before[moved]
        return float(np.quantile(np.abs(np.diff(np.log(state[:, 2]), axis=0) - real), 0.99))

    # what is left, once in five years, is the step from history's last day to its first
    assert worst(MODEL) < 0.03 < worst(PLAIN)


def autocorrelation(x: FloatArray, lag: int) -> float:
    centred = x - HISTORY.log_vix.mean()
    return float((centred[lag:] * centred[:-lag]).mean() / (centred**2).mean())


@pytest.mark.parametrize(("lag", "tolerance"), [(1, 0.01), (5, 0.03), (21, 0.06)])
def test_the_vix_keeps_its_level_and_its_autocorrelation(lag: int, tolerance: float) -> None:
    log_vix = np.log(paths(MODEL, 400, 1500)[1][:, 2])
    assert abs(autocorrelation(log_vix, lag) - autocorrelation(HISTORY.log_vix[:, None], lag)) < tolerance
    shares = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99]
    np.testing.assert_allclose(np.quantile(log_vix, shares), np.quantile(HISTORY.log_vix, shares), atol=0.03)
    # blocks of a week put together blindly forget it within a month
    short = BlockBootstrap(neighbours=0, mean_block_length=5.0)
    blind = np.log(paths(short, 400, 1500)[1][:, 2])
    assert lag == 1 or autocorrelation(blind, lag) < autocorrelation(HISTORY.log_vix[:, None], lag) - tolerance


def test_returns_and_vix_move_together_as_they_did() -> None:
    log_return, state = paths(MODEL, 400, 1500)
    mine = np.corrcoef(log_return.ravel(), np.diff(np.log(state[:, 2]), axis=0).ravel())[0, 1]
    real = np.corrcoef(HISTORY.log_return, HISTORY.log_vix - HISTORY.log_vix_before)[0, 1]
    assert abs(mine - real) < 0.02


# premia


def test_the_equity_premium_is_that_of_the_days_and_scales() -> None:
    growth = np.log(np.mean(np.exp(HISTORY.log_return))) * SESSIONS_PER_YEAR
    assert MODEL.premium()["equity_premium"][0] == pytest.approx(growth, rel=1e-12)
    without = MODEL.scaled_premium(equity=0.0)
    assert without.premium()["equity_premium"][0] == 0.0
    # all days being equally likely, the index then grows at the riskless rate less dividends: here not at all
    shifted = paths(without, 300, 500)[0] - paths(MODEL, 300, 500)[0]
    np.testing.assert_allclose(shifted, -growth / SESSIONS_PER_YEAR, atol=1e-15)
    assert np.mean(np.exp(HISTORY.log_return + shifted[0, 0])) == pytest.approx(1.0, abs=1e-12)
    assert MODEL.scaled_premium(equity=0.5).scaled_premium(equity=0.5).equity_premium_scale == 0.25


@pytest.mark.parametrize("scale", [0.0, 0.5, 2.0])
def test_the_variance_premium_scales_the_gap_between_squared_vix_and_realised_variance(scale: float) -> None:
    scaled = MODEL.scaled_premium(variance=scale)
    (returns, real), (same, moved) = (paths(model, 300, 500) for model in (MODEL, scaled))
    np.testing.assert_array_equal(same, returns)
    np.testing.assert_array_equal(days(moved), days(real))
    # on the days of history, each as likely as any other, by sums
    variance = SESSIONS_PER_YEAR * np.mean(HISTORY.log_return**2)
    squared = 1e-4 * np.exp(2.0 * HISTORY.log_vix)
    factor = (variance + scale * (squared.mean() - variance)) / squared.mean()
    np.testing.assert_allclose(moved[:, 2] ** 2 / real[:, 2] ** 2, factor, rtol=1e-12)
    premium = scaled.premium()["vix_premium"][0]
    assert premium == pytest.approx(100.0 * (np.sqrt(factor * squared.mean()) - np.sqrt(variance)), abs=1e-9)
    assert (abs(premium) < 1e-9) == (scale == 0.0)
    assert scaled.scaled_premium(variance=2.0).variance_premium_scale == 2.0 * scale


# the surface


def test_the_surface_is_that_of_its_model_at_the_bootstrapped_vix() -> None:
    svcj = MODEL.surface_model().model
    constant, slope = svcj.vix_squared_coefficients()  # type: ignore[attr-defined]
    _, state = paths(MODEL, 300, 500)
    floor = 100.0 * np.sqrt(constant)
    assert 0 < np.count_nonzero(state[-1, 2] < floor) < 0.05 * state.shape[2]
    last = state[-1][:, np.argsort(state[-1, 2])[::20]]
    within = last[2] > floor
    assert not within.all()
    np.testing.assert_allclose(last[0, within], ((0.01 * last[2, within]) ** 2 - constant) / slope[0], atol=1e-9)
    np.testing.assert_array_equal(last[0, ~within], 0.0)
    pricer, inner = MODEL.exact_pricer(), svcj.exact_pricer()
    np.testing.assert_array_equal(pricer.vix(last), last[2])
    np.testing.assert_array_equal(pricer.vix_future(last, 0.25), inner.vix_future(last[:1], 0.25))
    assert pricer.clamp_count == np.count_nonzero(~within)
    question = {"strike": 3900.0, "ttm": 0.1, "is_call": False}
    np.testing.assert_array_equal(
        pricer.spx_option(4000.0, last, **question).price, inner.spx_option(4000.0, last[:1], **question).price
    )


def test_the_tables_take_the_same_states() -> None:
    _, state = paths(MODEL, 300, 500)
    some = np.ascontiguousarray(state[-1, :, :20])
    tables, exact = MODEL.tabulated_pricer(max_sessions=10), MODEL.exact_pricer()
    spot, strike, is_call = np.full(20, 4000.0), np.full((2, 20), 3950.0), np.array([False, True])
    rows = tables.price_spx_legs(spot, some, strike, 10, is_call)
    expected = exact.price_spx_legs(spot, some, strike, 10, is_call)
    np.testing.assert_allclose(rows, expected, atol=0.05)
    np.testing.assert_allclose(tables.vix_future_rows(some, 5), exact.vix_future_rows(some, 5), atol=0.01)
    np.testing.assert_array_equal(tables.vix_future_rows(some, 0), some[2])
    strikes = tables.strikes_for_delta(spot, some, np.array([-0.2]), 10)
    assert tables.spx_option(spot, some, strike=strikes[0], ttm=10 / 252, is_call=False).delta == pytest.approx(-0.2)
    assert (tables.max_sessions, len(tables.table_hash)) == (10, 64)


def test_under_q_the_surface_moves() -> None:
    stream = Stream(seed=4)
    start = MODEL.stationary_state(50, stream, measure="q")
    log_return, state = MODEL.propagate(start, 5, stream, measure="q")
    expected = MODEL.surface_model().model.propagate(start[:1], 5, stream, measure="q")
    np.testing.assert_array_equal(log_return, expected[0])
    np.testing.assert_array_equal(state[:, 0], expected[1][:, 0])


# blocks of paths, starts and refusals


def test_paths_do_not_depend_on_how_they_are_cut() -> None:
    log_return, state = paths(MODEL, 300, 500)
    part = Stream(seed=17, first_path=450)
    start = MODEL.stationary_state(50, part)
    np.testing.assert_array_equal(start, state[0, :, 450:])
    first = MODEL.propagate(start, 100, part)
    second = MODEL.propagate(first[1][-1], 200, part, first_day=100)
    np.testing.assert_array_equal(np.concatenate((first[0], second[0])), log_return[:, 450:])


def test_paths_start_in_a_range_of_the_vix_with_a_real_past() -> None:
    grid = SimulationGrid(n_days=5, warmup_days=20)
    block = MODEL.simulate(grid, 100, Stream(seed=2), start=Start(vix=(14.0, 16.0)), spot0=3000.0)
    assert ((block.vix[20] >= 14.0) & (block.vix[20] <= 16.0)).all()
    np.testing.assert_allclose(block.spot[20], 3000.0)
    moved = block.state[1:, 1].astype(int)
    np.testing.assert_allclose(np.diff(np.log(block.spot), axis=0), HISTORY.log_return[moved], atol=1e-12)


def write(folder: Path, name: str, header: str, closes: FloatArray) -> str:
    dates = np.datetime64("2001-01-01") + np.arange(closes.size)
    lines = [header, *(f"{day},{close}" for day, close in zip(dates, closes, strict=True))]
    (folder / name).write_text("\n".join(lines), encoding="utf-8")
    return str(folder / name)


def test_a_user_brings_files(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    closes = 1000.0 * np.exp(np.cumsum(0.01 * generator.standard_normal(400)))
    levels = 20.0 + 5.0 * generator.random(400)
    spx = write(tmp_path, "spx.csv", "Date,Close", closes)
    vix = write(tmp_path, "vix.csv", "observation_date,VIXCLS", levels[:350])
    model = models.create("block_bootstrap", spx=spx, vix=vix, neighbours=5)
    assert isinstance(model, BlockBootstrap)
    np.testing.assert_allclose(model.history().log_return, np.diff(np.log(closes[:350])))
    np.testing.assert_allclose(model.history().log_vix, np.log(levels[1:350]))
    with pytest.raises(ModelParameterError, match="both be files"):
        BlockBootstrap(spx=spx)
    with pytest.raises(ModelParameterError, match=r"nowhere\.csv must be a CSV file"):
        BlockBootstrap(spx=str(tmp_path / "nowhere.csv"), vix=vix)
    with pytest.raises(ModelParameterError, match="at least 250 days, got 100"):
        BlockBootstrap(spx=spx, vix=write(tmp_path, "short.csv", "Date,Close", levels[:100]))
    with pytest.raises(ModelParameterError, match="CSV file of dates and closes > 0"):
        BlockBootstrap(spx=write(tmp_path, "bad.csv", "Date,Close", -closes), vix=vix)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mean_block_length": 0.5}, "mean_block_length must be >= 1 session, got 0.5"),
        ({"splice_days": 0.0}, "splice_days must be > 0, got 0.0"),
        ({"neighbours": 2.5}, "neighbours must be a whole number in 0 .. 1255, got 2.5"),
        ({"neighbours": 1256}, "neighbours must be a whole number"),
        ({"equity_premium_scale": float("nan")}, "equity_premium_scale must be a finite number, got nan"),
        ({"variance_premium_scale": -50.0}, "variance_premium_scale must leave the VIX above 0, got -50.0"),
        ({"surface": 3.0}, "surface must be a text, got 3.0"),
        ({"surface": "svcj_index"}, "preset must be one of"),
        ({"surface": "two_factor_log_sv_2018"}, "surface must be a preset of a model of one factor"),
    ],
)
def test_parameters_out_of_their_domain_are_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ModelParameterError) as error:
        models.create("block_bootstrap", **changes)
    assert str(error.value).startswith(message)


def test_states_that_are_none_are_refused() -> None:
    good = MODEL.stationary_state(2, Stream(seed=1))
    for row, value in ((1, -1.0), (1, 1e6), (2, 0.0), (2, np.nan)):
        wrong = good.copy()
        wrong[row, 0] = value
        with pytest.raises(ModelParameterError, match="must be"):
            MODEL.propagate(wrong, 1, Stream(seed=1))
    with pytest.raises(ModelParameterError, match="shape"):
        MODEL.propagate(good[:1], 1, Stream(seed=1))

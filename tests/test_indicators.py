"""Indicators against pandas, TA-Lib where it is installed, plain loops and values worked out by hand."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from sim import indicators

FloatArray = np.ndarray


@pytest.fixture(scope="module")
def series() -> FloatArray:
    rng = np.random.default_rng(7)
    return 20.0 * np.exp(np.cumsum(0.05 * rng.standard_normal((300, 3)), axis=0))


def wilder_rsi_by_loop(prices: FloatArray, window: int) -> list[float]:
    changes = [b - a for a, b in itertools.pairwise(prices)]
    gain = sum(max(c, 0.0) for c in changes[:window]) / window
    loss = sum(max(-c, 0.0) for c in changes[:window]) / window
    values = [100.0 - 100.0 / (1.0 + gain / loss)]
    for change in changes[window:]:
        gain = (gain * (window - 1) + max(change, 0.0)) / window
        loss = (loss * (window - 1) + max(-change, 0.0)) / window
        values.append(100.0 - 100.0 / (1.0 + gain / loss))
    return values


def ema_by_loop(prices: list[float], span: int) -> list[float]:
    values = [sum(prices[:span]) / span]
    for price in prices[span:]:
        values.append(2.0 / (span + 1) * price + (1.0 - 2.0 / (span + 1)) * values[-1])
    return values


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (lambda x: indicators.sma(x, 5), lambda f: f.rolling(5).mean()),
        (lambda x: indicators.rolling_mean(x, 30), lambda f: f.rolling(30).mean()),
        (lambda x: indicators.rolling_std(x, 30), lambda f: f.rolling(30).std()),
        (lambda x: indicators.rolling_min(x, 20), lambda f: f.rolling(20).min()),
        (lambda x: indicators.zscore(x, 30), lambda f: (f - f.rolling(30).mean()) / f.rolling(30).std()),
        (lambda x: indicators.drawdown(x), lambda f: 1.0 - f / f.cummax()),
    ],
    ids=["sma", "mean", "std", "min", "zscore", "drawdown"],
)
def test_rolling_statistics_equal_pandas(
    series: FloatArray, ours: Callable[[FloatArray], FloatArray], theirs: Callable[[pd.DataFrame], pd.DataFrame]
) -> None:
    np.testing.assert_allclose(ours(series), theirs(pd.DataFrame(series)).to_numpy(), rtol=1e-10, atol=1e-12)


def test_rsi_equals_wilders_recursion(series: FloatArray) -> None:
    ours = indicators.rsi(series, 14)
    assert np.isnan(ours[:14]).all()
    for path in range(3):
        np.testing.assert_allclose(ours[14:, path], wilder_rsi_by_loop(series[:, path], 14), rtol=1e-12)


def test_wilder_smoothing_is_not_that_of_an_exponential_average(series: FloatArray) -> None:
    wrong = np.asarray(wilder_rsi_by_loop(series[:, 0], 27))  # weight 1/27 against 1/14
    assert np.abs(indicators.rsi(series, 14)[27:, 0] - wrong).max() > 1.0


def test_macd_equals_its_definition(series: FloatArray) -> None:
    ours = indicators.macd(series)
    for path in range(3):
        prices = series[:, path].tolist()
        fast, slow = ema_by_loop(prices, 12)[14:], ema_by_loop(prices, 26)
        line = [a - b for a, b in zip(fast, slow, strict=True)]
        signal = ema_by_loop(line, 9)
        np.testing.assert_allclose(ours.line[25:, path], line, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(ours.signal[33:, path], signal, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(ours.histogram[33:, path], np.array(line[8:]) - signal, rtol=1e-7, atol=1e-11)
    assert np.isnan(ours.line[:25]).all()
    assert np.isnan(ours.histogram[:33]).all()


def test_ema_forgets_its_start_and_equals_pandas_ewm(series: FloatArray) -> None:
    theirs = pd.DataFrame(series).ewm(span=12, adjust=False).mean().to_numpy()
    np.testing.assert_allclose(indicators.ema(series, 12)[200:], theirs[200:], rtol=1e-10)


def test_ta_lib_agrees(series: FloatArray) -> None:
    talib = pytest.importorskip("talib", reason="TA-Lib is not installed: the comparison with it is NOT made")
    macd = indicators.macd(series)
    for path in range(3):
        prices = np.ascontiguousarray(series[:, path])
        np.testing.assert_allclose(indicators.rsi(series)[:, path], talib.RSI(prices, 14), rtol=1e-10)
        np.testing.assert_allclose(indicators.ema(series, 26)[:, path], talib.EMA(prices, 26), rtol=1e-10)
        np.testing.assert_allclose(indicators.sma(series, 5)[:, path], talib.SMA(prices, 5), rtol=1e-10)
        line, signal, histogram = talib.MACD(prices, 12, 26, 9)
        # TA-Lib starts the fast average in another row; that is forgotten after some 200 rows.
        for ours, theirs in ((macd.line, line), (macd.signal, signal), (macd.histogram, histogram)):
            np.testing.assert_allclose(ours[220:, path], theirs[220:], atol=1e-9)


def test_rsi_by_hand() -> None:
    prices = np.array([[10.0], [11.0], [10.0], [12.0]])
    # window 2: gains 1, 0 and losses 0, 1 start at 1/2 each; then gain (1/2 + 2) / 2, loss (1/2 + 0) / 2
    np.testing.assert_allclose(indicators.rsi(prices, 2)[2:, 0], [50.0, 100.0 * 1.25 / 1.5], rtol=1e-14)


def test_rsi_at_its_ends() -> None:
    t = np.arange(40.0)[:, None]
    np.testing.assert_array_equal(indicators.rsi(100.0 + t)[14:], 100.0)
    np.testing.assert_array_equal(indicators.rsi(100.0 - t)[14:], 0.0)
    np.testing.assert_array_equal(indicators.rsi(np.full((40, 1), 13.7))[14:], 50.0)


def test_zscore_of_a_constant_is_zero() -> None:
    np.testing.assert_array_equal(indicators.zscore(np.full((60, 2), 0.1), 30)[29:], 0.0)


def test_scaling_the_series_scales_macd_and_leaves_rsi(series: FloatArray) -> None:
    np.testing.assert_allclose(indicators.rsi(7.0 * series)[14:], indicators.rsi(series)[14:], rtol=1e-9)
    np.testing.assert_allclose(
        indicators.macd(7.0 * series).histogram[33:],
        7.0 * indicators.macd(series).histogram[33:],
        rtol=1e-7,
        atol=1e-10,
    )


def test_series_shorter_than_a_window_are_undefined_throughout(series: FloatArray) -> None:
    short = series[:10]
    for values in (indicators.rsi(short), indicators.macd(short).histogram, indicators.zscore(short, 30)):
        assert values.shape == short.shape
        assert np.isnan(values).all()


@pytest.mark.parametrize("window", [0, -3])
def test_impossible_windows_are_refused(series: FloatArray, window: int) -> None:
    with pytest.raises(ValueError, match=f"window must be >= 1 sessions, got {window}"):
        indicators.sma(series, window)


@pytest.mark.parametrize(
    ("kernel", "arguments"),
    [
        (indicators._smooth, (0, 14, 1.0 / 14.0)),
        (indicators._rolling_mean, (30,)),
        (indicators._wilder_rsi, (14,)),
        (indicators._rolling_min, (20,)),
    ],
    ids=["smooth", "mean", "rsi", "lowest"],
)
def test_compiled_kernels_equal_their_python(series: FloatArray, kernel: object, arguments: tuple[float, ...]) -> None:
    compiled = kernel(series, *arguments)  # type: ignore[operator]
    np.testing.assert_allclose(compiled, getattr(kernel, "py_func", kernel)(series, *arguments), rtol=1e-12)


def test_compiled_deviation_equals_its_python(series: FloatArray) -> None:
    mean = indicators.rolling_mean(series, 30)
    compiled = indicators._rolling_std(series, mean, 30)
    python = getattr(indicators._rolling_std, "py_func", indicators._rolling_std)  # itself when compiling is off
    np.testing.assert_allclose(compiled, python(series, mean, 30), rtol=1e-12)


def test_a_missing_value_is_never_silent(series: FloatArray) -> None:
    holed = series.copy()
    holed[100, 1] = np.nan
    for values in (indicators.rsi(holed), indicators.macd(holed).histogram, indicators.sma(holed, 5)):
        assert np.isnan(values[100, 1])
        assert np.isfinite(values[100, [0, 2]]).all()

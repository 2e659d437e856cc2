"""What else a history shows: joint moves, regimes of the VIX, the curve by level, Samuelson's profile, rare jumps.

These rows stand beside the scorecard and are not counted in it. Each is a number of one history, like the facts; a row
that conditions on something rare is NaN in a history that has too little of it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from models.kernels.vix_peaks import peak_half_life
from models.protocols import SESSIONS_PER_YEAR, FloatArray

BoolArray = NDArray[np.bool_]

RETURN_RANGES = {
    "below_m5": (-np.inf, -5.0),
    "m5_to_m3": (-5.0, -3.0),
    "m3_to_m2": (-3.0, -2.0),
    "m2_to_m1": (-2.0, -1.0),
    "m1_to_m05": (-1.0, -0.5),
    "0_to_05": (0.0, 0.5),
    "1_to_2": (1.0, 2.0),
    "above_3": (3.0, np.inf),
}
"""Ranges of the simple daily return of the SPX [%]."""

VIX_RANGES = {
    "lt15": (0.0, 15.0),
    "15_20": (15.0, 20.0),
    "20_30": (20.0, 30.0),
    "30_40": (30.0, 40.0),
    "gt40": (40.0, np.inf),
}
"""Ranges of the VIX of the curve rows [points]."""

REGIMES = {"lt15": (0.0, 15.0), "15_20": (15.0, 20.0), "20_30": (20.0, 30.0), "gt30": (30.0, np.inf)}
"""Ranges of the VIX of the regime rows [points]."""

MIN_DAYS = 20
"""Fewest days that make a mean, a share or a slope."""

MIN_CRASH_DAYS = 3
"""Fewest days of returns beyond 3% that make a mean."""

BIG_JUMP = 0.4
"""One-day rise of the log VIX that is counted."""

Row = tuple[str, FloatArray]


def history_context(
    log_return: FloatArray, vix: FloatArray, futures: FloatArray, rolls: BoolArray
) -> dict[str, FloatArray]:
    """Compute the rows of histories of equal length.

    Parameters
    ----------
    log_return : ndarray of shape (n_windows, n_days)
        Daily log returns of the SPX.
    vix : ndarray of shape (n_windows, n_days + 1)
        VIX [points].
    futures : ndarray of shape (7, n_windows, n_days + 1)
        The seven nearest VX futures [points]; NaN where there is none.
    rolls : ndarray of shape (n_days,)
        Whether the nearest future expires between a close and the next.

    Returns
    -------
    dict
        Name of the row to its values (n_windows,).
    """
    parts: tuple[Iterator[Row], ...] = (
        _joint_moves(log_return, vix),
        _regimes(vix),
        _tails(log_return, vix),
        _curve(vix, futures),
        _contracts(log_return, futures, rolls),
    )
    return {name: values for part in parts for name, values in part}


def mean_where(values: FloatArray, used: BoolArray, fewest: int) -> FloatArray:
    """Mean along the last axis of the values used and known; NaN where fewer than ``fewest``."""
    known = used & np.isfinite(values)
    count = known.sum(axis=-1)
    total = np.where(known, values, 0.0).sum(axis=-1)
    return np.asarray(np.where(count >= fewest, total / np.maximum(count, 1), np.nan))


def std_where(values: FloatArray, used: BoolArray, fewest: int) -> FloatArray:
    """Standard deviation of the population along the last axis, as ``mean_where``."""
    mean = mean_where(values, used, fewest)
    return np.asarray(np.sqrt(mean_where((values - mean[..., None]) ** 2, used, fewest)))


def slope_where(x: FloatArray, y: FloatArray, used: BoolArray, fewest: int) -> FloatArray:
    """Slope of the regression of y on x along the last axis, as ``mean_where``."""
    used = used & np.isfinite(x) & np.isfinite(y)
    dx = x - mean_where(x, used, fewest)[..., None]
    dy = y - mean_where(y, used, fewest)[..., None]
    return np.asarray(mean_where(dx * dy, used, fewest) / mean_where(dx * dx, used, fewest))


def correlation(x: FloatArray, y: FloatArray) -> FloatArray:
    """Correlation along the last axis, of the pairs that are known."""
    used = np.isfinite(x) & np.isfinite(y)
    slope = slope_where(x, y, used, MIN_DAYS)
    return np.asarray(slope * std_where(x, used, MIN_DAYS) / std_where(y, used, MIN_DAYS))


def _inside(values: FloatArray, limits: tuple[float, float]) -> BoolArray:
    return np.asarray((values >= limits[0]) & (values < limits[1]))


def _joint_moves(log_return: FloatArray, vix: FloatArray) -> Iterator[Row]:
    percent = 100.0 * np.expm1(log_return)
    points: FloatArray = np.diff(vix)
    log_points: FloatArray = np.diff(np.log(vix))
    rows: tuple[Row, ...] = (
        ("dvix", points),
        ("dlogvix", log_points),
        ("vix_up_pct", np.where(points > 0.0, 100.0, 0.0)),
    )
    for label, limits in RETURN_RANGES.items():
        fewest = MIN_CRASH_DAYS if max(abs(limits[0]), abs(limits[1])) >= 5.0 else MIN_DAYS
        for name, values in rows:
            yield f"{name}_{label}", mean_where(values, _inside(percent, limits), fewest)


def _regimes(vix: FloatArray) -> Iterator[Row]:
    for label, limits in REGIMES.items():
        inside = _inside(vix, limits)
        yield f"vix_share_{label}", 100.0 * inside.mean(axis=-1)
        yield f"vix_stay_{label}", mean_where(inside[:, 1:].astype(float), inside[:, :-1], MIN_DAYS)


def _tails(log_return: FloatArray, vix: FloatArray) -> Iterator[Row]:
    percent, points, log_points = 100.0 * np.expm1(log_return), np.diff(vix), np.diff(np.log(vix))
    yield "vix_q001", np.quantile(vix, 0.001, axis=-1)
    yield "vix_q01", np.quantile(vix, 0.01, axis=-1)
    yield "vix_max", vix.max(axis=-1)
    yield "vix_rise_1d_max_pct", 100.0 * np.expm1(log_points.max(axis=-1))
    years = log_points.shape[-1] / SESSIONS_PER_YEAR
    yield "vix_jumps_a_year", (log_points >= BIG_JUMP).sum(axis=-1) / years
    for days in (1, 5, 10, 21):
        moves = vix[:, days:] - vix[:, :-days]
        yield f"vix_rise_{days}d_q999", np.quantile(moves, 0.999, axis=-1)
        yield f"vix_fall_{days}d_q999", -np.quantile(moves, 0.001, axis=-1)
    half_life, count = np.empty((2, vix.shape[0]))
    peak_half_life(np.ascontiguousarray(vix), half_life, count)
    yield "vix_peaks_a_year", count / years
    yield "vix_peak_half_life", np.where(np.isfinite(half_life), half_life, np.nan)
    yield "vix_points_down_day", -slope_where(percent, points, percent < 0.0, MIN_DAYS)
    yield "vix_points_up_day", -slope_where(percent, points, percent > 0.0, MIN_DAYS)


def _curve(vix: FloatArray, futures: FloatArray) -> Iterator[Row]:
    for label, limits in VIX_RANGES.items():
        for contract in (2, 4, 7):
            slope = 100.0 * (futures[contract - 1] / futures[0] - 1.0)
            yield f"vx{contract}_vx1_{label}", mean_where(slope, _inside(vix, limits), MIN_DAYS)


def _contracts(log_return: FloatArray, futures: FloatArray, rolls: BoolArray) -> Iterator[Row]:
    """Daily changes of one contract, named by its place on the first of the two days."""
    logs = np.log(futures)
    changes: list[FloatArray] = []
    for place in range(logs.shape[0]):
        change = np.diff(logs[place])
        nearer = logs[place - 1][:, 1:] - logs[place][:, :-1] if place else np.full_like(change, np.nan)
        changes.append(np.where(rolls, nearer, change))
    every = np.ones(log_return.shape, dtype=bool)
    for place, change in enumerate(changes):
        yield f"std_dlog_vx{place + 1}", std_where(change, every, MIN_DAYS)
    yield "vx_first_component_pct", _first_component(np.stack(changes))
    for place in (0, 1, 3, 5):
        carry = SESSIONS_PER_YEAR * mean_where(changes[place], every, MIN_DAYS)
        yield f"carry_vx{place + 1}_pct", 100.0 * carry
    for place in (0, 1, 3, 6):
        yield f"corr_r_dlog_vx{place + 1}", correlation(log_return, changes[place])


def _first_component(changes: FloatArray) -> FloatArray:
    """Share of the first principal component in the variance of changes (n_places, n_windows, n_days), in percent.

    Days on which a place has no change are left out.
    """
    known = np.isfinite(changes).all(axis=0)
    count = np.maximum(known.sum(axis=-1), 1)
    moves = np.where(known, changes, 0.0)
    mean = moves.sum(axis=-1) / count
    product = np.einsum("iwd,jwd->wij", moves, moves) / count[:, None, None]
    values = np.linalg.eigvalsh(product - np.einsum("iw,jw->wij", mean, mean))
    total = np.where(known.sum(axis=-1) >= MIN_DAYS, values.sum(axis=-1), np.nan)
    return np.asarray(100.0 * values[:, -1] / total)

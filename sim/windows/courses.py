"""What of the course of equity fell into each window: powers of returns, shortfalls, and parts of drawdowns.

Other than P&L by engine these come from the closes of equity alone, so they are added up once a block has ended.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.protocols import SESSIONS_PER_YEAR

FloatArray = NDArray[np.float64]

COURSES: dict[str, str] = {
    "return_cube_sum": "returns",
    "return_fourth_sum": "returns",
    "shortfall_square_sum": "ratios",
    "excess_gain_sum": "ratios",
    "max_drawdown": "max_drawdown",
    "drawdown_part": "max_drawdown",
}
"""Values of each path and window, in the order of the kernel's rows -> the metric that asks for them."""


def courses_of(metrics: tuple[str, ...]) -> list[str]:
    """Names of the values that an experiment with these metrics keeps."""
    return [name for name, metric in COURSES.items() if metric in metrics]


def window_courses(
    equity: FloatArray, codes: NDArray[np.unsignedinteger], n_windows: int, rate: float
) -> dict[str, FloatArray]:
    """Follow the equity of each path through the windows.

    Parameters
    ----------
    equity : ndarray of shape (n_days + 1, n_paths)
        Equity at every close [USD]; row 0 is that before the first orders.
    codes : ndarray of shape (n_days + 1, n_paths)
        Windows of each session, bit ``w`` for window ``w``.
    n_windows : int
        How many windows there are.
    rate : float
        Short rate [1/year], that of one session being ``expm1(rate / 252)``.

    Returns
    -------
    dict of ndarray, each of shape (n_windows, n_paths)
        ``return_cube_sum``, ``return_fourth_sum``: sums of powers of daily returns, 0 after ruin.
        ``shortfall_square_sum``, ``excess_gain_sum``: of squared returns below the short rate and of returns above it,
        both measured from it. ``max_drawdown``: largest fall from its running maximum of an account that has the
        returns of the window's sessions one after another, and no others [share]. ``drawdown_part``: loss in sessions
        of the window between the latest peak and the trough of the path's maximum drawdown, over that peak [share];
        windows that share out all sessions share out the maximum drawdown.
    """
    sums = np.zeros((len(COURSES), n_windows, equity.shape[1]))
    rows = np.ascontiguousarray(equity.T, dtype=np.float64)
    bits = np.ascontiguousarray(codes.T, dtype=np.uint32)
    _follow(rows, bits, float(np.expm1(rate / SESSIONS_PER_YEAR)), sums)
    return dict(zip(COURSES, sums, strict=True))


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _follow(equity: FloatArray, codes: NDArray[np.uint32], rate: float, sums: FloatArray) -> None:
    """Follow each path.

    Parameters
    ----------
    equity, codes : ndarray of shape (n_paths, n_days + 1)
        As in ``window_courses``, path by path.
    rate : float
        Short rate of one session.
    sums : ndarray of shape (6, n_windows, n_paths)
        Filled; rows in the order of ``COURSES``.
    """
    n_windows = sums.shape[1]
    account, top, lost = np.empty(n_windows), np.empty(n_windows), np.empty(n_windows)
    for i in range(equity.shape[0]):
        account[:], top[:], lost[:] = 1.0, 1.0, 0.0
        peak, deepest = equity[i, 0], 0.0
        for t in range(1, equity.shape[1]):
            before, after = equity[i, t - 1], equity[i, t]
            change = after / before - 1.0 if before > 0.0 else 0.0
            excess = change - rate if before > 0.0 else 0.0
            for w in range(n_windows):
                if (codes[i, t] >> np.uint32(w)) & np.uint32(1):
                    square = change * change
                    sums[0, w, i] += square * change
                    sums[1, w, i] += square * square
                    sums[2, w, i] += min(excess, 0.0) ** 2
                    sums[3, w, i] += max(excess, 0.0)
                    account[w] *= 1.0 + change
                    top[w] = max(top[w], account[w])
                    sums[4, w, i] = max(sums[4, w, i], 1.0 - account[w] / top[w])
                    lost[w] += before - after
            if after >= peak:
                peak = after
                lost[:] = 0.0
            elif 1.0 - after / peak > deepest:
                deepest = 1.0 - after / peak
                for w in range(n_windows):  # an array here would bring the compiler's text on shapes with it
                    sums[5, w, i] = lost[w] / peak

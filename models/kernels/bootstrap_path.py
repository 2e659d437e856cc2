"""Days of history drawn in blocks, all paths of a day at once."""

from __future__ import annotations

import numpy as np
from numba import njit

from models.kernels.philox import LOW, philox, uniform_of

_ZERO = np.uint64(0)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def matched_day(rank, uniform, reach, order):  # type: ignore[no-untyped-def]
    """Day whose rank lies within ``reach`` of ``rank``, all being equally likely; ranks beyond an end are mirrored.

    Mirrored, the step is as likely back as forth, so that it leaves days equally likely.
    """
    n = order.size
    k = rank + int(uniform * (2 * reach + 1)) - reach
    if k < 0:
        k = -1 - k
    if k >= n:
        k = 2 * n - 1 - k
    return order[k]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def resample_rows(  # type: ignore[no-untyped-def]
    log_return,
    state,
    day,
    log_vix,
    history,
    order,
    rank,
    joint,
    reach,
    keep,
    shift,
    first_path,
    first_day,
    purpose,
    key,
):
    """Move all paths on by ``log_return.shape[0]`` sessions.

    Parameters
    ----------
    log_return : ndarray of shape (n_days, n_paths)
        Receives the log returns.
    state : ndarray of shape (n_days, 2, n_paths)
        Receives the day of history and the log VIX.
    day, log_vix : ndarray of shape (n_paths,)
        Day of history and log VIX of each path, left at the last values.
    history : ndarray of shape (3, n)
        Log return of each day of history, and the log VIX before and after it.
    order : ndarray of int64, shape (n,)
        Days by the VIX after them.
    rank : ndarray of int64, shape (n,)
        Where each day stands in ``order``.
    joint : float
        Chance that a block ends.
    reach : int
        How far the rank of a new block's start may be from that of the old one's end; all days if negative.
    keep : float
        Share of the gap to the history's VIX that is left after a session.
    shift : float
        Added to every log return.
    first_path, first_day, purpose, key
        Address of the random numbers.
    """
    n_days, n_paths = log_return.shape
    n = history.shape[1]
    word = np.uint64(purpose)
    for t in range(n_days):
        counter = np.uint64(np.int64(first_day + t) & np.int64(LOW))
        for p in range(n_paths):
            w0, w1, _, _ = philox(np.uint64(first_path + p), counter, _ZERO, word, key[0], key[1])
            before = day[p]
            if uniform_of(w0) < joint:
                if reach < 0:
                    before = order[int(uniform_of(w1) * n)]
                else:
                    before = matched_day(rank[before], uniform_of(w1), reach, order)
            now = before + 1 if before + 1 < n else 0
            day[p] = now
            log_vix[p] = history[2, now] + (log_vix[p] - history[1, now]) * keep
            log_return[t, p] = history[0, now] + shift
            state[t, 0, p] = day[p]
            state[t, 1, p] = log_vix[p]

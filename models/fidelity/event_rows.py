"""Scheduled events carried beside the windows of a model, with their default sizes: what SPX and VIX do on their days.

Windows have no calendar. Decisions of the FOMC come every 31 or 32 sessions, eight a year; CPI and PPI releases on two
sessions running and monthly options' expiries every 21 sessions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from models.events import EVENT_SIZES, VIX_SQUARE_PER_VARIANCE
from models.fidelity.context import Row
from models.protocols import FloatArray, Stream
from models.streams import Purpose, normals

VIX_SESSIONS = 21
"""Sessions that the VIX looks ahead: 30 calendar days."""

MONTH = 21
FIRST = {"fomc": 15.0, "cpi": 10.0, "ppi": 11.0, "expiry": 17.0}
EVERY = {"fomc": 31.5, "cpi": 21.0, "ppi": 21.0, "expiry": 21.0}
"""First return of each kind [sessions], and sessions from one to the next."""

SHOWN = ("fomc", "cpi", "expiry")


def event_days(n_days: int) -> dict[str, NDArray[np.intp]]:
    """Indices of the daily returns on which each kind of event falls."""
    return {kind: np.floor(np.arange(FIRST[kind], n_days, EVERY[kind])).astype(np.intp) for kind in FIRST}


def event_rows(
    log_return: FloatArray, vix: FloatArray, stream: Stream, sizes: Mapping[str, tuple[float, float]] = EVENT_SIZES
) -> Iterator[Row]:
    """Yield the rows of windows with events laid over them.

    Parameters
    ----------
    log_return : ndarray of shape (n_windows, n_days)
        Daily log returns of the SPX without events.
    vix : ndarray of shape (n_windows, n_days + 1)
        VIX without events [points].
    stream : Stream
        Address of the block's random numbers.
    sizes : mapping of str to (float, float)
        Deviation of each kind's jump under P and under Q [log return]; at most four kinds.
    """
    n_windows, n_days = log_return.shape
    days = event_days(n_days)
    moved = log_return.copy()
    priced = np.zeros(n_days + VIX_SESSIONS + 1)
    for place, (kind, (std_p, std_q)) in enumerate(sizes.items()):
        priced[event_days(priced.size)[kind]] += std_q**2
        for day in days[kind]:
            z = normals(stream, n_windows, purpose=Purpose.EVENT, day=int(day))[place]
            moved[:, day] += std_p * z - 0.5 * std_p**2
    # a close has the next sessions' events ahead of it
    total = np.concatenate([[0.0], np.cumsum(priced)])
    ahead = total[np.arange(n_days + 1) + VIX_SESSIONS] - total[: n_days + 1]
    log_vix = 0.5 * np.log(vix**2 + VIX_SQUARE_PER_VARIANCE * ahead)
    change, square = np.diff(log_vix, axis=1), moved**2
    for kind in SHOWN:
        others = np.delete(np.arange(n_days), days[kind])
        if kind in sizes:
            yield f"dlogvix_{kind}_day", change[:, days[kind]].mean(axis=1)
        yield f"variance_ratio_{kind}_day", square[:, days[kind]].mean(axis=1) / square[:, others].mean(axis=1)

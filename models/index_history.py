"""Daily closes of SPX and VIX side by side: those shipped inside ``arch``, or a user's own files."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelParameterError
from models.protocols import FloatArray

MIN_SESSIONS = 250


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class IndexHistory:
    """Days on which both indices have a close, but for the first of them.

    Parameters
    ----------
    dates : ndarray of datetime64[D], shape (n,)
        Days, strictly increasing.
    log_return : ndarray of shape (n,)
        Log return of the SPX since the close before.
    log_vix_before, log_vix : ndarray of shape (n,)
        Log of the VIX [points] at the close before, and at that of the day.
    """

    dates: NDArray[np.datetime64]
    log_return: FloatArray
    log_vix_before: FloatArray
    log_vix: FloatArray

    @property
    def n_days(self) -> int:
        """Number of days."""
        return int(self.log_return.size)


@lru_cache(maxsize=4)
def index_history(spx: str, vix: str) -> IndexHistory:
    """Read the two histories and lay them on their common days.

    Parameters
    ----------
    spx, vix : str
        CSV files with a date column first and a ``close`` column, or a single value column; both empty for the
        series inside ``arch`` (SPX 1999 to 2018, VIX 2014 to 2018).

    Returns
    -------
    IndexHistory

    Raises
    ------
    ModelParameterError
        If only one is given, one cannot be read, or they have too few days in common.
    """
    if bool(spx) != bool(vix):
        raise ModelParameterError(f"spx and vix must both be files, or both be left out, got {spx!r} and {vix!r}")
    first, second = (_from_file(spx), _from_file(vix)) if spx else _shipped()
    days = sorted(first.keys() & second.keys())
    if len(days) < MIN_SESSIONS:
        raise ModelParameterError(f"spx and vix must share at least {MIN_SESSIONS} days, got {len(days)}")
    closes = np.log([[first[day] for day in days], [second[day] for day in days]])
    return IndexHistory(
        dates=np.array(days[1:], dtype="datetime64[D]"),
        log_return=np.diff(closes[0]),
        log_vix_before=closes[1, :-1],
        log_vix=closes[1, 1:],
    )


def _shipped() -> tuple[dict[date, float], dict[date, float]]:
    from arch.data import sp500, vix

    return _series(sp500.load()["Close"]), _series(vix.load()["vix"].dropna())


def _series(column: Any) -> dict[date, float]:
    return {stamp.date(): float(value) for stamp, value in column.items()}


def _from_file(name: str) -> dict[date, float]:
    try:
        with Path(name).open(newline="", encoding="utf-8-sig") as stream:
            rows = [[cell.strip() for cell in row] for row in csv.reader(stream) if any(row)]
        header = [cell.lower() for cell in rows[0]]
        column = header.index("close") if "close" in header else 1
        # FRED marks holidays by a dot
        return {_date(row[0]): _positive(row[column]) for row in rows[1:] if row[column] not in ("", ".")}
    except (OSError, UnicodeDecodeError, csv.Error, ValueError, IndexError) as error:
        raise ModelParameterError(f"{name} must be a CSV file of dates and closes > 0, got {error}") from None


def _date(text: str) -> date:
    return datetime.strptime(text, "%m/%d/%Y" if "/" in text else "%Y-%m-%d").date()


def _positive(text: str) -> float:
    value = float(text)
    if not 0.0 < value < np.inf:
        raise ValueError(f"close {text!r}")
    return value

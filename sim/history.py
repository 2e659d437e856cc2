"""Real SPX and VIX closes: the embedded default, and readers for the files that people have.

Four layouts are recognised by their header:

========  =============================================  ===========
layout    header                                         dates
========  =============================================  ===========
Cboe      ``DATE,OPEN,HIGH,LOW,CLOSE`` or ``DATE,SYM``   MM/DD/YYYY
Yahoo     ``Date,Open,High,Low,Close,Adj Close,Volume``  YYYY-MM-DD
Stooq     ``Date,Open,High,Low,Close[,Volume]``          YYYY-MM-DD
FRED      ``DATE,VIXCLS`` or ``observation_date,SERIES`` YYYY-MM-DD
========  =============================================  ===========

FRED lists holidays with ``.`` or nothing as value; no other layout may have holes.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.calendar import FIRST_YEAR, LAST_YEAR, DateArray, exchange_sessions
from sim.errors import DataError

FloatArray = NDArray[np.float64]

SPX_MEDIAN, VIX_MEDIAN = (100.0, 1e5), (5.0, 100.0)
"""Where the median close of each must lie: a file of the other, or in other units, does not."""

MAX_GAP = 5
"""Most exchange sessions that may be missing between two closes."""

LAYOUTS = "a date column (DATE, Date or observation_date) and either a Close column or a single value column"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClosingPrices:
    """Closes of one index.

    Parameters
    ----------
    dates : ndarray of datetime64[D]
        Strictly increasing.
    close : ndarray of shape (n,)
        Closes [points], > 0.
    source : str
        Where they come from.
    """

    dates: DateArray
    close: FloatArray
    source: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class History:
    """SPX and VIX closes on the sessions of the SPX.

    Parameters
    ----------
    dates : ndarray of datetime64[D]
        Sessions, strictly increasing.
    spx_close : ndarray of shape (n,)
        SPX price index [points].
    vix_close : ndarray of shape (n,)
        VIX [points]; NaN where it is missing.
    vix_dropped : int
        VIX values left out because the SPX has no close on their dates.
    source : str
        Where the two series come from.
    """

    dates: DateArray
    spx_close: FloatArray
    vix_close: FloatArray
    vix_dropped: int
    source: str

    @property
    def log_returns(self) -> FloatArray:
        """Close-to-close log returns of the SPX, shape (n - 1,); value ``i`` belongs to ``dates[i + 1]``."""
        return np.diff(np.log(self.spx_close))

    def between(self, first: date | str, last: date | str) -> History:
        """Part of the history from ``first`` to ``last``, both included."""
        inside = (self.dates >= np.datetime64(first, "D")) & (self.dates <= np.datetime64(last, "D"))
        return History(
            dates=self.dates[inside],
            spx_close=self.spx_close[inside],
            vix_close=self.vix_close[inside],
            vix_dropped=self.vix_dropped,
            source=self.source,
        )

    def require(self, min_sessions: int, min_vix: int = 0) -> History:
        """Return the history itself if it is long enough for a fit.

        Raises
        ------
        DataError
            Says how many SPX closes or VIX closes there are and how many are needed.
        """
        span = f"{self.dates[0]} to {self.dates[-1]}" if self.dates.size else "no dates"
        n_vix = int(np.isfinite(self.vix_close).sum())
        for name, n, least in (("SPX", self.dates.size, min_sessions), ("VIX", n_vix, min_vix)):
            if n < least:
                raise DataError(f"{self.source}: at least {least} {name} closes are needed, got {n} ({span})")
        return self


def default_history() -> History:
    """SPX from 1999 to 2018 and VIX from 2014 to 2018, as shipped inside the ``arch`` package."""
    from arch.data import sp500, vix

    spx_frame, vix_frame = sp500.load(), vix.load()["vix"].dropna()
    spx = ClosingPrices(
        dates=spx_frame.index.to_numpy().astype("datetime64[D]"),
        close=spx_frame["Close"].to_numpy(dtype=np.float64),
        source="arch.data.sp500",
    )
    return join(
        spx,
        ClosingPrices(
            dates=vix_frame.index.to_numpy().astype("datetime64[D]"),
            close=vix_frame.to_numpy(dtype=np.float64),
            source="arch.data.vix",
        ),
    )


def read_history(spx_path: str | Path, vix_path: str | Path) -> History:
    """Read SPX and VIX closes from two files and lay them on the sessions of the SPX.

    Raises
    ------
    DataError
        If one of the files cannot be read or breaks a rule of ``read_closing_prices``, or they have no date in common.
    """
    spx, vix = read_closing_prices(spx_path), read_closing_prices(vix_path)
    for name, prices, (low, high) in (("SPX", spx, SPX_MEDIAN), ("VIX", vix, VIX_MEDIAN)):
        median = float(np.median(prices.close))
        if not low <= median <= high:
            raise DataError(
                f"{prices.source}: {name} closes must have a median of {low:g} to {high:g} points, got {median:g}"
            )
    return join(spx, vix)


def join(spx: ClosingPrices, vix: ClosingPrices) -> History:
    """Lay VIX closes on the sessions of the SPX.

    Raises
    ------
    DataError
        If the two have no date in common.
    """
    common, at_spx, at_vix = np.intersect1d(spx.dates, vix.dates, assume_unique=True, return_indices=True)
    if common.size == 0:
        raise DataError(
            f"{spx.source} ({spx.dates[0]} to {spx.dates[-1]}) and {vix.source} ({vix.dates[0]} to {vix.dates[-1]}) "
            "must share dates, got none"
        )
    vix_close = np.full(spx.dates.size, np.nan)
    vix_close[at_spx] = vix.close[at_vix]
    return History(
        dates=spx.dates,
        spx_close=spx.close,
        vix_close=vix_close,
        vix_dropped=int(vix.dates.size - common.size),
        source=f"{spx.source}, {vix.source}",
    )


def read_closing_prices(path: str | Path) -> ClosingPrices:
    """Read daily closes from a Cboe, Yahoo, Stooq or FRED file.

    Parameters
    ----------
    path : str or Path
        CSV file; the layout is recognised by its header.

    Returns
    -------
    ClosingPrices
        Closes, holidays of FRED files left out.

    Raises
    ------
    DataError
        If the file is missing or empty, its header is unknown, a date is malformed, repeated or out of order, a close
        is not a positive number, or more than five sessions in a row are missing. The message names file, line,
        column, value and rule.
    """
    file = Path(path)
    rows = _rows(file)
    if not rows:
        raise DataError(f"{file}: must be a CSV file with {LAYOUTS}, got an empty file")
    date_column, value_column, may_be_missing = _layout(file, rows[0][1])
    header = rows[0][1]
    dates: list[date] = []
    closes: list[float] = []
    for line, cells in rows[1:]:
        if len(cells) != len(header):
            raise DataError(f"{file}:{line}: must have {len(header)} columns as its header, got {len(cells)}")
        day = _parse_date(f"{file}:{line}: {header[date_column]}", cells[date_column])
        if dates and day <= dates[-1]:
            raise DataError(
                f"{file}:{line}: {header[date_column]} must be later than the line before ({dates[-1]}), got {day}"
            )
        value = cells[value_column]
        if may_be_missing and value in ("", ".") and "/" not in cells[date_column]:  # FRED's holidays
            continue
        dates.append(day)
        closes.append(_parse_price(f"{file}:{line}: {header[value_column]} on {day}", value))
    if not dates:
        raise DataError(f"{file}: must have at least one close, got a header without values")
    return checked_gaps(
        ClosingPrices(dates=np.array(dates, dtype="datetime64[D]"), close=np.array(closes), source=str(file))
    )


def checked_gaps(prices: ClosingPrices) -> ClosingPrices:
    """Return the prices themselves if no more than five exchange sessions in a row are missing.

    Raises
    ------
    DataError
        Names the dates around the first longer gap.
    """
    years = prices.dates[[0, -1]].astype("datetime64[Y]").astype(int) + 1970
    sessions = exchange_sessions(int(years[0]), int(years[1]))
    missing = np.diff(np.searchsorted(sessions, prices.dates)) - 1
    long = np.flatnonzero(missing > MAX_GAP)
    if long.size:
        first = int(long[0])
        raise DataError(
            f"{prices.source}: at most {MAX_GAP} sessions may be missing in a row, got {missing[first]} between "
            f"{prices.dates[first]} and {prices.dates[first + 1]}"
        )
    return prices


def _rows(file: Path) -> list[tuple[int, list[str]]]:
    """Line numbers and stripped cells of all lines that are not blank."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream)
            return [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader if any(cells)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{file}: must be a readable CSV file in UTF-8, got {error}") from error


def _layout(file: Path, header: list[str]) -> tuple[int, int, bool]:
    """Column of the date, column of the close, and whether closes may be missing."""
    names = [name.lower() for name in header]
    if names and names[0] in ("date", "observation_date"):
        if "close" in names:
            return 0, names.index("close"), False
        if len(names) == 2:
            return 0, 1, True
    raise DataError(f"{file}:1: header must have {LAYOUTS}, got {','.join(header)!r}")


def _parse_date(place: str, text: str) -> date:
    layout = "%m/%d/%Y" if "/" in text else "%Y-%m-%d"
    try:
        day = datetime.strptime(text, layout).date()
    except ValueError:
        raise DataError(f"{place} must be YYYY-MM-DD or MM/DD/YYYY, got {text!r}") from None
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise DataError(f"{place} must lie in the years {FIRST_YEAR} to {LAST_YEAR}, got {text!r}")
    return day


def _parse_price(place: str, text: str) -> float:
    try:
        price = float(text)
    except ValueError:
        price = math.nan
    if not (math.isfinite(price) and price > 0.0):
        raise DataError(f"{place} must be a finite number > 0, got {text!r}")
    return price

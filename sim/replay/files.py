"""CSV files of a replay: closes and openings of both indices in one file, and settlements of VIX futures."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.calendar import DateArray
from sim.errors import DataError

FloatArray = NDArray[np.float64]

CLOSES = ("date", "spx", "vix")
OPENINGS = ("spx_open", "vix_open")
LONG = ("date", "expiry", "settlement")
_RANK = re.compile(r"vx([1-9])")

LEVELS = {"spx": (10.0, 1e6), "vix": (4.0, 250.0), "settlement": (4.0, 250.0)}
"""Where values must lie [points]; an opening like its close."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class IndexFile:
    """Days of a file with both indices.

    Parameters
    ----------
    dates : ndarray of datetime64[D]
        Strictly increasing.
    columns : dict of str to ndarray
        ``spx``, ``vix`` and, where the file has them, ``spx_open`` and ``vix_open`` [points]; NaN for empty cells.
    """

    dates: DateArray
    columns: dict[str, FloatArray]


@dataclass(frozen=True, slots=True, kw_only=True)
class FutureSettlement:
    """One settlement of a VIX future.

    Parameters
    ----------
    day : date
        Of the settlement.
    contract : date or int
        Day of expiry, or rank: 1 is the nearest monthly contract that has not expired.
    price : float
        Settlement [points].
    """

    day: date
    contract: date | int
    price: float


def read_index_file(path: Path) -> IndexFile:
    """Read closes, and openings where there are any.

    Raises
    ------
    DataError
        If the file cannot be read, lacks a column, or holds a date or a value that cannot be; names file, line, column.
    """
    header, rows = _table(path)
    missing = [name for name in CLOSES if name not in header]
    if missing:
        raise DataError(
            f"{path}:1: header must have the columns {', '.join(CLOSES)} and may have {', '.join(OPENINGS)}, "
            f"{', '.join(missing)} missing in {','.join(header)!r}; closes in two files are {{spx: FILE, vix: FILE}}"
        )
    names = [name for name in (*CLOSES[1:], *OPENINGS) if name in header]
    dates: list[date] = []
    values: dict[str, list[float]] = {name: [] for name in names}
    for line, row in rows:
        day = _date(path, line, "date", row["date"])
        if dates and day <= dates[-1]:
            raise DataError(f"{path}:{line}: date must be later than that of the line before ({dates[-1]}), got {day}")
        dates.append(day)
        for name in names:
            values[name].append(_number(path, line, name, row[name], may_be_empty=name != "spx"))
    if not dates:
        raise DataError(f"{path}: must have at least one day, got a header alone")
    return IndexFile(
        dates=np.array(dates, dtype="datetime64[D]"),
        columns={name: np.array(column) for name, column in values.items()},
    )


def read_futures(path: Path) -> list[FutureSettlement]:
    """Read settlements of VIX futures.

    Raises
    ------
    DataError
        As ``read_index_file``.
    """
    header, rows = _table(path)
    is_long = all(name in header for name in LONG)
    ranks = [name for name in header if _RANK.fullmatch(name)]
    if "date" not in header or not (is_long or ranks):
        raise DataError(
            f"{path}:1: header must have the columns {', '.join(LONG)}, or date and VX1, VX2, ...; "
            f"got {','.join(header)!r}"
        )
    settlements = []
    for line, row in rows:
        day = _date(path, line, "date", row["date"])
        if is_long:
            price = _number(path, line, "settlement", row["settlement"], may_be_empty=True)
            found: list[tuple[date | int, float]] = [(_date(path, line, "expiry", row["expiry"]), price)]
        else:
            found = [(int(name[2:]), _number(path, line, name, row[name], may_be_empty=True)) for name in ranks]
        settlements += [
            FutureSettlement(day=day, contract=contract, price=price)
            for contract, price in found
            if math.isfinite(price)
        ]
    if not settlements:
        raise DataError(f"{path}: must have at least one settlement, got none")
    return settlements


def _table(path: Path) -> tuple[list[str], Iterator[tuple[int, dict[str, str]]]]:
    """Header in small letters, and rows with their line numbers."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream)
            lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader if any(cells)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: must be a readable CSV file in UTF-8, got {error}") from error
    if not lines:
        raise DataError(f"{path}: must be a CSV file with a header, got an empty file")
    header = [name.lower() for name in lines[0][1]]
    if len(set(header)) < len(header):
        raise DataError(f"{path}:1: header must name each column once, got {','.join(header)!r}")

    def rows() -> Iterator[tuple[int, dict[str, str]]]:
        for line, cells in lines[1:]:
            if len(cells) != len(header):
                raise DataError(f"{path}:{line}: must have {len(header)} columns as its header, got {len(cells)}")
            yield line, dict(zip(header, cells, strict=True))

    return header, rows()


def _date(path: Path, line: int, column: str, text: str) -> date:
    try:
        return datetime.strptime(text, "%m/%d/%Y" if "/" in text else "%Y-%m-%d").date()
    except ValueError:
        raise DataError(f"{path}:{line}: {column} must be YYYY-MM-DD or MM/DD/YYYY, got {text!r}") from None


def _number(path: Path, line: int, column: str, text: str, *, may_be_empty: bool) -> float:
    if may_be_empty and text in ("", ".", "NaN", "nan"):
        return math.nan
    low, high = LEVELS["settlement" if _RANK.fullmatch(column) else column.removesuffix("_open")]
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise DataError(f"{path}:{line}: {column} must be a number from {low:g} to {high:g} points, got {text!r}")
    return value

"""Real closes on the exchange's sessions: where each comes from, and what was missing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.calendar import DateArray, exchange_sessions
from sim.config.replay import EMBEDDED, HistoryFilesConfig, ReplayConfig
from sim.errors import DataError
from sim.history import MAX_GAP, default_history, read_history
from sim.replay.files import FutureSettlement, read_futures, read_index_file

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RealSeries:
    """A history on all sessions of the exchange from its first VIX close to its last SPX close.

    Parameters
    ----------
    dates : ndarray of datetime64[D]
        Sessions.
    spx, vix : ndarray of shape (n,)
        Closes [points].
    spx_open, vix_open : ndarray of shape (n,)
        Openings [points]; NaN where none is known.
    futures : dict of date to list of FutureSettlement
        Settlements of VIX futures by day.
    carried : dict of str to int
        How many closes of ``spx`` and ``vix`` were missing and are those of the session before.
    source : str
        Where the closes come from.
    checksums : dict of str to str
        SHA-256 of each file that was read.
    """

    dates: DateArray
    spx: FloatArray
    vix: FloatArray
    spx_open: FloatArray
    vix_open: FloatArray
    futures: dict[date, list[FutureSettlement]]
    carried: dict[str, int]
    source: str
    checksums: dict[str, str] = field(default_factory=dict)


def read_series(config: ReplayConfig) -> RealSeries:
    """Read what a replay needs; files are read once while they stay the same.

    Raises
    ------
    DataError
        If a file cannot be read or breaks a rule, or more than five sessions in a row are missing.
    """
    names = [config.vix_futures] if config.vix_futures else []
    if isinstance(config.history, HistoryFilesConfig):
        names += [config.history.spx, config.history.vix]
    elif config.history != EMBEDDED:
        names.append(config.history)
    checksums = tuple((name, _checksum(Path(name))) for name in names)
    return _read(config.model_dump_json(include={"history", "vix_futures"}), checksums)


def available_sessions(series: RealSeries, config: ReplayConfig, warmup_days: int) -> tuple[int, int]:
    """First and last session of a replay, as indices of ``series.dates``.

    Parameters
    ----------
    series : RealSeries
        The history.
    config : ReplayConfig
        From and to.
    warmup_days : int
        Sessions of history that signals read before day 0.

    Raises
    ------
    DataError
        If the history does not reach so far; says from when to when it can be replayed.
    """
    dates, last = series.dates, series.dates.size - 1
    earliest, latest = min(warmup_days, last), dates[last]
    span = f"{series.source} can be replayed from {dates[earliest]} to {latest}"
    first = earliest
    if config.first is not None:
        first = int(np.searchsorted(dates, np.datetime64(config.first, "D")))
        if first < warmup_days or first >= last:
            raise DataError(
                f"from must leave {warmup_days} sessions of history before it and one after it, "
                f"got {config.first}; {span}"
            )
    if config.last is not None:
        last = int(np.searchsorted(dates, np.datetime64(config.last, "D"), side="right")) - 1
        if np.datetime64(config.last, "D") > latest or last <= first:
            raise DataError(f"to must lie after from and within the history, got {config.last}; {span}")
    if first >= last:
        raise DataError(f"a replay needs {warmup_days} sessions of history and one after them; {span}")
    return first, last


def _checksum(path: Path) -> str:
    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None


@lru_cache(maxsize=8)
def _read(config_text: str, checksums: tuple[tuple[str, str], ...]) -> RealSeries:
    config = ReplayConfig.model_validate_json(config_text)
    opened: dict[str, FloatArray] = {}
    if isinstance(config.history, HistoryFilesConfig):
        history = read_history(config.history.spx, config.history.vix)
        dates, spx, vix, source = history.dates, history.spx_close, history.vix_close, history.source
    elif config.history == EMBEDDED:
        history = default_history()
        dates, spx, vix, source = history.dates, history.spx_close, history.vix_close, history.source
    else:
        source = config.history
        file = read_index_file(Path(source))
        dates, spx, vix = file.dates, file.columns["spx"], file.columns["vix"]
        opened = {name: values for name, values in file.columns.items() if name.endswith("_open")}
    futures: dict[date, list[FutureSettlement]] = {}
    for item in read_futures(Path(config.vix_futures)) if config.vix_futures else ():
        futures.setdefault(item.day, []).append(item)
    return _on_sessions(dates, {"spx": spx, "vix": vix, **opened}, futures, source, dict(checksums))


def _on_sessions(
    dates: DateArray,
    columns: dict[str, FloatArray],
    futures: dict[date, list[FutureSettlement]],
    source: str,
    checksums: dict[str, str],
) -> RealSeries:
    """Lay columns on the exchange's sessions; closes that are missing are those of the session before."""
    known = np.isfinite(columns["vix"])
    if not known.any():
        raise DataError(f"{source}: must have at least one close of the VIX, got none")
    start, stop = dates[int(known.argmax())], dates[-1]
    years = [int(day.astype("datetime64[Y]").astype(int)) + 1970 for day in (start, stop)]
    every = exchange_sessions(*years)
    sessions = every[(every >= start) & (every <= stop)]
    if sessions.size < 2:
        raise DataError(f"{source}: must have closes on at least two sessions of the exchange, got {sessions.size}")
    place = np.searchsorted(dates, sessions)
    is_there = (place < dates.size) & (dates[np.minimum(place, dates.size - 1)] == sessions)
    laid, carried = {}, {}
    for name in ("spx", "vix", "spx_open", "vix_open"):
        values = np.full(sessions.size, np.nan)
        if name in columns:
            values[is_there] = columns[name][place[is_there]]
        if not name.endswith("_open"):
            values, carried[name] = _carried(values, sessions, f"{source}: {name}")
        laid[name] = values
    return RealSeries(dates=sessions, **laid, futures=futures, carried=carried, source=source, checksums=checksums)


def _carried(values: FloatArray, sessions: DateArray, what: str) -> tuple[FloatArray, int]:
    """Fill holes with the value before them, and count them.

    Raises
    ------
    DataError
        If one is longer than ``MAX_GAP`` sessions.
    """
    known = np.flatnonzero(np.isfinite(values))
    gaps = np.diff(np.concatenate([known, [values.size]])) - 1
    if known.size == 0 or known[0] != 0 or gaps.max() > MAX_GAP:
        where = sessions[known[int(gaps.argmax())]] if known.size else sessions[0]
        raise DataError(f"{what}: at most {MAX_GAP} sessions may be missing in a row, got more after {where}")
    source = np.maximum.accumulate(np.where(np.isfinite(values), np.arange(values.size), 0))
    return values[source], int((~np.isfinite(values)).sum())

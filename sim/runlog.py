"""The log of a run: one line of JSON for each thing that happens, written by the process that holds the run.

Lines are only ever added. A line that a crash cut short is left out when the log is read.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOG = "log.jsonl"

STARTED, PREPARING, RUNNING, DONE, FAILED, GATHERING, STOPPED = (
    "started",
    "preparing",
    "running",
    "done",
    "failed",
    "gathering",
    "stopped",
)
"""Kinds of entries: an attempt begins, its tables are made, its cells are run; a cell is done, a cell has failed;
results are put together; the attempt ends before they are whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """What all attempts of a run have taken.

    Parameters
    ----------
    attempts : int
        How often the run was started.
    wall_seconds : float
        Time from the start of each attempt to the last entry that it made, added up [s].
    cpu_seconds : float
        Processor time of preparations and cells, in whichever process or thread [s].
    """

    attempts: int
    wall_seconds: float
    cpu_seconds: float


class RunLog:
    """The log of a run.

    Parameters
    ----------
    folder : Path
        Folder of the unfinished run.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / LOG

    def add(self, kind: str, **what: Any) -> None:
        """Write an entry with the time of day; what is not on disk yet after a crash is not missed."""
        entry = {"time": round(time.time(), 3), "kind": kind, **what}
        torn = self._is_torn()
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(("\n" if torn else "") + json.dumps(entry) + "\n")

    def entries(self) -> Iterator[dict[str, Any]]:
        """Entries in the order in which they were made."""
        try:
            lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict) and isinstance(entry.get("kind"), str) and _is_number(entry.get("time")):
                yield entry

    def effort(self, *, until: float | None = None) -> Effort:
        """What all attempts so far have taken, the last one up to a time of day, or up to its last entry."""
        attempts, wall, cpu = 0, 0.0, 0.0
        began = last = 0.0
        for entry in self.entries():
            if entry["kind"] == STARTED:
                wall += last - began
                began = entry["time"]
                attempts += 1
            last = entry["time"]
            spent = entry.get("cpu_seconds", 0.0)
            cpu += spent if _is_number(spent) else 0.0
        last = last if until is None else until
        return Effort(attempts=attempts, wall_seconds=wall + last - began, cpu_seconds=cpu)

    def _is_torn(self) -> bool:
        """Whether the last line has no end, because a crash or a full disk cut it short."""
        try:
            with self.path.open("rb") as stream:
                stream.seek(-1, 2)
                return stream.read(1) != b"\n"
        except OSError:
            return False


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

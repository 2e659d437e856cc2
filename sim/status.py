"""How far a run is: read from its folder, whether a process is at work on it or not."""

from __future__ import annotations

import json
import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from sim.config import SensitivityConfig
from sim.config.near_files import near_file
from sim.cutting import cut_paths
from sim.errors import StorageError
from sim.partial import PartialRun, lock_path, read_run
from sim.runlog import DONE, FAILED, GATHERING, PREPARING, RUNNING, STARTED
from sim.storage import MANIFEST, RESULTS, STUDY

STUDY_KIND = "sensitivity"
"""Kind of a run whose blocks hold evaluations, not paths."""

State = Literal["complete", "running", "stopped", "damaged"]

MAX_FOLDERS = 10_000
"""Folders that are searched for runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStatus:
    """How far a run is.

    Parameters
    ----------
    directory : str
        Its result directory.
    state : str
        ``complete``; ``running``, a process is at work on it; ``stopped``, none is; ``damaged``.
    activity : str
        What it does, or last did.
    blocks_done, blocks, paths_done, paths : int
        Blocks and paths that are done and in all, over all scenarios.
    paths_per_second : float, optional
        Speed of the last attempt.
    seconds_left : float, optional
        Expected time until the last path of a running run [s].
    process : int, optional
        Number of the process that is at work.
    attempts : int
        How often it was started.
    last_active : float, optional
        When something was last written [s since 1970].
    failures : list of str
        Cells that failed and have not been done since.
    has_results : bool
        Whether complete results are in place, of this run or of an earlier one.
    """

    directory: str
    state: State
    activity: str = ""
    blocks_done: int = 0
    blocks: int = 0
    paths_done: int = 0
    paths: int = 0
    paths_per_second: float | None = None
    seconds_left: float | None = None
    process: int | None = None
    attempts: int = 0
    last_active: float | None = None
    failures: list[str] = field(default_factory=list)
    has_results: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Fields by name."""
        return asdict(self)


def run_status(directory: str | Path) -> RunStatus:
    """Say how far a run is.

    Parameters
    ----------
    directory : path-like
        Its result directory, there already or not.

    Raises
    ------
    StorageError
        If no run has been there.
    """
    folder = Path(directory)
    partial = PartialRun(folder)
    has_results = (folder / RESULTS).is_file() or (folder / STUDY).is_file()
    if partial.path.is_dir():
        return _unfinished(folder, partial, has_results)
    if not has_results:
        raise StorageError(f"{folder} holds no run; start one with --output {folder}{near_file(folder)}")
    return _finished(folder)


def find_runs(root: str | Path) -> list[Path]:
    """Result directories below a folder, of complete runs and of unfinished ones.

    Parameters
    ----------
    root : path-like
        Where to look; need not exist.
    """
    found: set[Path] = set()
    for where, folders, files in islice(os.walk(root), MAX_FOLDERS):
        here = Path(where)
        if RESULTS in files or STUDY in files:
            found.add(here)
        unfinished = [name for name in folders if name.startswith(".") and name.endswith(".partial")]
        found.update(here / name.removeprefix(".").removesuffix(".partial") for name in unfinished)
        folders[:] = [name for name in folders if not name.startswith(".")]
    return sorted(found)


def is_held(directory: Path) -> bool | None:
    """Whether a process is writing a result directory; None where the lock cannot be asked."""
    path = lock_path(directory)
    if not path.exists():
        return False
    lock = FileLock(path, timeout=0)
    try:
        with lock:
            return False
    except Timeout:
        return True
    except OSError:
        return None


def _finished(folder: Path) -> RunStatus:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        counts = _Counts.of(manifest["config"], is_study=manifest.get("kind") == STUDY_KIND)
    except (OSError, ValueError, KeyError, TypeError) as error:
        return RunStatus(directory=str(folder), state="damaged", activity=f"{MANIFEST}: {error}", has_results=True)
    return RunStatus(
        directory=str(folder),
        state="complete",
        blocks_done=counts.blocks,
        blocks=counts.blocks,
        paths_done=counts.paths,
        paths=counts.paths,
        attempts=int(manifest.get("workers", {}).get("attempts", 1)),
        last_active=(folder / MANIFEST).stat().st_mtime,
        has_results=True,
    )


def _unfinished(folder: Path, partial: PartialRun, has_results: bool) -> RunStatus:
    held = is_held(folder)
    try:
        run = read_run(partial.path)
        counts = _Counts.of(run["config"], is_study=run.get("kind") == STUDY_KIND)
    except (StorageError, KeyError, TypeError) as error:
        state: State = "running" if held else "damaged"  # a run that has just begun has written nothing yet
        return RunStatus(directory=str(folder), state=state, activity=str(error), has_results=has_results)
    done = counts.done(path.stem for path in partial.blocks())
    paths_done = sum(counts.paths_of(number) for number in done)
    history = _History.of(partial.log.entries())
    speed = history.speed()
    left = (counts.paths - paths_done) / speed if held and speed else None
    return RunStatus(
        directory=str(folder),
        state="running" if held else "stopped",
        activity=history.activity,
        blocks_done=len(done),
        blocks=counts.blocks,
        paths_done=paths_done,
        paths=counts.paths,
        paths_per_second=speed,
        seconds_left=left,
        process=history.process if held else None,
        attempts=history.attempts,
        last_active=history.last,
        failures=[text for number, text in history.failures(counts) if number not in done],
        has_results=has_results,
    )


@dataclass(frozen=True, slots=True)
class _Counts:
    """Blocks and paths of an experiment, from its resolved configuration; a study's blocks are its evaluations."""

    scenarios: tuple[str, ...]
    cuts: tuple[tuple[int, int], ...]
    is_study: bool = False

    @classmethod
    def of(cls, config: Mapping[str, Any], *, is_study: bool) -> _Counts:
        paths = int(config["paths"])
        if is_study:
            study = SensitivityConfig.model_validate(config["sensitivity"])
            cuts = tuple((number * paths, paths) for number in range(study.n_evaluations))
            return cls(("all evaluations",), cuts, is_study=True)
        return cls(tuple(config["scenarios"]), tuple(cut_paths(paths, int(config["compute"]["block_paths"]))))

    def done(self, stems: Iterable[str]) -> set[int]:
        """Numbers of the blocks whose files have these names; a file of a study says how many evaluations it holds."""
        if self.is_study:
            return set(range(sum(int(stem.partition("-")[2] or 0) for stem in stems)))
        return {int(stem) for stem in stems if stem.isdecimal()}

    @property
    def paths(self) -> int:
        return sum(n_paths for _, n_paths in self.cuts) * len(self.scenarios)

    @property
    def blocks(self) -> int:
        return len(self.cuts) * len(self.scenarios)

    def paths_of(self, number: int) -> int:
        """Paths of a block: the first ones of every scenario come before the next ones of any."""
        cut = number // max(len(self.scenarios), 1)
        return self.cuts[cut][1] if cut < len(self.cuts) else 0

    def number_of(self, scenario: str, first_path: int) -> int:
        cut = bisect_right([first for first, _ in self.cuts], first_path) - 1
        return cut * len(self.scenarios) + self.scenarios.index(scenario)


@dataclass(slots=True)
class _History:
    """What the log tells about the last attempt, and which cells have failed in any."""

    attempts: int = 0
    process: int | None = None
    activity: str = ""
    running_since: float | None = None
    paths: int = 0
    last: float | None = None
    failed: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, entries: Iterator[dict[str, Any]]) -> _History:
        self = cls()
        for entry in entries:
            self.last = float(entry["time"])
            kind = entry["kind"]
            if kind == STARTED:
                self.attempts += 1
                self.process, self.running_since, self.paths = entry.get("pid"), None, 0
            elif kind == RUNNING:
                self.running_since = self.last
            elif kind == DONE:
                self.paths += int(entry.get("n_paths", 0))
            elif kind == FAILED:
                self.failed.append(entry)
            self.activity = {
                STARTED: "starting",
                PREPARING: f"preparing {entry.get('what', '')}".rstrip(),
                RUNNING: "running cells",
                GATHERING: "putting results together",
            }.get(kind, self.activity)
        return self

    def speed(self) -> float | None:
        """Paths per second of the last attempt."""
        if self.running_since is None or self.last is None or not self.paths:
            return None
        return self.paths / max(self.last - self.running_since, 1e-3)

    def failures(self, counts: _Counts) -> Iterator[tuple[int, str]]:
        """Number of the block and message of each failure, the last one of a cell only."""
        last: dict[int, str] = {}
        for entry in self.failed:
            scenario, first, n = (entry.get(key) for key in ("scenario", "first_path", "n_paths"))
            if scenario in counts.scenarios and isinstance(first, int) and isinstance(n, int):
                text = f"scenario {scenario}, paths {first} to {first + n - 1}: {entry.get('reason', '')}"
                last[counts.number_of(scenario, first)] = text
        yield from sorted(last.items())

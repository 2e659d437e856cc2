"""Where a run keeps its finished blocks until the results are whole, so that a stopped run can go on."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout

from sim.config.faults import MAX_SHOWN, show
from sim.errors import ConfigError, StorageError
from sim.runlog import STOPPED, RunLog

RUN, BLOCKS, READY = "run.json", "blocks", "ready"
FREE_TO_CHANGE = ("jobs", "backend", "dask_scheduler")
"""Settings of ``compute`` that decide no number: a resumed run may have others."""

OLD = ".old"
ABSENT = object()

LOCK_SECONDS = 1.0
"""How long a run waits for its lock: ``status`` holds it for a moment to see whether anybody else does."""

MAX_CHANGES = 20
"""Differences between a stopped run and the one that is to resume it that are shown."""


class PartialRun:
    """Folder of an unfinished run beside its result directory, held by one process at a time.

    Parameters
    ----------
    directory : Path
        Where the results are to be.

    Attributes
    ----------
    path, results : Path
        The folder, ``.NAME.partial``, and the one inside it in which results are put together.
    ready : Path
        File that tells processes that have started that they may run cells.
    log : RunLog
        What has happened in the run.
    is_worth_keeping : bool
        Whether the folder stays without a finished block: for its record of failed cells.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory.with_name(f".{directory.name}.partial")
        self.results = self.path / "results"
        self.ready = self.path / READY
        self.log = RunLog(self.path)
        self.is_worth_keeping = False
        self._lock = FileLock(lock_path(directory), timeout=LOCK_SECONDS)

    def __enter__(self) -> Self:
        try:
            self.directory.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout:
            raise StorageError(f"another run is writing {self.directory}; wait for it, or name another one") from None
        except OSError as error:
            raise StorageError(f"{self.directory} cannot be written: {error}") from error
        try:
            self._put_back()
        except OSError as error:
            self._lock.release()
            raise StorageError(f"{self.directory} cannot be written: {error}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.path.is_dir():
            if any(self.blocks()) or self.is_worth_keeping:
                with suppress(OSError):  # the disk may be full
                    self.log.add(STOPPED, reason=type(error).__name__ if error is not None else "")
            else:
                shutil.rmtree(self.path, ignore_errors=True)
        with suppress(OSError):
            lock_path(self.directory).unlink(missing_ok=True)  # while it is held: who waits for it sees that it is gone
        self._lock.release()

    def open(self, run: Mapping[str, Any], *, resume: bool, overwrite: bool) -> None:
        """Start anew, or go on with the blocks that are there.

        Parameters
        ----------
        run : mapping
            What decides the numbers: resolved configuration and version of the program.
        resume : bool
            Go on where a stopped run of the same experiment ended.
        overwrite : bool
            Forget a stopped run.

        Raises
        ------
        ConfigError
            If there is a stopped run and neither is chosen, or it was another experiment.
        StorageError
            If the folder cannot be written.
        """
        n_blocks = sum(1 for _ in self.blocks())
        if n_blocks and resume:
            self._refuse_another(run)
            self.ready.unlink(missing_ok=True)  # of the attempt before
            return
        if n_blocks and not overwrite:
            raise ConfigError(
                f"a stopped run of {self.directory} has {n_blocks} finished blocks; go on with --resume, "
                "or forget them with --overwrite"
            )
        try:
            shutil.rmtree(self.path, ignore_errors=True)
            (self.path / BLOCKS).mkdir(parents=True)
            write_json(self.path / RUN, run)
        except OSError as error:
            raise StorageError(f"{self.path} cannot be written: {error}") from error

    def blocks(self) -> Iterator[Path]:
        """Files of the finished blocks."""
        return (self.path / BLOCKS).glob("*.npz")

    def block(self, number: int) -> Path:
        """File of block ``number``."""
        return self.path / BLOCKS / f"{number:06d}.npz"

    def new_results(self) -> Path:
        """Empty folder in which the results are put together."""
        shutil.rmtree(self.results, ignore_errors=True)
        self.results.mkdir()
        return self.results

    def publish(self) -> None:
        """Put the results under their final name; what was there, and the blocks, go only when they are in place."""
        old = None
        if self.directory.exists():
            old = self.directory.with_name(f".{self.directory.name}.{os.getpid()}{OLD}")
            os.replace(self.directory, old)
        try:
            os.replace(self.results, self.directory)
        except OSError:
            if old is not None:
                os.replace(old, self.directory)
            raise
        for leftover in (old, self.path):
            if leftover is not None:
                shutil.rmtree(leftover, ignore_errors=True)

    def _put_back(self) -> None:
        """Mend what a kill in the middle of ``publish`` has left: earlier results under a name of their own."""
        pattern = re.compile(rf"\.{re.escape(self.directory.name)}\.\d+{re.escape(OLD)}")
        for old in sorted(item for item in self.directory.parent.iterdir() if pattern.fullmatch(item.name)):
            if self.directory.exists():
                shutil.rmtree(old, ignore_errors=True)
            else:
                os.replace(old, self.directory)

    def _refuse_another(self, run: Mapping[str, Any]) -> None:
        before, after = read_run(self.path), json.loads(json.dumps(run))
        for state in (before, after):
            for name in FREE_TO_CHANGE:
                state["config"]["compute"].pop(name, None)
        changes = [*differences(before.pop("config"), after.pop("config")), *differences(before, after)]
        if changes:
            more = [f"... and {len(changes) - MAX_CHANGES} more"] if len(changes) > MAX_CHANGES else []
            raise ConfigError(
                f"the stopped run of {self.directory} was another one; undo these changes, or start anew with "
                "--overwrite:\n" + "\n".join(f"  {change}" for change in [*changes[:MAX_CHANGES], *more])
            )


def lock_path(directory: Path) -> Path:
    """File whose lock the process holds that writes a result directory."""
    return directory.with_name(f".{directory.name}.lock")


def read_run(folder: Path) -> dict[str, Any]:
    """What decides the numbers of an unfinished run, as it was written down when it began.

    Raises
    ------
    StorageError
        If it cannot be read.
    """
    path = folder / RUN
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
        is_whole = isinstance(run["config"]["compute"], dict)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(f"{path} cannot be read, start anew with --overwrite: {error}") from error
    if not is_whole:
        raise StorageError(f"{path} cannot be read, start anew with --overwrite: it is damaged")
    return dict(run)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a file whole or not at all, and make sure that it is on disk."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("w", encoding="utf-8") as stream:
            json.dump(content, stream)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def differences(before: Any, after: Any, key: str = "") -> Iterator[str]:
    """Say what differs between two trees of plain values, ``key: old -> new``."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*before, *(name for name in after if name not in before)]:
            place = f"{key}.{name}" if key else str(name)
            yield from differences(before.get(name, ABSENT), after.get(name, ABSENT), place)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for i, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from differences(old, new, f"{key}.{i}")
    elif before != after:
        yield f"{key}: {_shown(before, after)} -> {_shown(after, before)}"


def _shown(value: Any, other: Any) -> str:
    """Value as in YAML; of a long text that part in which it differs from the other one."""
    if value is ABSENT:
        return "(absent)"
    if isinstance(value, str) and isinstance(other, str) and max(len(value), len(other)) > MAX_SHOWN:
        same = next((i for i, (a, b) in enumerate(zip(value, other, strict=False)) if a != b), 0)
        first = max(0, same - MAX_SHOWN // 3)
        part = value[first : first + MAX_SHOWN - 6]
        value = ("..." if first else "") + part + ("..." if first + len(part) < len(value) else "")
    return show(value)


def has_stopped_run(directory: Path) -> bool:
    """Whether a stopped run of a result directory has finished blocks."""
    return any(PartialRun(directory).blocks())

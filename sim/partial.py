"""Where a run keeps its finished blocks until the results are whole, so that a stopped run can go on."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout

from sim.errors import ConfigError, StorageError

RUN, BLOCKS = "run.json", "blocks"
FREE_TO_CHANGE = ("jobs", "backend")
"""Settings of ``compute`` that decide no number: a resumed run may have others."""


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
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory.with_name(f".{directory.name}.partial")
        self.results = self.path / "results"
        self._lock_path = directory.with_name(f".{directory.name}.lock")
        self._lock = FileLock(self._lock_path, timeout=0)

    def __enter__(self) -> Self:
        try:
            self.directory.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout:
            raise StorageError(f"another run is writing {self.directory}; wait for it, or name another one") from None
        except OSError as error:
            raise StorageError(f"{self.directory} cannot be written: {error}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.path.is_dir() and not any(self.blocks()):
            shutil.rmtree(self.path, ignore_errors=True)
        self._lock.release()
        self._lock_path.unlink(missing_ok=True)

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
            return
        if n_blocks and not overwrite:
            raise ConfigError(
                f"a stopped run of {self.directory} has {n_blocks} finished blocks; go on with --resume, "
                "or forget them with --overwrite"
            )
        try:
            shutil.rmtree(self.path, ignore_errors=True)
            (self.path / BLOCKS).mkdir(parents=True)
            (self.path / RUN).write_text(json.dumps(run), encoding="utf-8")
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
            old = self.directory.with_name(f".{self.directory.name}.{os.getpid()}.old")
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

    def _refuse_another(self, run: Mapping[str, Any]) -> None:
        try:
            before = json.loads((self.path / RUN).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise StorageError(f"{self.path / RUN} cannot be read, start anew with --overwrite: {error}") from error
        after = json.loads(json.dumps(run))
        for state in (before, after):
            for name in FREE_TO_CHANGE:
                state["config"]["compute"].pop(name, None)
        changes = list(_differences(before, after))
        if changes:
            raise ConfigError(
                f"the stopped run of {self.directory} was another one, start anew with --overwrite:\n"
                + "\n".join(f"  {change}" for change in changes[:20])
            )


def _differences(before: Any, after: Any, key: str = "") -> Iterator[str]:
    """Say what differs between two trees of plain values."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*before, *(name for name in after if name not in before)]:
            place = f"{key}.{name}" if key else str(name)
            if name not in before:
                yield f"{place}: was absent, is {after[name]!r}"
            elif name not in after:
                yield f"{place}: was {before[name]!r}, is absent"
            else:
                yield from _differences(before[name], after[name], place)
    elif before != after:
        yield f"{key}: was {before!r}, is {after!r}"

"""Plain text for terminals: aligned columns, counts of bytes and seconds, progress on stderr."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from typing import Any, TextIO

import typer

from sim.quantities import duration, size

__all__ = ["Progress", "columns", "duration", "print_json", "size"]


def print_json(value: Any) -> None:
    """Write a value to stdout as JSON."""
    typer.echo(json.dumps(value, indent=2, default=str, allow_nan=False))


def columns(rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> list[str]:
    """Align cells in columns two blanks apart.

    Parameters
    ----------
    rows : sequence of sequences of str
        Cells, equally many in each row.
    right : sequence of int
        Columns to be aligned on the right: numbers.

    Examples
    --------
    >>> columns([["vix", "17.2"], ["spot", "4000.0"]], right=[1])
    ['vix     17.2', 'spot  4000.0']
    """
    if not rows:
        return []
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            cell.rjust(w) if i in right else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


class Progress:
    """Progress of a run on stderr: one line that moves on a terminal, a line now and then elsewhere.

    Parameters
    ----------
    quiet : bool
        Write nothing.
    verbose : bool
        Write every report, and how long each stage took when the next one begins.
    stream : text file, optional
        Where to write; stderr by default.
    interval : float, optional
        Shortest time between two lines [s]; a quarter of a second on a terminal, five elsewhere, by default.
    """

    def __init__(
        self,
        *,
        quiet: bool = False,
        verbose: bool = False,
        stream: TextIO | None = None,
        interval: float | None = None,
    ) -> None:
        self.stream = stream or sys.stderr
        self.quiet, self.verbose = quiet and not verbose, verbose
        self.on_terminal = self.stream.isatty() and os.environ.get("TERM") != "dumb"
        self.interval = interval if interval is not None else (0.25 if self.on_terminal else 5.0)
        self.started = time.monotonic()
        self.last = float("-inf")
        self.task = ""
        self.done_before = 0  # by an earlier attempt of the same run

    def prepare(self, what: str, done: int, total: int) -> None:
        """Report that ``done`` of ``total`` parts of something are prepared, before paths are counted."""
        now = self._begin(what)
        elapsed = now - self.started
        left = f", {duration(elapsed / done * (total - done))} left" if 0 < done < total and elapsed > 0.0 else ""
        if what == "kernels":
            line = "compiling kernels: up to a minute the first time" if done == 0 else "kernels are ready"
        elif what.startswith("paths"):
            line = f"{what}: {done} of {total}{left}"
        else:
            line = f"building {what}: {done} of {total} slices{left}"
        self._show(line, now, is_last=done >= total)

    def count(self, what: str, done: int, total: int, unit: str) -> None:
        """Report that ``done`` of ``total`` of some unit are done for ``what``."""
        now = self._begin(what)
        elapsed = now - self.started
        left = f", {duration(elapsed / done * (total - done))} left" if 0 < done < total and elapsed > 0.0 else ""
        self._show(f"{what}: {done:,} of {total:,} {unit}{left}", now, is_last=done >= total)

    def __call__(self, done: int, total: int) -> None:
        """Report that ``done`` of ``total`` paths are evaluated."""
        if self.task != "paths":
            self.done_before = done
        now = self._begin("paths")
        elapsed = max(now - self.started, 1e-9)
        rate = (done - self.done_before) / elapsed
        left = f", {duration((total - done) / rate)} left" if rate > 0 and done < total else f", {duration(elapsed)}"
        line = f"{done:,} of {total:,} paths ({done / max(total, 1):.0%})"
        if rate > 0:
            line += f", {rate:,.0f} paths/s{left}"
        self._show(line, now, is_last=done >= total)

    def note(self, text: str) -> None:
        """Write a line that stays, also where progress is not wanted."""
        self.stream.write(("\r\x1b[K" if self.on_terminal else "") + text + "\n")
        self.stream.flush()

    def stage(self, what: str) -> None:
        """Begin a stage that is not counted, or with an empty name end the last one."""
        self._begin(what)

    def detail(self, text: str) -> None:
        """Write a line that only ``--verbose`` shows."""
        if self.verbose:
            self.note(text)

    def _begin(self, what: str) -> float:
        """Start the clock of a stage if it is a new one, and say how long the one before it took; the time now [s]."""
        now = time.monotonic()
        if what != self.task:
            if self.task:
                self.detail(f"{self.task}: took {duration(now - self.started)}")
            self.task, self.started, self.last = what, now, float("-inf")
        return now

    def _show(self, line: str, now: float, *, is_last: bool) -> None:
        if self.quiet or (not is_last and now - self.last < self.interval):
            return
        self.last = now
        if self.on_terminal:
            self.stream.write(f"\r\x1b[K{line}" + ("\n" if is_last else ""))
        else:
            self.stream.write(line + "\n")
        self.stream.flush()

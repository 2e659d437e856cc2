"""The progress bar of a run in a notebook."""

from __future__ import annotations

import sys
import time
from html import escape
from typing import Any

from sim.quantities import duration

INTERVAL = 0.25
"""Shortest time between two changes of the bar [s]."""


def in_notebook() -> bool:
    """Whether the program runs in the kernel of a notebook."""
    if "ipykernel" not in sys.modules or "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    shell = get_ipython()  # type: ignore[no-untyped-call, unused-ignore]
    return shell is not None and hasattr(shell, "kernel")


class NotebookBar:
    """Bar with the share of the paths that are done, paths a second and the time left, kept below its cell.

    An instance takes both reports of ``run_experiment``: call it with paths done and in all, and ``prepare`` with what
    is prepared before the first path.
    """

    def __init__(self) -> None:
        self._handle: Any = None
        self._task, self._started, self._last = "", time.monotonic(), float("-inf")
        self._run = ""  # what is said of the paths, which stays when other parts follow

    def __call__(self, done: int, total: int) -> None:
        """Report that ``done`` of ``total`` paths are evaluated."""
        now = self._begin("paths")
        elapsed = max(now - self._started, 1e-9)
        rate = done / elapsed
        left = f"{duration((total - done) / rate)} left" if 0 < done < total else duration(elapsed)
        self._run = f"{done:,} of {total:,} paths, {rate:,.0f} paths/s, {left}"
        self._show(done, total, self._run, now)

    def prepare(self, what: str, done: int, total: int) -> None:
        """Report that ``done`` of ``total`` parts of something are prepared."""
        part = f"{what}: {done} of {total}"
        self._show(done, total, f"{self._run}; {part}" if self._run else part, self._begin(what))

    def _begin(self, what: str) -> float:
        now = time.monotonic()
        if what != self._task:
            self._task, self._started, self._last = what, now, float("-inf")
        return now

    def _show(self, done: int, total: int, text: str, now: float) -> None:
        if done < total and now - self._last < INTERVAL:
            return
        self._last = now
        from IPython.display import display

        bar = f'<progress value="{done}" max="{max(total, 1)}" style="width: 20em"></progress> {escape(text)}'
        bundle = {"text/html": bar, "text/plain": text}
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)  # type: ignore[no-untyped-call, unused-ignore]
        else:
            self._handle.update(bundle, raw=True)

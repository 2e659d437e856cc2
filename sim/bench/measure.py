"""Timing of a task against a floor: the two take turns, and the median of the ratios counts."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

FLOOR_NORMALS = 65_536
"""Standard normals drawn by numpy's PCG64 in one run of the floor; the buffer stays in the second-level cache."""

Task = Callable[[], object]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measured figure.

    Parameters
    ----------
    name : str
        What was measured.
    value : float
        Its median.
    unit : str
        Unit; ``normals`` is the time of one standard normal of numpy's PCG64 on the same core.
    reach : float or None
        Figure that is wanted, at most; None where it is only reported.
    spread : float
        Half the distance between the quartiles.
    """

    name: str
    value: float
    unit: str
    reach: float | None
    spread: float

    @property
    def met(self) -> bool | None:
        """Whether the reach is met; None without one."""
        return None if self.reach is None else self.value <= self.reach


def floor_task() -> Task:
    """Drawing of ``FLOOR_NORMALS`` normals into a buffer."""
    generator, buffer = np.random.Generator(np.random.PCG64(1)), np.empty(FLOOR_NORMALS)
    return lambda: generator.standard_normal(out=buffer)


def ratio(name: str, task: Task, n_items: int, *, reach: float | None, repeats: int) -> Row:
    """Time of one item of a task over that of one normal.

    Parameters
    ----------
    name : str
        Name of the row.
    task : callable
        Handles ``n_items`` items a call; called once beforehand, so that nothing is compiled under the clock.
    n_items : int
        Path steps, legs, ...
    reach : float, optional
        Wanted ratio, at most.
    repeats : int
        Turns.
    """
    floor = floor_task()
    task()
    floor()
    ratios = [(timed(task) / n_items) / (timed(floor) / FLOOR_NORMALS) for _ in range(repeats)]
    low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
    return Row(name=name, value=float(middle), unit="normals", reach=reach, spread=float(0.5 * (high - low)))


def seconds(name: str, task: Task, *, reach: float | None) -> Row:
    """Wall time of one run of a task that is too long to be repeated."""
    return Row(name=name, value=timed(task), unit="s", reach=reach, spread=0.0)


def timed(task: Task) -> float:
    """Wall time of a task [s]."""
    started = time.perf_counter()
    task()
    return time.perf_counter() - started


def processor_time(task: Task) -> float:
    """Processor time of a task [s], which other work on the machine changes less than the clock."""
    started = time.process_time()
    task()
    return time.process_time() - started

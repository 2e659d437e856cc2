"""Which paths the explorer shows: by rank of the first strategy's terminal P&L, and by number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.config import KeepConfig
from sim.journal.replay import chosen_path

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """A path of a scenario.

    Parameters
    ----------
    name : str
        ``worst``, ``p01``, ``median``, ``best``, or ``path 17``.
    path : int
        Its number.
    """

    name: str
    path: int


def picks(keep: KeepConfig, terminal: FloatArray, weights: FloatArray | None = None) -> list[Pick]:
    """Paths of one scenario, as many in each scenario.

    Parameters
    ----------
    keep : KeepConfig
        ``explorer`` and ``journal_paths`` of the experiment.
    terminal : ndarray of shape (n_paths,)
        Terminal P&L of the first strategy [USD].
    weights : ndarray of shape (n_paths,), optional
        Weights of the paths, where they differ.
    """
    if not keep.explorer:
        return []
    numbered = [number for number in dict.fromkeys(keep.journal_paths) if number < terminal.size]
    ranked = [Pick(name=name, path=chosen_path(terminal, name, weights)) for name in dict.fromkeys(keep.explorer)]
    return ranked + [Pick(name=f"path {number}", path=number) for number in numbered]

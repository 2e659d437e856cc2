"""Which engine of a strategy is the one whose losses the others are to offset."""

from __future__ import annotations

from collections.abc import Sequence

CONDOR = "iron_condor"
"""Name of the engine that sells the premium."""


def first_engine(engines: Sequence[str]) -> int:
    """Position of the condor, or 0 where there is none.

    The order in which engines are written decides nothing: a stop that closes condors has to stand before them.

    Parameters
    ----------
    engines : sequence of str
        Engines of a strategy, as it lists them.
    """
    return list(engines).index(CONDOR) if CONDOR in engines else 0

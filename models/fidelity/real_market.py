"""The 34 facts as the real market had them: full sample, and the range over six-year windows.

``real_facts.csv`` beside this module holds, for each fact, the value over the whole sample (SPX and VIX from 1990 to
2018, VX futures from the start of their trading in 2004) and its smallest and largest value over the windows
1990-1995, 1996-2001, 2002-2007, 2007-2012, 2008-2013 and 2013-2018: the envelope. The twelve years 2007-2018 are no
six-year window and stay out of it. A window counts for a fact only where it has enough days for it.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True, kw_only=True)
class RealFact:
    """One fact of the real market.

    Parameters
    ----------
    name : str
        Name of the fact, as in ``models.fidelity.facts.FACTS``.
    unit : str
        Unit of the values.
    real : float
        Value over the whole sample.
    low, high : float
        Smallest and largest value over the six-year windows.
    envelope_counts : bool
        Whether the median of a model must lie in the envelope. Not so where all windows share one real episode.
    meaning, source, window : str
        What it measures, from which series, over which years.
    """

    name: str
    unit: str
    real: float
    low: float
    high: float
    envelope_counts: bool
    meaning: str
    source: str
    window: str


@cache
def real_facts() -> tuple[RealFact, ...]:
    """Read the facts of the real market, in the order of the file."""
    text = files(__package__).joinpath("real_facts.csv").read_text(encoding="utf-8")
    return tuple(
        RealFact(
            name=row["fact"],
            unit=row["unit"],
            real=float(row["real"]),
            low=float(row["low"]),
            high=float(row["high"]),
            envelope_counts=row["envelope_counts"] == "yes",
            meaning=row["meaning"],
            source=row["source"],
            window=row["window"],
        )
        for row in csv.DictReader(text.splitlines())
    )

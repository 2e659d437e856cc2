"""Figures of the real market that reports print beside simulated ones.

The tables beside this module hold quantiles and means only, each with its source and window; they are derived from
daily closes and settlements up to 2018.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantiles:
    """Quantiles of the daily level of a series.

    Parameters
    ----------
    series : str
        ``"vix"``, or ``"vx1"`` .. ``"vx7"`` for the n-th nearest future that has not expired.
    probability : ndarray of shape (n,)
        Increasing probabilities.
    points : ndarray of shape (n,)
        Quantiles [VIX points].
    first_date, last_date : date
        Window.
    sessions : int
        Number of daily values in the window.
    source : str
        Where the daily values come from.
    """

    series: str
    probability: FloatArray
    points: FloatArray
    first_date: date
    last_date: date
    sessions: int
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """VX futures curve, relative to the front future, on days with the VIX in a range.

    Parameters
    ----------
    vix_low, vix_high : float
        Range of the VIX close, lower end included [points].
    tenor : int
        Which future: ``n`` for the n-th nearest.
    mean, p05, p95 : float
        Mean and quantiles of ``VXn / VX1 - 1`` [decimal].
    first_date, last_date : date
        Window.
    sessions : int
        Number of days in the range.
    source : str
        Where the daily values come from.
    """

    vix_low: float
    vix_high: float
    tenor: int
    mean: float
    p05: float
    p95: float
    first_date: date
    last_date: date
    sessions: int
    source: str


@cache
def level_quantiles() -> dict[str, Quantiles]:
    """Quantiles of the VIX and of VX1 .. VX7, by series name."""
    by_series: dict[str, list[dict[str, str]]] = {}
    for row in _table("vix_quantiles.csv"):
        by_series.setdefault(row["series"], []).append(row)
    return {name: _quantiles(name, rows) for name, rows in by_series.items()}


@cache
def vx_curve() -> tuple[CurvePoint, ...]:
    """Mean VX curve by VIX level, in order of level and tenor."""
    return tuple(
        CurvePoint(
            vix_low=float(row["vix_low"]),
            vix_high=float(row["vix_high"]),
            tenor=int(row["tenor"]),
            mean=float(row["mean"]),
            p05=float(row["p05"]),
            p95=float(row["p95"]),
            first_date=date.fromisoformat(row["first_date"]),
            last_date=date.fromisoformat(row["last_date"]),
            sessions=int(row["sessions"]),
            source=row["source"],
        )
        for row in _table("vx_curve.csv")
    )


def _quantiles(name: str, rows: list[dict[str, str]]) -> Quantiles:
    return Quantiles(
        series=name,
        probability=np.array([float(row["probability"]) for row in rows]),
        points=np.array([float(row["points"]) for row in rows]),
        first_date=date.fromisoformat(rows[0]["first_date"]),
        last_date=date.fromisoformat(rows[0]["last_date"]),
        sessions=int(rows[0]["sessions"]),
        source=rows[0]["source"],
    )


def _table(name: str) -> list[dict[str, str]]:
    with files(__name__).joinpath(name).open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))

"""The rows beside the scorecard for one model: context of its windows, its smiles, its condor."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import final

import numpy as np
from numpy.typing import NDArray

from models.fidelity.breadth_rows import breadth_rows, simulated_breadth
from models.fidelity.condor import condor_returns, condor_rows, months_of
from models.fidelity.context import history_context
from models.fidelity.event_rows import event_rows
from models.fidelity.futures import Curve, curve_of, sessions_left
from models.fidelity.smiles import MONTH, spx_smile, vix_smile, vvix
from models.fidelity.windows import WINDOW_SESSIONS, WindowBlock, simulate_windows
from models.protocols import FloatArray, Model, Pricer

IndexArray = NDArray[np.intp]

N_CONTRACTS = 7

SAMPLE = 400
"""States, evenly over the months of all windows, at which the VVIX is computed."""

BUCKET = 50
"""States in a range of the VIX at which smiles are computed."""

MIN_SHARE = 0.02
"""Least share of windows that must have a row for its median to be shown."""

SPX_RANGES = {"vix15": (14.0, 17.0), "vix30": (28.0, 32.0)}
"""Ranges of the VIX around the days of the real SPX smiles [points]."""

CALL_RANGES = {"lt15": (0.0, 15.0), "15_20": (15.0, 20.0), "20_30": (20.0, 30.0)}
"""Ranges of the VIX of the real smiles of VIX calls [points]."""

VVIX_RANGES = {**CALL_RANGES, "gt30": (30.0, np.inf)}
"""Ranges of the VIX of the real means of the VVIX [points]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextFact:
    """A row beside the scorecard as the real market had it; NaN where there is no such number."""

    name: str
    unit: str
    real: float
    low: float
    high: float
    meaning: str
    source: str
    window: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ContextScore:
    """A row of a model: median and 5-95% band over the windows; the band is NaN where states were pooled."""

    fact: ContextFact
    median: float
    low: float
    high: float


@cache
def context_facts() -> tuple[ContextFact, ...]:
    """Read the rows of the real market, in the order of the file."""
    text = files(__package__).joinpath("real_context.csv").read_text(encoding="utf-8")

    def number(cell: str) -> float:
        return float(cell) if cell else np.nan

    return tuple(
        ContextFact(
            name=row["row"],
            unit=row["unit"],
            real=number(row["real"]),
            low=number(row["low"]),
            high=number(row["high"]),
            meaning=row["meaning"],
            source=row["source"],
            window=row["window"],
        )
        for row in csv.DictReader(text.splitlines())
    )


@dataclass(slots=True, kw_only=True)
class _Months:
    """Beginnings of the months of all windows."""

    state: list[FloatArray] = field(default_factory=list)
    vix: list[FloatArray] = field(default_factory=list)
    growth: list[FloatArray] = field(default_factory=list)


def study(
    model: Model,
    *,
    n_windows: int = 1000,
    seed: int = 1,
    n_threads: int = 2,
    options: bool = True,
    futures: Curve | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[ContextScore, ...]:
    """Compute the rows of a model.

    Parameters
    ----------
    model : Model
        The model.
    n_windows, seed, n_threads : int
        As for the scorecard.
    options : bool
        Whether to price options, which needs tables of 21 sessions: built once, kept on disk.
    futures : Curve, optional
        VX curve of the model with seven contracts, if it is at hand already.
    progress : callable, optional
        Called with the windows done and their number.

    Returns
    -------
    tuple of ContextScore
        Rows that could be had, in the order of the file.
    """
    curve = curve_of(model, n_contracts=N_CONTRACTS) if futures is None else futures
    rolls = np.array([sessions_left(day) == 1 for day in range(WINDOW_SESSIONS)])
    at = months_of(WINDOW_SESSIONS + 1)

    def use(block: WindowBlock) -> tuple[dict[str, FloatArray], FloatArray, FloatArray, FloatArray]:
        log_return, vix = block.log_return.T, block.vix.T
        rows = history_context(log_return, vix, np.moveaxis(block.futures, 2, 1), rolls)
        rows.update(breadth_rows(simulated_breadth(block, block.stream), log_return, vix))
        rows.update(event_rows(log_return, vix, block.stream))
        months = np.add.reduceat(block.log_return, at[:-1], axis=0)
        return rows, block.state[at[:-1]].copy(), block.vix[at[:-1]].copy(), np.exp(months)

    parts: list[dict[str, FloatArray]] = []
    months = _Months()
    done = 0
    for rows, state, vix, growth in simulate_windows(model, curve, n_windows, seed=seed, use=use, n_threads=n_threads):
        parts.append(rows)
        months.state.append(state)
        months.vix.append(vix)
        months.growth.append(growth)
        done += vix.shape[1]
        if progress is not None:
            progress(done, n_windows)
    values = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    if options:
        values.update(_option_rows(model, model.tabulated_pricer(max_sessions=MONTH), months))
    return tuple(_scored(fact, values[fact.name]) for fact in context_facts() if fact.name in values)


def _option_rows(model: Model, pricer: Pricer, months: _Months) -> dict[str, FloatArray]:
    """Rows that need option prices: the condor by window, the rest pooled, of shape (1,)."""
    state, vix = np.concatenate(months.state, axis=2), np.concatenate(months.vix, axis=1)
    growth = np.concatenate(months.growth, axis=1)
    flat = np.moveaxis(state, 1, 0).reshape(state.shape[1], -1)
    returns = condor_returns(model, pricer, flat, growth.ravel()).reshape(growth.shape)
    rows = condor_rows(returns.T, vix.T)
    for name, value in _smile_rows(model, pricer, flat, vix.ravel()):
        rows[name] = np.array([value])
    return rows


def _smile_rows(model: Model, pricer: Pricer, state: FloatArray, vix: FloatArray) -> Iterator[tuple[str, float]]:
    sample = _spread(np.arange(vix.size), SAMPLE)
    levels = vvix(model, pricer, state[:, sample])
    yield "vvix_mean", float(levels.mean())
    yield "corr_vvix_vix", float(np.corrcoef(levels, vix[sample])[0, 1])
    for label, limits in VVIX_RANGES.items():
        chosen = _chosen(vix, limits)
        if chosen.size:
            yield f"vvix_{label}", float(vvix(model, pricer, state[:, chosen]).mean())
    for label, limits in SPX_RANGES.items():
        chosen = _chosen(vix, limits)
        if chosen.size:
            smile = {name: float(part.mean()) for name, part in spx_smile(model, pricer, state[:, chosen]).items()}
            yield f"spx_atm_{label}", smile["atm"]
            yield f"spx_put10_over_atm_{label}", smile["put10"] - smile["atm"]
            yield f"spx_atm_over_call10_{label}", smile["atm"] - smile["call10"]
            yield f"spx_put25_over_call25_{label}", smile["put25"] - smile["call25"]
    for label, limits in CALL_RANGES.items():
        chosen = _chosen(vix, limits)
        if chosen.size:
            for ratio, part in vix_smile(model, pricer, state[:, chosen]).items():
                yield f"vix_call_{ratio}_{label}", float(part.mean())


def _chosen(vix: FloatArray, limits: tuple[float, float]) -> IndexArray:
    """Months with the VIX in a range, evenly over them."""
    return _spread(np.flatnonzero((vix >= limits[0]) & (vix < limits[1])), BUCKET)


def _spread(items: IndexArray, n: int) -> IndexArray:
    return items[np.linspace(0, items.size - 1, n).astype(np.intp)] if items.size > n else items


def _scored(fact: ContextFact, values: FloatArray) -> ContextScore:
    known = values[np.isfinite(values)]
    if values.size == 1:
        return ContextScore(fact=fact, median=float(values[0]), low=np.nan, high=np.nan)
    if known.size < MIN_SHARE * values.size or known.size == 0:
        return ContextScore(fact=fact, median=np.nan, low=np.nan, high=np.nan)
    low, median, high = np.quantile(known, [0.05, 0.5, 0.95])
    return ContextScore(fact=fact, median=float(median), low=float(low), high=float(high))

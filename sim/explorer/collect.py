"""Chosen paths of all scenarios, run again in parallel, as the group ``explorer`` of results.h5."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from sim.config import ExperimentConfig
from sim.evaluator import required_signals
from sim.explorer.picks import Pick, picks
from sim.explorer.record import Record, record, rules_of
from sim.parallel import in_parallel
from sim.signals import REGISTRY as SIGNALS
from sim.sources import SOURCES
from sim.stored_variables import TENORS

FloatArray = NDArray[np.float64]

MARKET = {
    "spot": ("index points", "SPX close"),
    "vix": ("VIX points", "VIX close"),
    "vx1": ("VIX points", "nearest VIX future"),
    "vx2": ("VIX points", "second VIX future"),
}


def explore(
    config: ExperimentConfig,
    terminal_pnl: Callable[[str], FloatArray],
    *,
    weights: Callable[[str], FloatArray | None] = lambda scenario: None,
    n_jobs: int,
    backend: str,
    progress: Callable[[int, int], None] | None = None,
) -> xr.Dataset | None:
    """Run the chosen paths of every scenario again.

    Parameters
    ----------
    config : ExperimentConfig
        The experiment; ``keep.explorer`` and ``keep.journal_paths`` choose.
    terminal_pnl : callable
        From scenario to the terminal P&L of the first strategy on all paths [USD].
    weights : callable
        From scenario to the weights of the paths, None where all are alike.
    n_jobs : int
        Workers, -1 for every core.
    backend : str
        ``loky`` or ``threading``; where the cells of a run went elsewhere, these paths stay here.
    progress : callable, optional
        Called with the number of paths done and in all.

    Returns
    -------
    xarray.Dataset, optional
        Table over (scenario, pick, strategy, engine, signal, rule, day); None where nothing is chosen.
    """
    chosen = {scenario: picks(config.keep, terminal_pnl(scenario), weights(scenario)) for scenario in config.scenarios}
    if not next(iter(chosen.values())):
        return None
    wanted = {scenario: tuple(dict.fromkeys(item.path for item in items)) for scenario, items in chosen.items()}
    calls = ((config, scenario, paths) for scenario, paths in wanted.items())
    made = in_parallel(_recorded, calls, n_jobs=n_jobs, backend=backend, in_order=True)
    records, done, total = [], 0, sum(map(len, wanted.values()))
    for (scenario, paths), found in zip(wanted.items(), made, strict=True):
        records.append([found[paths.index(item.path)] for item in chosen[scenario]])
        done += len(paths)
        if progress is not None:
            progress(done, total)
    return _table(config, chosen, records)


def _recorded(config: ExperimentConfig, scenario: str, paths: tuple[int, ...]) -> list[Record]:
    try:
        with threadpool_limits(limits=1):
            return record(config, scenario, paths)
    except (ValueError, RuntimeError, ArithmeticError) as error:
        error.add_note(f"in scenario {scenario}, paths {', '.join(map(str, paths))}, run again for the explorer")
        raise


def _table(config: ExperimentConfig, chosen: dict[str, list[Pick]], records: Sequence[Sequence[Record]]) -> xr.Dataset:
    """Arrays over (scenario, pick, ...) with units and meanings."""

    def stacked(values: Callable[[Record], NDArray[np.generic]], dtype: str = "f4") -> NDArray[np.generic]:
        return np.array([[values(item) for item in row] for row in records]).astype(dtype)

    cell, signals, rules = ("scenario", "pick"), required_signals(config.strategies), rules_of(config)
    data: dict[str, tuple[tuple[str, ...], NDArray[np.generic], dict[str, str]]] = {}

    def add(name: str, dims: tuple[str, ...], values: NDArray[np.generic], units: str, meaning: str) -> None:
        data[name] = ((*cell, *dims), values, {"units": units, "long_name": meaning})

    for name, (units, meaning) in MARKET.items():
        add(name, ("day",), stacked(lambda item, name=name: item.market[name]), units, meaning)  # type: ignore[misc]
    curve = stacked(lambda item: item.market["curve"])
    add("curve", ("tenor", "day"), curve, "VIX points", "VIX futures of constant maturity, 0 is the VIX itself")
    add("equity", ("strategy", "day"), stacked(lambda item: item.equity), "USD", "equity after the orders of the day")
    add(
        "margin",
        ("strategy", "day"),
        stacked(lambda item: item.margin),
        "USD",
        "most equity that margin bound on the day",
    )
    pnl = stacked(lambda item: item.engine_pnl)
    add("engine_pnl", ("strategy", "engine", "day"), pnl, "USD", "P&L since day 0, net of costs; NaN: no such engine")
    add(
        "trades",
        ("strategy",),
        np.array([[item.trades for item in row] for row in records], dtype=object),
        "1",
        "orders and lives of SPX positions, JSON",
    )
    terminal = stacked(lambda item: item.terminal_pnl, "f8")
    add("terminal_pnl", ("strategy",), terminal, "USD", "terminal P&L of the path when it was run again")
    numbers = np.array([[item.path for item in items] for items in chosen.values()])
    add("path", (), numbers, "1", "number of the path")
    if signals:
        add(
            "signal_value",
            ("signal", "day"),
            stacked(lambda item: item.market["signals"]),
            "see list signals",
            "signals that engines read",
        )
    data |= _by_source(records) if config.keep.sources else {}
    coordinates = _coordinates(config, chosen)
    about = {"units": "days since 1970-01-01", "long_name": "date of the session"}
    data["date"] = (("scenario", "day"), np.array([row[0].date for row in records]), about)
    if signals:
        known = [SIGNALS[name] for name in signals]
        coordinates |= {
            "signal": list(signals),
            "signal_unit": ("signal", [item.unit for item in known]),
            "signal_meaning": ("signal", [item.meaning for item in known]),
        }
    if rules:
        add("rule_held", ("rule", "day"), stacked(lambda item: item.rules, "i1"), "1", "1 where the conditions held")
        coordinates["rule"] = ["/".join(rule) for rule in rules]
        coordinates["formula"] = ("rule", list(rules.values()))
    return xr.Dataset(data, coords=coordinates)


def _by_source(
    records: Sequence[Sequence[Record]],
) -> dict[str, tuple[tuple[str, ...], NDArray[np.generic], dict[str, str]]]:
    """P&L by source of every session, of engines and of the book."""
    about = {"units": "USD", "long_name": "P&L since day 0 by source; sources add up"}
    dims = {"engine_source": ("strategy", "engine"), "book_source": ("strategy",)}
    return {
        name: (
            ("scenario", "pick", *own, "source", "day"),
            np.array([[getattr(item, name) for item in row] for row in records]).astype("f4"),
            about,
        )
        for name, own in dims.items()
    }


def _coordinates(config: ExperimentConfig, chosen: dict[str, list[Pick]]) -> dict[str, object]:
    """Names along the dimensions that every run has."""
    engines = [engine.engine for strategy in config.strategies.values() for engine in strategy.engines]
    sources = {"source": list(SOURCES)} if config.keep.sources else {}
    return {
        **sources,
        "scenario": list(chosen),
        "pick": [item.name for item in next(iter(chosen.values()))],
        "strategy": list(config.strategies),
        "engine": list(dict.fromkeys(engines)),
        "tenor": list(TENORS),
        "day": list(range(config.days + 1)),
    }

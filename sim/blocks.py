"""A finished block of paths as one file: what is kept of a cell, written whole or not at all, checked when read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import IO
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from sim.cell import CellResult
from sim.config import ExperimentConfig
from sim.metrics.drawdown import drawdown_duration, max_drawdown, time_under_water, ulcer_index
from sim.metrics.returns import is_long, recent_outcomes, recovery, return_sums
from sim.outcomes import Outcomes
from sim.pooled_gather import has_daily_windows, periods_of
from sim.stress_results import stress_arrays
from sim.windows.accumulate import WindowOutcomes
from sim.windows.courses import courses_of, window_courses

Arrays = dict[str, NDArray[np.generic]]

START_VALUES = ("start_vix", "start_variance")
SAMPLING_VALUES = ("path_weight", "controls")
WINDOW_VALUES = ("window_sessions", "window_runs")
MARKET_SERIES = ("spot", "vix", "vx1", "vx2")


def block_arrays(result: CellResult, config: ExperimentConfig) -> Arrays:
    """Keep of a cell what its experiment stores.

    Parameters
    ----------
    result : CellResult
        Outcome of the cell.
    config : ExperimentConfig
        The experiment; ``keep`` decides.

    Returns
    -------
    dict of ndarray
        ``NUMBER/NAME`` for what a strategy left on paths, engines and days; ``market/NAME``; ``counts``.
    """
    keep = config.keep
    n_examples = max(0, min(config.keep.example_paths - result.cell.first_path, result.cell.n_paths))
    arrays: Arrays = {}
    for j, name in enumerate(config.strategies):
        outcome = result.outcomes[name]
        equity = outcome.equity.copy()
        equity[0] = outcome.initial_equity  # costs of the first orders are a loss of the first session
        part = {
            **_path_arrays(outcome, equity, result),
            "engine_pnl": outcome.engine_pnl,
            "engine_cost": outcome.engine_cost,
        }
        part["engine_active"] = outcome.engine_active
        part.update(engine_open=outcome.engine_open, margin_use=outcome.margin_use)
        part.update(_window_arrays(outcome.windows))
        part.update(_course_arrays(equity, result, config))
        part.update(stress_arrays(outcome.stress))
        if outcome.exposures is not None:
            part["greeks"] = outcome.exposures.greeks.astype(np.float32)
            part["break_evens"] = outcome.exposures.break_evens.astype(np.float32)
        if outcome.sources is not None:
            part["sources"] = outcome.sources.total
            part["source_course"] = outcome.sources.course.astype(np.float32)
            part["window_sources"] = outcome.sources.by_window.astype(np.float32)
        if keep.fan or keep.daily_equity or periods_of(config):
            part["equity"] = outcome.equity.astype(np.float32)
        part["example_equity"] = outcome.equity[:, :n_examples].T.astype(np.float32)
        arrays.update({f"{j}/{key}": values for key, values in part.items()})
    arrays.update({f"market/{name}": result.market[name] for name in START_VALUES})
    arrays.update({f"market/{name}": result.market[name].astype(np.float32) for name in WINDOW_VALUES})
    arrays.update({f"market/{name}": values for name, values in stress_arrays(result.stress).items()})
    arrays.update({f"market/{name}": result.market[name] for name in SAMPLING_VALUES if name in result.market})
    arrays["market/short_rate"] = result.market["short_rate"]
    if has_daily_windows(config):
        arrays["market/window_codes"] = result.market["window_codes"]
    if keep.fan or keep.daily_market:
        arrays.update({f"market/{name}": result.market[name].astype(np.float32) for name in MARKET_SERIES})
    if keep.fan:
        curves = result.market["term_structure"].reshape(-1, result.cell.n_paths)
        arrays["market/curves"] = curves.astype(np.float32)
    if n_examples:
        for name in ("spot", "vix"):
            arrays[f"market/example_{name}"] = result.market[name][:, :n_examples].T.astype(np.float32)
    residual = max(outcome.largest_residual for outcome in result.outcomes.values())
    arrays["counts"] = np.array([float(result.clamp_count), residual])
    return arrays


def _path_arrays(outcomes: Outcomes, equity: NDArray[np.float64], result: CellResult) -> Arrays:
    """Stored values of each path of one strategy, by name in ``storage.VARIABLES``."""
    sums = return_sums(equity, outcomes.initial_equity, float(result.market["short_rate"]))
    recovery_time, recovered = recovery(equity)
    recent = dict(zip(("growth", "drawdown"), recent_outcomes(equity), strict=True)) if is_long(equity) else {}
    return {
        **{field.name: getattr(sums, field.name).astype(np.float32) for field in fields(sums)},
        **{f"recent_{name}": values.astype(np.float32) for name, values in recent.items()},
        "recovery_time": recovery_time.astype(np.float32),
        "recovered": recovered.astype(np.int8),
        "terminal_pnl": outcomes.terminal_pnl,
        "max_drawdown": max_drawdown(equity),
        "drawdown_duration": drawdown_duration(equity),
        "time_under_water": time_under_water(equity),
        "ulcer_index": ulcer_index(equity),
        "min_equity": outcomes.equity.min(axis=0),
        "interest": outcomes.interest,
        "total_cost": outcomes.engine_cost.sum(axis=0),
        "max_margin": outcomes.max_margin,
        "margin_calls": outcomes.margin_calls,
        "n_trades": outcomes.n_trades,
        "worst_trade": outcomes.worst_trade,
        "ruined": outcomes.ruined.astype(np.int8),
    }


def _window_arrays(windows: WindowOutcomes) -> Arrays:
    """Sums over the sessions of each window, each of shape (n_windows, ..., n_paths)."""
    sums = {f"window_{field.name}": getattr(windows, field.name) for field in fields(windows)}
    return {name: values.astype(np.float32) for name, values in sums.items()}


def _course_arrays(equity: NDArray[np.float64], result: CellResult, config: ExperimentConfig) -> Arrays:
    """What of the course of equity fell into each window, as far as a metric asks for it."""
    kept, n_windows = courses_of(config.metrics), len(result.market["window_sessions"])
    if not kept or not n_windows:
        return {}
    found = window_courses(equity, result.market["window_codes"], n_windows, float(result.market["short_rate"]))
    return {f"window_{name}": found[name].astype(np.float32) for name in kept}


def write_block(path: Path, arrays: Arrays) -> None:
    """Write a block under a name of its own and rename it when it is whole and on disk."""
    write_packed(path, pack_block(arrays))


def pack_block(arrays: Arrays) -> bytes:
    """Content of the file of a block: an archive of arrays behind its SHA-256, which covers their names as well."""
    stream = BytesIO()
    np.savez(stream, allow_pickle=False, **arrays)  # type: ignore[arg-type]
    archive = stream.getvalue()
    return sha256(archive).digest() + archive


def write_packed(path: Path, content: bytes) -> None:
    """Write the content of a block in the same way."""
    with _whole_file(path) as stream:
        stream.write(content)


@contextmanager
def _whole_file(path: Path) -> Iterator[IO[bytes]]:
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with draft.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def read_block(path: Path) -> Arrays | None:
    """Read a block; None where there is none, or where its checksum says that it is damaged."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    n_digest = sha256().digest_size
    archived = memoryview(content)[n_digest:]
    if sha256(archived).digest() != content[:n_digest]:
        return None
    with np.load(BytesIO(archived), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}

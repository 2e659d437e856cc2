"""The whole program against the kernels that it cannot do without: a year of the full method on every path."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from models.protocols import Stream
from models.rows import RowPricer
from models.table_pricer import TablePricer
from sim.bench.measure import FLOOR_NORMALS, Row, floor_task, processor_time
from sim.bench.rows import DAYS, LEG_SESSIONS, PATHS, Progress, model_of, seconds_of_legs
from sim.calendar import WARMUP_DAYS
from sim.cell import prepare
from sim.config import ExperimentConfig
from sim.experiment import parse_experiment
from sim.runner import run_experiment

PRESET = "svcj_index_2018"
SESSIONS = 252

TURNS = 3
"""Runs of H, of which the median counts."""

METHOD = ("iron_condor", "layer1_call_spread", "layer2_acceleration", "layer3_full_defence", "ratio_backspread")
"""Weekly condors of 45 to 60 days closed at 21, three layers, and a ratio backspread."""

HEADLINE_ROWS = frozenset({"headline H / its kernels", "H with ten strategies / with one", "H, two workers / one"})
"""Ratios among the rows."""

HEDGES = ("layer1_call_spread", "layer2_acceleration", "layer3_full_defence", "ratio_backspread", "partial_layer")


def headline(paths: int, *, strategies: int = 1, block_paths: int | None = None) -> ExperimentConfig:
    """Experiment H: daily marks, costs, margin, ledger by engine and summary statistics; nothing kept beside them.

    Parameters
    ----------
    paths : int
        Number of paths.
    strategies : int
        How many; the first is the whole method, the others are condors with one or two of its hedges.
    block_paths : int, optional
        Paths of a block; by default as many as any experiment has.
    """
    pairs = [(a, b) for i, a in enumerate(HEDGES) for b in HEDGES[i:]]
    books = [METHOD, *(("iron_condor", *dict.fromkeys(pair)) for pair in pairs)][:strategies]
    document: dict[str, Any] = {
        "name": "headline",
        "seed": 1,
        "paths": paths,
        "days": SESSIONS,
        "scenarios": {"svcj": {"model": "svcj", "preset": PRESET}},
        "strategies": {f"s{i}": {"engines": [{"engine": name} for name in book]} for i, book in enumerate(books)},
        "compute": {} if block_paths is None else {"block_paths": block_paths},
        "keep": {"fan": False, "example_paths": 0, "explorer": [], "greek_paths": 0},
    }
    return parse_experiment(document)


def headline_rows(*, paths: int, repeats: int, progress: Progress) -> Iterator[Row]:
    """Measure H against its floor, with ten strategies, with two workers on ten times the paths, and in memory.

    Parameters
    ----------
    paths : int
        Paths of H.
    repeats : int
        Turns of the ratios that make up the floor.
    progress : callable
        Told the name of each row before it is measured.
    """
    progress("headline, one strategy")
    config = headline(paths)
    run_once(headline(64), 1)  # compiles
    pricer = prepare(config, "svcj")[1]
    table = pricer.base if hasattr(pricer, "base") else pricer
    assert isinstance(table, TablePricer)
    table.leg_counts.clear()
    runs = [run_once(config, 1) for _ in range(TURNS)]
    floor = _floor({index: count / TURNS for index, count in table.leg_counts.items()}, paths, repeats)
    low, cpu, high = np.quantile([run.cpu for run in runs], [0.25, 0.5, 0.75])
    half = 0.5 * (high - low)
    yield Row(name="headline H / its kernels", value=cpu / floor, unit="ratio", reach=2.0, spread=half / floor)
    each = 1.0 / (paths * SESSIONS * _one_normal(repeats))
    yield Row(name="headline H, a path-day", value=cpu * each, unit="normals", reach=None, spread=half * each)
    wall = min(run.wall for run in runs)
    yield Row(name=f"headline H, {paths} paths, one worker", value=wall, unit="s", reach=None, spread=0.0)
    progress("headline, ten strategies")
    ten = run_once(headline(paths, strategies=10), 1)
    yield Row(name="H with ten strategies / with one", value=ten.cpu / cpu, unit="ratio", reach=4.0, spread=0.0)
    progress("headline, two workers")
    long = headline(10 * paths)  # processes take seconds to start
    alone, both = (run_once(long, jobs, backend="loky") for jobs in (1, 2))
    yield Row(name="H, two workers / one", value=both.wall / alone.wall, unit="ratio", reach=1.0 / 1.8, spread=0.0)
    progress("headline, memory")
    small, large = (_peak_gibibytes(n) for n in (paths, 10 * paths))
    yield Row(name=f"peak memory, {paths} paths", value=small, unit="GiB", reach=1.5, spread=0.0)
    yield Row(name="peak memory, ten times the paths / once", value=large / small, unit="ratio", reach=1.05, spread=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Time of a run [s]: on the clock, and of processors, which other work on the machine changes less."""

    wall: float
    cpu: float


def run_once(config: ExperimentConfig, jobs: int, *, backend: str = "threading") -> Spent:
    """Time of a run into a directory of its own, the start of its workers included; tables are there already."""
    prepare(config, "svcj")
    with TemporaryDirectory() as directory:
        wall, cpu = time.perf_counter(), time.process_time()
        run_experiment(config, output=Path(directory) / "run", jobs=jobs, backend=backend)
        return Spent(wall=time.perf_counter() - wall, cpu=time.process_time() - cpu)


def _one_normal(repeats: int) -> float:
    """Processor time of one standard normal of numpy's PCG64 [s]."""
    draw = floor_task()
    return min(processor_time(draw) for _ in range(repeats + 1)) / FLOOR_NORMALS


def _floor(legs: Mapping[str, float], paths: int, repeats: int) -> float:
    """Processor time that the steps and legs of a run take, each at the speed of its kernel alone [s]."""
    model = model_of(PRESET, {})
    stream = Stream(seed=1)
    state = model.stationary_state(PATHS, stream)
    step = min(processor_time(lambda: model.propagate(state, DAYS, stream)) for _ in range(repeats)) / (PATHS * DAYS)
    pricer = model.tabulated_pricer(max_sessions=2 * LEG_SESSIONS)
    assert isinstance(pricer, RowPricer)
    each = seconds_of_legs(model, pricer, repeats)
    return (WARMUP_DAYS + SESSIONS) * paths * step + sum(count * each[name] for name, count in legs.items())


def _peak_gibibytes(paths: int) -> float:
    """Peak memory of a process of its own that runs H."""
    command = [sys.executable, "-m", "sim.bench.headline", str(paths)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout.split()[-1])


def _own_peak() -> float:
    """Peak memory of this process [GiB]; what Linux says of resources counts that of the process that started it."""
    status = Path("/proc/self/status")
    for line in status.read_text().splitlines() if status.exists() else ():
        if line.startswith("VmHWM:"):
            return float(line.split()[1]) / 2.0**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2.0**20


if __name__ == "__main__":
    run_once(headline(int(sys.argv[1])), 1)
    print(_own_peak())

"""What a worker imports, when it begins, and what is compiled beforehand."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from sim.cell import Cell, cells_of
from sim.compiled import note_compiled, was_compiled
from sim.config import ExperimentConfig
from sim.experiment import parse_experiment
from sim.workers import Finished, run_blocks
from tests.toy_experiment import experiment, registered

HEAVY = ("scipy.stats", "scipy.optimize", "scipy.interpolate", "pandas", "xarray", "h5py", "exchange_calendars")


def test_a_worker_imports_what_it_needs() -> None:
    """Statistics, files and figures are the business of the process that starts the workers."""
    script = f"import sys, sim.workers; print(*set({HEAVY!r}) & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.fixture(name="config")
def _config() -> Iterator[ExperimentConfig]:
    with registered():
        yield parse_experiment(experiment(paths=4))


def blocks_of(config: ExperimentConfig, folder: Path) -> dict[Path, Cell]:
    return {folder / f"{number}.npz": cell for number, cell in enumerate(cells_of(config))}


def test_processes_wait_until_they_may_begin(tmp_path: Path, config: ExperimentConfig) -> None:
    blocks, ready = blocks_of(config, tmp_path), tmp_path / "ready"
    with run_blocks(config, blocks, n_jobs=2, backend="loky", ready=ready) as outcomes:
        time.sleep(1.0)
        assert not list(tmp_path.iterdir())
        threading.Timer(0.5, ready.touch).start()
        found = list(outcomes)
    assert {outcome.cell for outcome in found} == set(blocks.values())
    assert all(isinstance(outcome, Finished) for outcome in found)
    assert all(path.exists() for path in blocks)


def running_workers() -> set[int]:
    """Processes of this one that are made for calls, as Linux lists them."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and b"popen_loky" in (process / "cmdline").read_bytes():
                found.add(int(process.name))
    return found


def until(is_true: Callable[[], object]) -> bool:
    deadline = time.monotonic() + 60.0
    while not is_true() and time.monotonic() < deadline:
        time.sleep(0.05)
    return bool(is_true())


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are listed as Linux does")
def test_what_fails_beforehand_ends_the_processes(tmp_path: Path, config: ExperimentConfig) -> None:
    """None is left to wait, and none begins a cell, though the run that comes after says that it may."""
    mine: set[int] = set()

    def no_tables() -> None:
        assert until(lambda: len(running_workers()) >= 2)
        time.sleep(2.0)  # by now they wait
        mine.update(running_workers())
        raise ValueError("tables")

    blocks = blocks_of(config, tmp_path)
    with (
        pytest.raises(ValueError, match="tables"),
        run_blocks(config, blocks, n_jobs=2, backend="loky", ready=tmp_path / "ready"),
    ):
        no_tables()
    assert len(mine) >= 2
    assert until(lambda: not mine & running_workers())
    (tmp_path / "ready").touch()
    time.sleep(0.5)
    assert [path.name for path in tmp_path.iterdir()] == ["ready"]


def test_compiled_kernels_are_known_to_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: ExperimentConfig
) -> None:
    monkeypatch.setenv("REGIMESIM_CACHE_DIR", str(tmp_path))
    assert not was_compiled(config)
    note_compiled(config)
    assert was_compiled(config)
    other: dict[str, Any] = {"metrics": ["terminal_pnl"]}
    assert not was_compiled(parse_experiment(experiment(paths=4, **other)))
    monkeypatch.setenv("REGIMESIM_CACHE_DIR", "/dev/null/nowhere")
    note_compiled(config)
    assert not was_compiled(config)

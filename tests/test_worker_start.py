"""What a worker imports, when it begins, and what is compiled beforehand."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
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


def no_tables() -> None:
    time.sleep(0.1)  # what is told to stop at once prints a traceback of joblib's own
    raise ValueError("tables")


def test_what_fails_beforehand_ends_the_processes(tmp_path: Path, config: ExperimentConfig) -> None:
    with (
        pytest.raises(ValueError, match="tables"),
        run_blocks(config, blocks_of(config, tmp_path), n_jobs=2, backend="loky", ready=tmp_path / "ready"),
    ):
        no_tables()
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

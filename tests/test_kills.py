"""Killed at random moments, resumed, a run ends bit for bit like one that nobody killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sim import open_results
from sim.status import run_status
from tests.stored import contents
from tests.toy_program import ROOT, slow_experiment, start, wait_for_blocks, write_experiment

KILLS = 20

Start = Callable[..., subprocess.Popen[bytes]]


def kill(process: subprocess.Popen[bytes]) -> bool:
    """Kill a run with all its workers; False if it had ended."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait() != 0


@pytest.mark.slow
def test_a_run_killed_again_and_again_ends_like_one_that_was_not(tmp_path: Path) -> None:
    """Killed at moments drawn beforehand, each after its first new block."""
    file = write_experiment(tmp_path / "toy.yaml", slow_experiment(nap=0.004, compute={"block_paths": 4}))
    directory, log = tmp_path / "toy", tmp_path / "log"
    arguments = ("run", str(file), "--jobs", "2", "--backend", "threading", "--no-report", "--quiet")
    killed = before = 0
    for moment in np.random.default_rng(11).uniform(0.0, 0.3, 3):
        process = start(*arguments, "--resume", "--output", str(directory), log=log)
        before = wait_for_blocks(directory, process, more_than=before)
        time.sleep(float(moment))
        killed += kill(process)
    assert killed >= 2
    if not directory.exists():
        assert start(*arguments, "--resume", "--output", str(directory), log=log).wait() == 0, log.read_text()
    assert start(*arguments, "--output", str(tmp_path / "whole"), log=log).wait() == 0, log.read_text()
    assert contents(directory) == contents(tmp_path / "whole")
    assert open_results(directory).manifest["workers"]["attempts"] in (
        killed,
        killed + 1,
    )  # the last may have come late


@pytest.mark.slow
def test_any_moment_will_do(tmp_path: Path) -> None:
    """The shipped experiment in two processes, killed from its start to the publication of its results."""
    small = ("-o", "paths=400", "-o", "days=40", "-o", "compute.block_paths=20", "--jobs", "2", "--backend", "loky")
    log = (tmp_path / "log").open("ab")

    def begin(directory: Path, *more: str) -> subprocess.Popen[bytes]:
        file = str(ROOT / "experiments" / "quickstart.yaml")
        command = [sys.executable, "-m", "sim.cli", "run", file, *small, "--no-report", "--quiet", *more]
        return subprocess.Popen([*command, "--output", str(directory)], cwd=ROOT, start_new_session=True, stderr=log)

    assert begin(tmp_path / "warm").wait() == 0
    began = time.monotonic()
    assert begin(tmp_path / "whole").wait() == 0
    length = time.monotonic() - began
    whole = contents(tmp_path / "whole")
    killed = attempts = 0
    draw = np.random.default_rng(20181231)
    while killed < KILLS:
        directory = tmp_path / f"run_{killed}"
        while killed < KILLS:
            process = begin(directory, "--resume")
            attempts += 1
            time.sleep(float(draw.uniform(0.0, length)))
            was_killed = kill(process)
            killed += was_killed
            assert was_killed or process.returncode == 0, (tmp_path / "log").read_text()
            if directory.exists():  # complete, whether the kill came after it or not
                break
            partial = directory.with_name(f".{directory.name}.partial")
            assert not partial.exists() or run_status(directory).state in ("stopped", "damaged")
        if not directory.exists():
            assert begin(directory, "--resume").wait() == 0, (tmp_path / "log").read_text()
        open_results(directory)
        assert contents(directory) == whole
    log.close()
    assert attempts >= KILLS


@pytest.mark.slow
@pytest.mark.parametrize("method", ["antithetic", "stratified", "sobol", "importance"])
def test_paths_drawn_together_resume_to_the_same_bits(tmp_path: Path, method: str) -> None:
    """Pairs, replicates and weights hang on the numbers of paths alone, also where a kill lies between blocks."""
    tree = {
        "name": "designed",
        "seed": 3,
        "paths": 256,
        "days": 15,
        "scenarios": {"one": {"model": "svcj", "preset": "svcj_index_2018"}},
        "strategies": {"condor": {"engines": [{"engine": "iron_condor"}]}},
        "sampling": {"method": method, "points": 8, "controls": ["spx"]},
        "compute": {"block_paths": 16},
    }
    file, directory, log = write_experiment(tmp_path / "designed.yaml", tree), tmp_path / "designed", tmp_path / "log"
    arguments = ("run", str(file), "--jobs", "1", "--no-report", "--quiet")
    process = start(*arguments, "--output", str(directory), log=log)
    before = wait_for_blocks(directory, process)
    assert kill(process), log.read_text()
    assert 0 < before < 16
    assert start(*arguments, "--resume", "--output", str(directory), log=log).wait() == 0, log.read_text()
    assert start(*arguments, "--output", str(tmp_path / "whole"), log=log).wait() == 0, log.read_text()
    assert contents(directory) == contents(tmp_path / "whole")
    assert open_results(directory).manifest["workers"]["attempts"] == 2

"""Ctrl-C and other sudden ends: the program ends at once, its workers with it, and the run goes on later."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from sim import open_results, run_experiment
from sim.experiment import parse_experiment
from sim.status import run_status
from tests.toy_program import (
    hear_interruptions,
    living,
    slow_experiment,
    slow_registered,
    start,
    wait_for_blocks,
    write_experiment,
)

SECONDS = 2.0
"""What a person who pressed Ctrl-C is willing to wait."""


def wait_until_gone(group: int) -> None:
    for _ in range(200):
        if not living(group):
            return
        time.sleep(0.05)
    raise AssertionError(f"processes {living(group)} are left")


ONE = ("--jobs", "1")
PROCESSES = ("--jobs", "2", "--backend", "loky")
THREADS = ("--jobs", "2", "--backend", "threading")


@pytest.mark.parametrize(
    ("workers", "to_group"),
    [
        pytest.param(ONE, False, id="one worker"),
        pytest.param(PROCESSES, True, id="processes, all told", marks=pytest.mark.slow),
        pytest.param(PROCESSES, False, id="processes, one told"),
        pytest.param(THREADS, True, id="threads", marks=pytest.mark.slow),
    ],
)
def test_ctrl_c_ends_a_run_that_can_go_on(
    tmp_path: Path, workers: tuple[str, ...], to_group: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A terminal interrupts all processes, `kill` the first one; a cell takes more than a second."""
    tree = slow_experiment(nap=0.02)
    file = write_experiment(tmp_path / "toy.yaml", tree)
    directory, log = tmp_path / "out", tmp_path / "log"
    process = start("run", str(file), "--output", str(directory), "--no-report", *workers, log=log)
    assert wait_for_blocks(directory, process) > 0, log.read_text()
    time.sleep(0.2)
    (os.killpg if to_group else os.kill)(process.pid, signal.SIGINT)
    process.wait(timeout=SECONDS)
    assert process.returncode == 130
    wait_until_gone(process.pid)
    text = log.read_text()
    assert text.endswith("interrupted; a run keeps its finished blocks, and goes on with --resume\n")
    assert "Traceback" not in text
    assert not directory.exists()
    status = run_status(directory)
    assert (status.state, status.process, status.attempts) == ("stopped", None, 1)
    assert 0 < status.blocks_done < status.blocks == 16
    if workers == ONE:
        monkeypatch.setattr("tests.toy_program.doze", lambda seconds: None)
        check_that_it_goes_on(tree, directory)


def check_that_it_goes_on(tree: dict[str, Any], directory: Path) -> None:
    """Resume in this process, and compare with a run that was not interrupted."""
    with slow_registered():
        config = parse_experiment(tree)
        resumed = open_results(run_experiment(config, output=directory, jobs=1, resume=True))
        whole = open_results(run_experiment(config, output=directory.with_name("whole"), jobs=1))
    assert resumed.data.identical(whole.data.assign_attrs(created=resumed.data.attrs["created"]))
    assert (resumed.manifest["workers"]["attempts"], whole.manifest["workers"]["attempts"]) == (2, 1)


def test_an_interruption_in_compiled_code_does_not_wait_for_its_end(tmp_path: Path) -> None:
    """A kernel of a minute in the main thread: the usual KeyboardInterrupt would come after it."""
    script = (
        "import numba, sys\n"
        "from sim.cli.interruption import end_promptly\n"
        "@numba.njit('f8(i8)', nogil=True)\n"
        "def kernel(n):\n"
        "    x = 1.0\n"
        "    for i in range(n):\n"
        "        x = (x * 1.0000001) % 3.0\n"
        "    return x\n"
        "end_promptly()\n"
        "print('now', flush=True)\n"
        "kernel(20_000_000_000)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=hear_interruptions,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"now\n"
        time.sleep(0.5)  # until the kernel runs
        process.send_signal(signal.SIGINT)
        process.wait(timeout=SECONDS)
    assert process.returncode == 130


@pytest.mark.slow
def test_workers_do_not_outlive_a_run_that_was_killed(tmp_path: Path) -> None:
    """The kill reaches one process only: nobody tells the workers."""
    file = write_experiment(tmp_path / "toy.yaml", slow_experiment(nap=0.02))
    directory, log = tmp_path / "out", tmp_path / "log"
    process = start("run", str(file), "--output", str(directory), "--no-report", *PROCESSES, log=log)
    assert wait_for_blocks(directory, process) > 0, log.read_text()
    assert len(living(process.pid)) >= 3
    assert run_status(directory).process == process.pid
    process.kill()
    process.wait()
    wait_until_gone(process.pid)
    assert run_status(directory).state == "stopped"


@pytest.mark.slow
def test_a_worker_that_dies_is_one_message(tmp_path: Path) -> None:
    file = write_experiment(tmp_path / "toy.yaml", slow_experiment(fail_on=0.4, fatal=True))
    directory, log = tmp_path / "out", tmp_path / "log"
    process = start("run", str(file), "--output", str(directory), "--no-report", "--quiet", *PROCESSES, log=log)
    assert process.wait() == 1
    assert log.read_text().count("\n") == 1
    assert log.read_text().startswith("error: a worker process has died, perhaps for want of memory; ")
    assert not directory.exists()

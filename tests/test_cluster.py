"""A Dask cluster of real processes on loopback: the same numbers, whoever works on them and whoever dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sim import open_results, run_experiment
from sim.cli import app
from sim.errors import CellsFailed, ConfigError, WorkersLost
from sim.experiment import parse_experiment
from sim.status import run_status
from tests.stored import contents
from tests.toy_program import (
    ROOT,
    living,
    slow_experiment,
    slow_registered,
    start,
    wait_for_blocks,
    write_experiment,
)

distributed = pytest.importorskip("distributed", reason="not installed: pip install regimesim[dask]")

pytestmark = pytest.mark.slow

QUIET = {"DASK_DISTRIBUTED__LOGGING__DISTRIBUTED": "critical", "DASK_DISTRIBUTED__WORKER__DAEMON": "True"}


@pytest.fixture(autouse=True)
def _toys() -> Iterator[None]:
    with slow_registered():
        yield


def begin(module: str, *options: str, log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", f"distributed.cli.{module}", *options]
    with log.open("ab") as stream:
        return subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **QUIET}, stdout=stream, stderr=stream, start_new_session=True
        )


class Cluster:
    """A scheduler and its workers, each a process."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "scheduler.json"
        options = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(self.file))
        self.scheduler = begin("dask_scheduler", *options, log=folder / "log")
        self.workers: list[subprocess.Popen[bytes]] = []
        while not self.file.exists() and self.scheduler.poll() is None:
            time.sleep(0.02)

    @property
    def address(self) -> str:
        import json

        return str(json.loads(self.file.read_text())["address"])

    def add_worker(self, *options: str) -> subprocess.Popen[bytes]:
        """Start a worker of one thread, and one process: nobody starts it again."""
        fixed = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--death-timeout", "20")
        fixed += ("--local-directory", str(self.folder))
        worker = begin("dask_worker", self.address, *fixed, *options, log=self.folder / "log")
        self.workers.append(worker)
        return worker

    def preloaded(self, text: str) -> subprocess.Popen[bytes]:
        """Start a worker that runs some program text first."""
        path = self.folder / "preload.py"
        path.write_text(text)
        return self.add_worker("--preload", str(path))

    def end(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


@contextmanager
def cluster_in(folder: Path) -> Iterator[Cluster]:
    cluster = Cluster(folder)
    try:
        yield cluster
    finally:
        cluster.end()


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster_in(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What one worker in this process writes."""
    with slow_registered():
        directory = tmp_path_factory.mktemp("whole") / "toy"
        return contents(run_experiment(parse_experiment(slow_experiment()), output=directory, jobs=1))


def run(directory: Path, cluster: Cluster, *, nap: float = 0.0, fail_on: float = 0.0, **how: Any) -> Path:
    config = parse_experiment(slow_experiment(nap=nap, fail_on=fail_on))
    return run_experiment(config, output=directory, backend="dask", scheduler=cluster.address, **how)


def after(n_paths: int, act: Callable[[], object]) -> Callable[[int, int], None]:
    """Progress that does something once, when so many paths are done."""
    acted = threading.Event()

    def progress(done: int, total: int) -> None:
        if done >= n_paths and not acted.is_set():
            acted.set()
            act()

    return progress


def test_a_cluster_gives_the_same_bits_and_a_dead_worker_loses_nothing(
    tmp_path: Path, cluster: Cluster, whole: dict[str, bytes]
) -> None:
    first, _ = cluster.add_worker(), cluster.add_worker()
    directory = run(tmp_path / "toy", cluster, nap=0.005, progress=after(15, first.kill))
    assert first.wait() == -signal.SIGKILL
    assert contents(directory) == whole
    workers = open_results(directory).manifest["workers"]
    assert (workers["backend"], workers["attempts"]) == ("dask", 1)
    assert sorted(item.name for item in tmp_path.iterdir()) == ["toy"]


def test_workers_that_see_no_folder_send_their_blocks(
    tmp_path: Path, cluster: Cluster, whole: dict[str, bytes]
) -> None:
    cluster.preloaded("import sim.cluster\nsim.cluster.sees = lambda folder: False\n")
    seen: list[list[str]] = []
    look = after(5, lambda: seen.append([path.name for path in tmp_path.glob(".toy.partial/incoming-*/*")]))
    assert contents(run(tmp_path / "toy", cluster, progress=look)) == whole
    assert seen == [[]]


def test_failed_cells_are_told_like_those_of_other_workers(tmp_path: Path, cluster: Cluster) -> None:
    cluster.add_worker()
    with pytest.raises(CellsFailed) as caught:
        run(tmp_path / "toy", cluster, fail_on=0.4, keep_going=True)
    assert len(caught.value.failures) == 8
    assert "scenario loud, paths 0 to 4: ValueError: no bid" in caught.value.failures
    with pytest.raises(ValueError, match="no bid") as stopped:
        run(tmp_path / "fast", cluster, fail_on=0.4)
    assert stopped.value.__notes__ == ["in scenario loud, paths 0 to 4"]


def test_a_lost_scheduler_is_one_message_and_the_run_goes_on_without_it(
    tmp_path: Path, cluster: Cluster, whole: dict[str, bytes]
) -> None:
    cluster.add_worker()
    with pytest.raises(WorkersLost, match="the Dask scheduler is gone"):
        run(tmp_path / "toy", cluster, progress=after(15, cluster.scheduler.kill))
    assert 0 < run_status(tmp_path / "toy").blocks_done < 16
    config = parse_experiment(slow_experiment())
    assert contents(run_experiment(config, output=tmp_path / "toy", jobs=1, resume=True)) == whole


def test_workers_of_another_version_are_refused(tmp_path: Path, cluster: Cluster) -> None:
    cluster.preloaded(
        "import sim.cluster\n"
        "before = sim.cluster.versions\n"
        "sim.cluster.versions = lambda: {**before(), 'numpy': '1.0'}\n"
    )
    with pytest.raises(WorkersLost, match=r"a worker of the cluster is not of this version, it has numpy 1\.0, not 2"):
        run(tmp_path / "toy", cluster)


def test_a_cluster_that_is_not_there_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.cluster.CONNECT_SECONDS", 1)
    monkeypatch.setattr("sim.cluster.JOIN_SECONDS", 1)
    file = str(write_experiment(tmp_path / "toy.yaml", slow_experiment()))
    arguments = ["run", file, "--output", str(tmp_path / "out"), "--quiet", "--scheduler"]
    nobody = CliRunner().invoke(app, [*arguments, "tcp://127.0.0.1:9"])
    assert nobody.exit_code == 1
    assert nobody.stderr.startswith("error: no Dask scheduler answers at tcp://127.0.0.1:9: ")
    assert nobody.stderr.count("\n") == 1
    wrong = CliRunner().invoke(app, [*arguments, "localhost"])
    assert wrong.exit_code == 2
    assert "compute.dask_scheduler: got 'localhost'; must be an address" in wrong.stderr
    with cluster_in(tmp_path) as empty:
        idle = CliRunner().invoke(app, [*arguments, empty.address])
    assert (idle.exit_code, idle.stderr.count("\n")) == (1, 1)
    assert f"has no workers; start some with `dask worker {empty.address}`" in idle.stderr


def test_without_dask_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ConfigError, match=r"install it with: pip install 'regimesim\[dask\]'"):
        run_experiment(parse_experiment(slow_experiment()), output=tmp_path / "toy", backend="dask")


def test_a_cluster_of_this_machine_starts_and_ends_with_the_run(tmp_path: Path, whole: dict[str, bytes]) -> None:
    file = write_experiment(tmp_path / "toy.yaml", slow_experiment(nap=0.01))
    directory, log = tmp_path / "toy", tmp_path / "log"
    arguments = ("run", str(file), "--output", str(directory), "--no-report", "--jobs", "2", "--backend", "dask")
    process = start(*arguments, log=log)
    assert wait_for_blocks(directory, process) > 0, log.read_text()
    os.killpg(process.pid, signal.SIGINT)
    process.wait(timeout=2.0)
    assert process.returncode == 130
    for _ in range(100):
        if not living(process.pid):
            break
        time.sleep(0.05)
    assert living(process.pid) == []
    text = log.read_text()
    assert text.endswith("interrupted; a run keeps its finished blocks, and goes on with --resume\n")
    assert "Traceback" not in text
    assert start(*arguments, "--resume", "--quiet", log=log).wait() == 0, log.read_text()
    assert contents(directory) == whole
    assert log.read_text() == text

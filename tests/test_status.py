"""How far a run is, as the folder of the run tells it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from typer.testing import CliRunner

from sim import run_experiment
from sim.cli import app
from sim.errors import CellsFailed, StorageError
from sim.experiment import parse_experiment
from sim.runlog import DONE, FAILED, RUNNING, STARTED, RunLog
from sim.status import find_runs, is_held, run_status
from sim.workers import Failure
from tests.toy_program import slow_experiment, slow_registered


@pytest.fixture(autouse=True)
def _toys() -> Iterator[None]:
    with slow_registered():
        yield


def run(directory: Path, tree: dict[str, Any], **how: Any) -> Path:
    return run_experiment(parse_experiment(tree), output=directory, jobs=1, **how)


@pytest.fixture
def failed(tmp_path: Path) -> Path:
    """A run of which the second scenario failed."""
    with pytest.raises(CellsFailed):
        run(tmp_path / "toy", slow_experiment(fail_on=0.4), keep_going=True)
    return tmp_path / "toy"


def regimesim(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, arguments, prog_name="regimesim")
    return result.exit_code, result.stdout, result.stderr


def test_a_complete_run_says_so(tmp_path: Path) -> None:
    directory = run(tmp_path / "toy", slow_experiment(paths=12))
    status = run_status(directory)
    assert (status.state, status.blocks_done, status.blocks) == ("complete", 6, 6)
    assert (status.paths_done, status.paths) == (24, 24)
    assert (status.attempts, status.failures, status.process, status.has_results) == (1, [], None, True)
    assert status.last_active is not None
    assert abs(status.last_active - time.time()) < 600


def test_failed_cells_are_reported_at_once_written_down_and_shown(tmp_path: Path) -> None:
    reported: list[tuple[str, int]] = []
    done: list[int] = []

    def failed(failure: Failure) -> None:
        reported.append((str(failure), len(done)))

    with pytest.raises(CellsFailed):
        run(
            tmp_path / "toy",
            slow_experiment(fail_on=0.4, paths=12),
            keep_going=True,
            failed=failed,
            progress=lambda paths, total: done.append(paths),
        )
    assert reported == [
        ("scenario loud, paths 0 to 4: ValueError: no bid", 2),
        ("scenario loud, paths 5 to 9: ValueError: no bid", 3),
        ("scenario loud, paths 10 to 11: ValueError: no bid", 4),
    ]
    status = run_status(tmp_path / "toy")
    assert (status.state, status.blocks_done, status.paths_done, status.paths) == ("stopped", 3, 12, 24)
    assert status.failures == [text for text, _ in reported]


def test_what_has_been_done_since_is_no_failure_any_more(failed: Path) -> None:
    assert len(run_status(failed).failures) == 8
    one = failed.with_name(".toy.partial") / "blocks" / "000001.npz"
    one.write_bytes(b"")
    assert len(run_status(failed).failures) == 7


def test_a_run_of_which_every_cell_failed_is_remembered(tmp_path: Path) -> None:
    tree = slow_experiment(fail_on=0.2, scenarios={"flat": slow_experiment()["scenarios"]["flat"]})
    with pytest.raises(CellsFailed):
        run(tmp_path / "toy", tree, keep_going=True)
    assert len(run_status(tmp_path / "toy").failures) == 8
    tree["strategies"]["far"]["engines"][0]["fail_on"] = 0.0
    run(tmp_path / "toy", tree)  # nothing is done, so nothing is in the way
    assert run_status(tmp_path / "toy").state == "complete"


def test_a_process_at_work_is_seen(failed: Path) -> None:
    assert is_held(failed) is False
    log = RunLog(failed.with_name(".toy.partial"))
    with FileLock(failed.with_name(".toy.lock")):
        assert is_held(failed) is True
        log.add(STARTED, pid=os.getpid())
        assert run_status(failed).activity == "starting"
        log.add(RUNNING)
        log.add(DONE, scenario="loud", first_path=0, n_paths=5, cpu_seconds=1.0)
        status = run_status(failed)
        assert (status.state, status.process, status.attempts) == ("running", os.getpid(), 2)
        assert status.paths_per_second is not None
        assert status.seconds_left == pytest.approx(40 / status.paths_per_second)
    assert run_status(failed).state == "stopped"


def test_speed_is_that_of_the_last_attempt(failed: Path) -> None:
    entries = [
        {"time": 100.0, "kind": STARTED},
        {"time": 110.0, "kind": RUNNING, "cpu_seconds": 4.0},
        {"time": 111.0, "kind": DONE, "n_paths": 50, "cpu_seconds": 2.0},
        {"time": 500.0, "kind": STARTED},
        {"time": 510.0, "kind": RUNNING, "cpu_seconds": 3.0},
        {"time": 515.0, "kind": DONE, "n_paths": 20, "cpu_seconds": 5.0},
        {"time": 518.0, "kind": FAILED, "n_paths": 20, "cpu_seconds": 1.0},
        {"time": 520.0, "kind": DONE, "n_paths": 30, "cpu_seconds": 5.0},
    ]
    log = RunLog(failed.with_name(".toy.partial"))
    log.path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    status = run_status(failed)
    assert status.paths_per_second == pytest.approx((20 + 30) / (520 - 510))
    assert (status.attempts, status.last_active) == (2, 520.0)
    effort = log.effort()
    assert (effort.attempts, effort.wall_seconds, effort.cpu_seconds) == (2, 11.0 + 20.0, 20.0)
    assert log.effort(until=530.0).wall_seconds == 11.0 + 30.0


@pytest.mark.parametrize("damage", [b'{"time": 1.0, "kin', b"\xff\xfe\n", b"[]\n", b'{"kind": "done"}\n', b"\n\n"])
def test_a_log_that_was_cut_short_is_read_as_far_as_it_goes(failed: Path, damage: bytes) -> None:
    log = RunLog(failed.with_name(".toy.partial"))
    before = list(log.entries())
    with log.path.open("ab") as stream:
        stream.write(damage)
    assert list(log.entries()) == before
    log.add(STARTED, pid=1)
    assert [entry["kind"] for entry in log.entries()] == [*(entry["kind"] for entry in before), STARTED]


def test_runs_are_found_where_they_are(tmp_path: Path, failed: Path) -> None:
    run(tmp_path / "deep" / "er" / "done", slow_experiment(paths=5))
    (tmp_path / "empty").mkdir()
    assert find_runs(tmp_path) == [tmp_path / "deep" / "er" / "done", failed]
    assert find_runs(tmp_path / "none") == []


def test_a_folder_without_a_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="holds no run; start one with --output"):
        run_status(tmp_path / "none")


@pytest.mark.parametrize("content", ["", "[]", '{"config": 5}', '{"config": {"compute": {}}}'])
def test_a_damaged_folder_is_called_damaged(failed: Path, content: str) -> None:
    (failed.with_name(".toy.partial") / "run.json").write_text(content)
    assert run_status(failed).state == "damaged"
    code, out, _ = regimesim("status", str(failed))
    assert (code, "damaged" in out) == (0, True)


def test_the_command_shows_it_to_people_and_to_machines(
    tmp_path: Path, failed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path / "outputs" / "done", slow_experiment(paths=5))
    monkeypatch.chdir(tmp_path)
    code, out, err = regimesim("status", "toy")
    assert (code, err) == (0, "")
    lines = dict(line.split("  ", 1) for line in out.splitlines() if not line.startswith("failed"))
    assert lines["state"].strip() == "stopped"
    assert lines["paths"].strip() == "40 of 80 (50%)"
    assert lines["next"].strip() == "run the same experiment with --resume"
    assert out.count("ValueError: no bid") == 8
    code, out, _ = regimesim("status")
    assert out.splitlines()[1].split()[:2] == ["outputs/done", "complete"]
    (row,) = json.loads(regimesim("status", "--json")[1])
    assert (row["directory"], row["state"], row["paths_done"]) == ("outputs/done", "complete", 10)
    monkeypatch.chdir(tmp_path / "outputs")
    assert regimesim("status") == (0, "", "no runs below outputs/\n")
    assert regimesim("status", "none")[0] == 1

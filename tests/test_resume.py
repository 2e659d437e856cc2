"""A stopped run goes on and ends bit for bit like one that was never stopped, or says why it cannot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from ruamel.yaml import YAML

from sim import run_experiment
from sim.blocks import read_block, write_block
from sim.errors import CellsFailed, ConfigError, StorageError
from sim.experiment import parse_experiment
from sim.strategies import registry
from sim.strategies.protocols import DayView, Orders
from tests.stored import contents
from tests.toy_experiment import BuyPuts, experiment, registered

BLOCKS = {"block_paths": 5}  # 8 blocks a scenario


@pytest.fixture(autouse=True)
def _toys() -> Iterator[None]:
    with registered():
        yield


def run(directory: Path, *, jobs: int = 1, more: dict[str, Any] | None = None, **how: Any) -> Path:
    config = parse_experiment(experiment(**{"compute": BLOCKS, **(more or {})}))
    return run_experiment(config, output=directory, jobs=jobs, **how)


class Stumbling(BuyPuts):
    """Fails in the blocks of the louder market from a later path on."""

    def decide(self, view: DayView) -> Orders:
        if view.vix[0] > 30.0 and view.n_paths == 5 and view.t == 70 and STUMBLES[0] > 0:
            STUMBLES[0] -= 1
            raise ValueError("no bid")
        return super().decide(view)


STUMBLES = [0]


@pytest.fixture
def stumbling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.REGISTRY, "buy_puts", Stumbling)
    STUMBLES[0] = 2


@pytest.mark.slow
@pytest.mark.usefixtures("stumbling")
def test_a_run_that_keeps_going_names_what_failed_and_resumes_to_the_same_bits(tmp_path: Path) -> None:
    with pytest.raises(CellsFailed) as caught:
        run(tmp_path / "toy", keep_going=True)
    assert caught.value.failures == [
        "scenario loud, paths 0 to 4: ValueError: no bid",
        "scenario loud, paths 5 to 9: ValueError: no bid",
    ]
    assert "2 of 16 blocks failed" in str(caught.value)
    assert [item.name for item in tmp_path.iterdir()] == [".toy.partial"]
    assert len(list((tmp_path / ".toy.partial" / "blocks").iterdir())) == 14
    seen: list[tuple[int, int]] = []
    resumed = run(tmp_path / "toy", resume=True, progress=lambda done, total: seen.append((done, total)))
    assert seen[0] == (70, 80)
    assert len(seen) == 3
    assert contents(resumed) == contents(run(tmp_path / "whole"))
    assert sorted(item.name for item in tmp_path.iterdir()) == ["toy", "whole"]
    assert sorted(item.name for item in resumed.iterdir()) == ["manifest.json", "results.h5"]


@pytest.mark.slow
@pytest.mark.usefixtures("stumbling")
def test_without_keep_going_the_first_error_stops_and_the_blocks_are_kept(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no bid"):
        run(tmp_path / "toy")
    assert len(list((tmp_path / ".toy.partial" / "blocks").iterdir())) == 1
    with pytest.raises(ConfigError, match="1 finished blocks; go on with --resume, or forget them with --overwrite"):
        run(tmp_path / "toy")
    STUMBLES[0] = 0
    assert contents(run(tmp_path / "toy", overwrite=True)) == contents(run(tmp_path / "whole"))


@pytest.mark.usefixtures("stumbling")
def test_another_experiment_does_not_resume(tmp_path: Path) -> None:
    with pytest.raises(CellsFailed):
        run(tmp_path / "toy", keep_going=True)
    more = {"seed": 6, "account": {"initial_equity": 1.0e6, "spot": 4000.0}}
    with pytest.raises(ConfigError) as caught:
        run(tmp_path / "toy", resume=True, more=more)
    assert str(caught.value).splitlines()[1:] == ["  seed: 5 -> 6", "  account.initial_equity: 500000.0 -> 1000000.0"]
    assert len(list((tmp_path / ".toy.partial" / "blocks").iterdir())) == 14
    run(tmp_path / "toy", resume=True, jobs=2)  # the number of workers may change


@pytest.mark.usefixtures("stumbling")
def test_a_damaged_block_is_run_again(tmp_path: Path) -> None:
    with pytest.raises(CellsFailed):
        run(tmp_path / "toy", keep_going=True)
    first, second, *_ = sorted((tmp_path / ".toy.partial" / "blocks").iterdir())
    content = bytearray(first.read_bytes())
    content[len(content) // 2] ^= 1
    first.write_bytes(content)
    second.write_bytes(second.read_bytes()[:100])
    STUMBLES[0] = 0
    seen: list[int] = []
    resumed = run(tmp_path / "toy", resume=True, progress=lambda done, total: seen.append(done))
    assert seen[0] == 60
    assert contents(resumed) == contents(run(tmp_path / "whole"))


def test_resuming_nothing_starts_from_the_beginning(tmp_path: Path) -> None:
    assert contents(run(tmp_path / "toy", resume=True)) == contents(run(tmp_path / "whole"))


def test_two_runs_do_not_write_one_directory(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / ".toy.lock")
    with lock, pytest.raises(StorageError, match="another run is writing"):
        run(tmp_path / "toy")
    run(tmp_path / "toy")


def test_a_block_is_whole_or_absent(tmp_path: Path) -> None:
    arrays: dict[str, Any] = {"0/pnl": np.arange(6.0).reshape(2, 3), "counts": np.array([1.0, 2.0])}
    path = tmp_path / "000000.npz"
    assert read_block(path) is None
    write_block(path, arrays)
    read = read_block(path)
    assert read is not None
    assert set(read) == set(arrays)
    np.testing.assert_array_equal(read["0/pnl"], arrays["0/pnl"])
    assert [item.name for item in tmp_path.iterdir()] == ["000000.npz"]
    whole = path.read_bytes()
    for size in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        assert read_block(path) is None


@pytest.mark.usefixtures("stumbling")
def test_failed_cells_end_in_exit_code_3(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from sim.cli import app

    STUMBLES[0] = 1
    path = tmp_path / "toy.yaml"
    YAML(typ="safe", pure=True).dump(experiment(compute=BLOCKS), path)
    arguments = ["run", str(path), "--output", str(tmp_path / "toy"), "--jobs", "1", "--keep-going", "--quiet"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 3
    first, second = result.stderr.splitlines()[:2]
    assert first == "failed: scenario loud, paths 0 to 4: ValueError: no bid"  # when it does
    assert second == "error: 1 of 16 blocks failed; the others are kept, go on with --resume:"
    assert CliRunner().invoke(app, [*arguments, "--resume"]).exit_code == 0


def test_a_run_that_was_killed_at_its_report_resumes_to_the_report_alone(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from sim.cli import app

    path, output = tmp_path / "toy.yaml", tmp_path / "toy"
    YAML(typ="safe", pure=True).dump(experiment(), path)
    run(output, more={"compute": {}})  # as a run that has published its results, and drawn nothing
    before = {item.name: item.read_bytes() for item in output.iterdir()}
    arguments = ["run", str(path), "--output", str(output), "--jobs", "1", "--resume"]
    other = CliRunner().invoke(app, [*arguments, "-o", "seed=6"])
    assert (other.exit_code, other.stdout) == (2, "")
    assert "holds complete results of another run" in other.stderr
    assert "\n  seed: 5 -> 6\n" in other.stderr
    resumed = CliRunner().invoke(app, arguments)
    assert (resumed.exit_code, "holds the complete results of this run" in resumed.stderr) == (0, True)
    assert {item.name: item.read_bytes() for item in output.iterdir() if item.name != "report.html"} == before
    assert (output / "report.html").stat().st_size > 10_000
    asked = CliRunner().invoke(app, [*arguments, "-o", "question=What of it?"])  # numbers are the same, words are not
    assert (asked.exit_code, "What of it?" in (output / "report.html").read_text()) == (0, True)
    without = CliRunner().invoke(app, arguments[:-1])
    assert (without.exit_code, "holds results already" in without.stderr) == (2, True)

"""What an experiment would take, held against what it takes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sim import run_experiment
from sim.cli import app
from sim.config import ComputeConfig
from sim.experiment import parse_experiment
from sim.layout import layout_of
from sim.plan import plan_experiment
from sim.trial import extrapolated, try_scenario
from sim.workers import workers_of
from tests.toy_experiment import experiment, registered
from tests.toy_program import ROOT, write_experiment

CONDOR = {
    "name": "condor",
    "paths": 400,
    "days": 60,
    "scenarios": {"calm": {"model": "svcj", "preset": "svcj_index_2018", "start": {"state": [0.015]}}},
    "strategies": {"condor": {"engines": [{"engine": "iron_condor"}]}},
    "keep": {"level": "fans", "explorer": []},
    "compute": {"block_paths": 200, "jobs": 1},
}


@pytest.fixture(autouse=True)
def _toys() -> Iterator[None]:
    with registered():
        yield


def size_of(folder: Path) -> int:
    return sum(item.stat().st_size for item in folder.rglob("*") if item.is_file())


@pytest.mark.parametrize("keep", ["summaries", "fans", "everything"])
def test_disk_is_that_of_the_results(tmp_path: Path, keep: str) -> None:
    config = parse_experiment(experiment(paths=400, keep={"level": keep, "explorer": []}))
    plan = plan_experiment(config, measure=False)
    directory = run_experiment(config, output=tmp_path / "toy", jobs=1)
    stored = size_of(directory)
    tables = 400_000  # statistics and manifest, which do not grow with the paths
    assert plan.disk_bytes <= stored <= plan.disk_bytes + tables
    assert plan.disk_bytes == layout_of(config).n_bytes


def test_room_until_a_run_is_complete_is_that_of_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looked at when everything is there: blocks, daily values that wait, results."""
    config = parse_experiment(experiment(paths=2000, keep={"explorer": []}))
    seen: list[int] = []
    from sim.storage import ResultsWriter

    complete = ResultsWriter.complete

    def look(writer: ResultsWriter) -> None:
        seen.append(size_of(tmp_path))
        complete(writer)

    monkeypatch.setattr(ResultsWriter, "complete", look)
    run_experiment(config, output=tmp_path / "toy", jobs=1)
    plan = plan_experiment(config)
    assert plan.working_disk_bytes == pytest.approx(seen[0], rel=0.35)


def test_a_trial_measures_a_cell() -> None:
    trial = try_scenario(parse_experiment(CONDOR), "calm")
    assert trial.cell_seconds > 0.0
    assert 200 * 60 * 8 < trial.cell_bytes < 200 * 60 * 8 * 1000
    assert trial.block_bytes > 200 * 12 * 8


def test_times_of_longer_cells_are_between_a_line_and_a_power_law() -> None:
    assert extrapolated(250, 1.0, 1000, 4.0, 2500) == pytest.approx(10.0)  # in proportion: both agree
    quickstart = extrapolated(250, 2.8, 1000, 4.6, 2500)
    assert 4.6 * 2.5**0.36 < quickstart < 4.6 + 1500 * 1.8 / 750
    assert extrapolated(250, 3.0, 1000, 2.0, 2500) == pytest.approx(2.0)  # noise does not make paths free
    assert extrapolated(1, 1.0, 1, 1.0, 1) == 1.0


MEASURED = (
    "import json, resource, sys\n"
    "from pathlib import Path\n"
    "from sim import load_experiment, run_experiment\n"
    "run_experiment(load_experiment(sys.argv[1]), output=sys.argv[2])\n"
    "print(json.dumps(1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))\n"
)


@pytest.mark.slow
@pytest.mark.parametrize("paths", [400, 6000])
def test_memory_is_that_of_a_run_within_a_factor_of_two(tmp_path: Path, paths: int) -> None:
    """Peak resident memory of a process of its own, cells of few paths and of many."""
    tree: dict[str, Any] = {**CONDOR, "paths": paths, "compute": {"block_paths": paths // 2, "jobs": 1}}
    file = write_experiment(tmp_path / "condor.yaml", tree)
    command = [sys.executable, "-c", MEASURED, str(file), str(tmp_path / "out")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    measured = json.loads(done.stdout)
    planned = plan_experiment(parse_experiment(tree)).memory_bytes
    assert measured / 2.0 < planned < measured * 2.0, (planned, measured)


def test_kinds_of_workers_follow_the_stated_rule() -> None:
    def chosen(compute: dict[str, Any], **more: Any) -> tuple[int, str]:
        config = parse_experiment({**CONDOR, **more, "compute": compute})
        return workers_of(config, config.compute)

    assert chosen({"jobs": 2}) == (1, "threading")  # no more workers than cells
    long = {"paths": 100_000, "days": 252}
    assert chosen({"jobs": 2}, **long) == (2, "loky")
    assert chosen({"jobs": 2, "block_paths": 500}, **long) == (2, "loky")
    assert chosen({"jobs": 2, "block_paths": 500}, paths=2000) == (1, "threading")  # over before processes start
    assert chosen({"jobs": 2, "block_paths": 500, "backend": "threading"}, paths=2000) == (2, "threading")
    assert chosen({"jobs": 2, "backend": "loky"}, paths=2000) == (2, "loky")
    assert chosen({"jobs": 2, "dask_scheduler": "tcp://node1:8786"}) == (2, "dask")
    assert chosen({}, **long)[0] >= 1
    # processes start while one worker does 5 million path-sessions; two save half of the work, of odd cells less
    year, blocks = {"days": 250}, {"jobs": 2, "block_paths": 1000}
    assert chosen(blocks, paths=38_000, **year) == (1, "threading")
    assert chosen(blocks, paths=42_000, **year) == (2, "loky")
    assert chosen({"jobs": 2, "block_paths": 19_000}, paths=57_000, **year) == (1, "threading")
    assert chosen({"jobs": 2, "block_paths": 30_000}, paths=60_000, **year) == (2, "loky")
    assert chosen({"jobs": 2, "block_paths": 60_000}, paths=60_100, **year) == (1, "threading")


def test_rules_from_outside_the_packages_run_in_processes() -> None:
    config = parse_experiment(experiment(paths=100_000))
    assert workers_of(config, ComputeConfig(jobs=2))[1] == "loky"


def test_the_command_shows_each_scenario(tmp_path: Path) -> None:
    file = write_experiment(tmp_path / "toy.yaml", experiment())
    result = CliRunner().invoke(app, ["plan", str(file), "--quiet"])
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines[-3:]] == ["scenario", "flat", "loud"]
    plan = json.loads(CliRunner().invoke(app, ["plan", str(file), "--json", "--quiet"]).stdout)
    assert (plan["n_blocks"], plan["n_paths"], len(plan["scenarios"])) == (2, 40, 2)
    assert plan["seconds"] > 0.0
    short = json.loads(CliRunner().invoke(app, ["plan", str(file), "--json", "--no-measure"]).stdout)
    assert (short["seconds"], short["scenarios"]) == (None, [])
    assert list(tmp_path.iterdir()) == [file]

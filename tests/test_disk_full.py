"""No room, no permission, damaged files: one clear error, and what was there before is still there."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from sim import open_results, run_experiment
from sim.cli import app
from sim.errors import ConfigError, StorageError
from sim.experiment import parse_experiment
from sim.partial import PartialRun
from sim.scratch import reserve
from tests.stored import contents
from tests.toy_program import ROOT, slow_experiment, slow_registered, write_experiment


@pytest.fixture(autouse=True)
def _toys() -> Iterator[None]:
    with slow_registered():
        yield


def run(directory: Path, *, overwrite: bool = False, resume: bool = False, **more: Any) -> Path:
    config = parse_experiment(slow_experiment(**more))
    return run_experiment(config, output=directory, jobs=1, overwrite=overwrite, resume=resume)


LIMITED = (
    "import resource, signal, sys\n"
    "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))\n"
    "sys.argv = ['regimesim', *sys.argv[2:]]\n"
    "from tests.toy_program import slow_registered\n"
    "from sim.cli import main\n"
    "with slow_registered():\n"
    "    main()\n"
)


@pytest.mark.slow
@pytest.mark.parametrize(
    "limit",
    [2_000, 150_000],
    ids=["the record of the run", "results.h5"],
)
def test_a_limit_on_files_is_one_error_and_the_run_goes_on_later(tmp_path: Path, limit: int) -> None:
    """A file that may not grow, wherever a run writes: the system's limit on files stands for a full disk."""
    directory = run(tmp_path / "toy", paths=80)
    before = contents(directory)
    file = write_experiment(tmp_path / "toy.yaml", slow_experiment(paths=80, seed=6))
    arguments = ["run", str(file), "--output", str(directory), "--overwrite", "--jobs", "1", "--quiet", "--no-report"]
    command = [sys.executable, "-c", LIMITED, str(limit), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    where = tmp_path / ".toy.partial" if limit == 2_000 else directory
    assert done.stderr.startswith(f"error: {where} cannot be written: ")
    assert done.stderr.count("\n") == 1
    assert contents(directory) == before
    kept = len(list(tmp_path.glob(".toy.partial/blocks/*.npz")))
    assert kept == (0 if limit == 2_000 else 32)
    run(directory, overwrite=True, resume=kept > 0, paths=80, seed=6)
    assert contents(directory) == contents(run(tmp_path / "whole", paths=80, seed=6))


@contextmanager
def small_disk(folder: Path, n_bytes: int) -> Iterator[Path]:
    """A file system in memory of so many bytes."""
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={n_bytes}", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if made.returncode:
        pytest.skip(f"a file system of a given size cannot be mounted here: {made.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("mount") is None, reason="needs mount")
@pytest.mark.parametrize("free", [4_096, 30_000, 120_000, 250_000])
def test_a_full_disk_is_one_error_and_earlier_results_stay(tmp_path: Path, free: int) -> None:
    with small_disk(tmp_path / "disk", 4 << 20) as disk:
        directory = run(disk / "toy", paths=80)
        before = contents(directory)
        room = os.statvfs(disk)
        (disk / "ballast").write_bytes(bytes(room.f_bavail * room.f_frsize - free))
        with pytest.raises(StorageError, match=r"cannot be written: .*No space left on device"):
            run(directory, overwrite=True, paths=80, seed=6)
        assert contents(directory) == before
        open_results(directory)
        (disk / "ballast").unlink()
        run(directory, overwrite=True, resume=True, paths=80, seed=6)
        assert contents(directory) == contents(run(tmp_path / "whole", paths=80, seed=6))


def test_room_is_reserved_before_it_is_mapped(tmp_path: Path) -> None:
    """Writing to mapped memory without room behind it would end the process by a signal."""
    reserve(tmp_path / "scratch", 300_001)
    assert (tmp_path / "scratch").stat().st_size == 300_001
    assert (tmp_path / "scratch").stat().st_blocks * 512 >= 300_001
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            reserve(tmp_path / "larger", 300_001)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_place_that_may_not_be_written_is_one_error(tmp_path: Path) -> None:
    file = write_experiment(tmp_path / "toy.yaml", slow_experiment())
    with small_disk(tmp_path / "disk", 1 << 20) as disk:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        result = CliRunner().invoke(app, ["run", str(file), "--output", str(disk / "toy"), "--quiet"])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {disk / 'toy'} cannot be written: ")
    assert "Read-only file system" in result.stderr
    assert result.stderr.count("\n") == 1


def flipped(path: Path, place: float) -> None:
    """Turn a bit of a file."""
    content = bytearray(path.read_bytes())
    content[int(place * (len(content) - 1))] ^= 4
    path.write_bytes(content)


@pytest.mark.parametrize("place", np.linspace(0.0, 1.0, 12).tolist())
def test_a_flipped_bit_is_never_read_as_a_result(stored: Path, tmp_path: Path, place: float) -> None:
    directory = tmp_path / "toy"
    shutil.copytree(stored, directory)
    flipped(directory / "results.h5", place)
    with pytest.raises(StorageError, match=r"cannot be read|its checksum differs|not complete|schema version"):
        open_results(directory)
    for command in (["report", str(directory)], ["journal", str(directory)]):
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 1, result.output
        assert result.stderr.startswith("error: ")


@pytest.mark.parametrize("place", [0.2, 0.9])
@pytest.mark.parametrize("how", ["flip", "cut"])
def test_a_damaged_manifest_never_ends_in_a_crash(stored: Path, tmp_path: Path, place: float, how: str) -> None:
    """JSON with a turned bit may still be JSON: then its checksum of the results must hold."""
    directory = tmp_path / "toy"
    shutil.copytree(stored, directory)
    path = directory / "manifest.json"
    if how == "flip":
        flipped(path, place)
    else:
        path.write_bytes(path.read_bytes()[: int(place * path.stat().st_size)])
    try:
        open_results(directory)
    except StorageError:
        pass
    else:
        assert how == "flip"
    assert CliRunner().invoke(app, ["status", str(directory)]).exit_code == 0


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with slow_registered():
        return run(tmp_path_factory.mktemp("stored") / "toy", paths=20)


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    """A run that was interrupted after half of its blocks."""

    def stop(done: int, total: int) -> None:
        if done >= total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_experiment(parse_experiment(slow_experiment()), output=tmp_path / "toy", jobs=1, progress=stop)
    return tmp_path / "toy"


@pytest.mark.slow
@pytest.mark.parametrize("place", [0.1, 0.99])
def test_damaged_blocks_are_run_again(stopped: Path, tmp_path: Path, place: float) -> None:
    blocks = sorted(tmp_path.glob(".toy.partial/blocks/*.npz"))
    for path in blocks[::2]:
        flipped(path, place)
    blocks[1].write_bytes(blocks[1].read_bytes()[: int(place * 500)])
    assert contents(run(stopped, resume=True)) == contents(run(tmp_path / "whole"))


@pytest.mark.slow
@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"config": 1}', '{"config": {"compute": 3}}'])
def test_a_damaged_record_of_a_stopped_run_is_one_error(stopped: Path, tmp_path: Path, content: str) -> None:
    (tmp_path / ".toy.partial" / "run.json").write_text(content)
    with pytest.raises(StorageError, match=r"run.json cannot be read, start anew with --overwrite"):
        run(stopped, resume=True)
    with pytest.raises(ConfigError, match="8 finished blocks; go on with --resume, or forget them with --overwrite"):
        run(stopped)
    assert contents(run(stopped, overwrite=True)) == contents(run(tmp_path / "whole"))


def test_earlier_results_that_a_kill_has_moved_away_come_back(tmp_path: Path) -> None:
    """Between the two renames of a publication nothing carries the final name."""
    directory = run(tmp_path / "toy")
    before = contents(directory)
    directory.rename(tmp_path / ".toy.4711.old")
    (tmp_path / ".toy.x.4711.old").mkdir()  # of another run
    with PartialRun(directory):
        assert contents(directory) == before
    (tmp_path / ".toy.4712.old").mkdir()
    with PartialRun(directory):
        pass
    assert sorted(item.name for item in tmp_path.iterdir()) == [".toy.x.4711.old", "toy"]


def test_values_of_every_day_are_chunked_by_block(tmp_path: Path) -> None:
    directory = run(tmp_path / "toy", keep="everything", compute={"block_paths": 16})
    with h5py.File(directory / "results.h5") as file:
        assert file["daily_equity"].chunks == (1, 1, 61, 16)
        assert file["daily_vix"].chunks == (1, 61, 16)
        assert file["terminal_pnl"].chunks is None
        assert file["daily_equity"].compression is None

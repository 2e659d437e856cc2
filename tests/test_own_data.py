"""A user's own history: fitted, kept as a preset file, and run; and what is refused on the way."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

import models
from models.errors import ModelParameterError
from sim.cli import app
from sim.history import default_history


def regimesim(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, arguments, prog_name="regimesim")
    return result.exit_code, result.stdout, result.stderr


def write(path: Path, rows: list[tuple[str, float]]) -> str:
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("Date", "Close"), *rows])
    return str(path)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The embedded history of 2010 to 2018 as two CSV files."""
    folder, history = tmp_path_factory.mktemp("csv"), default_history().between("2010-01-01", "2018-12-31")
    known = np.isfinite(history.vix_close)
    spx = [(str(day), float(close)) for day, close in zip(history.dates, history.spx_close, strict=True)]
    vix = [(str(day), float(c)) for day, c in zip(history.dates[known], history.vix_close[known], strict=True)]
    return write(folder / "spx.csv", spx), write(folder / "vix.csv", vix)


def test_a_fit_to_own_files_is_a_preset_that_runs(files: tuple[str, str], tmp_path: Path) -> None:
    spx, vix = files
    preset = tmp_path / "mine.yaml"
    code, out, _ = regimesim("calibrate", "heston_nandi", "--spx", spx, "--vix", vix, "--output", str(preset))
    assert code == 0
    assert "2010-01-04 to 2018-12-31" in out
    read = models.load_preset(str(preset))
    assert read.model == "heston_nandi"
    assert read.parameters["beta"] != models.load_preset("heston_nandi_index_2018").parameters["beta"]
    experiment = {
        "name": "mine",
        "paths": 8,
        "days": 5,
        "scenarios": {"own": {"model": "heston_nandi", "preset": str(preset)}},
        "strategies": {"condor": {"engines": [{"engine": "iron_condor"}]}},
    }
    file = tmp_path / "experiment.yaml"
    YAML(typ="safe", pure=True).dump(experiment, file)
    assert regimesim("validate", str(file))[0] == 0
    experiment["scenarios"] = {"own": {"model": "svcj", "preset": str(preset)}}
    YAML(typ="safe", pure=True).dump(experiment, file)
    code, _, err = regimesim("validate", str(file))
    assert code == 2
    assert "made for heston_nandi; must be a preset of svcj" in err


def test_a_file_that_is_no_preset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelParameterError, match=r"preset .*none.yaml cannot be read"):
        models.load_preset(str(tmp_path / "none.yaml"))
    for text in ("model: svcj\n", "- 1\n", "model: svcj\nparameters: much\n", ""):
        (tmp_path / "bad.yaml").write_text(text)
        with pytest.raises(ModelParameterError, match="must hold model and parameters"):
            models.load_preset(str(tmp_path / "bad.yaml"))
    given = {**models.load_preset("svcj_index_2018").parameters, "kappa_p": "much"}
    with pytest.raises(ModelParameterError, match="kappa_p must be a finite number, got 'much'"):
        models.create("svcj", **given)


def test_files_that_cannot_be_spx_and_vix_are_refused(files: tuple[str, str], tmp_path: Path) -> None:
    spx, vix = files
    code, out, err = regimesim("calibrate", "heston_nandi", "--spx", vix, "--vix", spx)
    assert (code, out) == (2, "")
    assert "SPX closes must have a median of 100 to 100000 points, got 1" in err
    decimals = write(tmp_path / "decimals.csv", [("2018-01-02", 0.098), ("2018-01-03", 0.092)])
    code, out, err = regimesim("calibrate", "heston_nandi", "--spx", spx, "--vix", decimals)
    assert (code, out) == (2, "")
    assert "VIX closes must have a median of 5 to 100 points, got 0.095" in err
    ancient = write(tmp_path / "ancient.csv", [("1885-01-02", 40.0)])
    code, _, err = regimesim("calibrate", "heston_nandi", "--spx", ancient, "--vix", vix)
    assert code == 2
    assert "ancient.csv:2: Date must lie in the years 1900 to 2200, got '1885-01-02'" in err


def test_too_short_a_history_and_a_missing_directory_are_known_before_the_fit(
    files: tuple[str, str], tmp_path: Path
) -> None:
    rows = [(f"2018-01-{day:02d}", 2700.0 + day) for day in (2, 3, 4, 5)]
    short = write(tmp_path / "short.csv", rows)
    code, out, err = regimesim("calibrate", "svcj", "--spx", short, "--vix", files[1])
    assert (code, out) == (2, "")
    assert "at least 1001 SPX closes are needed, got 4 (2018-01-02 to 2018-01-05)" in err
    code, out, err = regimesim("calibrate", "svcj", "--output", str(tmp_path / "no" / "x.yaml"))
    assert (code, out) == (2, "")
    assert f"--output: the directory {tmp_path / 'no'} does not exist" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--vix", "nan"), "--vix must be > 0 points, got nan"),
        (("--vix", "-3"), "--vix must be > 0 points, got -3"),
        (("--state", "-0.1"), "--state: variance must be finite and >= 0, got -0.1"),
        (("--state", "inf"), "--state: variance must be finite and >= 0, got inf"),
    ],
)
def test_prices_from_no_state_are_refused(arguments: tuple[str, str], message: str) -> None:
    code, out, err = regimesim("price", "vix-future", *arguments)
    assert (code, out) == (2, "")
    assert message in err


def test_a_start_below_the_models_floor_is_known_before_anything_is_built(tmp_path: Path) -> None:
    quickstart = Path(__file__).parents[1] / "experiments" / "quickstart.yaml"
    low = "scenarios.svcj_calm.start.vix=[5, 8]"
    code, out, err = regimesim("run", str(quickstart), "-o", low, "--output", str(tmp_path / "x"), "--jobs", "1")
    assert (code, out) == (2, "")
    assert "in scenario svcj_calm" in err
    assert "building" not in err
    assert list(tmp_path.iterdir()) == []

"""`regimesim fidelity`: what it prints, writes and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

from models.fidelity.scorecard import scorecard
from models.presets import load_preset
from models.registry import create
from sim.cli import app


def regimesim(*arguments: str) -> tuple[int, str, str]:
    """Run the program in this process: exit code, stdout, stderr."""
    result = CliRunner().invoke(app, arguments, prog_name="regimesim")
    return result.exit_code, result.stdout, result.stderr


def test_the_table_is_that_of_the_scorecard(tmp_path: Path) -> None:
    names = ("svcj_index_2018", "heston_nandi_index_2018")
    options = ("--windows", "24", "--seed", "7")
    code, out, err = regimesim("fidelity", *names, *options, "--output", str(tmp_path / "new"))
    assert code == 0
    assert "24 of 24 histories" in err
    stored = xr.load_dataset(tmp_path / "new" / "fidelity.h5", engine="h5netcdf")
    assert list(stored.model.values) == list(names)
    assert stored.sizes["fact"] == 34
    for name in names:
        preset = load_preset(name)
        card = scorecard(create(preset.model, **preset.parameters), n_windows=24, seed=7)
        assert f"{name}: {card.n_passed} of 34 facts, 24 histories, seed 7" in out
        np.testing.assert_array_equal(stored["median"].sel(model=name), [score.median for score in card.scores])
        assert int(stored.passed.sel(model=name).sum()) == card.n_passed
    rows = [line.split() for line in out.splitlines() if line.startswith("vix_mean ")]
    assert [row[1] for row in rows] == ["points", "points"]
    assert rows[0][2:5] == ["19.274", "14.774", "24.404"]
    assert [row[-1] for row in rows] == ["yes", "yes"]


def test_machines_get_every_row() -> None:
    code, out, _ = regimesim("fidelity", "svcj_index_2018", "--windows", "20", "--json")
    tree = json.loads(out)
    assert code == 0
    assert len(tree["rows"]) == 34
    assert tree["passed"]["svcj_index_2018"] == sum(row["passed"] for row in tree["rows"])
    assert all(row["meaning"] and row["unit"] for row in tree["rows"])


def test_a_fit_becomes_a_preset(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    fit = ("--fit", "svcj_index_2018", "--free", "theta_p,kappa_q", "--evaluations", "2", "--windows", "20")
    code, out, _ = regimesim("fidelity", *fit, "--output", str(path))
    assert code == 0
    preset = load_preset(str(path))
    assert preset.model == "svcj"
    assert set(preset.parameters) == set(load_preset("svcj_index_2018").parameters)
    assert preset.diagnostics["misfit"] <= preset.diagnostics["misfit_at_start"]
    assert "seed 1" in preset.source
    assert "misfit_at_start" in out
    again = regimesim("fidelity", str(path), "--windows", "20", "--json")[1]
    assert json.loads(again)["passed"][str(path)] == preset.diagnostics["facts_passed"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("svcj_index_2081",), "did you mean 'svcj_index_2018'?"),
        (("svcj",), "svcj needs kappa_p"),
        (("svcj_index_2018", "-p", "rho"), "must be NAME=VALUE with a number, a text or a list"),
        (("svcj_index_2018", "-p", "rho=true"), "must be NAME=VALUE with a number, a text or a list"),
        (("svcj_index_2018", "-p", "rho={a: 1}"), "must be NAME=VALUE with a number, a text or a list"),
        (("svcj_index_2018", "-p", "rho=left"), "rho must be"),
        (("svcj_index_2018", "-p", "rho=2"), "rho must lie in (-1, 1)"),
        (("svcj_index_2018", "--fit", "svcj_index_2018"), "takes one preset or model of its own"),
        (("--fit", "svcj_index_2018"), "at least one free parameter"),
        (("--fit", "svcj_index_2018", "--free", "kapa_p"), "got 'kapa_p'"),
        (("--fit", "svcj_index_2018", "--free", "rho", "--output", "no/such/place.yaml"), "does not exist"),
    ],
)
def test_bad_requests_are_one_message(arguments: tuple[str, ...], message: str) -> None:
    code, out, err = regimesim("fidelity", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_parameters_may_be_texts_and_lists() -> None:
    two_states = ("base=svcj_index_2018", "level_p=[0.7, 2.5]", "transition_p=[[0.995, 0.005], [0.02, 0.98]]")
    options = [part for text in two_states for part in ("-p", text)]
    code, out, err = regimesim("fidelity", "regime_switching", *options, "--windows", "20", "--json")
    assert code == 0, err
    model = create(
        "regime_switching",
        base="svcj_index_2018",
        level_p=(0.7, 2.5),
        transition_p=((0.995, 0.005), (0.02, 0.98)),
    )
    assert json.loads(out)["passed"]["regime_switching"] == scorecard(model, n_windows=20).n_passed


def test_earlier_output_is_kept(tmp_path: Path) -> None:
    (tmp_path / "fidelity.h5").write_text("earlier")
    code, _, err = regimesim("fidelity", "svcj_index_2018", "--windows", "20", "--output", str(tmp_path))
    assert code == 2
    assert "exists already" in err
    assert (tmp_path / "fidelity.h5").read_text() == "earlier"


def test_rows_beside_the_scorecard_are_shown_and_stored(tmp_path: Path) -> None:
    arguments = ("fidelity", "heston_nandi_index_2018", "--windows", "24", "--context", "--output", str(tmp_path))
    code, out, _ = regimesim(*arguments)
    assert code == 0
    assert "beside the scorecard, not counted" in out
    stored = xr.load_dataset(tmp_path / "fidelity.h5", engine="h5netcdf")
    assert float(stored.context_real.sel(row="condor_skew")) == -1.84
    assert np.isfinite(stored.context_median.sel(row="condor_excess_pct")).all()
    shown = next(line for line in out.splitlines() if line.startswith("vvix_mean "))
    assert f"{float(stored.context_median.sel(row='vvix_mean').item()):.3f}" in shown
    tree = json.loads(regimesim(*arguments[:5], "--json")[1])
    assert {row["row"] for row in tree["context"]} == set(stored.row.values)

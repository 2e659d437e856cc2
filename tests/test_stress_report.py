"""What `regimesim stress` and the report say of a script: each number again from the stored paths."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from sim.cli import app
from sim.experiment import parse_experiment
from sim.report.registry import make_sections
from sim.report.stress import stress_summary
from sim.runner import run_experiment
from sim.storage import Results, open_results
from tests.toy_experiment import experiment, registered

ROWS: list[dict[str, Any]] = [
    {"note": "fall", "spx_return": -0.06, "vix": 45.0, "spread": 3.0, "curve_ratio": 0.5},
    {"note": "rest", "sessions": 5, "spx_level": 0.97, "vix": 250.0 / 10.0},
]
FIRST = 10


@pytest.fixture(scope="module", autouse=True)
def _toys() -> Iterator[None]:
    with registered():
        yield


def tree(**more: Any) -> dict[str, Any]:
    market = {"model": "constant_volatility", "parameters": {"volatility": 0.2}}
    script = {"name": "fall", "first_session": FIRST, "aftermath": 4, "sessions": ROWS}
    return experiment(
        **{
            "days": 25,
            "paths": 12,
            "scenarios": {"one": {**market, "stress": script}, "free": market},
            "strategies": {
                "puts": {"engines": [{"engine": "buy_puts", "strike": 4000.0, "quantity": 2.0}]},
                "condor": {"engines": [{"engine": "iron_condor"}]},
            },
            "costs": {},
            "compute": {"jobs": 1},
            **more,
        }
    )


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    config = parse_experiment(tree())
    return open_results(run_experiment(config, output=tmp_path_factory.mktemp("stress") / "out"))


def test_the_summary_is_that_of_the_paths(results: Results) -> None:
    (item,) = stress_summary(results)
    data = results.table("stress").sel(scenario="one")
    assert (item["scenario"], item["script"], item["first_session"], item["last_session"]) == ("one", "fall", 10, 15)
    asked = [(row["spx_asked"], row["vix_asked"]) for row in item["sessions"]]
    assert asked == [(-0.06, 45.0), *[(None, None)] * 4, (pytest.approx(0.97 / 0.94 - 1.0), 25.0)]
    assert item["sessions"][0]["spx_return"] == pytest.approx(-0.06, abs=1e-6)
    assert item["sessions"][-1]["spx_return"] == pytest.approx(0.97 / 0.94 - 1.0, abs=1e-6)
    # one factor: the curve is that of the toy's mean reversion, 63 sessions from 45 towards 20
    curve = (20.0 + 25.0 * np.exp(-5.0 * 63 / 252)) / 45.0
    assert item["sessions"][0]["curve_ratio"] == pytest.approx(curve, abs=1e-5)
    assert item["sessions"][0]["curve_miss"] == pytest.approx(curve - 0.5, abs=1e-5)
    assert abs(item["sessions"][0]["vix_miss"]) < 1e-4
    (note,) = item["notes"]
    assert note.endswith(f"what is asked is missed by up to {curve - 0.5:.2f}")
    for one, name in zip(item["strategies"], ("puts", "condor"), strict=True):
        cell = data.sel(strategy=name)
        change = (cell["equity"].isel(stress_day=6) - cell["equity"].isel(stress_day=0)).values
        assert one["pnl"]["mean"] == pytest.approx(change.mean(), rel=1e-9)
        assert one["pnl"]["worst"] == change.min()
        assert one["pnl"]["p05"] == pytest.approx(np.quantile(change, 0.05), rel=1e-9)
        (engine,) = one["engines"]
        assert engine["net"]["mean"] + one["interest"] == pytest.approx(change.mean(), abs=0.1)
        assert engine["at_mid"]["mean"] - engine["costs"] == pytest.approx(engine["net"]["mean"], abs=1e-6)
        assert sum(leg["at_mid"]["mean"] for leg in one["legs"]) == pytest.approx(engine["at_mid"]["mean"], abs=0.6)
        assert [row["stress_day"] for row in one["margin"]] == list(range(11))
        margin = cell["margin"].isel(stress_day=1).values
        assert one["margin"][1]["margin"]["p95"] == pytest.approx(np.quantile(margin, 0.95), rel=1e-6)
        assert one["margin_call"]["share"] == 0.0
        assert one["margin_call"]["p50"] is None
    puts = item["strategies"][0]
    assert [leg["leg"] for leg in puts["legs"]] == ["spx_option_put_long"]
    assert puts["pnl"]["mean"] > 0.0
    assert item["strategies"][1]["worst_session"]["p50"] == FIRST
    json.dumps(item, allow_nan=False)


def test_a_single_path_has_no_interval(tmp_path: Path) -> None:
    config = parse_experiment(tree(paths=1))
    (item,) = stress_summary(open_results(run_experiment(config, output=tmp_path / "one")))
    json.dumps(item, allow_nan=False)
    assert item["strategies"][0]["pnl"]["p05"] == item["strategies"][0]["pnl"]["worst"]


def test_the_report_has_a_section(results: Results) -> None:
    (section,) = [item for item in make_sections(results) if item.anchor == "stress"]
    titles = [table.title for table in section.tables]
    assert titles == [
        "fall: what was asked and what came of it",
        "P&L over the script",
        "P&L by leg over the script",
        "The day things broke",
    ]
    assert {table.scenario for table in section.tables} == {"one"}
    assert [card.title for card in section.cards] == ["margin day by day", "equity day by day"]
    assert "spx_option_put_long" in json.dumps(section.tables[2].records())


# the command


def regimesim(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, arguments, prog_name="regimesim")
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "toy.yaml"
    with path.open("w", encoding="utf-8") as stream:
        YAML(typ="safe", pure=True).dump(tree(paths=4, name="toy"), stream)
    return path


def test_the_command_runs_prints_and_prints_again(file: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    code, out, err = regimesim("stress", str(file), "--output", str(output), "--no-report", "--json")
    assert code == 0, err
    first = json.loads(out)
    assert [row["scenario"] for row in first["rows"]] == ["one"]
    code, out, err = regimesim("stress", str(output), "--json")
    assert (code, json.loads(out)["rows"]) == (0, first["rows"])
    code, out, err = regimesim("stress", str(output))
    assert code == 0
    for text in ("one: fall, sessions 10 to 15", "spx_option_put_long", "first margin call", "largest loss"):
        assert text in out
    code, out, err = regimesim("stress", str(file), "--output", str(output))
    assert (code, out) == (2, "")
    assert "holds results already" in err
    before = (output / "results.h5").read_bytes()
    code, out, err = regimesim("stress", str(file), "--output", str(output), "--resume", "--json")
    assert (code, json.loads(out)["rows"]) == (0, first["rows"])
    assert (output / "report.html").is_file()
    assert (output / "results.h5").read_bytes() == before


def test_a_script_is_laid_over_every_scenario(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("first_session: 3\nsessions: [{spx_return: -0.1, vix: 30}]\n", encoding="utf-8")
    code, out, err = regimesim("stress", str(file), "--script", "mine.yaml", "--no-report", "--json", "-q")
    assert code == 0, err
    answer = json.loads(out)
    assert answer["results"] == "outputs/toy_mine"
    assert {row["scenario"] for row in answer["rows"]} == {"one", "free"}
    assert {row["first_session"] for row in answer["rows"]} == {3}


def test_what_has_no_script_is_bad_input(file: Path, tmp_path: Path) -> None:
    code, out, err = regimesim("stress", str(file), "-o", "scenarios.one.stress=null")
    assert (code, out) == (2, "")
    assert "no scenario with a script" in err
    code, _, err = regimesim("stress", str(file), "--script", "crash_1978")
    assert code == 2
    assert "did you mean 'crash_1987'" in err
    config = parse_experiment(tree(paths=2, scenarios={"free": tree()["scenarios"]["free"]}))
    run_experiment(config, output=tmp_path / "none")
    code, _, err = regimesim("stress", str(tmp_path / "none"))
    assert code == 2
    assert "no scenario of these results has a script" in err

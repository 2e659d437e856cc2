"""What `regimesim replay` and the report say: each number again from the stored paths."""

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
from sim.cli.replay import with_partners
from sim.experiment import parse_experiment
from sim.report.registry import make_sections
from sim.report.replay import describe_history, replay_rows
from sim.runner import run_experiment
from sim.storage import Results, open_results
from tests.toy_experiment import experiment, registered

PATHS = 40


@pytest.fixture(scope="module", autouse=True)
def _toys() -> Iterator[None]:
    with registered():
        yield


def tree(**more: Any) -> dict[str, Any]:
    """Puts on the SPX of February 2018 at the real VIX; the toy's volatility is constant under its own law."""
    market = {"model": "constant_volatility", "parameters": {"volatility": 0.12}}
    replay = {"from": "2018-01-31", "to": "2018-02-28"}
    tree = experiment(
        **{
            "paths": PATHS,
            "scenarios": {"real": {**market, "replay": replay}},
            "strategies": {"puts": {"engines": [{"engine": "buy_puts", "strike": 2750.0}]}},
            "compute": {"jobs": 1},
            **more,
        }
    )
    return {key: value for key, value in tree.items() if key != "days" or "days" in more}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    config = with_partners(parse_experiment(tree()))
    return open_results(run_experiment(config, output=tmp_path_factory.mktemp("replay") / "out"))


def test_every_replay_gets_one_partner() -> None:
    config = with_partners(parse_experiment(tree()))
    assert list(config.scenarios) == ["real", "real_simulated"]
    partner = config.scenarios["real_simulated"].replay
    assert partner is not None
    assert partner.future == "model"
    assert with_partners(config) == config
    assert with_partners(parse_experiment(config.model_dump(mode="json"))) == config


def test_the_rows_are_those_of_the_paths(results: Results) -> None:
    (item,) = replay_rows(results)
    assert (item["scenario"], item["simulated"]) == ("real", "real_simulated")
    values = {row["name"]: row for row in item["strategies"][0]["values"]}
    assert list(values) == ["terminal_pnl", "max_drawdown", "total_cost", "engine_buy_puts"]
    data = results.data.sel(strategy="puts")
    for name in ("terminal_pnl", "max_drawdown"):
        real = data[name].sel(scenario="real").values
        drawn = data[name].sel(scenario="real_simulated").values
        row = values[name]
        assert np.ptp(real) == 0.0  # nothing is drawn for a put that settles on a close
        assert row["replayed"]["p50"] == row["replayed"]["p05"] == real[0]
        assert row["simulated"]["p95"] == pytest.approx(np.quantile(drawn, 0.95), rel=1e-12)
        rank = ((drawn < real[0]).sum() + 0.5 * (drawn == real[0]).sum()) / PATHS
        assert row["percentile"] == pytest.approx(rank, rel=1e-12)
        assert row["ci_low"] <= row["percentile"] <= row["ci_high"]
    # costs are zero on all paths: half of equals count
    assert values["total_cost"]["percentile"] == 0.5
    # the fall of February is worth more than most of what the toy draws
    assert values["terminal_pnl"]["percentile"] > 0.5
    json.dumps(item, allow_nan=False)


def test_the_history_is_described(results: Results) -> None:
    text = describe_history(replay_rows(results)[0]["history"])
    assert "arch.data.sp500, arch.data.vix, 2018-01-31 to 2018-02-28, 19 sessions" in text
    assert (
        "no close missing; the model reaches the VIX on every close; futures are the model's; openings are drawn"
        in text
    )
    notes = {
        "source": "x",
        "from": "a",
        "to": "b",
        "sessions": 3,
        "carried": {"spx": 1, "vix": 2},
        "missed_closes": 4,
        "closes": 64,
        "largest_miss": 0.286,
        "openings": {"spx": 0, "vix": 5},
        "futures": 6,
    }
    text = describe_history(notes)
    for part in (
        "3 missing closes carried over",
        "out of the model's reach on 4 of 64 closes, by 0.29 points at most",
        "VIX futures as settled on 6 closes",
        "openings are given on 0 sessions for the SPX and 5 for the VIX",
    ):
        assert part in text


def test_the_report_has_a_section(results: Results) -> None:
    (section,) = [item for item in make_sections(results) if item.anchor == "replay"]
    (table,) = section.tables
    assert table.scenario == "real"
    assert "2018-02-28" in table.note
    assert [row[1] for row in table.rows][:2] == ["terminal P&L [USD]", "maximum drawdown [share]"]
    assert [card.title for card in section.cards] == ["puts"]


def regimesim(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, arguments, prog_name="regimesim")
    return result.exit_code, result.stdout, result.stderr


def written(folder: Path, content: dict[str, Any]) -> Path:
    path = folder / "toy.yaml"
    with path.open("w", encoding="utf-8") as stream:
        YAML(typ="safe", pure=True).dump(content, stream)
    return path


def test_the_command_runs_prints_and_prints_again(tmp_path: Path) -> None:
    file, output = written(tmp_path, tree(paths=4)), tmp_path / "out"
    code, out, err = regimesim("replay", str(file), "--output", str(output), "--no-report", "--json")
    assert code == 0, err
    rows = json.loads(out)["rows"]
    assert rows[0]["simulated"] == "real_simulated"
    code, out, err = regimesim("replay", str(output), "--json")
    assert (code, json.loads(out)["rows"]) == (0, rows)
    code, out, err = regimesim("replay", str(output))
    assert code == 0, err
    for text in ("real\n", "2018-01-31 to 2018-02-28", "terminal P&L", "percentile", "buy_puts, net of costs"):
        assert text in out


@pytest.mark.slow
def test_the_simulation_can_be_left_out(tmp_path: Path) -> None:
    file, output = written(tmp_path, tree(paths=2)), tmp_path / "out"
    code, out, err = regimesim("replay", str(file), "--output", str(output), "--no-report", "--no-simulated", "--json")
    assert code == 0, err
    (row,) = json.loads(out)["rows"]
    assert row["simulated"] is None
    assert row["strategies"][0]["values"][0]["percentile"] is None
    assert "percentile" in regimesim("replay", str(output))[1]


def test_what_replays_nothing_is_bad_input(tmp_path: Path) -> None:
    free = {"model": "constant_volatility", "parameters": {"volatility": 0.2}}
    file = written(tmp_path, tree(days=10, scenarios={"free": free}))
    code, out, err = regimesim("replay", str(file))
    assert (code, out) == (2, "")
    assert "no scenario that replays a history" in err
    config = parse_experiment(tree(days=10, paths=2, scenarios={"free": free}))
    run_experiment(config, output=tmp_path / "none")
    code, _, err = regimesim("replay", str(tmp_path / "none"))
    assert code == 2
    assert "no scenario of these results replays a history" in err

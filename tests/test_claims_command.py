"""`regimesim claims` where the answer is known: a hedge that pays 70% back, a game without premium."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pytest
import xarray as xr
from pydantic import Field
from ruamel.yaml import YAML

import models
from models import registry as model_registry
from sim import open_results
from sim.config import EngineConfig
from sim.contracts import Product
from sim.expiries import nearest_expiry
from sim.strategies import registry as engine_registry
from sim.strategies.protocols import DayView, Open, Orders
from tests.test_cli import regimesim
from tests.toy_experiment import ConstantVolatility, experiment

FIRST, HEDGE = "hold_puts", "pay_back"


class HoldPutsConfig(EngineConfig):
    """Puts, bought or sold once and held to their expiry."""

    engine: Literal["hold_puts"] = "hold_puts"
    quantity: float = Field(description="contracts, below 0 sold")


class PayBackConfig(EngineConfig):
    """The same puts, to pay part of the first engine's losses back."""

    engine: Literal["pay_back"] = "pay_back"
    quantity: float = Field(description="contracts, below 0 sold")


class HoldPuts:
    config_type: ClassVar[type[EngineConfig]] = HoldPutsConfig
    required_signals: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: HoldPutsConfig | PayBackConfig, n_paths: int) -> None:
        self.config, self.is_done = config, False

    def decide(self, view: DayView) -> Orders:
        if self.is_done:
            return Orders()
        self.is_done = True
        weekly = view.expiries.spx_weekly
        expiry = nearest_expiry(view.calendar, view.t, target_days=30, min_days=20, max_days=40, expiries=weekly)
        assert expiry is not None
        strike = np.full((1, view.n_paths), 4000.0)
        contracts = view.contracts(("puts", expiry), Product.SPX_OPTION, [False], strike, expiry)
        return Orders(opens=[Open(contracts=contracts, quantity=np.full((1, view.n_paths), self.config.quantity))])


class PayBack(HoldPuts):
    config_type: ClassVar[type[EngineConfig]] = PayBackConfig


@pytest.fixture(autouse=True)
def _toys() -> Iterator[None]:
    models.register("constant_volatility", ConstantVolatility)
    engine_registry.register(FIRST, HoldPuts)
    engine_registry.register(HEDGE, PayBack)
    try:
        yield
    finally:
        del model_registry.REGISTRY["constant_volatility"]
        del engine_registry.REGISTRY[FIRST], engine_registry.REGISTRY[HEDGE]


def strategy(first: float, hedge: float) -> dict[str, Any]:
    return {"engines": [{"engine": FIRST, "quantity": first}, {"engine": HEDGE, "quantity": hedge}]}


SHARED = experiment(
    paths=120,
    compute={"block_paths": 60, "jobs": 1},
    keep={"fan": False, "example_paths": 0},
    strategies={"bare": strategy(-10.0, 0.0), "hedged": strategy(-10.0, 7.0)},
    windows={"always": {"when": {"signal": "vix", "op": ">", "value": 0}, "description": "every session"}},
)
OFFSET = {
    "id": "T1",
    "text": "the hedge pays 60 to 80% of the loss back",
    "source": ["public"],
    "compare": [{"method": "hedged", "baseline": "bare"}],
    "measures": [
        {
            "name": "offset",
            "measure": "offset_ratio",
            "windows": ["always"],
            "claimed": {"low": 0.6, "high": 0.8},
        }
    ],
}
CARRY = {
    "id": "T2",
    "text": "the hedge costs nothing",
    "source": ["S0", "S1"],
    "compare": [{"method": "hedged"}],
    "measures": [
        {
            "name": "carry",
            "measure": "window_pnl",
            "of": "hedges",
            "windows": ["always"],
            "claimed": {"low": 0.0},
        }
    ],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two claims: one on a hedge that pays back, one without any premium."""
    place = tmp_path / "claims"
    place.mkdir()
    fair = {name: {**item, "equity_premium_scale": 0.0} for name, item in SHARED["scenarios"].items()}
    files = {
        "base": SHARED,
        "T1": {"extends": "base.yaml", "name": "T1", "claim": OFFSET},
        "T2": {"extends": "base.yaml", "name": "T2", "scenarios": fair, "claim": CARRY},
        "T10": {"extends": "base.yaml", "name": "T10", "claim": {**OFFSET, "id": "T10"}},
    }
    for name, tree in files.items():
        with (place / f"{name}.yaml").open("w") as stream:
            YAML(typ="safe").dump(tree, stream)
    return place


def judged(folder: Path, *arguments: str) -> tuple[int, Any, str]:
    places = ("--folder", str(folder), "--output", str(folder.parent / "out"))
    code, out, err = regimesim("claims", *arguments, *places, "--json", "--no-report")
    return code, json.loads(out) if out else None, err


def test_a_hedge_that_pays_seventy_per_cent_back_is_found_to(folder: Path) -> None:
    code, tree, err = judged(folder, "T1")
    assert code == 0, err
    assert [row["estimate"] for row in tree["rows"]] == pytest.approx([0.7, 0.7], abs=1e-5)
    assert [row["verdict"] for row in tree["rows"]] == ["supported", "supported"]
    assert all(30 < row["n_telling"] < 120 for row in tree["rows"])
    assert tree["claims"] == [
        {
            "claim": "T1",
            "text": OFFSET["text"],
            "source": ["public"],
            "verdict": "supported",
            "cells": {"supported": 2, "contradicted": 0, "cannot be told": 0},
            "by_model": {"constant_volatility": "supported"},
        }
    ]
    assert "T1: 2 scenarios x 2 strategies, 120 paths x 60 days" in err


def test_without_a_premium_a_hedge_neither_costs_nor_earns(folder: Path) -> None:
    """Whether its carry is negative cannot be told; with a premium on the index puts cost, which can."""
    _, tree, _ = judged(folder, "T2", "-o", "paths=400")
    for row in tree["rows"]:
        assert row["ci_low"] < 0.0 < row["ci_high"]
    assert tree["claims"][0]["verdict"] == "cannot be told"
    dear = [f"scenarios.{name}.{key}" for name in ("flat", "loud") for key in ("equity_premium_scale=8",)]
    _, tree, _ = judged(folder, "T2", "--overwrite", "-o", "paths=400", *(x for item in dear for x in ("-o", item)))
    assert tree["claims"][0]["verdict"] == "contradicted"


@pytest.mark.slow
def test_the_table_ends_in_the_verdict_and_files_hold_the_rows(folder: Path) -> None:
    out_folder = folder.parent / "out"
    code, text, _ = regimesim("claims", "--folder", str(folder), "--output", str(out_folder), "-q")
    assert code == 0
    assert [line.split()[0] for line in text.splitlines() if line.endswith(("back", "nothing"))] == ["T1", "T2", "T10"]
    assert "T1     offset   hedged vs bare  constant_volatility  stationary  60% to 80%  70% [70%, 70%]" in text
    assert "T1 SUPPORTED (2 cells: 2 supported; constant_volatility: supported)" in text
    rows = json.loads((out_folder / "claims.json").read_text())["rows"]
    with (out_folder / "claims.csv").open() as stream:
        table = list(csv.DictReader(stream))
    data = xr.open_dataset(out_folder / "claims.h5", engine="h5netcdf", group="claims")
    assert [row["verdict"] for row in rows] == [row["verdict"] for row in table] == list(data["verdict"].values)
    assert [row["estimate"] for row in rows] == [float(row["estimate"]) for row in table]
    np.testing.assert_array_equal(data["estimate"].values, [row["estimate"] for row in rows])
    assert set(data["claim_verdict"].values) == {"supported", "cannot be told"}
    report = (out_folder / "T1" / "report.html").read_text()
    assert 'id="claim"' in report
    assert "The claim T1" in report
    assert "70% [70%, 70%]" in report


@pytest.mark.slow
def test_results_are_used_again_and_never_mixed_up(folder: Path) -> None:
    _, first, _ = judged(folder, "T1")
    stored = folder.parent / "out" / "T1" / "results.h5"
    made = stored.stat().st_mtime_ns
    code, second, err = judged(folder, "T1")
    assert (code, second, stored.stat().st_mtime_ns) == (0, first, made)
    assert "are used again" in err
    code, tree, err = judged(folder, "T1", "-o", "paths=60")
    assert (code, tree, stored.stat().st_mtime_ns) == (2, None, made)
    assert "paths: 120 -> 60" in err
    assert "--overwrite" in err
    code, tree, _ = judged(folder, "T1", "-o", "paths=60", "--overwrite")
    assert (code, tree["rows"][0]["n_paths"]) == (0, 60)


def test_damaged_results_are_refused_and_can_be_replaced(folder: Path) -> None:
    judged(folder, "T1")
    stored = folder.parent / "out" / "T1" / "results.h5"
    stored.write_bytes(stored.read_bytes()[:-100])
    code, tree, err = judged(folder, "T1")
    assert (code, tree) == (1, None)
    assert "damaged" in err
    assert judged(folder, "T1", "--overwrite")[0] == 0


def test_another_rule_judges_the_same_results(folder: Path) -> None:
    judged(folder, "T1")
    stored = folder.parent / "out" / "T1"
    made = (stored / "results.h5").stat().st_mtime_ns
    _, tree, err = judged(folder, "T1", "-o", "claim.measures.0.claimed.high=0.65")
    assert tree["claims"][0]["verdict"] == "contradicted"
    assert "are used again" in err
    assert (stored / "results.h5").stat().st_mtime_ns == made
    claim = open_results(stored).manifest["config"]["claim"]
    assert claim["measures"][0]["claimed"]["high"] == 0.65
    assert sorted(path.name for path in stored.iterdir()) == ["manifest.json", "results.h5"]


def test_results_of_another_version_are_not_used(folder: Path) -> None:
    judged(folder, "T1")
    manifest = folder.parent / "out" / "T1" / "manifest.json"
    tree = json.loads(manifest.read_text())
    for field, message in (("version", "version of the program: other -> "), ("sources", "program text")):
        manifest.write_text(json.dumps({**tree, "code": {**tree["code"], field: "other"}}))
        code, _, err = judged(folder, "T1")
        assert code == 2
        assert message in err


def test_claims_are_listed_in_the_order_of_their_numbers(folder: Path) -> None:
    code, out, err = regimesim("claims", "--list", "--folder", str(folder))
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()] == ["T1", "T2", "T10"]
    rows = json.loads(regimesim("claims", "--list", "--json", "--folder", str(folder))[1])
    assert [row["id"] for row in rows] == ["T1", "T2", "T10"]
    assert rows[1] == {"id": "T2", "source": ["S0", "S1"], "text": "the hedge costs nothing"}


def test_a_claim_can_be_named_by_its_file_or_in_small_letters(folder: Path) -> None:
    for name in ("t10", str(folder / "T10.yaml")):
        rows = json.loads(regimesim("claims", "--list", "--json", name, "--folder", str(folder))[1])
        assert [row["id"] for row in rows] == ["T10"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("T3",), "claim 'T3' is not known; must be one of T1, T2, T10"),
        (("base.yaml",), "base.yaml: cannot be read"),
        (("T1", "-o", "claim=null"), "T1.yaml has no key `claim`"),
        (("T1", "-o", "claim.compare.0.method=hegded"), "claim.compare.0.method: got 'hegded'"),
        (("T1", "-o", "claim.measures.0.windows=[alway]"), "did you mean 'always'?"),
        (("T1", "-o", "claim.measures.0.effect=speed"), "must have claim.crossing"),
        (("T1", "-o", "claim.measures.0.measure=ofset"), "must be one of offset_ratio, volatility"),
        (("T1", "-o", "claim.measures.0.decides=false"), "must hold one with decides: true"),
        (("T2", "-o", "claim.measures.0.contrast=gain"), "must have a baseline"),
        (
            ("T1", "-o", "claim.crossing={m: {fast_short: flat, fast_long: flat, slow_short: lout, slow_long: loud}}"),
            "claim.crossing.m.slow_short: got 'lout'; must be one of flat, loud; did you mean 'loud'?",
        ),
    ],
)
def test_bad_requests_are_one_message_and_leave_nothing(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    code, tree, err = judged(folder, *arguments)
    assert (code, tree) == (2, None)
    assert message in err
    assert not (folder.parent / "out").exists()


def test_an_empty_folder_says_where_claims_are_looked_for(tmp_path: Path) -> None:
    for arguments in ((), ("C1",)):
        code, _, err = regimesim("claims", *arguments, "--folder", str(tmp_path))
        assert code == 2
        assert f"{tmp_path} holds no claims" in err

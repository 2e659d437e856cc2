"""The page of claims describes what there is: every claim that ships, every field of the key, every measure."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from sim.claims.judge import Row
from sim.config.claim import CONTRASTS, MEASURES, ClaimConfig, ClaimedConfig, DecisionConfig, MeasureConfig
from sim.experiment import load_experiment

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "experiments" / "claims"
PAGE = (ROOT / "docs" / "claims.md").read_text(encoding="utf-8")
IDS = [f"C{number}" for number in range(1, 14)]


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_every_claim_of_the_rulebook_ships() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.yaml")) == sorted([*IDS, "base"])


@pytest.mark.parametrize("name", IDS)
def test_every_claim_is_an_experiment_and_has_its_section(name: str) -> None:
    config = load_experiment(FOLDER / f"{name}.yaml")
    claim = config.claim
    assert claim is not None
    assert (config.name, claim.id) == (name, name)
    assert len({scenario.model for scenario in config.scenarios.values()}) >= 3
    text = section(name)
    assert f"**Source ({', '.join(claim.source)}).**" in text
    assert "**Measured.**" in text
    assert "**Decided.**" in text
    top = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8").split("\n\n")[0].splitlines()
    assert top[0].startswith(f"# {name}: ")
    assert "?" in top[0]
    assert f"#   regimesim claims {name}" in top


@pytest.mark.parametrize("kind", [ClaimConfig, DecisionConfig, ClaimedConfig, MeasureConfig, *MEASURES.values(), Row])
def test_every_field_is_named(kind: type[BaseModel] | type[Row]) -> None:
    fields = kind.model_fields if issubclass(kind, BaseModel) else kind.__dataclass_fields__
    text = PAGE.replace("decision.", "")
    assert [name for name in fields if f"`{name}`" not in text and name not in ("measure", "decision")] == []


def test_every_measure_has_a_row_and_no_other() -> None:
    rows = re.findall(r"^\| `(\w+)` \| [^|]*\| [^|]+ \|$", section("The key `claim`"), re.MULTILINE)
    assert [name for name in rows if name in MEASURES] == list(MEASURES)
    assert [name for name in CONTRASTS if f"`{name}`" not in PAGE] == []


def test_defaults_of_the_rule_are_those_of_the_page() -> None:
    for name, info in DecisionConfig.model_fields.items():
        assert f"| `decision.{name}` | `{info.default}` |" in PAGE

"""The rulebook's pages describe what there is: every engine, field, default and signal, with examples that load."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from ruamel.yaml import YAML

from sim.conditions import BOOK_SIGNALS, Condition
from sim.config import AccountConfig, CostsConfig, MarginConfig
from sim.config.market import BreadthConfig, EventsConfig, MacroConfig, MacroFactorConfig, SettlementConfig
from sim.config.schema import KeepConfig
from sim.errors import ConfigError
from sim.experiment import engine_types, parse_experiment
from sim.greeks import GREEKS
from sim.signals import REGISTRY as SIGNALS
from sim.strategies.gates import IrrGateConfig
from sim.strategies.hedging import HedgeConfig
from sim.strategies.registry import SHIPPED
from sim.strategies.vix_ladder import Rung

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "rulebook"
PAGES = {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.md"))}
SECTIONS: dict[str, tuple[type[BaseModel], ...]] = {
    "conventions.md": (AccountConfig,),
    "settlement.md": (SettlementConfig,),
    "costs.md": (CostsConfig,),
    "margin.md": (MarginConfig,),
    "auxiliary.md": (BreadthConfig, EventsConfig, MacroConfig),
    "conditions.md": (Condition,),
    "sizing.md": (HedgeConfig, IrrGateConfig),
    "vix_ladder.md": (Rung,),
}
"""Pages that describe sections of the experiment file which are no engines."""

QUOTED = re.compile(r"^> \".+\" \(S[0-4]")
EXAMPLE = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
ENGINE_ROW = re.compile(r"^\| `(\w+)` \| [^|]+ \| \[[^]]+\]\(([\w.]+)\) \| [^|]+ \|$", re.MULTILINE)

MARKET = {"model": "svcj", "preset": "svcj_index_2018"}


def page_of(engine: str) -> str:
    """Page that the index gives for an engine."""
    rows = dict(ENGINE_ROW.findall(PAGES["index.md"]))
    assert engine in rows, f"docs/rulebook/index.md has no row for the engine {engine}"
    return rows[engine]


def fields_of(kind: type[BaseModel], prefix: str = "", values: BaseModel | None = None) -> Iterator[tuple[str, str]]:
    """Dotted names of fields and their defaults as a page writes them, sections within sections included."""
    for name, info in kind.model_fields.items():
        if name == "engine":
            continue
        default = "required" if info.is_required() else info.get_default(call_default_factory=True)
        default = default if values is None else getattr(values, name)
        if isinstance(default, BaseModel) and not isinstance(default, Condition | MacroFactorConfig):
            yield from fields_of(type(default), f"{prefix}{name}.", default)
        else:
            yield f"{prefix}{info.alias or name}", shown(default)


def shown(value: Any) -> str:
    """Default as a page writes it."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, tuple) and all(isinstance(item, BaseModel) for item in value):
        return "; ".join(map(str, value))
    return str(value)


def missing_rows(kind: type[BaseModel], text: str) -> list[str]:
    """Start of the rows that a text lacks: field and default; a unit must follow."""
    rows = [f"| `{name}` | `{default}` | " for name, default in fields_of(kind)]
    lines = text.splitlines()
    return [row for row in rows if not any(line.startswith(row) and line[len(row)] not in " |" for line in lines)]


@pytest.mark.parametrize("engine", sorted(SHIPPED))
def test_every_engine_has_a_page_with_its_fields_and_defaults(engine: str) -> None:
    kind, page = engine_types()[engine], page_of(engine)
    missing = missing_rows(kind, PAGES[page])
    if issubclass(kind, HedgeConfig):  # what all hedges have alike stands on one page
        assert "](sizing.md#fields)" in PAGES[page]
        shared = missing_rows(kind, PAGES["sizing.md"])
        missing = [row for row in missing if row in shared]
    assert missing == [], f"docs/rulebook/{page} lacks these rows of {engine}, or their units"


def test_no_page_describes_an_engine_that_does_not_exist() -> None:
    assert {engine for engine, _ in ENGINE_ROW.findall(PAGES["index.md"])} == SHIPPED


@pytest.mark.parametrize(
    ("page", "kind"), [(page, kind) for page, kinds in SECTIONS.items() for kind in kinds], ids=lambda item: str(item)
)
def test_sections_are_described_with_their_defaults(page: str, kind: type[BaseModel]) -> None:
    assert missing_rows(kind, PAGES[page]) == []


def test_a_wrong_default_and_a_missing_unit_are_found() -> None:
    row = "| `initial_equity` | `1000000.0` | USD | equity on day 0 |"
    rest = (
        "\n| `fractional` | `false` | true/false | x |\n| `spot` | `4000.0` | index points | x |"
        "\n| `execution_lag` | `0` | sessions | x |"
    )
    assert missing_rows(AccountConfig, row + rest) == []
    for wrong in (row.replace("1000000.0", "2000000.0"), row.replace("USD", ""), row.replace("_equity", "_cash")):
        assert missing_rows(AccountConfig, wrong + rest) == ["| `initial_equity` | `1000000.0` | "]


def test_every_signal_has_a_row_with_unit_history_and_source() -> None:
    lines = PAGES["signals.md"].splitlines()
    for name, signal in SIGNALS.items():
        start = f"| `{name}` | {signal.unit} | {signal.history} | "
        (row,) = (line for line in lines if line.startswith(f"| `{name}` |"))
        assert row.startswith(start)
        assert row.endswith(f"| {signal.sources} |")
        assert (f"`market.{signal.needs}`" in row) == (signal.needs is not None)
    for name in BOOK_SIGNALS:
        assert any(line.startswith(f"| `{name}` | ") for line in lines), name


def test_every_greek_has_a_row_with_unit_and_meaning() -> None:
    lines = PAGES["greeks.md"].splitlines()
    for name, greek in GREEKS.items():
        assert f"| `{name}` | {greek.unit} | {greek.meaning} |" in lines


def test_what_is_kept_of_greeks_stands_with_its_defaults() -> None:
    rows = {"greek_paths", "greek_every"}
    text = PAGES["greeks.md"]
    assert [row for row in missing_rows(KeepConfig, text) if re.findall(r"`(\w+)`", row)[0] in rows] == []


def test_no_row_names_a_signal_that_does_not_exist() -> None:
    table = re.findall(r"^\| `(\w+)` \| [^|]+ \| \d+ \| ", PAGES["signals.md"], re.MULTILINE)
    assert table == list(SIGNALS)


def test_every_page_is_reached_and_every_link_leads_somewhere() -> None:
    linked = set()
    for name, text in PAGES.items():
        for target in re.findall(r"\]\(([^)#]+)(?:#[\w-]+)?\)", text):
            assert target in PAGES, f"{name} links to {target}"
            linked.add(target)
    assert linked | {"index.md"} == PAGES.keys()


@pytest.mark.parametrize("page", sorted(PAGES))
def test_files_that_a_page_names_exist(page: str) -> None:
    named = re.findall(r"`((?:sim|models|tests|experiments)/[\w/]+\.(?:py|yaml))`", PAGES[page])
    assert [path for path in named if not (ROOT / path).is_file()] == []
    if page != "index.md":
        assert any(path.startswith("tests/") for path in named), "the tests that hold the page are not named"


@pytest.mark.parametrize("page", sorted(PAGES))
def test_quotes_name_their_document(page: str) -> None:
    assert [line for line in PAGES[page].splitlines() if line.startswith("> ") and not QUOTED.match(line)] == []


def examples() -> list[Any]:
    return [
        pytest.param(page, block, id=f"{page}-{n}")
        for page, text in PAGES.items()
        for n, block in enumerate(EXAMPLE.findall(text))
    ]


def experiment_of(block: str) -> dict[str, Any]:
    """Experiment around a fragment; engines of a fragment are its only strategy."""
    fragment = YAML(typ="safe").load(block)
    engines = fragment.pop("engines", [{"engine": "iron_condor"}])
    strategies = {"example": {"engines": engines}}
    return {"name": "example", "scenarios": {"a": dict(MARKET)}, "strategies": strategies, **fragment}


@pytest.mark.parametrize(("page", "block"), examples())
def test_examples_load(page: str, block: str) -> None:
    parse_experiment(experiment_of(block), page)


def test_an_example_with_an_unknown_field_is_refused() -> None:
    with pytest.raises(ConfigError, match="short_deltas"):
        parse_experiment(experiment_of("engines: [{engine: iron_condor, short_deltas: 0.2}]"), "page")

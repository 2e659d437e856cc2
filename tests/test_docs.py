"""The documentation names what exists: models, parameters, presets, files, links and commands; and its examples run."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer.main
from ruamel.yaml import YAML

import models
from models import registry
from models.fidelity.facts import FACTS
from models.regimes import regime_names
from sim.cli import app
from sim.config.market import MarketConfig
from sim.config.sensitivity import FactorConfig, SensitivityConfig
from sim.experiment import parse_experiment
from sim.metrics.registry import REGISTRY as STATISTICS
from sim.metrics.windows import REGISTRY as WINDOW_STATISTICS
from sim.storage import VARIABLES
from sim.stress import script_names
from sim.windows.definition import DEFAULT_WINDOWS, Window

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
BOTH = [ROOT / "README.md", *PAGES]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)")
FILE = re.compile(r"`((?:models|sim|tests|experiments)/[\w/.-]+\.(?:py|yaml|csv))`")

of_page_or_readme = pytest.mark.parametrize("page", BOTH, ids=lambda page: str(page.relative_to(ROOT)))
of_model = pytest.mark.parametrize("name", models.names())


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return [body for kind, body in FENCE.findall(text) if kind == language]


def prose(text: str) -> str:
    return FENCE.sub("", text)


def section(text: str, title: str) -> str:
    """What stands under a heading of the second level."""
    _, _, rest = text.partition(f"\n## {title}\n")
    return rest.partition("\n## ")[0]


def anchors(text: str) -> set[str]:
    """Anchors of the headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


# models, carriers, episodes, facts


@of_model
def test_every_model_has_its_page(name: str) -> None:
    page = text_of(DOCS / "models" / f"{name}.md")
    assert page.startswith(f"# {name}\n")
    assert f"({name}.md)" in text_of(DOCS / "models" / "index.md")
    table = section(page, "Parameters")
    assert [item.name for item in models.parameters_of(name) if f"`{item.name}`" not in table] == []
    rows = re.findall(r"^\| (`.+?`) \|", table, re.MULTILINE)
    named = set(re.findall(r"`(\w+)`", " ".join(rows)))
    assert named - {item.name for item in models.parameters_of(name)} == set()
    for title in ("Equations", "VIX", "Prices", "Simulation", "Calibration and presets", "Tests", "Sources"):
        assert section(page, title).strip(), title


def test_every_preset_is_on_the_page_of_its_model() -> None:
    for preset in models.preset_names():
        page = text_of(DOCS / "models" / f"{models.load_preset(preset).model}.md")
        assert f"`{preset}`" in section(page, "Calibration and presets"), preset


def test_pages_name_presets_that_exist() -> None:
    known = {*models.preset_names(), *regime_names(), *script_names()}
    for page in PAGES:
        named = set(re.findall(r"`([a-z_]+_20\d\d)`|<!-- scorecard: (\w+) -->", text_of(page)))
        assert {a or b for a, b in named} <= known, page


def test_every_carrier_has_its_section() -> None:
    text = text_of(DOCS / "carriers.md")
    for name in MarketConfig.model_fields:
        part = section(text, name)
        default = getattr(MarketConfig(events={}), name)  # type: ignore[arg-type]
        assert [field for field in type(default).model_fields if f"`{field}`" not in part] == [], name


def test_every_episode_and_every_fact_is_named() -> None:
    episodes, facts = text_of(DOCS / "regimes.md"), text_of(DOCS / "fidelity.md")
    assert [name for name in regime_names() if f"`{name}`" not in episodes] == []
    assert [name for name in FACTS if f"`{name}`" not in facts] == []


def test_every_experiment_that_ships_is_on_their_page() -> None:
    page = text_of(DOCS / "experiments.md")
    shipped = [path.relative_to(ROOT).as_posix() for path in (ROOT / "experiments").rglob("*.yaml")]
    assert [path for path in shipped if f"`{path}`" not in page and "experiments/claims/" not in path] == []


def test_keys_of_a_study_are_on_its_page() -> None:
    page = text_of(DOCS / "sensitivity.md")
    kinds = (SensitivityConfig, FactorConfig)
    assert [name for kind in kinds for name in kind.model_fields if f"`{name}`" not in page] == []


# windows


def test_every_window_and_its_statistics_are_named() -> None:
    text = text_of(DOCS / "windows.md")
    assert [name for name in DEFAULT_WINDOWS if f"`{name}`" not in text] == []
    assert [name for name in Window.model_fields if f"`{name}`" not in text] == []
    rows = dict(re.findall(r"^\| `(\w+)` \| ([\w/^. ]+) \|", section(text, "Statistics"), re.MULTILINE))
    (body,) = blocks(text, "yaml")
    scenarios = {"calm": {"model": "svcj", "preset": "svcj_index_2018"}}
    strategies = {"hold": {"engines": [{"engine": "spx"}]}}
    tree = {"name": "docs", "scenarios": scenarios, "strategies": strategies, **YAML(typ="safe", pure=True).load(body)}
    assert len(parse_experiment(tree).windows) == 2
    by_engine = {"engine_pnl_per_year": "USD/year", "engine_correlation": "1"}
    assert rows == {**{name: item.unit for name, item in WINDOW_STATISTICS.items()}, **by_engine}


def test_every_statistic_stands_on_its_page_as_it_is_defined() -> None:
    text = section(text_of(DOCS / "statistics.md"), "Definitions")
    found = {}
    for metric, part in re.findall(r"^### (\w+)\n(.*?)(?=^### |\Z)", text, re.MULTILINE | re.DOTALL):
        for name, unit, definition in re.findall(r"^\| `(\w+)` \| (.+?) \| (.+) \|$", part, re.MULTILINE):
            found[name] = (metric, unit, definition)
    assert found == {name: (item.metric, item.unit, item.definition) for name, item in STATISTICS.items()}


# links and files


def broken_links(page: Path, text: str) -> list[str]:
    broken = []
    for target in LINK.findall(prose(text)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        there = anchors(text if file == page else text_of(file)) if file.suffix == ".md" and file.is_file() else set()
        if not file.exists() or (anchor and anchor not in there):
            broken.append(target)
    return broken


@of_page_or_readme
def test_links_lead_somewhere(page: Path) -> None:
    assert broken_links(page, text_of(page)) == []


def test_a_link_that_leads_nowhere_is_found() -> None:
    text = "[a](models/svcj.md#vix) [b](models/none.md) [c](models/svcj.md#none) [d](#here)\n\n# Here\n"
    assert broken_links(DOCS / "fidelity.md", text) == ["models/none.md", "models/svcj.md#none"]


@of_page_or_readme
def test_files_that_are_named_exist(page: Path) -> None:
    named = {name for name in FILE.findall(prose(text_of(page))) if not re.search(r"/[A-Z]+\.", name)}
    assert {name for name in named if not (ROOT / name).exists()} == set()


# commands


def command_lines(text: str) -> Iterator[str]:
    """Commands in blocks that are no program text."""
    for language in ("", "bash", "sh", "console"):
        for body in blocks(text, language):
            yield from (line for line in body.splitlines() if re.match(r"(\S*/)?regimesim\s", line))


def mentions(text: str) -> list[str]:
    """Commands inside a sentence, which may be cut short."""
    return re.findall(r"`((?:\S*/)?regimesim\s[^`]+)`", re.sub(r"\s+", " ", prose(text)))


def refusal(line: str, *, is_mention: bool = False) -> str | None:
    """What the command line says against a command, which it reads and does not run."""
    words = shlex.split(line.split(" > ")[0], comments=True)[1:]
    group: Any = typer.main.get_command(app)
    own = {option for parameter in group.params for option in parameter.opts} | {"--help", "-h"}
    while words and words[0] in own:
        words.pop(0)
    if not words or words[0] == "...":
        return None
    if words[0] not in group.commands:
        return f"no command {words[0]}"
    try:
        group.commands[words[0]].make_context(words[0], words[1:])
    except Exception as error:
        is_help = getattr(error, "exit_code", None) == 0
        is_cut = is_mention and type(error).__name__ == "MissingParameter"
        return None if is_help or is_cut else f"{type(error).__name__}: {error}"
    return None


@of_page_or_readme
def test_commands_are_read_by_the_command_line(page: Path) -> None:
    text = text_of(page)
    refused = {line: refusal(line) for line in command_lines(text)}
    refused |= {line: refusal(line, is_mention=True) for line in mentions(text)}
    assert {line: why for line, why in refused.items() if why is not None} == {}


def test_pages_show_commands() -> None:
    assert sum(len([*command_lines(text_of(page)), *mentions(text_of(page))]) for page in PAGES) > 30


@pytest.mark.parametrize(
    "line",
    [
        "regimesim simulate x.yaml",
        "regimesim fidelity svcj_index_2018 --contxt",
        "regimesim price spx-straddle --delta 20",
        "regimesim fidelity --windows many",
        "regimesim list carriers",
        "regimesim run",
    ],
)
def test_a_command_that_does_not_exist_is_found(line: str) -> None:
    assert refusal(line) is not None
    assert list(command_lines(f"```\n{line}\n```\n")) == mentions(f"see `{line}`") == [line]


def test_commands_name_models_and_presets_that_exist() -> None:
    known = {*models.names(), *models.preset_names()}
    for page in BOTH:
        for line in [*command_lines(text_of(page)), *mentions(text_of(page))]:
            words = shlex.split(line, comments=True)
            named = [words[i + 1] for i, word in enumerate(words[:-1]) if word in ("--preset", "--model", "--fit")]
            named += words[2:3] if words[1] in ("calibrate", "fidelity") else []
            assert [n for n in named if n not in known and not re.match(r"-|\.|[A-Z]+$|\w+\.yaml", n)] == [], line


# program text and experiment files


def test_sections_of_experiments_are_valid() -> None:
    """Blocks with scenarios, completed by a strategy; files of the reader are not there to be read."""
    checked = 0
    for page in PAGES:
        for body in blocks(text_of(page), "yaml"):
            tree = YAML(typ="safe", pure=True).load(body)
            if ".csv" in body or "scenarios" not in tree:
                continue
            parse_experiment({"name": "docs", "strategies": {"hold": {"engines": [{"engine": "spx"}]}}, **tree})
            checked += 1
    assert checked >= 3


@of_page_or_readme
def test_program_text_imports_what_exists(page: Path) -> None:
    for body in blocks(text_of(page), "python"):
        for node in ast.walk(ast.parse(body)):
            if isinstance(node, ast.ImportFrom):
                missing = [item.name for item in node.names if not hasattr(import_module(str(node.module)), item.name)]
                assert missing == [], node.module


def run(body: str, names: dict[str, Any]) -> None:
    """Run a block as a reader would: the imports of this file are not its own."""
    exec(compile(body, "docs/adding-a-model.md", "exec", dont_inherit=True), names)


@pytest.fixture
def clean_registry() -> Iterator[None]:
    before = dict(registry.REGISTRY)
    yield
    registry.REGISTRY.clear()
    registry.REGISTRY.update(before)


@pytest.mark.slow
def test_the_worked_examples_run(clean_registry: None) -> None:
    bodies = blocks(text_of(DOCS / "adding-a-model.md"), "python")
    assert len(bodies) >= 7
    names: dict[str, Any] = {"__name__": "adding_a_model"}
    for body in bodies:
        run(body, names)
    assert {"constant_volatility", "shifted_heston", "egarch"} <= set(models.names())


def test_a_worked_example_that_is_wrong_is_found(clean_registry: None) -> None:
    """The first price of the page with another volatility than that of its paths."""
    model, check = blocks(text_of(DOCS / "adding-a-model.md"), "python")[:2]
    assert "np.array([[0.04]])" in check
    names: dict[str, Any] = {"__name__": "adding_a_model"}
    run(model, names)
    with pytest.raises(AssertionError):
        run(check.replace("np.array([[0.04]])", "np.array([[0.05]])"), names)


def test_every_stored_variable_stands_on_the_page_of_storage_as_it_is() -> None:
    """Name, dimensions, type and unit of each variable of the root group, and no other."""
    rows = re.findall(r"^\| `(\w+)` \| ([\w, ]+) \| (\w+) \| ([^|]+) \| ", text_of(DOCS / "storage.md"), re.MULTILINE)
    assert rows == [(name, ", ".join(item.dimensions), item.dtype, item.units) for name, item in VARIABLES.items()]

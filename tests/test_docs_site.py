"""The documentation as a site: commands, tests and pages that are named exist, examples run, and nothing is broken."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from ruamel.yaml import YAML

from sim import signals
from sim.cli import app
from sim.strategies import registry

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
CONFIG = ROOT / ".mkdocs.yml"
COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_every_command_is_on_its_page_as_it_says_of_itself() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+?) \| `regimesim .+` \|$", text_of("docs/commands.md"), re.MULTILINE))
    said = {name: " ".join(command.help.split("\n\n")[0].split()) for name, command in COMMANDS.items()}
    assert rows == said


def test_every_command_is_in_the_readme() -> None:
    assert [name for name in COMMANDS if f"regimesim {name}" not in text_of("README.md")] == []


def test_tests_that_are_named_exist() -> None:
    named = re.findall(r"`(test_\w+)::(test_\w+)`", text_of("docs/verification.md"))
    assert len(named) > 40
    known: dict[str, set[str]] = {}
    for file, _ in named:
        tree = ast.parse((ROOT / "tests" / f"{file}.py").read_text(encoding="utf-8"))
        known[file] = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    assert [f"{file}::{test}" for file, test in named if test not in known[file]] == []


def test_numbers_name_the_command_that_prints_them() -> None:
    """Pages with measured money or shares name a command; the list holds pages whose numbers are definitions."""
    for page in sorted(DOCS.rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        if re.search(r"\d+(\.\d+)? (of 34|USD/year|paths/s)", text):
            assert "regimesim " in text, page


def pages_in_navigation(tree: Any) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
    for item in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from pages_in_navigation(item)


def test_every_page_is_in_the_navigation() -> None:
    listed = list(pages_in_navigation(YAML(typ="safe", pure=True).load(CONFIG)["nav"]))
    sources = [*DOCS.rglob("*.md"), *DOCS.rglob("*.ipynb")]
    pages = {str(path.relative_to(DOCS).with_suffix(".md")) for path in sources}
    assert len(listed) == len(set(listed))
    assert set(listed) == pages


@pytest.fixture
def clean_registries() -> Iterator[None]:
    engines, known = dict(registry.REGISTRY), dict(signals.REGISTRY)
    yield
    for held, before in ((registry.REGISTRY, engines), (signals.REGISTRY, known)):
        held.clear()
        held.update(before)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["docs/extending.md", "docs/guide.md", "docs/api/models.md"])
def test_program_text_runs(name: str, clean_registries: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    bodies = re.findall(r"^```python\n(.*?)^```$", text_of(name), re.MULTILINE | re.DOTALL)
    assert bodies
    names: dict[str, Any] = {"__name__": "documentation"}
    for body in bodies:
        exec(compile(body, name, "exec", dont_inherit=True), names)


def test_the_signal_of_the_page_is_the_change_of_the_vix(clean_registries: None) -> None:
    from types import SimpleNamespace

    import numpy as np

    bodies = re.findall(r"^```python\n(.*?)^```$", text_of("docs/extending.md"), re.MULTILINE | re.DOTALL)
    (body,) = [text for text in bodies if "vix_change" in text]
    names: dict[str, Any] = {"__name__": "documentation"}
    exec(compile(body, "docs/extending.md", "exec", dont_inherit=True), names)
    vix = np.array([[10.0, 20.0], [12.0, 19.0]])
    np.testing.assert_array_equal(names["vix_change"](SimpleNamespace(vix_series=vix))[1], [2.0, -1.0])


def build(config: Path, site: Path) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--config-file",
        str(config),
        "--site-dir",
        str(site),
    ]
    return subprocess.run(command, capture_output=True, text=True, cwd=config.parent)


@pytest.mark.slow
def test_the_site_builds_and_a_broken_link_ends_it(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    done = build(CONFIG, tmp_path / "site")
    assert done.returncode == 0, done.stderr[-2000:]
    assert "<math" in (tmp_path / "site" / "models" / "svcj.html").read_text(encoding="utf-8")
    assert "run_experiment" in (tmp_path / "site" / "api" / "sim.html").read_text(encoding="utf-8")
    for page in (tmp_path / "site").rglob("*.html"):  # nothing is loaded from elsewhere
        loaded = re.search(r'<(?:script|link|img)[^>]+(?:src|href)="https?://', page.read_text(encoding="utf-8"))
        assert loaded is None, page
    copy = tmp_path / "copy"
    shutil.copytree(DOCS, copy / "docs")
    for part in ("sim", "models"):
        (copy / part).symlink_to(ROOT / part)
    shutil.copy(CONFIG, copy / ".mkdocs.yml")
    with (copy / "docs" / "guide.md").open("a", encoding="utf-8") as stream:
        stream.write("\n[nowhere](none.md)\n")
    assert "none.md" in build(copy / ".mkdocs.yml", tmp_path / "broken").stderr

"""The one-way flow between the rooms of the program, and the sizes that keep each of them readable."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path for package in ("models", "sim") for path in (ROOT / package).rglob("*.py"))

# What is listed later may import what is listed earlier, never the other way round.
SIM_ORDER = (
    {"errors", "facts", "quantities"},
    {"config"},
    {"cutting", "calendar", "expiries", "event_calendar", "event_risk", "history"},
    {"indicators", "signals", "contracts", "frictions", "given", "etn"},
    {"market", "carried", "openings", "strikes", "quotes", "greeks", "rolling", "conditions", "columns"},
    {"book", "marking", "tranche", "ledger", "costs", "expiry_risk", "margin", "usage", "windows"},
    {"strategies"},
    {"stress", "replay"},
    {"exposures", "repricing", "sources", "execution", "outcomes"},
    {"metrics"},
    {"sampling", "controls"},
    {"experiment", "extensions", "variation"},
    {"evaluator", "stress_run"},
    {"statistics", "storage", "stored_variables", "results_view"},
    {"window_tables", "study", "pooled_gather", "outcome_reader"},
    {"cell"},
    {"stress_results"},
    {"blocks", "runlog", "partial", "manifest", "parallel", "scratch"},
    {"window_gather", "exposure_gather", "source_gather", "fidelity_table", "usage_gather"},
    {"layout"},
    {"gather", "workers", "cluster", "journal"},
    {"explorer", "notebook", "compiled"},
    {"runner"},
    {"claims", "reuse"},
    {"plan", "trial", "status", "report", "bench", "sensitivity"},
    {"cli", ""},
)
RANK = {room: rank for rank, rooms in enumerate(SIM_ORDER) for room in rooms}

# Statistics and reports read stored results and nothing else.
READERS = {
    "metrics": {"errors", "config", "outcomes", "metrics"},
    "claims": {"errors", "config", "storage", "metrics", "claims"},
    "report": {"errors", "facts", "storage", "study", "metrics", "claims", "report"},
}

MAX_MODULE = 450
MAX_FUNCTION = 60
MAX_KERNEL = 90
MAX_CLASS = 250
MAX_PARAMETERS = 12
MAX_OPTIONS = 14
MAX_NESTING = 4


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(path: Path, source: str | None = None) -> Iterator[tuple[int, str]]:
    """Yield line and module of every import of our own packages, those inside functions included."""
    known = {module_name(p) for p in SOURCES}
    for node in ast.walk(ast.parse(path.read_text() if source is None else source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in known else node.module for name in inner]
        else:
            continue
        for name in names:
            if name.split(".")[0] in ("models", "sim"):
                yield node.lineno, name


def room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def wrong_imports(path: Path, source: str | None = None) -> list[str]:
    """Imports of a file against the flow."""
    here = module_name(path)
    wrong = []
    for line, target in imported_modules(path, source):
        if here.split(".")[0] == "models":
            against = target.split(".")[0] == "sim"
        elif target.split(".")[0] == "models":
            against = room(here) in READERS and target != "models.protocols"
        else:
            against = RANK[room(target)] > RANK[room(here)]
            if room(here) in READERS:
                against = against or room(target) not in READERS[room(here)]
        if against:
            wrong.append(f"{path.relative_to(ROOT)}:{line} imports {target}")
    return wrong


def test_every_module_of_sim_has_a_place_in_the_order() -> None:
    rooms = {room(module_name(path)) for path in SOURCES if path.is_relative_to(ROOT / "sim")}
    assert rooms <= set(RANK), f"give {rooms - set(RANK)} a place in SIM_ORDER"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_follow_the_flow(path: Path) -> None:
    assert wrong_imports(path) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("models/svcj.py", "from sim.errors import ConfigError"),
        ("models/svcj.py", "def f():\n    import sim.market"),
        ("sim/market.py", "from sim.strategies.registry import REGISTRY"),
        ("sim/storage.py", "from sim import runner"),
        ("sim/report/write.py", "from sim.evaluator import evaluate"),
        ("sim/report/write.py", "import models"),
    ],
)
def test_an_import_against_the_flow_is_found(path: str, source: str) -> None:
    assert wrong_imports(ROOT / path, source) != []


def test_relative_imports_are_not_used() -> None:
    for path in SOURCES:
        relative = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.ImportFrom) and n.level]
        assert relative == [], f"{path} has relative imports, which the flow test cannot see"


def n_lines(node: ast.ClassDef | ast.FunctionDef) -> int:
    """Lines of a definition without its docstring."""
    assert node.end_lineno is not None
    first = node.body[0]
    is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    docstring = (first.end_lineno or 0) - first.lineno + 1 if is_docstring else 0
    return node.end_lineno - node.lineno + 1 - docstring


def nesting(node: ast.AST, depth: int = 0) -> int:
    """Deepest nesting of blocks; an `elif` is no deeper than its `if`."""
    deepest = depth
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            continue
        is_block = isinstance(child, ast.For | ast.While | ast.If | ast.With | ast.Try)
        is_elif = isinstance(node, ast.If) and isinstance(child, ast.If) and child in node.orelse
        deepest = max(deepest, nesting(child, depth + (is_block and not is_elif)))
    return deepest


def is_kernel(node: ast.FunctionDef) -> bool:
    return any("njit" in ast.unparse(decorator) for decorator in node.decorator_list)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_and_functions_are_small(path: Path) -> None:
    source = path.read_text()
    assert len(source.splitlines()) <= MAX_MODULE
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            assert n_lines(node) <= MAX_CLASS, node.name
        if isinstance(node, ast.FunctionDef):
            kernel = is_kernel(node)
            assert n_lines(node) <= (MAX_KERNEL if kernel else MAX_FUNCTION), node.name
            assert nesting(node) <= MAX_NESTING, node.name
            if not kernel:  # kernels take scalars and arrays, not objects
                arguments = node.args
                count = len(arguments.args) + len(arguments.kwonlyargs) + len(arguments.posonlyargs)
                # the parameters of a command are its options
                is_command = path.parent.name == "cli" and any("command" in ast.dump(d) for d in node.decorator_list)
                assert count <= (MAX_OPTIONS if is_command else MAX_PARAMETERS), node.name


def test_no_module_has_a_name_that_says_nothing() -> None:
    empty_names = {"utils", "util", "helpers", "helper", "common", "misc", "base"}
    assert [path for path in SOURCES if path.stem in empty_names] == []

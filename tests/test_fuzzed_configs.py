"""Experiment files that are broken as a hand, an editor or a disk breaks them: faults with their places, no crash."""

from __future__ import annotations

import copy
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from typer.testing import CliRunner

from sim.cli import app

ROOT = Path(__file__).parents[1]
SHIPPED = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "experiments").rglob("*.yaml")
    if path.stat().st_size < 12_000  # the large ones say the same more often
)

Key = tuple[str | int, ...]
Tree = Any

ODD_VALUES = st.one_of(
    st.sampled_from(
        [
            None,
            True,
            False,
            0,
            -1,
            1,
            10**40,
            -(10**40),
            1e308,
            -1e-320,
            float("nan"),
            float("inf"),
            0.1,
            "",
            " ",
            "svcj",
        ]
    ),
    st.sampled_from(
        ["\u00e9\u4e2d\U0001f4a5", "\u202e", "a" * 5000, "1", "true", "~", "2019-02-30", "../../etc/passwd", "a.b"]
    ),
    st.sampled_from([[], {}, [[]], [{}], {"": None}, [None] * 40, {"a": {"b": {"c": {}}}}, {1: 2}, [1, "a", None, {}]]),
    st.integers(),
    st.floats(),
    st.text(max_size=30),
    st.dates(),
)


def deep(levels: int) -> Tree:
    tree: Tree = 1
    for level in range(levels):
        tree = [tree] if level % 2 else {"k": tree}
    return tree


def keys_of(tree: Tree, key: Key = ()) -> Iterator[Key]:
    """Keys of every value of a tree but the whole."""
    items: Any = ()
    if isinstance(tree, dict):
        items = tree.items()
    elif isinstance(tree, list):
        items = enumerate(tree)
    for name, value in items:
        yield (*key, name)
        yield from keys_of(value, (*key, name))


def parent_of(tree: Tree, key: Key) -> Any:
    for name in key[:-1]:
        tree = tree[name]
    return tree


@st.composite
def broken_trees(draw: Any) -> str:
    """A shipped experiment of which one to three values are replaced, dropped, renamed, doubled or moved."""
    name = draw(st.sampled_from(SHIPPED))
    tree = YAML(typ="safe", pure=True).load((ROOT / name).read_text(encoding="utf-8"))
    for _ in range(draw(st.integers(1, 3))):
        keys = list(keys_of(tree))
        if not keys:
            break
        key = draw(st.sampled_from(keys))
        place, last = parent_of(tree, key), key[-1]
        kind = draw(st.sampled_from(["replace", "drop", "rename", "add", "copy", "deepen"]))
        if kind == "replace":
            place[last] = draw(ODD_VALUES)
        elif kind == "drop":
            del place[last]
        elif kind == "rename" and isinstance(place, dict):
            place[draw(st.one_of(st.text(max_size=12), st.just(f"{last}x"), st.integers(0, 9)))] = place.pop(last)
        elif kind == "add" and isinstance(place, dict):
            place[draw(st.text(min_size=1, max_size=12))] = draw(ODD_VALUES)
        elif kind == "copy":
            other = draw(st.sampled_from(keys))
            place[last] = copy.deepcopy(parent_of(tree, other)[other[-1]])
        else:
            place[last] = deep(draw(st.sampled_from([3, 30, 60, 400])))
    stream = StringIO()
    try:
        YAML(typ="safe", pure=True).dump(tree, stream)
    except Exception:  # what cannot be written cannot be read either
        return str(tree)
    return stream.getvalue()


def doubled(lines: list[str], at: int) -> list[str]:
    return [*lines[: at + 1], lines[at], *lines[at + 1 :]]


EDITS: dict[str, Callable[[list[str], int], list[str]]] = {
    "a line twice": doubled,
    "a line less": lambda lines, at: [*lines[:at], *lines[at + 1 :]],
    "a tab": lambda lines, at: [*lines[:at], "\t" + lines[at], *lines[at + 1 :]],
    "one blank more": lambda lines, at: [*lines[:at], " " + lines[at], *lines[at + 1 :]],
    "cut off": lambda lines, at: [*lines[:at], lines[at][: len(lines[at]) // 2]],
    "an anchor and its alias": lambda lines, at: [*lines[:at], "zzz: &a [1]", "yyy: *a", *lines[at:]],
    "an alias of nothing": lambda lines, at: [*lines[:at], "zzz: *nowhere", *lines[at:]],
    "a merge key": lambda lines, at: [*lines[:at], "<<: {paths: 3}", *lines[at:]],
    "an alias of itself": lambda lines, at: ["zzz: &a", "  b: *a", *lines],
    "a second document": lambda lines, at: [*lines[:at], "---", *lines[at:]],
    "a foreign tag": lambda lines, at: [*lines[:at], "zzz: !!python/object/apply:os.getcwd []", *lines[at:]],
    "an open bracket": lambda lines, at: [*lines[:at], "zzz: [", *lines[at:]],
    "many brackets": lambda lines, at: [*lines[:at], "zzz: " + "[" * 3000, *lines[at:]],
    "an open quote": lambda lines, at: [*lines[:at], 'zzz: "', *lines[at:]],
    "a NUL": lambda lines, at: [*lines[:at], lines[at] + "\0", *lines[at + 1 :]],
    "a lone surrogate": lambda lines, at: [*lines[:at], 'zzz: "\\ud800"', *lines[at:]],
    "a control character in a key": lambda lines, at: [*lines[:at], '"a\\x9f": 1', *lines[at:]],
    "a complex key": lambda lines, at: [*lines[:at], "? [a, b]", ": 1", *lines[at:]],
    "a sexagesimal": lambda lines, at: [*lines[:at], "paths: 1:30:00", *lines[at:]],
    "an octal": lambda lines, at: [*lines[:at], "paths: 0o17", *lines[at:]],
    "no line": lambda lines, at: [],
    "comments only": lambda lines, at: ["# " + line for line in lines],
    "other line ends": lambda lines, at: [line + "\r" for line in lines],
    "a bomb of aliases": lambda lines, at: [
        "a: &a [1, 1, 1, 1, 1, 1, 1, 1]",
        *(f"{x}: &{x} [{', '.join([f'*{y}'] * 8)}]" for x, y in zip("bcdefgh", "abcdefg", strict=True)),
        *lines,
    ],
}


@st.composite
def broken_texts(draw: Any) -> str:
    """A shipped experiment of which one or two lines are edited as text."""
    lines = (ROOT / draw(st.sampled_from(SHIPPED))).read_text(encoding="utf-8").splitlines()
    for _ in range(draw(st.integers(1, 2))):
        at = draw(st.integers(0, max(len(lines) - 1, 0)))
        if lines:
            lines = EDITS[draw(st.sampled_from(sorted(EDITS)))](lines, at)
    return "\n".join(lines)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped experiments, so that what a file extends is there."""
    target = tmp_path_factory.mktemp("fuzz")
    shutil.copytree(ROOT / "experiments", target / "experiments")
    return target


def check(folder: Path, content: bytes) -> int:
    """Whatever a file holds: clear lines and exit code 2, or a valid file; nothing is written beside it."""
    path = folder / "experiments" / "fuzzed.yaml"
    path.write_bytes(content)
    before = sorted(item.name for item in folder.rglob("*"))
    result = CliRunner().invoke(app, ["validate", str(path)])
    assert result.exit_code in (0, 2), (result.output, result.exception)
    assert "Traceback" not in result.output
    assert "internal error" not in result.output
    if result.exit_code == 2:
        *faults, last = result.stderr.splitlines()
        assert faults
        assert last == f"error: {len(faults)} fault{'s' if len(faults) > 1 else ''}"
        places = tuple(str(item) for item in (folder / "experiments").rglob("*.yaml"))
        assert all(fault.startswith(places) for fault in faults), faults
        assert all(len(fault) < 1500 and fault.isprintable() for fault in faults), faults
        run = CliRunner().invoke(app, ["run", str(path), "--output", str(folder / "out"), "--quiet"])
        assert (run.exit_code, run.stdout) == (2, "")
        assert run.stderr.splitlines()[:-1] == faults
    assert sorted(item.name for item in folder.rglob("*")) == before
    return int(result.exit_code)


FUZZ = settings(deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.slow
@settings(FUZZ, max_examples=180)
@given(text=broken_trees())
def test_values_of_any_kind_are_faults_with_a_place(folder: Path, text: str) -> None:
    check(folder, text.encode("utf-8", "surrogatepass"))


@pytest.mark.slow
@settings(FUZZ, max_examples=100)
@given(text=broken_texts())
def test_text_of_any_kind_is_a_fault_with_a_place(folder: Path, text: str) -> None:
    check(folder, text.encode("utf-8", "surrogatepass"))


@pytest.mark.slow
@settings(FUZZ, max_examples=40)
@given(content=st.binary(max_size=200))
def test_bytes_of_any_kind_are_a_fault(folder: Path, content: bytes) -> None:
    assert check(folder, content) == 2


QUICK = (
    "a line twice",
    "a tab",
    "an alias of itself",
    "a foreign tag",
    "no line",
    "a lone surrogate",
    "a control character in a key",
)


@pytest.mark.parametrize(
    "edit", [edit if edit in QUICK else pytest.param(edit, marks=pytest.mark.slow) for edit in sorted(EDITS)]
)
def test_every_edit_is_survived(folder: Path, edit: str) -> None:
    lines = (ROOT / "experiments" / "quickstart.yaml").read_text(encoding="utf-8").splitlines()
    check(folder, "\n".join(EDITS[edit](lines, 10)).encode("utf-8", "surrogatepass"))


def test_a_process_of_its_own_says_the_same(folder: Path) -> None:
    path = folder / "experiments" / "own.yaml"
    path.write_text("name: [\t\npaths: -1\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "sim.cli", "run", str(path), "--output", str(folder / "own")],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{path}:")
    assert "Traceback" not in done.stderr
    assert not (folder / "own").exists()

"""From files to one document: `extends:` below a file, `-o key=value` above it, `grid:` multiplied out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

from sim.config.document import Document, Key, parse_document, read_document, single_fault, value_at

MAX_SCENARIOS = 10_000
"""Scenarios that a grid may span."""


def read_layers(path: Path, overrides: Sequence[str] = ()) -> Document:
    """Read a file with everything it extends, lay the overrides over it and multiply its grid out.

    Parameters
    ----------
    path : Path
        Experiment file.
    overrides : sequence of str
        ``key.path=value``, the value in YAML; later ones win. Items of lists are addressed by their index.

    Raises
    ------
    ConfigError
        If a file cannot be read or the overrides cannot be parsed.
    """
    document = _with_bases(path, str(path), ())
    if not isinstance(document.tree, dict):
        raise single_fault(document.root.source, document.root.line, "must be a mapping of keys to values")
    parsed = [_parse_override(text) for text in overrides]
    for key, override in parsed:
        if key[0] != "scenarios":
            _apply_override(document, key, override)
    expand_grid(document)
    for key, override in parsed:  # scenarios that the grid has made can be overridden by name
        if key[0] == "scenarios":
            _apply_override(document, key, override)
    return document


def _with_bases(path: Path, label: str, chain: tuple[Path, ...]) -> Document:
    """Read a file laid over those that it extends, the first named lowest."""
    document = read_document(path, label)
    tree = document.tree
    if not isinstance(tree, dict) or "extends" not in tree:
        return document
    bases = tree.pop("extends")
    place = document.position(("extends",))
    names = [bases] if isinstance(bases, str) else bases
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        document.blame(("extends",), "must be a file name or a list of file names, relative to this file")
        return document
    chain = (*chain, path.resolve())
    merged: Document | None = None
    for name in names:
        target = path.parent / name
        found = _resolved_file(target)
        if found in chain:
            circle = " -> ".join(p.name for p in (*chain, found))
            raise single_fault(place.source, place.line, f"extends: {name} leads back to itself ({circle})")
        if found is None:
            raise single_fault(place.source, place.line, f"extends: got {name!r}; no such file beside {label}")
        base = _with_bases(target, str(target), chain)
        if not isinstance(base.tree, dict):
            raise single_fault(base.root.source, base.root.line, "must be a mapping of keys to values")
        if merged is None:
            merged = base
        else:
            merged.merge(base)
    if merged is None:
        return document
    merged.merge(document)
    return merged


def _resolved_file(path: Path) -> Path | None:
    """Absolute path of a file, None if there is none or its name is none that a file can have."""
    try:
        return path.resolve() if path.is_file() else None
    except (OSError, ValueError):
        return None


def _parse_override(text: str) -> tuple[Key, Document]:
    """Split ``key.path=value`` and read the value as YAML."""
    name, equals, value = text.partition("=")
    label = f"-o {text}"
    parts = name.strip().split(".")
    if not equals or not all(parts):
        raise single_fault(label, None, "must be key.path=value, for example -o paths=2000")
    return tuple(parts), parse_document(value, label, with_lines=False)


def _apply_override(document: Document, parts: Key, override: Document) -> None:
    document.faults.extend(override.faults)
    tree: Any = document.tree
    key: Key = ()
    for depth, part in enumerate(parts):
        name = _name_in(tree, part)
        if isinstance(tree, list) and not isinstance(name, int):
            document.positions[(*key, part)] = override.root
            document.blame((*key, part), f"no such item; must be an index from 0 to {len(tree) - 1}")
            return
        key = (*key, name)
        if depth < len(parts) - 1:
            if not isinstance(value_at(document.tree, key), dict | list):
                tree[name] = {}
                document.positions[key] = override.root
            tree = tree[name]
    document.replace(key, override)
    document.positions[key] = override.root


def _name_in(tree: Any, part: str | int) -> str | int:
    """Index of a list item or key of a mapping that an override's text means."""
    if str(part).isdecimal():
        number = int(part)
        if isinstance(tree, list) and number < len(tree):
            return number
        if isinstance(tree, dict) and number in tree:
            return number
    return part


def expand_grid(document: Document) -> None:
    """Replace `grid` by the scenarios that it spans: every combination of one choice from each axis.

    An axis maps labels to parts of a scenario. A combination's name is its labels joined by ``_``, its scenario the
    union of its parts.
    """
    grid = document.tree.pop("grid", None)
    if grid is None:
        return
    if not _is_grid(document, grid):
        return
    n_scenarios = 1
    for choices in grid.values():
        n_scenarios *= len(choices)
    if n_scenarios > MAX_SCENARIOS:
        document.blame(("grid",), f"spans {n_scenarios} scenarios; must be <= {MAX_SCENARIOS}")
        return
    source = Document({"grid": grid}, document.root, dict(document.positions))
    scenarios = document.tree.setdefault("scenarios", {})
    if not isinstance(scenarios, dict):
        return  # the schema says what is wrong with it
    for labels in product(*grid.values()):
        name = "_".join(str(label) for label in labels)
        if name in scenarios:
            document.blame(("grid",), f"spans scenario {name!r}, which is defined already; labels must be unique")
            return
        scenarios[name] = {}
        document.positions[("scenarios", name)] = document.position(("grid",))
        for axis, label in zip(grid, labels, strict=True):
            _lay_part(document, source, name, ("grid", axis, label))


def _is_grid(document: Document, grid: Any) -> bool:
    """Check the shape of a grid and blame what is wrong with it."""
    before = len(document.faults)
    if not isinstance(grid, dict) or not grid:
        document.blame(("grid",), "must map axes to choices, for example start: {calm: {start: {vix: [11, 13]}}}")
        return False
    for axis, choices in grid.items():
        if not isinstance(choices, dict) or not choices:
            document.blame(("grid", axis), "must map labels to parts of a scenario")
            continue
        for label, part in choices.items():
            if not isinstance(part, dict):
                document.blame(("grid", axis, label), "must be a mapping, part of a scenario")
    return len(document.faults) == before


def _lay_part(document: Document, source: Document, name: str, part_key: Key) -> None:
    """Add one axis' part to a scenario; an axis may not contradict another."""
    target: Key = ("scenarios", name)
    for field, value in value_at(source.tree, part_key).items():
        scenario = value_at(document.tree, target)
        key = (*target, field)
        if isinstance(value, dict) and isinstance(scenario.get(field), dict) and not set(value) & set(scenario[field]):
            for inner in value:
                document.replace((*key, inner), source, (*part_key, field, inner))
        elif field in scenario:
            document.positions[key] = source.position((*part_key, field))
            document.blame(key, f"is set by two axes of the grid, the second is {part_key[1]}; must be set by one")
        else:
            document.replace(key, source, (*part_key, field))

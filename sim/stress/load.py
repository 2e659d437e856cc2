"""Scripts by name: a shipped one, a YAML file of the user, or a section that changes one of them."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sim.config.document import Document, Key, read_document, value_at
from sim.config.faults import blame_validation, one_of
from sim.config.stress import StressConfig
from sim.errors import ConfigError

BASE_SCRIPT = "script"
"""Key of a section that names the script which the rest of the section changes."""

_FOLDER = "sim.stress.scripts"


def script_names() -> tuple[str, ...]:
    """Names of the shipped scripts, sorted."""
    return tuple(sorted(item.name[:-5] for item in files(_FOLDER).iterdir() if item.name.endswith(".yaml")))


def load_script(name: str) -> StressConfig:
    """Read a script by its name or from a file.

    Parameters
    ----------
    name : str
        Name of a shipped script, or a YAML file.

    Raises
    ------
    ConfigError
        If there is none, or with every fault of the file.
    """
    document = _read(name, Path())
    try:
        config = StressConfig.model_validate(document.tree)
    except ValidationError as error:
        blame_validation(document, error, StressConfig)
    document.raise_faults()
    return config


def lay_scripts(document: Document) -> None:
    """Put the sections of scripts in the place of their names, in every scenario of an experiment.

    ``stress: NAME`` becomes the whole script; ``stress: {script: NAME, first_session: 5}`` the script with that change.
    What is wrong with a name is recorded as a fault of the document.
    """
    scenarios = document.tree.get("scenarios") if isinstance(document.tree, dict) else None
    for name, scenario in scenarios.items() if isinstance(scenarios, dict) else ():
        entry = scenario.get("stress") if isinstance(scenario, dict) else None
        key: Key = ("scenarios", name, "stress")
        if isinstance(entry, str):
            _lay(document, key, entry, {})
        elif isinstance(entry, dict) and BASE_SCRIPT in entry:
            changes = {field: value for field, value in entry.items() if field != BASE_SCRIPT}
            _lay(document, (*key, BASE_SCRIPT), str(entry[BASE_SCRIPT]), changes)


def _lay(document: Document, key: Key, name: str, changes: dict[str, Any]) -> None:
    """Replace the section in which a script is named, at ``key``, by the script with changes."""
    target = key[:3]
    own = Document(changes, document.position(target), dict(document.positions))
    try:
        script = _read(name, Path(document.position(key).source).parent)
    except ConfigError as error:
        document.faults.extend(error.faults)
        if not error.faults:
            document.blame(key, str(error))
        value_at(document.tree, target[:-1])[target[-1]] = None
        return
    document.faults.extend(script.faults)
    if not isinstance(script.tree, dict):
        document.blame(key, f"{name} must be a mapping of keys to values")
        value_at(document.tree, target[:-1])[target[-1]] = None
        return
    document.replace(target, script)
    for field, value in changes.items():
        value_at(document.tree, target)[field] = value
        for known in [known for known in document.positions if known[:4] == (*target, field)]:
            del document.positions[known]
        document.copy_positions((*target, field), own, (*target, field))


def _read(name: str, folder: Path) -> Document:
    """Document of a script: shipped, beside the file that names it, or in the working directory.

    Raises
    ------
    ConfigError
        If there is no such script or file.
    """
    if name in script_names():
        with as_file(files(_FOLDER).joinpath(f"{name}.yaml")) as path:
            return read_document(path, f"{name}.yaml")
    if not name.endswith((".yaml", ".yml")):
        raise ConfigError(f"{one_of(name, script_names())}, or a file NAME.yaml")
    for path in (folder / name, Path(name)):
        if path.is_file():
            return read_document(path)
    raise ConfigError(f"got {name!r}; must be a shipped script or a YAML file; no such file beside the experiment")

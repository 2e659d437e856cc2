"""Files that a replay names: beside the experiment first, then in the working directory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sim.config.document import Document, Key
from sim.config.replay import EMBEDDED

_FIELDS = ("history", "vix_futures")


def locate_files(document: Document) -> None:
    """Replace names of files that lie beside the experiment file by their paths, in every scenario with a replay."""
    scenarios = document.tree.get("scenarios") if isinstance(document.tree, dict) else None
    for name, scenario in scenarios.items() if isinstance(scenarios, dict) else ():
        section = scenario.get("replay") if isinstance(scenario, dict) else None
        if not isinstance(section, dict):
            continue
        key: Key = ("scenarios", name, "replay")
        for field in _FIELDS:
            _locate(document, section, field, (*key, field))
        files = section.get("history")
        if isinstance(files, dict):
            for field in ("spx", "vix"):
                _locate(document, files, field, (*key, "history", field))


def _locate(document: Document, section: dict[Any, Any], field: str, key: Key) -> None:
    value = section.get(field)
    if not isinstance(value, str) or value == EMBEDDED or Path(value).is_absolute():
        return
    beside = Path(document.position(key).source).parent / value
    if beside.is_file():
        section[field] = str(beside)

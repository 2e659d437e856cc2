"""A page over a folder of results: what was asked, what was run, and where the reports are."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sim.errors import StorageError
from sim.report.page import render_page, write_page
from sim.report.section import Section
from sim.storage import MANIFEST, REPORT

INDEX = "index.html"
"""Name of the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """A line of the page."""

    folder: str
    has_report: bool
    when: datetime
    manifest: dict[str, Any]


def write_index(root: str | Path, folders: Iterable[Path]) -> Path:
    """Draw the page.

    Parameters
    ----------
    root : path-like
        Where to; the folder that the results lie below.
    folders : iterable of Path
        Result directories; those without a readable manifest are left out.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    StorageError
        If there is no such folder, or the page cannot be written.
    """
    target = Path(root) / INDEX
    if not target.parent.is_dir():
        raise StorageError(f"{root} is no folder; run an experiment first, which makes it")
    found = [item for folder in folders if (item := _read(Path(root), folder)) is not None]
    found.sort(key=lambda item: item.when, reverse=True)
    rows = "".join(map(_row, found))
    head = "".join(f"<th class=text>{name}</th>" for name in ("experiment", "question", "run", "size", "by"))
    markup = f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    section = Section(anchor="results", title="Results", note="The latest first.", markup=markup)
    count = f"{len(found)} result{'' if len(found) == 1 else 's'}"
    html = render_page(
        "study.html.j2", [section], name=f"Results in {Path(root).resolve().name}", question=count, sentences=[]
    )
    write_page(target, html)
    return target


def _read(root: Path, folder: Path) -> _Run | None:
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        when = datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)
        name = folder.resolve().relative_to(root.resolve()).as_posix()
    except (OSError, ValueError):
        return None
    has_report = (folder / REPORT).is_file()
    return _Run(folder=name, has_report=has_report, when=when, manifest=manifest) if "config" in manifest else None


def _row(run: _Run) -> str:
    config, code = run.manifest["config"], run.manifest.get("code", {})
    link = f'<a href="{quote(run.folder)}/{REPORT}">{escape(run.folder)}</a>' if run.has_report else escape(run.folder)
    cells = len(config.get("scenarios", ())) * len(config.get("strategies", ()))
    size = f"{config.get('paths', 0):,} paths of {config.get('days', 0)} sessions, {cells} cells"
    seconds = run.manifest.get("wall_seconds")
    took = f", {seconds:,.0f} s" if isinstance(seconds, int | float) else ""
    commit = str(code.get("commit") or "")[:10]
    by = f"{code.get('version', '')} {commit}{' modified' if code.get('dirty') else ''}"
    cells_of_row = [
        f"<td class=text>{link}</td>",
        f"<td class=wrap>{escape(str(config.get('question') or ''))}</td>",
        f"<td class=text>{run.when:%Y-%m-%d %H:%M} UTC{took}</td>",
        f"<td class=text>{escape(size)}</td>",
        f"<td class=text>{escape(by)}</td>",
    ]
    return f"<tr>{''.join(cells_of_row)}</tr>"

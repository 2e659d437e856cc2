"""The report's tables as CSV and Parquet, and its figures as PNG and SVG, one file each."""

from __future__ import annotations

import base64
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote

import pandas as pd

from sim.errors import ConfigError, StorageError
from sim.report.browser import Page, browser_page, find_browser
from sim.report.first_screen import first_screen
from sim.report.page import write_report
from sim.report.registry import make_sections
from sim.report.tables import Table
from sim.storage import REPORT, Results, open_results

TABLE_FORMATS, FIGURE_FORMATS = ("csv", "parquet"), ("png", "svg")

SIZE = (900, 420)
"""Width and least height of an exported figure [pixels]; PNG has twice as many."""

FIGURE = """(async () => {
  const node = document.getElementById(%(id)r);
  const layout = Object.assign({}, node.layout, {
    paper_bgcolor: "#ffffff", plot_bgcolor: "#ffffff", font: Object.assign({}, node.layout.font, { color: "#1b1f24" }),
    title: { text: node.getAttribute("aria-label"), font: { size: 14 } },
    margin: Object.assign({}, node.layout.margin, { t: 44 }),
  });
  const height = Math.max(%(height)d, (node.layout.height || 0) + 40);
  layout.height = height; layout.width = %(width)d;
  const how = { format: %(kind)r, width: %(width)d, height: height, scale: %(scale)d };
  return await Plotly.toImage({ data: node.data, layout: layout }, how);
})()"""
"""Draws a figure of the page on white, with its title."""

Progress = Callable[[str, int, int], None]


def export(
    directory: str | Path,
    output: str | Path,
    formats: Iterable[str] = (*TABLE_FORMATS, *FIGURE_FORMATS),
    progress: Progress | None = None,
) -> list[Path]:
    """Write tables and figures of a report into a folder.

    Parameters
    ----------
    directory : path-like
        Result directory of a run.
    output : path-like
        Where to; made if it is not there. Files of the same names are replaced.
    formats : iterable of str
        ``csv`` and ``parquet`` for tables, ``png`` and ``svg`` for figures; figures need a Chromium on this machine.
    progress : callable, optional
        Called with what is written, how much of it is done, and of how much.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    StorageError
        If there are no complete results, no browser for figures, or the files cannot be written.
    ConfigError
        If ``output`` is a file.
    """
    results, folder, wanted = open_results(directory), Path(output), set(formats)
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"--output must be a directory, got the file {folder}")
    if "parquet" in wanted and find_spec("pyarrow") is None:
        raise ConfigError("--format parquet needs pyarrow, which is not installed; pip install pyarrow, or choose csv")
    kinds = [kind for kind in FIGURE_FORMATS if kind in wanted]
    if kinds and find_browser() is None:
        raise StorageError(
            "figures are drawn by a Chromium or Chrome, and none is found on this machine; install one, or export "
            "tables alone with --format csv --format parquet"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = _write_tables(results, folder, [kind for kind in TABLE_FORMATS if kind in wanted])
        if kinds:
            written += _write_figures(results, folder, kinds, progress)
    except OSError as error:
        raise StorageError(f"{folder} cannot be written: {error}") from error
    return written


def exported_tables(results: Results) -> Iterator[tuple[str, Table]]:
    """Name of the file and table, those of the first screen and of all sections, in the order of the page."""
    first = first_screen(results)
    sections = [("first", [*first.tables, *(item.table for item in first.assumptions), first.premia])]
    sections += [(section.anchor, section.tables) for section in make_sections(results)]
    for anchor, tables in sections:
        taken: dict[str, int] = {}
        for table in tables:
            name = f"{anchor}-{_plain(table.title)}"
            taken[name] = taken.get(name, 0) + 1
            yield (name if taken[name] == 1 else f"{name}-{taken[name]}"), table


def _write_tables(results: Results, folder: Path, kinds: list[str]) -> list[Path]:
    written = []
    for name, table in exported_tables(results) if kinds else ():
        frame = pd.DataFrame(table.records())
        if frame.empty:
            continue
        for kind in kinds:
            path = folder / f"{name}.{kind}"
            if kind == "csv":
                frame.to_csv(path, index=False, lineterminator="\n")
            else:
                _of_one_kind(frame).to_parquet(path, index=False)
            written.append(path)
    return written


def _of_one_kind(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns that mix numbers and text as text: a column of a Parquet file has one type."""
    mixed = {
        name: frame[name].map(lambda item: item if isinstance(item, str) else f"{item:.17g}")
        for name in frame.columns
        if frame[name].map(type).nunique() > 1
    }
    return frame.assign(**mixed)


def _write_figures(results: Results, folder: Path, kinds: list[str], progress: Progress | None) -> list[Path]:
    """Let the browser draw the figures of the page."""
    report = results.directory / REPORT
    if not report.is_file():
        write_report(results.directory)
    written: list[Path] = []
    with tempfile.TemporaryDirectory() as profile, browser_page(Path(profile)) as page:
        page.open(report, width=1280)
        page.ask("document.querySelectorAll('.card[hidden]').forEach((card) => { card.hidden = false; })")
        found = page.ask("window.drawAll()")
        ids = page.ask("Array.from(document.querySelectorAll('.plot')).map((node) => node.id)")
        for number, key in enumerate(ids, start=1):
            title = page.ask(f"document.getElementById({key!r}).getAttribute('aria-label')")
            for kind in kinds:
                path = folder / f"{_plain(key)}-{_plain(title)}.{kind}"
                path.write_bytes(_image(page, key, kind))
                written.append(path)
            if progress is not None:
                progress("figures", number, found)
    return written


def _image(page: Page, key: str, kind: str) -> bytes:
    width, height = SIZE
    scale = 2 if kind == "png" else 1
    address = page.ask(FIGURE % {"id": key, "kind": kind, "width": width, "height": height, "scale": scale})
    head, _, body = str(address).partition(",")
    if head.endswith(";base64"):
        return base64.b64decode(body)
    return unquote(body).encode("utf-8")


def _plain(title: str) -> str:
    """Title as a part of a file's name."""
    return re.sub(r"[^a-z0-9_]+", "-", title.lower()).strip("-") or "table"

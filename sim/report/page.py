"""Assemble report.html: first screen and sections from results.h5 and the manifest, one self-contained file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import plotly.offline

from sim.errors import StorageError
from sim.report.first_screen import first_screen
from sim.report.packing import packed, packed_json
from sim.report.registry import make_sections
from sim.report.section import Section
from sim.report.stored import names
from sim.storage import REPORT, Results, open_results

SCENARIOS_SHOWN = 2
"""With more scenarios the page opens on the first of them, and readers choose others."""

STRATEGIES_CHOSEN = 4
"""With more strategies readers can choose which of them the page shows."""

STRATEGIES_SHOWN = 8
"""With more strategies the page opens on as many: lines beyond have no colour of their own."""

SCRIPTS = ("loader.js", "report.js", "explorer.js")


def write_report(directory: str | Path) -> Path:
    """Draw report.html from stored results.

    Parameters
    ----------
    directory : path-like
        Result directory of a run.

    Returns
    -------
    Path
        The report, in the same directory.

    Raises
    ------
    StorageError
        If there are no complete results or the report cannot be written.
    """
    results = open_results(directory)
    target = results.directory / REPORT
    write_page(target, render(results))
    return target


def write_page(target: Path, html: str) -> None:
    """Write a page whole or not at all.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        draft.write_text(html, encoding="utf-8")
        draft.replace(target)
    except OSError as error:
        raise StorageError(f"{target} cannot be written: {error}") from error
    finally:
        draft.unlink(missing_ok=True)


def render(results: Results) -> str:
    """HTML of the report."""
    scenarios, strategies = names(results.data, "scenario"), names(results.data, "strategy")
    few = len(scenarios) <= SCENARIOS_SHOWN
    choices = {}
    if len(scenarios) > 1:
        choices["scenario"] = {name: few or name == scenarios[0] for name in scenarios}
    if len(strategies) > STRATEGIES_CHOSEN:
        some = STRATEGIES_SHOWN if len(strategies) > STRATEGIES_SHOWN else len(strategies)
        choices["strategy"] = {name: number < some for number, name in enumerate(strategies)}
    return render_page(
        "page.html.j2",
        make_sections(results),
        first=first_screen(results),
        choices=choices,
        off={kind: [name for name, on in choices.get(kind, {}).items() if not on] for kind in ("scenario", "strategy")},
    )


def render_page(template: str, sections: Sequence[Section], **context: Any) -> str:
    """Fill a template of the folder ``assets``; style, scripts, figures and data go into the page.

    Parameters
    ----------
    template : str
        Name of the file, which extends ``base.html.j2``.
    sections : sequence of Section
        Sections of the page, in order.
    **context
        What else the template reads.
    """
    figures: dict[str, Any] = {}
    shown = [_as_context(section, figures) for section in sections]
    data = {section.anchor: section.data for section in sections if section.data}
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_asset), autoescape=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template(template).render(
        **{"choices": {}, "off": {"scenario": [], "strategy": []}, **context},
        sections=shown,
        version=version("regimesim"),
        css=_asset("style.css"),
        script="\n".join(_asset(name) for name in SCRIPTS),
        library=packed(plotly.offline.get_plotlyjs()),
        payload=packed_json({"figures": figures, "data": data}),
    )


def _asset(name: str) -> str:
    return files("sim.report").joinpath("assets", name).read_text(encoding="utf-8")


def _alt(title: str, figure: dict[str, Any]) -> str:
    """What a figure shows, for those who do not see it: title, axes, names of the lines."""
    layout = figure["layout"]
    axes = [layout.get(f"{axis}axis", {}).get("title", {}).get("text", "") for axis in ("y", "x")]
    named = [
        str(trace["name"]) for trace in figure["data"] if trace.get("name") and trace.get("showlegend") is not False
    ]
    about = [title, " over ".join(filter(None, axes)), ", ".join(dict.fromkeys(named))]
    return "; ".join(filter(None, about))


def _as_context(section: Section, figures: dict[str, Any]) -> dict[str, Any]:
    """Section as the template reads it; its figures are added to those of the page."""
    cards = []
    for number, card in enumerate(section.cards):
        key = f"{section.anchor}-{number}"
        figures[key] = card.figure.plain()
        title = card.title if card.scenario is None else f"{card.scenario}: {card.title}"
        cards.append(
            {
                "id": key,
                "title": title,
                "alt": _alt(title, figures[key]),
                "note": card.note,
                "scenario": card.scenario or "",
                "strategy": card.strategy or "",
            }
        )
    return {
        "anchor": section.anchor,
        "title": section.title,
        "note": section.note,
        "tables": section.tables,
        "markup": section.markup,
        "cards": cards,
        "wide": section.wide,
    }

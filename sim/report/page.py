"""Assemble report.html: first screen and sections from results.h5 and the manifest, one self-contained file."""

from __future__ import annotations

import json
import os
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import plotly.io
import plotly.offline

from sim.errors import StorageError
from sim.report.first_screen import first_screen
from sim.report.registry import make_sections
from sim.report.section import Section
from sim.report.stored import names
from sim.storage import REPORT, Results, open_results

SCENARIOS_SHOWN = 4
"""With more scenarios the page opens on the first of them, and readers choose others."""

STRATEGIES_CHOSEN = 4
"""With more strategies readers can choose which of them the page shows."""

SCRIPTS = ("report.js",)


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
    figures: dict[str, Any] = {}
    sections = [section_context(section, figures) for section in make_sections(results)]
    scenarios, strategies = names(results.data, "scenario"), names(results.data, "strategy")
    few = len(scenarios) <= SCENARIOS_SHOWN
    choices = {}
    if len(scenarios) > 1:
        choices["scenario"] = {name: few or name == scenarios[0] for name in scenarios}
    if len(strategies) > STRATEGIES_CHOSEN:
        choices["strategy"] = dict.fromkeys(strategies, True)
    return render_page(
        "page.html.j2",
        figures,
        first=first_screen(results),
        sections=sections,
        choices=choices,
        off=[name for name, on in choices.get("scenario", {}).items() if not on],
    )


def render_page(template: str, figures: dict[str, Any], **context: Any) -> str:
    """Fill a template of the folder ``assets``; style, scripts and figures go into the page.

    Parameters
    ----------
    template : str
        Name of the file.
    figures : dict
        Identifier of the element to the figure, as plain values.
    **context
        What else the template reads.
    """
    folder = files("sim.report").joinpath("assets")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(folder.joinpath(template).read_text(encoding="utf-8")).render(
        **context,
        version=version("regimesim"),
        css=folder.joinpath("style.css").read_text(encoding="utf-8"),
        script="\n".join(folder.joinpath(name).read_text(encoding="utf-8") for name in SCRIPTS),
        plotly_js=plotly.offline.get_plotlyjs(),
        figures_json=script_json(figures),
    )


def script_json(value: Any) -> str:
    """JSON inside a script element, which a closing tag in a text would end."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("</", "<\\/")


def plain_figure(figure: Any) -> dict[str, Any]:
    """Figure as plain values, without the template, which the page's style replaces."""
    plain: dict[str, Any] = json.loads(plotly.io.to_json(figure, validate=False))
    plain["layout"].pop("template", None)
    return plain


def section_context(section: Section, figures: dict[str, Any]) -> dict[str, Any]:
    """Section as the template reads it; its figures are added to those of the page."""
    cards = []
    for number, card in enumerate(section.cards):
        key = f"{section.anchor}-{number}"
        figures[key] = plain_figure(card.figure)
        title = card.title if card.scenario is None else f"{card.scenario}: {card.title}"
        cards.append(
            {
                "id": key,
                "title": title,
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
        "data": script_json(section.data) if section.data else "",
        "cards": cards,
        "wide": section.wide,
    }

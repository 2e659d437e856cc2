"""What a section of the report is made of, and what its builder promises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sim.report.figure import Figure
from sim.report.tables import Table
from sim.storage import Results


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A figure with its title.

    Parameters
    ----------
    title : str
        What is drawn, without the scenario, which the page puts before it.
    figure : Figure
        From ``sim.report.figures``: units on both axes, intervals where there are any.
    scenario, strategy : str, optional
        What it belongs to; readers can choose which scenarios and strategies the page shows. None: shown always.
    note : str
        How to read it, where the section's note does not say so.
    """

    title: str
    figure: Figure
    scenario: str | None = None
    strategy: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A section of the report: note, tables, markup of its own, figures, in this order.

    Parameters
    ----------
    anchor, title, note : str
        Where it is (letters, digits and dashes), what it shows, how to read it.
    cards : list of Card
        Its figures.
    tables : list of Table
        From ``sim.report.tables``; they are also exported as files.
    markup : str
        HTML between tables and figures. It is not escaped: escape what comes from an experiment.
    data : mapping
        Plain values for the script that has registered itself as ``sections[ANCHOR]``.
    wide : bool
        Two figures a row instead of three.
    """

    anchor: str
    title: str
    note: str = ""
    cards: list[Card] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    markup: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    wide: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionBuilder:
    """A line of the registry: when a section can be drawn, and how.

    Parameters
    ----------
    name : str
        Its own name.
    has_data : callable
        From results to whether they hold what it draws; results of older versions and of other kinds of runs do not.
    build : callable
        From results to the section.
    """

    name: str
    has_data: Callable[[Results], bool]
    build: Callable[[Results], Section]

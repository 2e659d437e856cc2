"""Definitions of all statistics, and a glossary of the terms that the report and the rulebook use."""

from __future__ import annotations

from sim.report.glossary import METAPHORS, TERMS
from sim.report.section import Section
from sim.report.tables import plain_table
from sim.storage import Results


def has_data(results: Results) -> bool:
    """Always: what is not defined cannot be read."""
    return True


def build(results: Results) -> Section:
    """Three tables: statistics, terms, terms without computable content."""
    statistics = results.statistics
    rows = [
        [str(label), str(unit), str(text)]
        for label, unit, text in zip(
            statistics["label"].values, statistics["unit"].values, statistics["definition"].values, strict=True
        )
    ]
    return Section(
        anchor="definitions",
        title="Definitions",
        tables=[
            plain_table("Statistics", ["statistic", "unit", "definition"], rows),
            plain_table("Glossary: what is modelled", ["term", "meaning here"], [list(item) for item in TERMS.items()]),
            plain_table(
                "Glossary: what is metaphor",
                ["term", "elsewhere, and what of it is computed here"],
                [list(item) for item in METAPHORS.items()],
                note="Words of the documents behind the rulebook that are metaphors: nothing here computes them.",
            ),
        ],
    )

"""Definitions of all statistics, and a glossary of the terms that the report and the rulebook use."""

from __future__ import annotations

import xarray as xr

from sim.report.glossary import METAPHORS, TERMS
from sim.report.section import Section
from sim.report.tables import Table, plain_table
from sim.storage import Results


def has_data(results: Results) -> bool:
    """Always: what is not defined cannot be read."""
    return True


def build(results: Results) -> Section:
    """Tables of statistics, of those of windows, of terms, and of terms without computable content."""
    of_windows = [_defined("Statistics of windows", results.windows)] if results.windows.sizes else []
    return Section(
        anchor="definitions",
        title="Definitions",
        tables=[
            _defined("Statistics", results.statistics),
            *of_windows,
            plain_table("Glossary: what is modelled", ["term", "meaning here"], [list(item) for item in TERMS.items()]),
            plain_table(
                "Glossary: what is metaphor",
                ["term", "elsewhere, and what of it is computed here"],
                [list(item) for item in METAPHORS.items()],
                note="Words of the documents behind the rulebook that are metaphors: nothing here computes them.",
            ),
        ],
    )


def _defined(title: str, statistics: xr.Dataset) -> Table:
    """Names, units and definitions of statistics, as they are stored."""
    rows = [
        [str(label), str(unit), str(text)]
        for label, unit, text in zip(
            statistics["label"].values, statistics["unit"].values, statistics["definition"].values, strict=True
        )
    ]
    return plain_table(title, ["statistic", "unit", "definition"], rows)

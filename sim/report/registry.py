"""The registry of the report's sections, in the order of the page.

A new section is one file in ``sim/report/sections/`` and one line here: docs/adding-a-report-section.md.
"""

from __future__ import annotations

from sim.report.section import Section, SectionBuilder
from sim.report.sections import (
    activity,
    all_statistics,
    claims,
    correlation,
    definitions,
    drawdowns,
    effects,
    engine_pnl,
    equity,
    explorer,
    fidelity,
    frontier,
    greeks,
    market,
    multiples,
    replay,
    roll_phase,
    run,
    sampling,
    sources,
    stress,
    tails,
    windows,
)
from sim.storage import Results

SECTIONS: tuple[SectionBuilder, ...] = (
    SectionBuilder(name="claims", has_data=claims.has_data, build=claims.build),
    SectionBuilder(name="stress", has_data=stress.has_data, build=stress.build),
    SectionBuilder(name="replay", has_data=replay.has_data, build=replay.build),
    SectionBuilder(name="multiples", has_data=multiples.has_data, build=multiples.build),
    SectionBuilder(name="effects", has_data=effects.has_data, build=effects.build),
    SectionBuilder(name="frontier", has_data=frontier.has_data, build=frontier.build),
    SectionBuilder(name="drawdowns", has_data=drawdowns.has_data, build=drawdowns.build),
    SectionBuilder(name="tails", has_data=tails.has_data, build=tails.build),
    SectionBuilder(name="engine_pnl", has_data=engine_pnl.has_data, build=engine_pnl.build),
    SectionBuilder(name="sources", has_data=sources.has_data, build=sources.build),
    SectionBuilder(name="windows", has_data=windows.has_data, build=windows.build),
    SectionBuilder(name="correlation", has_data=correlation.has_data, build=correlation.build),
    SectionBuilder(name="greeks", has_data=greeks.has_data, build=greeks.build),
    SectionBuilder(name="equity", has_data=equity.has_data, build=equity.build),
    SectionBuilder(name="activity", has_data=activity.has_data, build=activity.build),
    SectionBuilder(name="roll_phase", has_data=roll_phase.has_data, build=roll_phase.build),
    SectionBuilder(name="explorer", has_data=explorer.has_data, build=explorer.build),
    SectionBuilder(name="market", has_data=market.has_data, build=market.build),
    SectionBuilder(name="fidelity", has_data=fidelity.has_data, build=fidelity.build),
    SectionBuilder(name="all_statistics", has_data=all_statistics.has_data, build=all_statistics.build),
    SectionBuilder(name="sampling", has_data=sampling.has_data, build=sampling.build),
    SectionBuilder(name="definitions", has_data=definitions.has_data, build=definitions.build),
    SectionBuilder(name="run", has_data=run.has_data, build=run.build),
)


def make_sections(results: Results) -> list[Section]:
    """All sections for which the results hold what they draw.

    Raises
    ------
    ValueError
        If two sections have the same anchor, so that links would lead to the first of them.
    """
    sections = [item.build(results) for item in SECTIONS if item.has_data(results)]
    anchors = [section.anchor for section in sections]
    for anchor in anchors:
        if anchors.count(anchor) > 1:
            raise ValueError(f"two sections of the report have the anchor {anchor!r}; give one of them another")
    return sections

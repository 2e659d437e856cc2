"""All statistics: estimates with intervals scenario by scenario, and the paired differences from the first strategy."""

from __future__ import annotations

from dataclasses import replace

from sim.report.section import Section
from sim.report.stored import names
from sim.report.tables import paired_table, statistics_table, with_unit
from sim.storage import Results

RUIN, MEDIAN = "probability_of_ruin", "terminal_pnl_median"


def has_data(results: Results) -> bool:
    """Whether any statistic is stored."""
    return results.statistics.sizes["statistic"] > 0


def build(results: Results) -> Section:
    """A table a scenario, and one of differences."""
    statistics, paired = results.statistics, results.paired
    about = (names(statistics, "statistic"), statistics["label"].values, statistics["unit"].values)
    labels = {name: with_unit(str(label), str(unit), name) for name, label, unit in zip(*about, strict=True)}
    if not bool((results.data["ruined"] == 1).any()):
        labels.pop(RUIN, None)
    scenarios, first = names(statistics, "scenario"), names(statistics, "strategy")[0]
    tables = [statistics_table(statistics, paired, labels=labels, scenario=scenario) for scenario in scenarios]
    note = f"Against {first} on the same paths: ▲ better, ▼ worse, = not distinguishable."
    tables[0] = replace(tables[0], note=note)
    compared = {name: label for name, label in labels.items() if name != MEDIAN}
    if len(names(statistics, "strategy")) > 1:
        tables.append(paired_table(paired, labels=compared, baseline=first))
    return Section(
        anchor="statistics",
        title="All statistics",
        note="Net of costs; 95% intervals below the estimates. Definitions stand at the end of the page.",
        tables=tables,
    )

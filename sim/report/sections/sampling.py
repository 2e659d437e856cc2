"""How paths were drawn, what they are worth, and means adjusted by control variates."""

from __future__ import annotations

import xarray as xr

from sim.report.section import Section
from sim.report.stored import names
from sim.report.tables import Cell, Table, Value, form_of, plain_table
from sim.storage import Results

MEANINGS = {
    "plain": "independent paths",
    "antithetic": "pairs of paths with opposite numbers",
    "stratified": "replicates in which every number is spread evenly over the paths (Latin supercube)",
    "sobol": "replicates on a scrambled Sobol net of the start and of the principal factors of the path",
    "importance": "rising variance, trends, jumps or higher starts, each path weighted by its likelihood ratio",
}
CONTROLLED = "controlled"

NOTE = (
    "Paths of a pair or replicate depend on one another and count once in every standard error; weighted paths are "
    "worth fewer independent ones for a mean, and more for a tail that they were tilted to. Figures of distributions "
    "show as many values as weighted paths are worth."
)


def has_data(results: Results) -> bool:
    """Whether paths were drawn in another way than independently, or there are controls."""
    return "sampling" in results.data.attrs or results.has_table(CONTROLLED)


def build(results: Results) -> Section:
    """The method, and estimates with control variates."""
    rows: list[list[Cell]] = [
        [
            scenario,
            f"{item['method']}: {MEANINGS[item['method']]}",
            f"{item['paths']:,}",
            f"{item['cluster']:,}",
            f"{item['effective_paths']:,.0f}",
            f"{item['largest_weight']:.2f}",
        ]
        for scenario, item in results.manifest["sampling"].items()
    ]
    header = ["scenario", "method", "paths", "paths of a cluster", "worth, for a mean", "largest weight over the mean"]
    tables = [plain_table("Sampling", header, rows)]
    if results.has_table(CONTROLLED):
        tables.append(_controlled(results.table(CONTROLLED)))
    return Section(anchor="sampling", title="How paths were drawn", note=NOTE, tables=tables)


def _controlled(table: xr.Dataset) -> Table:
    rows: list[list[Cell]] = []
    for scenario in names(table, "scenario"):
        for strategy in names(table, "strategy"):
            for statistic in names(table, "statistic"):
                cell = table.sel(scenario=scenario, strategy=strategy, statistic=statistic)
                low, high = float(cell["ci_low"]), float(cell["ci_high"])
                value = Value(value=float(cell["estimate"]), low=low, high=high, form=form_of(statistic))
                saved = Value(value=float(cell["variance_ratio"]), form=".2f")
                rows.append([scenario, strategy, str(cell["label"].values), value, saved])
    note = "Means after what the market did beyond its known mean under P is taken out by regression."
    header = ["scenario", "strategy", "statistic", "adjusted estimate", "squared error without controls over that with"]
    return plain_table("Means with control variates", header, rows, note=note)

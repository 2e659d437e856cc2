"""What the hedges change: paired differences from the first strategy, with intervals."""

from __future__ import annotations

from sim.report import figures
from sim.report.section import Card, Section
from sim.report.stored import colours, names
from sim.storage import Results

SHOWN = ("terminal_pnl_mean", "expected_shortfall_95", "max_drawdown_mean")


def has_data(results: Results) -> bool:
    """Whether there is a second strategy to be compared."""
    return results.paired.sizes["strategy"] > 1


def build(results: Results) -> Section:
    """Differences from the first strategy, with intervals."""
    paired = results.paired
    first, *others = names(paired, "strategy")
    cards = []
    for name, label, unit in zip(
        names(paired, "statistic"), paired["label"].values, paired["unit"].values, strict=True
    ):
        if name not in SHOWN:
            continue
        scale, quantity = (100.0, "percentage points") if unit == "share" else (1.0, unit)
        rows = []
        for scenario in names(paired, "scenario"):
            cell = paired.sel(scenario=scenario, statistic=name)
            values = {
                other: (
                    scale * float(cell["difference"].sel(strategy=other)),
                    scale * float(cell["ci_low"].sel(strategy=other)),
                    scale * float(cell["ci_high"].sel(strategy=other)),
                )
                for other in others
            }
            rows.append((scenario, values))
        figure = figures.intervals(rows, x_title=f"difference [{quantity}]", colours=colours(results.data))
        cards.append(Card(title=f"{label}: difference", figure=figure))
    return Section(
        anchor="effects",
        title="What the hedges change",
        note=f"Difference from {first} on the same paths, with 95% intervals.",
        cards=cards,
        wide=True,
    )

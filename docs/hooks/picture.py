"""Draw the picture of the README from the stored results of the quickstart.

python docs/hooks/picture.py outputs/quickstart docs/pictures/quickstart.png
"""

from __future__ import annotations

import sys

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
import matplotlib.pyplot as plt

from sim import Results, open_results

COLOURS = ("#0072b2", "#d55e00", "#009e73")  # told apart without red and green
SCENARIO = "svcj_high_vix"


def draw(results: Results, file: str) -> None:
    """Draw fans of equity and the survival of the maximum drawdown, by strategy."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.0, 3.4), layout="constrained")
    data = results.data.sel(scenario=SCENARIO)
    for colour, strategy in zip(COLOURS, data["strategy"].values, strict=False):
        fan = data["equity_fan"].sel(strategy=strategy) / 1000.0
        low, median, high = (fan.sel(quantile=q) for q in (0.05, 0.5, 0.95))
        left.fill_between(data["day"], low, high, color=colour, alpha=0.15, linewidth=0)
        left.plot(data["day"], median, color=colour, label=strategy)
        drawdown = np.sort(data["max_drawdown"].sel(strategy=strategy).values)
        right.plot(100.0 * drawdown, 1.0 - np.arange(drawdown.size) / drawdown.size, color=colour)
    left.set(xlabel="sessions", ylabel="equity [thousand USD]", title="5%, median and 95% of equity")
    left.legend(frameon=False, fontsize=8)
    right.set(xlabel="maximum drawdown [%]", ylabel="share of paths beyond", yscale="log", title="Drawdowns")
    for axes in (left, right):
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    paths = results.data.sizes["path"]
    figure.suptitle(f"{results.data.attrs['name']}, {SCENARIO}: {paths:,} paths", fontsize=9)
    figure.savefig(file, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    draw(open_results(sys.argv[1]), sys.argv[2])

"""Which strategies are best and worst in a scenario, and which cannot be told from them.

The best strategy has the best estimate. Another one cannot be told from it where the 95% interval of the difference of
the two on the same paths holds 0; likewise for the worst. Where the best cannot be told from the worst, nothing can be
said of anyone.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr

from sim.metrics.estimate import Z

Mark = Literal["best", "like_best", "middle", "like_worst", "worst", "same"]

MARKS: dict[Mark, tuple[str, str]] = {
    "best": ("▲", "best"),
    "like_best": ("△", "not distinguishable from the best"),
    "middle": ("", "between them, distinguishable from both"),
    "like_worst": ("▽", "not distinguishable from the worst"),
    "worst": ("▼", "worst"),
    "same": ("=", "not distinguishable from either"),
}
"""Mark -> sign and meaning; signs and not only colours tell them apart."""


def marks(
    statistics: xr.Dataset, pairwise: xr.Dataset, scenario: str, statistic: str, *, higher_is_better: bool
) -> dict[str, Mark]:
    """Mark of every strategy in one scenario.

    Parameters
    ----------
    statistics : xarray.Dataset
        ``estimate`` over (scenario, strategy, statistic).
    pairwise : xarray.Dataset
        ``standard_error`` of differences over (scenario, statistic, strategy, other).
    scenario, statistic : str
        Which cell of the table.
    higher_is_better : bool
        Direction of the statistic.
    """
    names = [str(name) for name in statistics["strategy"].values]
    values = statistics["estimate"].sel(scenario=scenario, statistic=statistic).values
    errors = pairwise["standard_error"].sel(scenario=scenario, statistic=statistic).values
    if len(names) < 2 or not np.isfinite(values).all():
        return dict.fromkeys(names, "middle")
    score = values if higher_is_better else -values
    best, worst = int(np.argmax(score)), int(np.argmin(score))
    like_best = np.abs(values - values[best]) <= Z * errors[best]
    like_worst = np.abs(values - values[worst]) <= Z * errors[worst]
    if like_best[worst]:
        return dict.fromkeys(names, "same")
    found: dict[str, Mark] = {}
    for i, name in enumerate(names):
        if i in (best, worst):
            found[name] = "best" if i == best else "worst"
        elif like_best[i] and like_worst[i]:
            found[name] = "same"
        else:
            found[name] = "like_best" if like_best[i] else "like_worst" if like_worst[i] else "middle"
    return found

"""Heston's model: SVCJ without jumps.

References
----------
.. [1] S. L. Heston (1993), "A closed-form solution for options with stochastic volatility", Review of Financial
   Studies 6(2).
"""

from __future__ import annotations

from models.special_case import SpecialCase
from models.svcj import Svcj

JUMPS = tuple(
    f"{stem}_{measure}"
    for stem in ("jump_intensity", "jump_intensity_slope", "variance_jump_mean", "return_jump_mean", "return_jump_std")
    for measure in "pq"
)

heston = SpecialCase(
    Svcj, meaning="Heston's stochastic volatility: SVCJ without jumps.", absent=(*JUMPS, "jump_correlation")
)

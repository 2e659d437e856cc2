"""The double Heston model: two independent square-root variances, which is two-factor SVCJ without jumps or feed.

References
----------
.. [1] P. Christoffersen, S. Heston, K. Jacobs (2009), "The shape and term structure of the index option smirk: why
   multifactor stochastic volatility models work so well", Management Science 55(12).
"""

from __future__ import annotations

from models.special_case import SpecialCase
from models.two_factor_svcj import TwoFactorSvcj

JUMPS = (
    "jump_intensity_base",
    "jump_intensity_slope",
    "jump_intensity_ratio",
    *(
        f"{stem}_{measure}"
        for stem in ("variance_jump_mean", "return_jump_mean", "return_jump_std")
        for measure in "pq"
    ),
    "jump_correlation",
)

double_heston = SpecialCase(
    TwoFactorSvcj,
    meaning="Double Heston: two independent square-root variances, without jumps.",
    absent=("slow_to_fast", *JUMPS),
)

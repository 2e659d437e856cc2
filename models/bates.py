"""Bates's model: Heston with log-normal price jumps, which is SVCJ whose variance does not jump.

References
----------
.. [1] D. S. Bates (1996), "Jumps and stochastic volatility: exchange rate processes implicit in Deutsche Mark
   options", Review of Financial Studies 9(1).
"""

from __future__ import annotations

from models.special_case import SpecialCase
from models.svcj import Svcj

bates = SpecialCase(
    Svcj,
    meaning="Bates's model: Heston with log-normal price jumps; the variance does not jump.",
    absent=("variance_jump_mean_p", "variance_jump_mean_q", "jump_correlation"),
)

"""How long paths must run from a start near the mean until their law is the stationary one, for all that matters."""

from __future__ import annotations

from math import ceil, log

from models.errors import ModelParameterError
from models.protocols import SESSIONS_PER_YEAR

RESIDUAL = 1e-4
"""What is left of the start: a deviation of the mean of the state has shrunk to this fraction of itself."""

_LONGEST = 100.0  # years


def burn_in_sessions(reversion: float) -> int:
    """Sessions after which a deviation that reverts at this rate has shrunk to ``RESIDUAL``.

    Parameters
    ----------
    reversion : float
        Mean reversion. [1/year]

    Raises
    ------
    ModelParameterError
        If that takes more than a century.
    """
    years = -log(RESIDUAL) / reversion
    if years > _LONGEST:
        raise ModelParameterError(
            f"the variance reverts to its mean at {reversion:g} a year, jumps that follow jumps subtracted; a draw "
            f"from its stationary law needs at least {-log(RESIDUAL) / _LONGEST:g}"
        )
    return ceil(years * SESSIONS_PER_YEAR)

r"""Rare jumps of the index in the law of options alone: the price of crash risk in models that live in sessions.

A session's variance v is twice the fair price of a log contract on it. Under Q a share w of it may be the price of
jumps: compound Poisson with normal sizes J, whose intensity is such that

.. math:: 2 \lambda(v)\, E[e^J - 1 - J] = w\, v

and the shock of the return has the rest. So the VIX, its futures and all paths are what they are without jumps, and
only the smile of index options changes: puts far out cost more, options at the money less. The jumps move no factor.
They are a premium: P has shocks alone. In sessions the two laws can still be equivalent, for every return has a
density under both.

References
----------
.. [1] R. Merton (1976), "Option pricing when underlying stock returns are discontinuous", Journal of Financial
   Economics 3(1-2).
.. [2] J. Pan (2002), "The jump-risk premia implicit in options", Journal of Financial Economics 63(1): an intensity in
   proportion to the variance.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import expm1
from typing import final

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelParameterError
from models.protocols import FloatArray, Stream
from models.streams import Purpose, normals, uniforms


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnJumps:
    """Jumps of the log return under Q.

    Parameters
    ----------
    share : float
        w: share of a session's variance that they have, in [0, 1); 0 for none.
    mean, deviation : float
        Mean and standard deviation of a jump of the log return; the latter >= 0.

    Raises
    ------
    ModelParameterError
        If a parameter lies outside its domain, or jumps of size 0 are to have a share.
    """

    share: float = 0.0
    mean: float = 0.0
    deviation: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.share < 1.0:
            raise ModelParameterError(f"jump_share_q must lie in [0, 1), got {self.share!r}")
        if not self.deviation >= 0.0:
            raise ModelParameterError(f"return_jump_std_q must be >= 0, got {self.deviation!r}")
        if self.share > 0.0 and self.mean == 0.0 and self.deviation == 0.0:
            raise ModelParameterError(
                "return_jump_mean_q or return_jump_std_q must be given, got 0 for both "
                f"where jump_share_q is {self.share!r}"
            )

    @property
    def growth(self) -> float:
        """Expected simple return of a jump."""
        return expm1(self.mean + 0.5 * self.deviation**2)

    @property
    def variance_of_one(self) -> float:
        """Twice the fair price of the log contract that a jump costs."""
        return 2.0 * (self.growth - self.mean)

    def intensity(self, variance: FloatArray) -> FloatArray:
        """Expected jumps of sessions with these daily variances."""
        if self.share == 0.0:
            return np.zeros(np.shape(variance))
        return np.asarray(self.share / self.variance_of_one * np.asarray(variance))

    def exponent(self, u: FloatArray) -> NDArray[np.complex128]:
        """Log characteristic function of one jump a session, without its mean simple return."""
        return np.asarray(np.expm1(1j * u * self.mean - 0.5 * (u * self.deviation) ** 2) - 1j * u * self.growth)

    def draw(self, variance: FloatArray, stream: Stream, day: int) -> FloatArray:
        """Sums of a session's jumps less their mean simple return, whose exponential has the mean 1.

        Parameters
        ----------
        variance : ndarray of shape (n_paths,)
            Daily variances.
        stream : Stream
            Address of the block's random numbers.
        day : int
            The session.
        """
        n_paths = variance.size
        intensity = self.intensity(variance)
        chance = uniforms(stream, n_paths, purpose=Purpose.JUMP, day=day)[0]
        # what the Poisson law leaves above each count
        count, term = np.zeros(n_paths), np.exp(-intensity)
        above = chance - term
        while np.any(above > 0.0):
            count += above > 0.0
            term = term * intensity / np.maximum(count, 1.0)
            above = np.where(above > 0.0, above - term, above)
        size = normals(stream, n_paths, purpose=Purpose.JUMP, day=day, block=1)[0]
        return np.asarray(count * self.mean + np.sqrt(count) * self.deviation * size - intensity * self.growth)


NO_JUMPS = ReturnJumps()


def scaled_share(share: float, factor: float) -> float:
    """Share of the variance that jumps have when they grow by a factor beside shocks that do not."""
    return factor * share / (1.0 - share + factor * share)

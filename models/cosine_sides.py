r"""Puts and calls at strikes that are symmetric in log-moneyness, from cosine series of densities.

On :math:`[-W, W]` the k-th wave at a strike z is that at :math:`z + W`; by the formulas for sums of angles it splits
into one part of even and one of odd k, which the strikes z and -z share. So both sides cost half of what each strike
alone would.

References
----------
.. [1] F. Fang, C. W. Oosterlee (2008), "A novel pricing method for European options based on Fourier-cosine series
   expansions", SIAM Journal on Scientific Computing 31(2).
"""

from __future__ import annotations

from typing import final

import numpy as np

from models.log_transform import WIDTH
from models.protocols import FloatArray

_INSIDE = 0.95
_FARTHEST = 300.0  # log-moneyness of calls: beyond, where rounding has long had the last word, exponentials overflow


@final
class CosineSides:
    """Options at scaled strikes, for many states at once.

    Parameters
    ----------
    scaled : ndarray of shape (n_strikes,)
        Log-moneyness in deviations, counted outwards.
    """

    def __init__(self, scaled: FloatArray) -> None:
        self._beyond = scaled > _INSIDE * WIDTH
        self._is_sorted = bool(np.all(np.diff(scaled) >= 0.0))
        self._strikes = np.minimum(scaled, _INSIDE * WIDTH)
        self._waves: FloatArray = np.empty((2, 0, scaled.size))

    def __call__(self, density: FloatArray, deviation: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Puts and calls (n_states, n_strikes) over forward and deviation.

        Parameters
        ----------
        density : ndarray of shape (n_states, n_terms)
            Cosine coefficients on WIDTH deviations to either side of 0, from ``LogTransform.density_terms``.
        deviation : ndarray of shape (n_states,)
            Scales of the log return.
        """
        half = WIDTH * deviation[:, None]
        order = np.arange(density.shape[1])
        u = np.pi / (2.0 * half) * order
        lorentz = density / (1.0 + u * u)
        floor = np.exp(-half) * lorentz.sum(axis=1, keepdims=True)
        # the wave of order k is turned by k quarters of a circle at the middle
        lorentz *= np.array([1.0, 1.0, -1.0, -1.0])[order % 4]
        over = lorentz[:, 1:] / u[:, 1:]
        sine, cosine = self._rows(order.size)
        shared = over[:, ::2] @ cosine[1::2] - lorentz[:, ::2] @ cosine[::2]
        turned = over[:, 1::2] @ sine[2::2] + lorentz[:, 1::2] @ sine[1::2]
        k = self._strikes * deviation[:, None]
        far = np.minimum(k, _FARTHEST)
        unit = 1.0 / (half * deviation[:, None])
        puts = np.exp(-k) * (shared - turned + density[:, :1] * (half - k)) + floor
        opposite = np.exp(far) * (shared + turned + density[:, :1] * (half + k)) + floor
        calls = opposite * unit - np.expm1(far) / deviation[:, None]
        return self._falling(puts * unit), self._falling(calls)

    def _falling(self, prices: FloatArray) -> FloatArray:
        """Prices that fall outwards, as they do but for rounding: of wide laws that is all there is far out."""
        if not self._is_sorted:
            return np.maximum(np.where(self._beyond, 0.0, prices), 0.0)
        return np.minimum.accumulate(np.maximum(np.where(self._beyond, 0.0, prices), 0.0), axis=1)

    def _rows(self, n_terms: int) -> FloatArray:
        """Sines and cosines (2, n_terms, n_strikes) of the strikes from the middle."""
        if n_terms > self._waves.shape[1]:
            angle = (np.pi / (2.0 * WIDTH) * np.arange(n_terms))[:, None] * self._strikes
            self._waves = np.stack([np.sin(angle), np.cos(angle)])
        return self._waves[:, :n_terms]

r"""A constant and a sum of exponentials of two factors: expected variance in models of log variance.

Where the variance is :math:`F + e^{l + X + Y}` and the factors are linear filters of independent shocks, its
expectation j sessions on is again a constant and one exponential, so an average over sessions is their sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from models.kernels.exponential_sum import exponential_sum
from models.protocols import FloatArray


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ExponentialSum:
    """``constant + sum_j exp(log_weight[j] + first_slope[j] * first + second_slope[j] * second)``.

    Parameters
    ----------
    constant : float
        The constant.
    log_weight, first_slope, second_slope : ndarray of shape (n_terms,)
        Of the exponentials.
    """

    constant: float
    log_weight: FloatArray
    first_slope: FloatArray
    second_slope: FloatArray

    def __call__(self, state: FloatArray) -> FloatArray:
        """Value at states of shape (2, ...), of shape ``state.shape[1:]``."""
        first, second = (np.ascontiguousarray(factor, dtype=np.float64) for factor in state)
        total = np.full(first.size, self.constant)
        exponential_sum(total, first.ravel(), second.ravel(), self.log_weight, self.first_slope, self.second_slope)
        return total.reshape(first.shape)

    def split(self, states: FloatArray, offsets: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Factors (n_states, n_parts) and (n_parts, n_offsets) of the values at all sums of a state and an offset.

        Parameters
        ----------
        states, offsets : ndarray of shape (2, n_states) and (2, n_offsets)
            The factors, and what is added to them.

        Returns
        -------
        left, right : ndarray
            ``left @ right`` are the values.
        """
        slope = np.stack([self.first_slope, self.second_slope])
        left, right = np.exp(states.T @ slope), np.exp(self.log_weight[:, None] + slope.T @ offsets)
        ones, constant = np.ones((left.shape[0], 1)), np.full((1, right.shape[1]), self.constant)
        return np.concatenate([left, ones], axis=1), np.concatenate([right, constant])

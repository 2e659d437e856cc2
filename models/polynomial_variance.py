r"""Expected polynomials of a normal mixture of two factors: again polynomials of the factors.

With :math:`Z = aX + bY + c + G` and G normal of mean 0,

.. math:: E[q(Z) | X, Y] = \sum_i (aX + bY)^i \sum_{k \ge i} q_k \binom{k}{i} E (c + G)^{k-i}.

References
----------
.. [1] E. Abi Jaber, C. Illand, S. Li (2023), "The quintic Ornstein-Uhlenbeck model for joint SPX and VIX
   calibration", Risk, equation (3.2): squared VIX as a polynomial of the factor.
.. [2] E. Abi Jaber, S. Li (2025), "Volatility models in practice: rough, path-dependent or Markovian?", Mathematical
   Finance 35(4): two factors driven by one Brownian motion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from scipy.special import comb

from models.kernels.bivariate_polynomial import bivariate_polynomial
from models.ou_factors import MixtureLaw
from models.protocols import FloatArray


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class BivariatePolynomial:
    """Polynomial of two factors.

    Parameters
    ----------
    coefficients : ndarray of shape (n, n)
        Of ``first**i * second**j``; those with ``i + j >= n`` are not read.
    """

    coefficients: FloatArray

    def __call__(self, state: FloatArray) -> FloatArray:
        """Value at states of shape (2, ...), of shape ``state.shape[1:]``."""
        first, second = (np.ascontiguousarray(factor, dtype=np.float64) for factor in state)
        out = np.empty(first.size)
        bivariate_polynomial(out, first.ravel(), second.ravel(), self.coefficients)
        return out.reshape(first.shape)

    def split(self, states: FloatArray, offsets: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Factors of the values at all sums of a state and an offset, by Taylor's formula.

        Parameters
        ----------
        states, offsets : ndarray of shape (2, n_states) and (2, n_offsets)
            The factors, and what is added to them.

        Returns
        -------
        left, right : ndarray of shape (n_states, n_parts) and (n_parts, n_offsets)
            ``left @ right`` are the values.
        """
        n = self.coefficients.shape[0]
        order = np.arange(n)
        derive = comb(order[:, None], order[None, :])
        counted = np.where(order[:, None] + order < n, self.coefficients, 0.0)
        left, right = [], []
        for i in range(n):
            for j in range(n - i):
                left.append(states[0] ** i * states[1] ** j)
                shifted = np.zeros((n, n))
                shifted[: n - i, : n - j] = counted[i:, j:] * derive[i:, i, None] * derive[j:, j]
                right.append(BivariatePolynomial(coefficients=shifted)(offsets))
        return np.stack(left, axis=1), np.stack(right)


def expected_polynomial(polynomial: FloatArray, law: MixtureLaw, weight: FloatArray) -> BivariatePolynomial:
    """Weighted sum over horizons of the expected polynomial of Z.

    Parameters
    ----------
    polynomial : ndarray of shape (n,)
        Coefficients of q, from the constant up.
    law : MixtureLaw
        Law of Z at several horizons.
    weight : ndarray of shape (n_horizons,)
        Weights of the horizons.

    Returns
    -------
    BivariatePolynomial
        Of the same degree in the two factors.
    """
    n = polynomial.size
    moment = normal_moments(law.offset, law.variance, n)
    k = np.arange(n)
    binomial = comb(k[:, None], k[None, :])
    coefficients = np.zeros((n, n))
    for i in range(n):
        # coefficient of (aX + bY)**i at each horizon
        power = sum(polynomial[m] * binomial[m, i] * moment[m - i] for m in range(i, n)) * weight
        for j in range(i + 1):
            coefficients[j, i - j] = binomial[i, j] * float(np.sum(power * law.fast**j * law.slow ** (i - j)))
    return BivariatePolynomial(coefficients=coefficients)


def session_average(polynomial: FloatArray, variance: float) -> FloatArray:
    r"""Average of :math:`E\,q(z + B_s)` over s in [0, 1], B a Brownian motion of ``variance`` at 1: a polynomial of z.

    Parameters
    ----------
    polynomial : ndarray of shape (n,)
        Coefficients of q, from the constant up.
    variance : float
        Variance of the motion over the session.

    Returns
    -------
    ndarray of shape (n,)
        Coefficients.
    """
    n = polynomial.size
    k = np.arange(n)
    # the moment of order 2m of B_s is that of a standard normal times (variance s)^m, whose average is over m + 1
    moment = normal_moments(np.array(0.0), np.array(variance), n) / (1.0 + 0.5 * k)
    return np.array([sum(polynomial[m] * comb(m, i) * moment[m - i] for m in range(i, n)) for i in range(n)])


def normal_moments(mean: FloatArray, variance: FloatArray, n: int) -> FloatArray:
    """Moments 0 to n - 1 of normal laws, of shape (n, ...)."""
    moments = np.ones((n, *np.shape(mean)))
    if n > 1:
        moments[1] = mean
    for k in range(2, n):
        moments[k] = mean * moments[k - 1] + (k - 1) * variance * moments[k - 2]
    return moments

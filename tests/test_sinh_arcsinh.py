"""Sinh-arcsinh shocks against closed moments and plain integration, and the compensator of returns."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from models.kernels.exponential import exp_bounded
from models.kernels.log_variance_path import ShockLaw, shock_of
from models.sinh_arcsinh import SinhArcsinh, deviation_of_variance, quadrature

NORMAL = SinhArcsinh(skew=0.0, tail=1.0)
LAWS = [NORMAL, SinhArcsinh(skew=-0.15, tail=0.93), SinhArcsinh(skew=0.7, tail=0.76), SinhArcsinh(skew=0.3, tail=1.4)]


def expectation(law: SinhArcsinh, function: object, *, kink: float | None = None) -> float:
    """By adaptive integration over the normal."""
    pieces = [-12.0, 0.0, 12.0] if kink is None else [-12.0, kink, 12.0]
    total = 0.0
    for low, high in pairwise(pieces):
        total += quad(lambda n: float(function(law.value(n))) * norm.pdf(n), low, high, epsabs=1e-13, limit=400)[0]  # type: ignore[operator]
    return total


@pytest.mark.parametrize("law", LAWS)
def test_shocks_have_mean_0_and_variance_1(law: SinhArcsinh) -> None:
    """Closed moments by Bessel functions inside, adaptive integration outside."""
    assert abs(expectation(law, lambda z: z)) < 1e-10
    assert abs(expectation(law, lambda z: z**2) - 1.0) < 1e-10
    values, weights = quadrature(law)
    assert abs(weights @ values) < 1e-12
    assert abs(weights @ values**2 - 1.0) < 1e-12
    other = SinhArcsinh(skew=law.skew + 0.1, tail=law.tail)
    assert (
        abs(weights @ other.value(np.sinh(law.tail * np.arcsinh(law.location + law.scale * values) - law.skew))) < 1e-9
    )
    assert abs(other.location - law.location) > 1e-2


@pytest.mark.parametrize("law", LAWS)
def test_size_and_exponential_moments_agree_with_integration(law: SinhArcsinh) -> None:
    kink = law.normal_at_zero
    assert abs(float(law.value(kink))) < 1e-12
    assert law.mean_size == pytest.approx(expectation(law, abs, kink=kink), abs=1e-11)
    for a, b in [(0.3, 0.0), (-0.4, 0.2), (1.0, 0.0), (-1.0, 0.1)]:
        expected = np.log(expectation(law, lambda z, a=a, b=b: np.exp(a * z + b * abs(z)), kink=kink))
        assert float(law.log_moment(a, b)) == pytest.approx(expected, abs=1e-10)


def test_the_normal_law_has_the_normal_moments() -> None:
    assert NORMAL.mean_size == pytest.approx(np.sqrt(2.0 / np.pi), abs=1e-14)
    np.testing.assert_allclose(NORMAL.log_moment([0.1, -0.7, 2.0]), [0.005, 0.245, 2.0], atol=1e-12)
    # a polynomial fitted to 1 everywhere is 1
    root = np.linspace(0.0, 1.0, 11)
    np.testing.assert_allclose(np.polynomial.polynomial.polyval(root, deviation_of_variance(NORMAL)), 1.0, atol=1e-9)


@pytest.mark.parametrize("law", LAWS[1:])
def test_returns_grow_by_their_drift_whatever_the_shock(law: SinhArcsinh) -> None:
    """E exp(c z - v/2) is 1 with the fitted scale, and is not with the root of the variance."""
    for root in (0.002, 0.01, 0.05, 0.2, 0.6, 0.98):
        scale = root * np.polynomial.polynomial.polyval(root, deviation_of_variance(law))
        assert expectation(law, lambda z, c=scale, v=root**2: np.exp(c * z - 0.5 * v)) == pytest.approx(1.0, abs=1e-10)
    biased = expectation(law, lambda z: np.exp(0.2 * z - 0.02))
    assert abs(biased - 1.0) > 1e-5


@pytest.mark.parametrize("law", LAWS)
def test_the_compiled_shock_is_the_shock(law: SinhArcsinh) -> None:
    constants = ShockLaw(law.skew, 1.0 / law.tail, law.location, 1.0 / law.scale)
    normal = np.concatenate([np.linspace(-6.8, 6.8, 201), [0.0, 1e-9]])
    compiled = np.array([shock_of(n, constants) for n in normal])
    np.testing.assert_allclose(compiled, law.value(normal), rtol=1e-12, atol=1e-13)


def test_the_exponential_agrees_with_the_library() -> None:
    x = np.concatenate([np.random.default_rng(3).uniform(-699.0, 699.0, 20_000), np.linspace(-1.0, 1.0, 2001)])
    np.testing.assert_allclose([exp_bounded(value) for value in x], np.exp(x), rtol=1e-15)
    assert exp_bounded(1e6) == exp_bounded(700.0) < np.inf
    assert 0.0 < exp_bounded(-np.inf) == exp_bounded(-700.0)

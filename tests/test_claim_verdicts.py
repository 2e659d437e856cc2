"""The rule that turns intervals into verdicts: its tests, their correction, and how often it errs."""

from __future__ import annotations

from itertools import combinations
from math import inf, nan, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import optimize, stats

from sim.claims import verdict as rule
from sim.claims.measured import Measured
from sim.claims.verdict import CONTRADICTED, SUPPORTED, UNTOLD
from sim.config.claim import ClaimedConfig, DecisionConfig

FloatArray = NDArray[np.float64]
M = 12
"""Tests in a family: three models and four regimes."""


def measured(estimate: float, error: float = 1.0, **more: object) -> Measured:
    half = 1.959964 * error
    fields = {"ci_low": estimate - half, "ci_high": estimate + half, "n_paths": 1000, "n_telling": 1000, **more}
    return Measured(estimate=estimate, standard_error=error, **fields)  # type: ignore[arg-type]


def claimed(low: float | None = None, high: float | None = None, **more: object) -> ClaimedConfig:
    return ClaimedConfig(low=low, high=high, **more)  # type: ignore[arg-type]


# the p-value of one test


@given(
    estimate=st.floats(-6.0, 6.0),
    low=st.floats(-3.0, 0.0),
    width=st.floats(0.0, 3.0),
    alpha=st.floats(0.001, 0.5),
    ends=st.sampled_from(["both", "low", "high"]),
)
def test_a_p_value_is_small_where_the_interval_leaves_no_doubt(
    estimate: float, low: float, width: float, alpha: float, ends: str
) -> None:
    """The interval of confidence 1 - alpha lies within the range, or outside it, exactly where p <= alpha."""
    left = low if ends != "high" else -inf
    right = low + width if ends != "low" else inf
    side, p = rule.leaning(measured(estimate), claimed(*(None if abs(x) == inf else x for x in (left, right))), 30)
    half = stats.norm.ppf(1.0 - alpha / 2.0)
    within = left <= estimate - half and estimate + half <= right
    outside = estimate - half >= right or estimate + half <= left
    if abs(p - alpha) > 1e-9:
        assert (p < alpha) == (within or outside)
        assert not within or side == SUPPORTED
        assert not outside or side == CONTRADICTED


def test_beyond_the_better_end_more_is_not_held_against_a_claim() -> None:
    wanted = claimed(0.6, 0.8, more_is="higher")
    assert rule.leaning(measured(0.95, 0.01), wanted, 30) == (SUPPORTED, pytest.approx(0.0, abs=1e-12))
    assert rule.leaning(measured(0.95, 0.01), claimed(0.6, 0.8), 30)[0] == CONTRADICTED
    assert rule.leaning(measured(0.5, 0.01), wanted, 30)[0] == CONTRADICTED


def test_a_tolerance_widens_the_range_for_support_alone() -> None:
    never = claimed(high=0.0, tolerance=0.005)
    assert rule.leaning(measured(-0.001, 0.001), never, 30)[1] < 1e-8
    assert rule.leaning(measured(-0.001, 0.001), claimed(high=0.0), 30)[1] == pytest.approx(2 * stats.norm.sf(1.0))
    side, p = rule.leaning(measured(0.003, 0.001), never, 30)
    assert (side, p) == (CONTRADICTED, pytest.approx(2 * stats.norm.sf(3.0)))


@pytest.mark.parametrize(("hits", "n"), [(0, 1000), (1, 1000), (7, 1000), (400, 1000), (30, 200)])
@pytest.mark.parametrize("bound", [0.002, 0.01, 0.3])
def test_shares_are_tested_by_the_inverse_of_wilsons_interval(hits: int, n: int, bound: float) -> None:
    p_hat = hits / n
    error = sqrt(p_hat * (1 - p_hat) / n)
    found = abs(measured(p_hat, error, n_paths=n, is_share=True).distance(bound))

    def edge(z: float) -> float:
        """Where Wilson's interval of z deviations ends on the side of the bound, less the bound."""
        centre, half = p_hat + z * z / (2 * n), z * sqrt(p_hat * (1 - p_hat) / n + z * z / (4 * n * n))
        return (centre + (half if bound > p_hat else -half)) / (1 + z * z / n) - bound

    expected = float(optimize.brentq(edge, 1e-9, 1e3))
    assert found == pytest.approx(expected, rel=1e-9)


def test_one_path_refutes_a_never() -> None:
    never = claimed(high=0.0, tolerance=0.005)
    assert rule.leaning(measured(0.001, 0.001, is_share=True), never, 30) == (CONTRADICTED, 0.0)
    none, few = (measured(0.0, 0.0, n_paths=n, is_share=True) for n in (5000, 200))
    assert rule.leaning(none, never, 30)[0] == SUPPORTED
    assert rule.leaning(none, never, 30)[1] < 1e-5 < 0.2 < rule.leaning(few, never, 30)[1]


def test_nothing_is_told_from_nothing() -> None:
    assert rule.leaning(Measured.nothing("no window"), claimed(0.0), 30) == (UNTOLD, 1.0)
    assert rule.leaning(measured(9.0, n_telling=29), claimed(0.0), 30) == (UNTOLD, 1.0)
    assert rule.leaning(measured(9.0, n_telling=30), claimed(0.0), 30)[0] == SUPPORTED
    assert rule.leaning(measured(nan), claimed(0.0), 30) == (UNTOLD, 1.0)
    assert rule.leaning(measured(0.0, 0.0), claimed(0.0), 30) == (SUPPORTED, 1.0)
    assert rule.leaning(measured(0.1, 0.0), claimed(0.0), 30) == (SUPPORTED, 0.0)


# the correction for the number of tests


def by_closure(p: list[float]) -> list[float]:
    """Holm's adjusted p-values from first principles: Bonferroni tests of all intersections, closed."""
    sets = [set(s) for size in range(1, len(p) + 1) for s in combinations(range(len(p)), size)]
    return [max(min(len(s) * min(p[k] for k in s), 1.0) for s in sets if i in s) for i in range(len(p))]


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=7))
def test_holms_correction_is_the_closure_of_bonferroni_tests(p: list[float]) -> None:
    assert rule.adjusted(p, "holm") == pytest.approx(by_closure(p), abs=1e-12)
    assert rule.adjusted(p, "bonferroni") == pytest.approx([min(len(p) * x, 1.0) for x in p])
    assert rule.adjusted(p, "none") == p


def any_error(truth: FloatArray, noise: FloatArray, correction: str, *, both_sides: bool = False) -> float:
    """Share of families in which any test of `0 or more` is decided wrongly; at 0 itself all decisions may count."""
    wrong, wanted = 0, claimed(0.0)
    for shock in noise:
        leans, p = zip(*(rule.leaning(measured(x), wanted, 30) for x in truth + shock), strict=True)
        found = [rule.decided(s, q, 0.95) for s, q in zip(leans, rule.adjusted(p, correction), strict=True)]
        right = [SUPPORTED if x >= 0.0 else CONTRADICTED for x in truth]
        wrong += any(f != UNTOLD and (both_sides or f != r) for f, r in zip(found, right, strict=True))
    return wrong / len(noise)


N_FAMILIES = 2500
ERROR = sqrt(0.05 * 0.95 / N_FAMILIES)
"""Standard error of a rate of 5%."""


def noise(seed: int, correlation: float = 0.0) -> FloatArray:
    shocks = np.random.default_rng(seed).standard_normal((2, N_FAMILIES, M))
    pairs = shocks[0].copy()
    pairs[:, 1::2] = correlation * pairs[:, ::2] + sqrt(1.0 - correlation**2) * shocks[1][:, 1::2]
    return pairs


def test_the_error_of_a_family_is_the_one_that_is_stated() -> None:
    """With the truth on the bound either decision is an error of a two-sided test: 1 - (1 - .05/12)^12."""
    expected = 1.0 - (1.0 - 0.05 / M) ** M
    assert any_error(np.zeros(M), noise(11), "holm", both_sides=True) == pytest.approx(expected, abs=4.0 * ERROR)


def test_without_the_correction_it_is_not() -> None:
    assert any_error(np.zeros(M), noise(11), "none", both_sides=True) > 0.05 + 20.0 * ERROR


@pytest.mark.parametrize("correlation", [0.0, 0.9, -0.9])
@pytest.mark.parametrize("n_clear", [0, 6, 11])
def test_wrong_verdicts_are_as_rare_as_stated(correlation: float, n_clear: int) -> None:
    """Cells just off the bound, beside cells that are plain to see and use the steps of the correction up."""
    truth = np.where(np.arange(M) % 2 == 0, 1e-9, -1e-9)
    truth[M - n_clear :] = 6.0
    assert any_error(truth, noise(12, correlation), "holm") < 0.05 + 3.0 * ERROR


def test_verdicts_on_what_can_be_measured_are_as_rarely_wrong() -> None:
    """Cells that a second number leaves out, which hangs on the estimate, do not count among the tests."""
    truth = np.where(np.arange(M) % 2 == 0, 1e-9, -1e-9)
    shocks, other = noise(13), noise(14)
    wrong = 0
    for shock, own in zip(shocks, other, strict=True):
        kept = 0.8 * shock + 0.6 * own > -0.5  # a third is left out, the more so the lower it is
        leans, p = zip(*(rule.leaning(measured(x), claimed(0.0), 30) for x in (truth + shock)[kept]), strict=True)
        found = [rule.decided(s, q, 0.95) for s, q in zip(leans, rule.adjusted(p, "holm"), strict=True)]
        right = [SUPPORTED if x >= 0.0 else CONTRADICTED for x in truth[kept]]
        wrong += any(f not in (UNTOLD, r) for f, r in zip(found, right, strict=True))
    assert wrong / N_FAMILIES < 0.05 + 3.0 * ERROR


def test_uncorrected_verdicts_are_wrong_more_often() -> None:
    truth = np.where(np.arange(M) % 2 == 0, 1e-9, -1e-9)
    assert any_error(truth, noise(12), "none") > 0.05 + 10.0 * ERROR


# from cells to the claim


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([SUPPORTED, SUPPORTED], SUPPORTED),
        ([SUPPORTED, UNTOLD], UNTOLD),
        ([UNTOLD, CONTRADICTED, SUPPORTED], CONTRADICTED),
    ],
)
def test_a_cell_is_supported_by_all_measures_and_contradicted_by_one(verdicts: list, expected: str) -> None:  # type: ignore[type-arg]
    assert rule.of_cell(verdicts) == expected


@pytest.mark.parametrize(
    ("supported", "contradicted", "untold", "expected"),
    [
        (4, 0, 0, "supported"),
        (2, 0, 2, "supported"),
        (1, 0, 3, "cannot be told"),
        (0, 2, 2, "contradicted"),
        (0, 1, 3, "cannot be told"),
        (0, 0, 4, "cannot be told"),
        (1, 1, 9, "depends on the model"),
        (3, 1, 0, "depends on the model"),
    ],
)
def test_cells_make_a_verdict(supported: int, contradicted: int, untold: int, expected: str) -> None:
    cells = [SUPPORTED] * supported + [CONTRADICTED] * contradicted + [UNTOLD] * untold
    assert rule.of_claim(cells, DecisionConfig()) == expected


def test_a_quorum_can_ask_for_all_cells() -> None:
    assert rule.of_claim([SUPPORTED, UNTOLD], DecisionConfig(quorum=1.0)) == "cannot be told"
    assert rule.of_claim([SUPPORTED, UNTOLD], DecisionConfig(quorum=0.0)) == "supported"

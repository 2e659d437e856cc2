"""Fit of any model to the 34 facts: simulated method of moments with common random numbers.

For each fact two misfits count: how far the median over simulated windows lies outside the envelope of the real
six-year windows, and how far the real value lies outside the 5-95% band of the simulated ones. Both ranges are narrowed
by a margin first, for a fit that just meets them on its own seed fails on the next. Distances are in half widths of the
envelope; a miss costs its square up to a knee, then saturates and grows like a logarithm, so that misses are all but
counted, and a fact which a model cannot have does not spoil the others. The windows keep their seed while the
parameters move, so the misfit is a smooth function of them up to the steps of its quantiles.

References
----------
.. [1] D. McFadden (1989), "A method of simulated moments for estimation of discrete response models without numerical
   integration", Econometrica 57(5): the same draws at every trial.
.. [2] F. Gao, L. Han (2012), "Implementing the Nelder-Mead simplex algorithm with adaptive parameters", Computational
   Optimization and Applications 51(1).
.. [3] S. Geman, D. McClure (1987), "Statistical methods for tomographic image reconstruction", Bulletin of the
   International Statistical Institute 52(4): the bounded loss.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, final

import numpy as np
from scipy import optimize

from models.calibration.free_coordinates import FreeCoordinates, Maker
from models.errors import CalibrationError, ModelParameterError, PricingDomainError
from models.fidelity.facts import FACTS
from models.fidelity.real_market import RealFact
from models.fidelity.scorecard import FactScore, Scorecard, score_facts, scorecard, simulate_facts
from models.protocols import FloatArray

Search = Literal["least_squares", "nelder_mead", "evolution"]

MARGIN = 0.08
"""Share of its width by which a range is narrowed at each end."""

MISSING = 2.0
"""Misfit of a fact that too few windows have."""

FORBIDDEN = 1e3
"""Misfit of parameters that the model refuses, and the largest of any fact."""

KNEE = 0.2
"""Distance at which a miss costs half of a hopeless one [half widths of the envelope]."""

TAIL = 0.05
"""Weight of the logarithm by which more distant misses still cost more."""

STEP = 0.15
"""First steps of a search, in coordinates."""

DIFFERENCE = 0.03
"""Step of the differences of the least-squares search, in coordinates: beyond the jumps of quantiles."""

BOX = 0.7
"""Half width of the box of the evolution, in coordinates: a factor of two each way for a logarithm."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class MomentsFit:
    """Outcome of a fit.

    Parameters
    ----------
    parameters : mapping
        All parameters at the best point.
    misfit, start_misfit : float
        Sum of squared damped misfits there and at the start, on the seed of the fit.
    evaluations : int
        Trials made.
    fitted, checked : Scorecard
        Scorecards of the best point: on the windows of the fit, and on those of another seed.
    """

    parameters: Mapping[str, float]
    misfit: float
    start_misfit: float
    evaluations: int
    fitted: Scorecard
    checked: Scorecard


def misfits(card: Scorecard, *, margin: float = MARGIN) -> FloatArray:
    """Misfits of a scorecard: two a fact, (2 x 34,), zero where the fact passes with the margin to spare."""
    raw = np.array([_misfit_pair(score, margin) for score in card.scores]).ravel()
    return np.asarray(np.minimum(np.nan_to_num(raw, nan=FORBIDDEN), FORBIDDEN))


def damped(distances: FloatArray, *, knee: float = KNEE) -> FloatArray:
    """Roots of what misses cost: a share of one that saturates beyond the knee [3]_, and a little for the distance."""
    squares = distances**2
    return np.asarray(np.sqrt(squares / (squares + knee**2) + TAIL * np.log1p(squares)))


def fit_moments(
    make: Maker,
    start: Mapping[str, float],
    free: Sequence[str],
    *,
    evaluations: int = 300,
    n_windows: int = 300,
    seed: int = 1,
    check_seed: int = 1_000_001,
    check_windows: int = 1000,
    search: Search = "least_squares",
    n_threads: int = 2,
    progress: Callable[[int, int, float, int], None] | None = None,
) -> MomentsFit:
    """Fit the free parameters of a model to the facts.

    Parameters
    ----------
    make : callable
        Makes the model from its parameters.
    start : mapping
        All parameters where the search starts.
    free : sequence of str
        Those it may move.
    evaluations : int
        Budget of trials, >= 1.
    n_windows, seed : int
        Windows of a trial; the same for all.
    check_seed, check_windows : int
        Windows of the final score.
    search : {"least_squares", "nelder_mead", "evolution"}
        Gauss-Newton steps by finite differences of all misfits; the adaptive simplex [2]_; differential evolution in
        a box around the start. Draws of a search are seeded by ``seed``; each goes on until the budget is spent.
    n_threads : int
        Threads of a trial.
    progress : callable, optional
        Called with the trials done, their budget, the best misfit so far and its number of facts passed.

    Raises
    ------
    ModelParameterError
        If the model refuses the start, or a free parameter is unknown.
    CalibrationError
        If the facts cannot be had at the start.
    """
    make(**start)
    coordinates = FreeCoordinates.of(make, start, free)

    def score(parameters: Mapping[str, float]) -> Scorecard:
        values, outside = simulate_facts(make(**parameters), n_windows=n_windows, seed=seed, n_threads=n_threads)
        return score_facts(values, seed=seed, outside_share=outside)

    trials = _Trials(coordinates=coordinates, score=score, budget=evaluations, progress=progress)
    start_misfit = float(np.sum(trials(coordinates.origin) ** 2))
    if trials.best is None:
        raise CalibrationError("the facts cannot be computed at the start of the fit")
    with suppress(_BudgetSpent):
        _SEARCHES[search](trials, coordinates.origin, seed)
    parameters = coordinates.parameters(trials.best_point)
    checked = scorecard(make(**parameters), n_windows=check_windows, seed=check_seed, n_threads=n_threads)
    return MomentsFit(
        parameters=parameters,
        misfit=trials.best_misfit,
        start_misfit=start_misfit,
        evaluations=trials.done,
        fitted=trials.best,
        checked=checked,
    )


class _BudgetSpent(Exception):
    """Ends a search whose budget of trials is spent."""


@dataclass(slots=True, kw_only=True)
class _Trials:
    """The function that a search minimises: counts its calls and keeps the best."""

    coordinates: FreeCoordinates
    score: Callable[[Mapping[str, float]], Scorecard]
    budget: int
    progress: Callable[[int, int, float, int], None] | None
    done: int = 0
    best_misfit: float = np.inf
    best: Scorecard | None = None
    best_point: FloatArray = field(default_factory=lambda: np.empty(0))
    known: dict[bytes, FloatArray] = field(default_factory=dict)

    def last(self, point: FloatArray) -> FloatArray:
        """Misfits at a point, not tried again if it was tried before."""
        known = self.known.get(point.tobytes())
        return self(point) if known is None else known

    def __call__(self, point: FloatArray) -> FloatArray:
        """Misfits at a point."""
        if self.done >= self.budget:
            raise _BudgetSpent
        self.done += 1
        try:
            card = self.score(self.coordinates.parameters(point))
            result = damped(misfits(card))
            misfit = float(np.sum(result**2))
            if misfit < self.best_misfit:
                self.best_misfit, self.best, self.best_point = misfit, card, np.array(point)
        except (ModelParameterError, PricingDomainError, ArithmeticError, np.linalg.LinAlgError):
            result = damped(np.full(2 * len(FACTS), FORBIDDEN))
        self.known[point.tobytes()] = result
        if self.progress is not None and self.best is not None:
            self.progress(self.done, self.budget, self.best_misfit, self.best.n_passed)
        return result


def _misfit_pair(score: FactScore, margin: float) -> tuple[float, float]:
    """Misfits of median and band, in half widths of the envelope."""
    fact = score.fact
    if np.isnan(score.median):
        return MISSING, MISSING
    scale = _scale(fact)
    envelope = _distance(score.median, fact.low, fact.high, margin) / scale if fact.envelope_counts else 0.0
    return envelope, _distance(fact.real, score.low, score.high, margin) / scale


def _scale(fact: RealFact) -> float:
    """Half the width of the envelope; a third of the value where one episode makes the envelope."""
    return 0.5 * (fact.high - fact.low) if fact.envelope_counts else abs(fact.real) / 3.0


def _distance(value: float, low: float, high: float, margin: float) -> float:
    """How far a value lies outside a range narrowed at each end by a share of its width."""
    inset = margin * (high - low)
    return max(low + inset - value, value - high + inset, 0.0)


def _least_squares(trials: _Trials, origin: FloatArray, seed: int) -> None:
    """Gauss-Newton steps in a trust region with forward differences; where they stall, again from beside the best."""
    rng = np.random.default_rng(seed)

    def jacobian(point: FloatArray) -> FloatArray:
        here = trials.last(point)
        moves = DIFFERENCE * rng.choice([-1.0, 1.0], point.size)
        return np.stack([(trials(point + row) - here) / row.sum() for row in np.diag(moves)], axis=1)

    point = origin
    while True:
        optimize.least_squares(trials, point, jac=jacobian, method="trf", ftol=1e-3, xtol=1e-3)
        point = trials.best_point + STEP * rng.standard_normal(origin.size)


def _nelder_mead(trials: _Trials, origin: FloatArray, seed: int) -> None:
    """Adaptive simplexes, each from the best point so far, with fresh directions."""
    rng = np.random.default_rng(seed)
    while True:
        centre = trials.best_point
        steps = np.diag(STEP * rng.choice([-1.0, 1.0], origin.size))
        simplex = np.concatenate([centre[None], centre + steps])
        optimize.minimize(
            lambda point: float(np.sum(trials(point) ** 2)),
            centre,
            method="Nelder-Mead",
            options={"adaptive": True, "initial_simplex": simplex, "xatol": 1e-3, "fatol": 1e-4},
        )


def _evolution(trials: _Trials, origin: FloatArray, seed: int) -> None:
    """Differential evolution in a box around the start."""
    optimize.differential_evolution(
        lambda point: float(np.sum(trials(point) ** 2)),
        [(x - BOX, x + BOX) for x in origin],
        x0=origin,
        rng=np.random.default_rng(seed),
        maxiter=trials.budget,
        polish=False,
        tol=0.0,
    )


_SEARCHES: dict[str, Callable[[_Trials, FloatArray, int], None]] = {
    "least_squares": _least_squares,
    "nelder_mead": _nelder_mead,
    "evolution": _evolution,
}

"""One evaluation of a study: a parameter set, what came out, and how much of it is Monte Carlo noise.

All evaluations see the same random numbers, so that their errors are alike and mostly cancel in differences. How much
is left is known from the errors of groups of paths, which are kept beside each estimate: group g of one evaluation and
group g of another are the same paths under two parameter sets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from sim.metrics.estimate import Estimate

FloatArray = NDArray[np.float64]
Arrays = dict[str, NDArray[np.generic]]

N_GROUPS = 50
"""Groups of paths whose errors are kept; the error of a difference is then known to a tenth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One parameter set.

    Parameters
    ----------
    number : int
        Row of the design.
    values : mapping of float
        Value of each factor that is set, by name; the others are those of the file.
    label : str
        What the point is for.
    """

    number: int
    values: Mapping[str, float]
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What came out at a point.

    Parameters
    ----------
    number : int
        Row of the design.
    estimate, standard_error : ndarray of shape (n_outputs,)
        In the unit of each output; NaN where there is none.
    errors : ndarray of shape (n_outputs, n_groups)
        Part of each group of paths in the error of the estimate; over repetitions with other random numbers the parts
        are independent, have mean 0, and add up to the error.
    notes : tuple of str
        Why an output has no estimate, empty where it has one.
    failure : str
        Why the whole evaluation failed, empty where it did not.
    """

    number: int
    estimate: FloatArray
    standard_error: FloatArray
    errors: FloatArray
    notes: tuple[str, ...]
    failure: str = ""

    @classmethod
    def of(cls, number: int, estimates: Sequence[Estimate]) -> Self:
        """Collect the estimates of all outputs; what is not finite is none, and a note says so."""
        notes = tuple(_note(item) for item in estimates)
        is_known = np.array([not note for note in notes])
        values = np.array([item.estimate for item in estimates], dtype=np.float64)
        parts = [group_errors(item) for item in estimates]
        errors = np.zeros((len(parts), max(part.size for part in parts)))  # groups beyond those of a statistic add 0
        for row, part in zip(errors, parts, strict=True):
            row[: part.size] = part
        return cls(
            number=number,
            estimate=np.where(is_known, values, np.nan),
            standard_error=np.array([item.standard_error for item in estimates], dtype=np.float64),
            errors=errors,
            notes=notes,
        )

    @classmethod
    def failed(cls, number: int, n_outputs: int, reason: str) -> Self:
        """An evaluation that ended in an error."""
        nothing = np.full(n_outputs, np.nan)
        return cls(
            number=number,
            estimate=nothing,
            standard_error=nothing,
            errors=np.empty((n_outputs, 0)),
            notes=("",) * n_outputs,
            failure=reason or "failed for no stated reason",
        )


def batch_arrays(batch: Sequence[Evaluation]) -> Arrays:
    """Evaluations as arrays that are written as one block; ``read_batch`` reads them back."""
    n_groups = max(item.errors.shape[1] for item in batch)
    errors = np.full((len(batch), batch[0].estimate.size, n_groups), np.nan)
    for row, item in zip(errors, batch, strict=True):
        row[:, : item.errors.shape[1]] = item.errors
    return {
        "number": np.array([item.number for item in batch]),
        "estimate": np.stack([item.estimate for item in batch]),
        "standard_error": np.stack([item.standard_error for item in batch]),
        "errors": errors,
        "notes": np.array([item.notes for item in batch]),
        "failure": np.array([item.failure for item in batch]),
    }


def read_batch(arrays: Arrays) -> list[Evaluation]:
    """Evaluations that were written as one block."""
    return [
        Evaluation(
            number=int(number),
            estimate=np.asarray(arrays["estimate"][i], dtype=np.float64),
            standard_error=np.asarray(arrays["standard_error"][i], dtype=np.float64),
            errors=np.asarray(arrays["errors"][i], dtype=np.float64),
            notes=tuple(str(note) for note in arrays["notes"][i]),
            failure=str(arrays["failure"][i]),
        )
        for i, number in enumerate(arrays["number"])
    ]


class Evaluator(Protocol):
    """What a study evaluates: an experiment, or in tests a function."""

    @property
    def n_outputs(self) -> int:
        """Outputs of each evaluation."""
        ...

    def tasks(self, points: Sequence[Point], n_jobs: int) -> list[list[Point]]:
        """Divide points among workers, so that those that share work stay together."""
        ...

    def prepare(self, tasks: Sequence[Sequence[Point]], notify: Callable[[str, int, int], None]) -> None:
        """Build what all workers need before they start."""
        ...

    def evaluate(self, points: Sequence[Point]) -> Iterator[list[Evaluation]]:
        """Evaluate the points of a task, batch by batch; a batch is written when it is done."""
        ...


def group_errors(estimate: Estimate, n_groups: int = N_GROUPS) -> FloatArray:
    """Parts of groups of paths in the error of an estimate, shape (n_groups,), fewer where there are fewer paths.

    Groups are runs of consecutive paths, as equal in number as can be; paths that depend on one another stay together.
    NaN where the paths do not tell the error.
    """
    influence = estimate.influence
    if not np.isfinite(estimate.standard_error):
        influence = np.full(influence.size, np.nan)
    n_clusters = -(-influence.size // estimate.cluster)
    n_groups = min(n_groups, n_clusters)
    first = np.arange(n_groups) * n_clusters // n_groups * estimate.cluster
    return np.asarray(np.add.reduceat(influence, first) / influence.size)


def _note(estimate: Estimate) -> str:
    if np.isfinite(estimate.estimate):
        return ""
    return estimate.note or f"the paths give no number, {estimate.estimate}"

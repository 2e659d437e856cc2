"""Nested simulation under Q: many futures of each state of a sample, and the sample itself."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from models.kernels.nest import advance_pairs, draw_session
from models.path_dependent_dynamics import PathDependentDynamics
from models.path_dependent_paths import stationary_path_dependent
from models.protocols import FloatArray, Stream
from models.streams import Purpose, normals, stream_key, uniforms

SAMPLE_STREAM = Stream(seed=20_230_901, scenario=0)
"""Numbers of the samples that tables are regressed on; every user gets the same tables."""

LOWEST_ROOT, HIGHEST_ROOT = 0.04, 0.7
"""Range of the root of activity that the sample covers [annual, decimal]."""

LEAST_DEVIATION = 0.1
"""Least deviation of the level that the sample is spread for: one that stands still may start off its mean."""

Result = TypeVar("Result")


def nested_sessions(
    dynamics: PathDependentDynamics, state: FloatArray, sessions: int, n_pairs: int, stream: Stream
) -> Iterator[tuple[FloatArray, FloatArray, float]]:
    """Futures of one state, session by session, in antithetic pairs.

    Parameters
    ----------
    dynamics : PathDependentDynamics
        Of the measure, Q for prices.
    state : ndarray of shape (5,)
        Where all paths start.
    sessions : int
        How many.
    n_pairs : int
        Pairs of paths.
    stream : Stream
        Address of the random numbers; states that share it share the numbers.

    Yields
    ------
    log_return : ndarray of shape (2 * n_pairs,)
        From the start, overwritten by the next session.
    state : ndarray of shape (5, 2 * n_pairs)
        Overwritten by the next session.
    variance : float
        Mean over paths and substeps of the session's variance before the level.
    """
    key, steps = stream_key(stream), dynamics.steps()
    moving = np.repeat(np.asarray(state, dtype=float)[:, None], 2 * n_pairs, axis=1)
    log_return = np.zeros(2 * n_pairs)
    normal, ready = np.empty((dynamics.substeps + 1, n_pairs)), np.empty((4, n_pairs))
    for session in range(sessions):
        draw_session(normal, ready, stream.first_path, session, int(Purpose.NEST), key)
        variance = advance_pairs(log_return, moving, normal, steps)
        yield log_return, moving, variance


def sample_states(dynamics: PathDependentDynamics, n_states: int) -> FloatArray:
    """States to regress on: half of them from the stationary law, half of the same shapes at all sizes.

    States of low and high volatility are taken more often than they occur: a regression is worst at its ends. The
    second half is stretched so that the root of its activity is spread evenly, in logs, over a range beyond what
    paths of either measure visit. The level is spread evenly over 3.5 of its deviations around both means.

    Returns
    -------
    ndarray of shape (5, n_states)
    """
    states = _spread_over_volatility(dynamics, stationary_path_dependent(dynamics, 4 * n_states, SAMPLE_STREAM))
    first, second, _, _ = uniforms(SAMPLE_STREAM, n_states, purpose=Purpose.NEST, day=-1)
    stretched = np.arange(n_states) % 2 == 1
    root = LOWEST_ROOT * (HIGHEST_ROOT / LOWEST_ROOT) ** first
    w = dynamics.weights[1]
    size = np.where(stretched, root / np.sqrt((1.0 - w) * states[2] + w * states[3]), 1.0)
    states[:2] *= size
    states[2:4] *= size**2
    mean, reach = dynamics.level[1], 3.5 * max(dynamics.level_deviation, LEAST_DEVIATION)
    low, high = min(mean, 0.0) - reach, max(mean, 0.0) + reach
    states[4] = low + (high - low) * second
    # fast and slow averages part further than they do on quiet paths
    apart = normals(SAMPLE_STREAM, n_states, purpose=Purpose.NEST, day=-2)
    states[:4] *= np.exp(np.where(stretched, 0.25, 0.0) * apart)
    return states


def _spread_over_volatility(dynamics: PathDependentDynamics, states: FloatArray) -> FloatArray:
    """A quarter of the states, their ranks of volatility having the arcsine law, in a random order."""
    n_states = states.shape[1] // 4
    order = np.argsort(dynamics.volatility(states), kind="stable")
    share = np.sin(0.5 * np.pi * (np.arange(n_states) + 0.5) / n_states) ** 2
    chosen = states[:, order[(states.shape[1] * share).astype(np.intp)]]
    shuffle = np.argsort(uniforms(SAMPLE_STREAM, n_states, purpose=Purpose.NEST, day=-3)[0])
    return np.ascontiguousarray(chosen[:, shuffle])


def forward_variances(dynamics: PathDependentDynamics, states: FloatArray, sessions: int, n_pairs: int) -> FloatArray:
    """Expected variance of each of the coming sessions before the level; shape (n_states, sessions)."""

    def rows(index: int) -> FloatArray:
        stream = nest_stream(index, n_pairs)
        futures = nested_sessions(dynamics, states[:, index], sessions, n_pairs, stream)
        return np.array([variance for _, _, variance in futures])

    return np.stack(over_states(rows, states.shape[1]))


def nest_stream(index: int, n_pairs: int, *, scenario: int = 1) -> Stream:
    """Address of the numbers of the nested paths of one state of a sample: no two states share any."""
    return Stream(seed=SAMPLE_STREAM.seed, scenario=scenario, first_path=index * n_pairs)


def over_states(work: Callable[[int], Result], n_states: int) -> list[Result]:
    """Results of ``work(0) .. work(n_states - 1)`` in order, on all cores."""
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return list(pool.map(work, range(n_states)))

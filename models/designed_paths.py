"""What an importance design does to paths as a whole: which history they have, and what they weigh."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from models.kernels.designed import fill_log_ratios
from models.path_design import CANDIDATES
from models.protocols import FloatArray, Stream
from models.streams import Purpose, stream_key, uniforms

_PICK = 1  # day of the number that picks a history; day 0 has that which picks the tilted paths


def pick_history(
    history_of: Callable[[Stream], tuple[FloatArray, FloatArray]],
    vix_of: Callable[[FloatArray], FloatArray],
    n_paths: int,
    stream: Stream,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    r"""Pick one of several histories for each path, those with a high VIX on day 0 more often.

    Of candidates with the weights :math:`g_j` one is taken with probability :math:`g_j / \sum g`. The path weighs
    :math:`\bar g / g_j`, whose product with any function of the candidate has the mean that the function has over the
    law of the candidates, exactly and for any number of them.

    Parameters
    ----------
    history_of : callable
        From a stream to log spot (n_times, n_paths) and state (n_times, n_factors, n_paths).
    vix_of : callable
        From a state (n_factors, n_paths) to the VIX.
    n_paths : int
        Number of paths.
    stream : Stream
        Address of the block, with an importance design.

    Returns
    -------
    log_spot : ndarray of shape (n_times, n_paths)
    state : ndarray of shape (n_times, n_factors, n_paths)
    weight : ndarray of shape (n_paths,)
    """
    design = stream.design
    assert design is not None
    if design.start_power == 0.0:
        return *history_of(stream), np.ones(n_paths)
    u = uniforms(stream, n_paths, purpose=Purpose.SAMPLING, day=_PICK)[0]
    total, chosen, log_spot, state = np.zeros(n_paths), np.zeros(n_paths), None, None
    for candidate in range(CANDIDATES):  # one at a time is in memory
        own_log_spot, own_state = history_of(replace(stream, design=replace(design, candidate=candidate)))
        weight = vix_of(own_state[-1]) ** design.start_power
        total += weight
        # keeping the newest with its share of the total so far picks each with its share in the end
        share = weight / total
        takes = u < share
        u = np.where(takes, u / share, (u - share) / np.where(share < 1.0, 1.0 - share, 1.0))
        if log_spot is None or state is None:
            log_spot, state = np.array(own_log_spot), np.array(own_state)
        else:
            log_spot[:, takes], state[:, :, takes] = own_log_spot[:, takes], own_state[:, :, takes]
        chosen[takes] = weight[takes]
    assert log_spot is not None
    assert state is not None
    return log_spot, state, total / CANDIDATES / chosen


def session_weights(n_paths: int, stream: Stream) -> FloatArray:
    """Likelihood ratio of the model's law to that of the paths after day 0, shape (n_paths,).

    Of the paths a share ``plain_share`` is not tilted, so no weight is above its inverse.
    """
    design = stream.design
    assert design is not None
    if not design.tilts_sessions:
        return np.ones(n_paths)
    ratio = np.empty(n_paths)
    fill_log_ratios(ratio, np.uint64(stream.first_path), *stream_key(stream))
    weight: FloatArray = 1.0 / (design.plain_share + (1.0 - design.plain_share) * np.exp(ratio))
    return weight

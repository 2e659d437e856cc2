r"""Tilts that take a model through an episode.

A pilot run is led session by session. What the medians of log SPX and log VIX still lack to the next mark of the
episode is spread evenly over the sessions left; the tilt of a session gives the mean move that is its share. It is the
minimum of the convex function

.. math::  \lambda \mapsto \frac1n \sum_p \ln \frac1K \sum_k e^{\lambda \cdot m_{kp} + q_{kp}} - \lambda \cdot d,

where :math:`m_{kp}` is candidate k of path p as tilts weigh it, :math:`q_{kp}` what draws it back to the median, and d
the wanted mean move, so weighted. A small ridge in units of the moves' deviations keeps the tilt finite, and gives both
wishes the same weight where no candidate goes as far as wanted.
"""

from __future__ import annotations

from dataclasses import astuple, fields

import numpy as np

from models.protocols import FloatArray, Model, SimulationGrid, Start, Stream
from models.regimes import RegimePreset, load_regime
from models.simulation import simulate_paths
from models.steering import CandidateMoves, SteeredModel, Tilt, candidate_moves
from models.table_cache import load_or_build, table_hash

PILOT_PATHS = 1024
"""Paths of the pilot run; its medians have a standard error of about 4% of a path's deviation."""

_VERSION = 5
_NEWTON_STEPS = 30
_RIDGE = 0.01  # shares of a wished move that is given up, at a tilt that moves means by one deviation
_STREAM = Stream(seed=20181231, scenario=2**32 - 1)


def in_regime(model: Model, regime: str) -> SteeredModel:
    """Steer a model through the episode called ``regime``; solved once and cached on disk.

    Raises
    ------
    ModelParameterError
        If there is no such episode, or the model never visits the VIX that it starts from.
    """
    preset = load_regime(regime)
    key = table_hash({"steering": _VERSION, "model": repr(model), "regime": repr(preset), "pilot": PILOT_PATHS})
    arrays = load_or_build(key, lambda: {"tilts": _solve(model, preset)}, of=f"tilts of {model!r} through {regime}")
    names = [item.name for item in fields(Tilt)]
    tilts = tuple(Tilt(**dict(zip(names, row, strict=True))) for row in arrays["tilts"].tolist())
    return SteeredModel(model=model, regime=regime, tilts=tilts)


def _solve(model: Model, preset: RegimePreset) -> FloatArray:
    """Tilts of shape (n_sessions, 5), fields in the order of ``Tilt``."""
    grid = SimulationGrid(n_days=1, warmup_days=0)
    paths = simulate_paths(model, grid, PILOT_PATHS, _STREAM, start=Start(vix=preset.start_vix))
    state = np.ascontiguousarray(paths.state[0])
    marks, growth = np.zeros(PILOT_PATHS), 0.0
    tilts: list[Tilt] = []
    for phase in preset.phases:
        growth += float(np.log1p(phase.spx_return))
        for left in range(phase.sessions, 0, -1):
            moves = candidate_moves(model, state, _STREAM, day=len(tilts))
            centre = float(np.median(moves.level))
            lacks = np.array([np.log(phase.vix) - centre, growth - np.median(marks)])
            tilt = tilt_for(moves, lacks / left, centre=centre)
            returns, moved = moves.take(tilt, _STREAM, day=len(tilts))
            marks, state = marks + returns[0], moved[0]
            tilts.append(tilt)
    return np.array([astuple(tilt) for tilt in tilts])


def tilt_for(moves: CandidateMoves, wanted: FloatArray, *, centre: float) -> Tilt:
    """Tilt under which the mean move is the wanted one, or as near as the candidates go.

    Parameters
    ----------
    moves : CandidateMoves
        Candidates of a session.
    wanted : ndarray of shape (2,)
        Mean change of the log VIX, and mean log return.
    centre : float
        Log VIX to which paths are drawn back.
    """
    typical = np.median(moves.deviations(), axis=1)
    features, pull = moves.features(typical) / typical[:, None, None], moves.pull(centre)
    weight = np.minimum(1.0, typical[:, None] / moves.deviations()) ** 2
    target = wanted / typical * weight.mean(axis=1)
    tilt, (value, gradient, hessian) = np.zeros(2), _dual(features, pull, target, np.zeros(2))
    for _ in range(_NEWTON_STEPS):
        step = -np.linalg.solve(hessian, gradient)
        if -float(gradient @ step) < 1e-12:
            break
        length = 1.0
        while length > 1e-6:
            trial = _dual(features, pull, target, tilt + length * step)
            if trial[0] <= value + 1e-4 * length * float(gradient @ step):
                break
            length *= 0.5
        tilt = tilt + length * step
        value, gradient, hessian = _dual(features, pull, target, tilt)
    values = (*(tilt / typical), centre, *typical)
    return Tilt(**{item.name: float(value) for item, value in zip(fields(Tilt), values, strict=True)})


def _dual(
    features: FloatArray, pull: FloatArray, wanted: FloatArray, tilt: FloatArray
) -> tuple[float, FloatArray, FloatArray]:
    """Value, gradient and Hessian of the convex function, with the ridge."""
    exponent = np.tensordot(tilt, features, axes=1) + pull
    largest = exponent.max(axis=0)
    weight = np.exp(exponent - largest)
    total = weight.sum(axis=0)
    weight /= total
    mean = (features * weight).sum(axis=1)
    centred = features - mean[:, None]
    hessian = np.einsum("ikp,jkp,kp->ij", centred, centred, weight) / total.size + _RIDGE * np.eye(2)
    value = float(np.mean(largest + np.log(total / len(weight))) - tilt @ wanted + 0.5 * _RIDGE * tilt @ tilt)
    return value, mean.mean(axis=1) - wanted + _RIDGE * tilt, hessian

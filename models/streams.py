"""Who may use which random numbers: purposes, and draws of a block of paths.

The counter of a number is ``(path, day, block, purpose)`` and its key ``(seed, scenario)``. Two uses that differ in any
of these never share a number, so a new use needs no more than a new purpose.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import IntEnum
from math import sqrt

import numpy as np

from models.errors import ModelParameterError
from models.kernels.designed import ANTITHETIC, IMPORTANCE, SOBOL, STRATIFIED, DesignKey
from models.kernels.philox import UintArray, fill_normals, fill_uniforms
from models.path_design import MAX_CHANCE, DesignKind, Normals, PathDesign
from models.protocols import FloatArray, Stream

POOL_FIRST_PATH = 2**31
"""Paths from here on belong to pools of histories; simulated paths come before."""

StreamKey = UintArray | tuple[DesignKey, np.uint64]
"""Key of a plain stream, or of one with a design."""

_KINDS: dict[DesignKind, int] = {
    "antithetic": ANTITHETIC,
    "stratified": STRATIFIED,
    "sobol": SOBOL,
    "importance": IMPORTANCE,
}
_WORDS = 2**32
_NO_WORD = 4
_NO_NORMALS: Normals = (0.0, 0.0, 0.0, 0.0)


class Purpose(IntEnum):
    """What a number is for. Values are part of every stored result: append, never renumber."""

    PATH = 0
    """Steps of a model, day by day."""
    STATIONARY = 1
    """Draws of a stationary state, and the days of a burn-in."""
    HISTORY_PICK = 2
    """Choice of a path's history from a pool."""
    ROLL_PHASE = 3
    """Day of the first trade of each path."""
    SETTLEMENT = 4
    """Settlement prices that differ from the close."""
    BREADTH = 5
    """Participation and rotation of stocks, day by day."""
    MACRO = 6
    """Innovations of the macro factors, day by day."""
    EVENT = 7
    """Jumps on scheduled event days."""
    NEST = 8
    """Nested paths that prices are means of, and the states that tables are regressed on."""
    RESAMPLE = 9
    """Days of history that a bootstrap draws."""
    REGIME = 10
    """Moves of a hidden regime, and where it starts."""
    STEERING = 11
    """Choice among the moves of a steered session."""
    JUMP = 12
    """Jumps of the return that only the law of options has."""
    SAMPLING = 13
    """Choice of what a design does to a path."""


def stream_key(stream: Stream) -> StreamKey:
    """Key of a stream.

    Parameters
    ----------
    stream : Stream
        Address of a block of paths.

    Returns
    -------
    ndarray of shape (2,), uint64, or tuple
        Seed and scenario; the former with the design in one tuple, where there is one.

    Raises
    ------
    ModelParameterError
        If seed, scenario or first path lie outside their ranges.
    """
    limits = {"seed": _WORDS, "scenario": _WORDS, "first_path": _WORDS}
    for name, limit in limits.items():
        value = getattr(stream, name)
        if not 0 <= value < limit:
            raise ModelParameterError(f"{name} must lie in 0 .. {limit - 1}, got {value!r}")
    if stream.design is not None:
        return _design_key(stream.seed, stream.design), np.uint64(stream.scenario)
    return np.array([stream.seed, stream.scenario], dtype=np.uint64)


def _design_key(seed: int, design: PathDesign) -> DesignKey:
    """Numbers of a design, as kernels read them."""
    jump, shock = design.jump, design.shock
    chance = 0.0 if jump is None else jump.chance
    tilted = max(min(design.jump_factor * chance, MAX_CHANCE), chance)
    has_sizes = jump is not None and design.jump_size > 1.0
    return DesignKey(
        seed=np.uint64(seed),
        kind=np.uint64(_KINDS[design.kind]),
        bits=np.uint64(design.points.bit_length() - 1),
        n_days=np.uint64(design.n_days),
        candidate=np.uint64(design.candidate),
        jump_block=np.uint64(0 if jump is None else jump.block),
        jump_word=np.uint64(_NO_WORD if jump is None else jump.word),
        threshold=np.uint64(round((1.0 - chance) * _WORDS)),
        tilted=np.uint64(round(tilted * _WORDS)),
        plain_share=np.uint64(round(design.plain_share * _WORDS)),
        size_block=np.uint64(0 if jump is None else jump.size_block),
        size_word=np.uint64(jump.size_word if jump is not None and has_sizes else _NO_WORD),
        shock_block=np.uint64(0 if shock is None else shock.block),
        jump_size=float(design.jump_size),
        trend=0.0 if shock is None else float(design.trend),
        rise=_NO_NORMALS if shock is None else _scaled(shock.rise, design.rise / sqrt(max(design.n_days, 1))),
        move=_NO_NORMALS if shock is None else shock.move,
    )


def _scaled(normals: Normals, by: float) -> Normals:
    """Four numbers times one."""
    first, second, third, fourth = normals
    return by * first, by * second, by * third, by * fourth


def check_paths(stream: Stream, n_paths: int) -> None:
    """Check that a block is a stretch of paths and stays inside the 2**32 of a stream.

    Parameters
    ----------
    stream : Stream
        Address of the block.
    n_paths : int
        Its number of paths.

    Raises
    ------
    ModelParameterError
        Naming the rule and the value received.
    """
    if stream.paths is not None:
        raise ModelParameterError(f"paths must be consecutive here, got {stream.paths!r}; take them one by one")
    if not 1 <= n_paths <= _WORDS - stream.first_path:
        raise ModelParameterError(f"n_paths must lie in 1 .. {_WORDS - stream.first_path}, got {n_paths!r}")


def uniforms(stream: Stream, n_paths: int, *, purpose: Purpose, day: int = 0, block: int = 0) -> FloatArray:
    """Four independent uniforms a path, each on a grid of width 2**-32 inside (0, 1).

    Parameters
    ----------
    stream : Stream
        Address of the block of paths.
    n_paths : int
        Number of paths.
    purpose : Purpose
        What the numbers are for.
    day, block : int
        Address within the purpose; ``day`` may be negative, -2**31 .. 2**31 - 1.

    Returns
    -------
    ndarray of shape (4, n_paths)

    Raises
    ------
    ModelParameterError
        If the stream or the number of paths lies outside its range.
    """
    return _drawn(fill_uniforms, stream, n_paths, purpose, day, block)


def normals(stream: Stream, n_paths: int, *, purpose: Purpose, day: int = 0, block: int = 0) -> FloatArray:
    """Four independent standard normals a path; see ``uniforms`` for the parameters.

    Returns
    -------
    ndarray of shape (4, n_paths)

    Raises
    ------
    ModelParameterError
        If the stream or the number of paths lies outside its range.
    """
    return _drawn(fill_normals, stream, n_paths, purpose, day, block)


def _drawn(
    fill: Callable[..., None], stream: Stream, n_paths: int, purpose: Purpose, day: int, block: int
) -> FloatArray:
    """Four numbers a path; of chosen paths, those of each."""
    if stream.paths is None:
        key = stream_key(stream)
        check_paths(stream, n_paths)
        out = np.empty((4, n_paths))
        fill(out, *_counter(stream, purpose, day, block), key)
        return out
    if n_paths > len(stream.paths):
        raise ModelParameterError(f"n_paths must be <= {len(stream.paths)}, the chosen paths, got {n_paths!r}")
    alone = [replace(stream, first_path=path, paths=None) for path in stream.paths[:n_paths]]
    return np.concatenate([_drawn(fill, item, 1, purpose, day, block) for item in alone], axis=1)


def _counter(stream: Stream, purpose: Purpose, day: int, block: int) -> tuple[np.uint64, ...]:
    return np.uint64(stream.first_path), np.uint64(day % _WORDS), np.uint64(block), np.uint64(purpose)

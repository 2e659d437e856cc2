"""How the paths of a stream are drawn together: what a design is, and which draws a model lets it touch."""

from __future__ import annotations

from dataclasses import dataclass
from math import log2
from typing import Literal, Protocol, final, runtime_checkable

from models.errors import ModelParameterError

DesignKind = Literal["antithetic", "stratified", "sobol", "importance"]

CANDIDATES = 8
"""Histories that each path draws where the VIX of its start is tilted."""

MAX_CHANCE = 0.5
"""Largest chance of a jump in a session of a tilted path."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class JumpDraw:
    """Where a model reads the number of jumps of a session, by inversion of one uniform of ``Purpose.PATH``.

    Parameters
    ----------
    block : int
        Block of its address, 0 or more.
    word : int
        Which of the four numbers of that address, 0 to 3; jumps come where it is near 1.
    chance : float
        Probability of a jump in a session at the mean intensity, in (0, 1).
    """

    block: int
    word: int
    chance: float


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PathDesign:
    """Design of the paths of a stream; each path depends on its number alone, as in a plain stream.

    Parameters
    ----------
    kind : str
        See ``models.kernels.designed``.
    points : int
        Paths of a replicate of a stratified or Sobol design, a power of 2; replicates are independent.
    n_days : int
        Sessions after day 0.
    jump : JumpDraw, optional
        What an importance design tilts; None tilts no jumps.
    jump_factor : float
        Chance of a jump in tilted paths over that of the model.
    plain_share : float
        Share of paths whose jumps are not tilted.
    start_power : float
        Histories are picked with a probability proportional to the VIX of day 0 to this power; 0 tilts no start.
    candidate : int
        Number of a candidate history.
    """

    kind: DesignKind
    points: int = 1
    n_days: int = 0
    jump: JumpDraw | None = None
    jump_factor: float = 1.0
    plain_share: float = 1.0
    start_power: float = 0.0
    candidate: int = 0

    def __post_init__(self) -> None:
        if not (self.points >= 1 and log2(self.points).is_integer() and self.points <= 2**24):
            raise ModelParameterError(f"points must be a power of 2, 1 .. 2**24, got {self.points!r}")
        if self.jump_factor < 1.0:
            raise ModelParameterError(f"jump_factor must be >= 1, got {self.jump_factor!r}")
        if not 0.0 < self.plain_share <= 1.0:
            raise ModelParameterError(f"plain_share must lie in (0, 1], got {self.plain_share!r}")


@runtime_checkable
class Designable(Protocol):
    """A model all of whose numbers come from ``models.streams``, so that paths may be drawn by a design."""

    @property
    def counter_draws(self) -> bool:
        """True."""
        ...


@runtime_checkable
class JumpModel(Protocol):
    """A model whose jumps an importance design can make more frequent."""

    def jump_draw(self) -> JumpDraw | None:
        """Where jumps are read under P; None where there are none."""
        ...

"""How the paths of a stream are drawn together: what a design is, and which draws a model lets it touch."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot, inf, isclose, isfinite, log2
from typing import Literal, Protocol, final, runtime_checkable

from models.errors import ModelParameterError

Normals = tuple[float, float, float, float]
"""One number for each normal of an address."""

DesignKind = Literal["antithetic", "stratified", "sobol", "importance"]

CANDIDATES = 8
"""Histories that each path draws where the VIX of its start is tilted."""

MAX_CHANCE = 0.5
"""Largest chance of a jump in a session of a tilted path."""

TREND_SESSIONS = 21
"""Sessions that a trend of a tilted path lasts."""


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
    size_block, size_word : int
        Where the number is by which the first jump of the session is sized, likewise; large jumps come where it is near
        0. Their law is tilted where ``size_word`` is below 4, the numbers of an address.
    """

    block: int
    word: int
    chance: float
    size_block: int = 0
    size_word: int = 4


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ShockDraw:
    """Where a model reads the normals of a session, by inversion of the uniforms of one address of ``Purpose.PATH``.

    Parameters
    ----------
    block : int
        Block of the address, 0 or more.
    rise : tuple of float
        Direction of the four normals in which the variance rises, of length 1.
    move : tuple of float
        Direction in which the log price moves most, of length 1; its sign says nothing.
    """

    block: int
    rise: Normals
    move: Normals

    def __post_init__(self) -> None:
        for name in ("rise", "move"):
            if not isclose(hypot(*getattr(self, name)), 1.0, rel_tol=1e-9):
                raise ModelParameterError(f"{name} must be a direction of length 1, got {getattr(self, name)!r}")


def direction(*parts: float) -> Normals:
    """Direction of length 1 that is proportional to the parts; what is left out is 0."""
    first, second, third, fourth = (part / hypot(*parts) for part in (*parts, 0.0, 0.0, 0.0)[:4])
    return first, second, third, fourth


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
    jump_size : float
        Scale of the exponent of jumps in tilted paths over that of the model: an exponential jump is larger by it.
    shock : ShockDraw, optional
        Normals that an importance design tilts; None tilts none.
    rise : float
        Mean of the sum of the normals of all sessions in the direction in which the variance rises, in tilted paths
        [standard deviations of that sum].
    trend : float
        Variance that is added to the sum of each month's normals in the direction in which the price moves, in tilted
        paths [variance of that sum].
    plain_share : float
        Share of paths that are not tilted.
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
    jump_size: float = 1.0
    shock: ShockDraw | None = None
    rise: float = 0.0
    trend: float = 0.0
    plain_share: float = 1.0
    start_power: float = 0.0
    candidate: int = 0

    def __post_init__(self) -> None:
        if not (self.points >= 1 and log2(self.points).is_integer() and self.points <= 2**24):
            raise ModelParameterError(f"points must be a power of 2, 1 .. 2**24, got {self.points!r}")
        if self.jump_factor < 1.0:
            raise ModelParameterError(f"jump_factor must be >= 1, got {self.jump_factor!r}")
        if self.jump_size < 1.0:
            raise ModelParameterError(f"jump_size must be >= 1, got {self.jump_size!r}")
        if not (isfinite(self.rise) and 0.0 <= self.trend < inf):
            raise ModelParameterError(
                f"rise must be finite and trend finite and >= 0, got {self.rise!r} and {self.trend!r}"
            )
        if not 0.0 < self.plain_share <= 1.0:
            raise ModelParameterError(f"plain_share must lie in (0, 1], got {self.plain_share!r}")

    @property
    def tilts_sessions(self) -> bool:
        """Whether numbers of the sessions after day 0 are tilted."""
        has_jumps = self.jump is not None and (self.jump_factor > 1.0 or self.jump_size > 1.0)
        return has_jumps or (self.shock is not None and (self.rise != 0.0 or self.trend > 0.0))


@runtime_checkable
class Designable(Protocol):
    """A model all of whose numbers come from ``models.streams``, so that paths may be drawn by a design."""

    @property
    def counter_draws(self) -> bool:
        """True."""
        ...


@runtime_checkable
class JumpModel(Protocol):
    """A model whose jumps an importance design can make more frequent and larger."""

    def jump_draw(self) -> JumpDraw | None:
        """Where jumps are read under P; None where there are none."""
        ...


@runtime_checkable
class ShockModel(Protocol):
    """A model whose normals an importance design can move."""

    def shock_draw(self) -> ShockDraw:
        """Where the normals of a session are read under P, and what they do."""
        ...

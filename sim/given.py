"""What a stress script or a real history fixes of a market beside its closes: openings, futures, and how trading goes.

Keys ``t`` are sessions of the market's calendar.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sim.frictions import NONE, Friction


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What is given; by default nothing.

    Parameters
    ----------
    frictions : mapping of int to Friction
        Sessions on which spreads are wider or orders are not filled whole.
    spx_gap : mapping of int to float
        Log move of the SPX from the close before to the opening of the session.
    vix_open : mapping of int to float
        VIX at the opening of the session [points], on which VIX contracts settle but for the noise of the auction.
    futures : mapping of int to mapping of int to float
        Session -> session of the expiry -> settlement price of the VIX future [points].
    without_jumps : frozenset of int
        Sessions whose closes hold their scheduled events already: no event jump is added to them.
    """

    frictions: Mapping[int, Friction] = field(default_factory=dict)
    spx_gap: Mapping[int, float] = field(default_factory=dict)
    vix_open: Mapping[int, float] = field(default_factory=dict)
    futures: Mapping[int, Mapping[int, float]] = field(default_factory=dict)
    without_jumps: frozenset[int] = frozenset()

    def merged(self, other: Given) -> Given:
        """What either gives; where both speak of the same thing, the other."""
        return Given(
            frictions={**self.frictions, **other.frictions},
            spx_gap={**self.spx_gap, **other.spx_gap},
            vix_open={**self.vix_open, **other.vix_open},
            futures={**self.futures, **other.futures},
            without_jumps=self.without_jumps | other.without_jumps,
        )

    def friction(self, t: int) -> Friction:
        """How trading goes on session ``t``."""
        return self.frictions.get(t, NONE)


NOTHING = Given()
"""Nothing is given: the model makes all of the market."""

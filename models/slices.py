"""What the tables ask of a family of models: prices of one expiry after the other on a grid of states."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from models.axes import Axis
from models.protocols import FloatArray, Pricer

SpxSlice = tuple[FloatArray, FloatArray, FloatArray]
"""Deviation (n_nodes,), scaled puts and scaled calls (n_nodes, n_strikes)."""

VixSlice = tuple[FloatArray, FloatArray, FloatArray, FloatArray]
"""Future (n_nodes,) [VIX points], deviation (n_nodes,), scaled puts and scaled calls (n_nodes, n_strikes)."""


class SliceSource(Protocol):
    """Prices on a grid of states, session by session.

    ``states`` has shape (n_factors, n_nodes); ``scaled`` (n_strikes,) is the log-moneyness in deviations, counted
    outwards: a put at ``z`` is struck at ``forward * exp(-deviation * z)``, a call at ``forward * exp(deviation * z)``.
    Scaled prices are undiscounted and over ``forward * deviation``. The deviation is that of the log return, or any
    smooth positive scale near it.
    """

    def spx_slices(self, states: FloatArray, scaled: FloatArray, max_sessions: int) -> Iterator[SpxSlice]:
        """Options on the SPX that expire after 1, 2, ... ``max_sessions`` sessions."""
        ...

    def vix_slices(self, states: FloatArray, scaled: FloatArray, max_sessions: int) -> Iterator[VixSlice]:
        """Futures and options on the VIX that settle after 1, 2, ... sessions; ``scaled`` may be empty."""
        ...


class TableModel(Protocol):
    """What a model tells the tabulated pricer."""

    @property
    def rate(self) -> float:
        """Short rate [1/year, continuous]."""
        ...

    @property
    def dividend_yield(self) -> float:
        """Dividend yield [1/year, continuous]."""
        ...

    def pricing_key(self) -> str:
        """Text that identifies the law under Q: models with the same key have the same prices at zero rates."""
        ...

    def table_axes(self) -> tuple[Axis, ...]:
        """One axis a factor: one or two continuous ones, after at most one of kind ``index``.

        Factors of the state that come after those of the axes move paths and no price.
        """
        ...

    def slice_source(self) -> SliceSource:
        """What builds the tables."""
        ...

    def exact_pricer(self) -> Pricer:
        """The reference pricer; tables use its VIX."""
        ...

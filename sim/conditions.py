"""Rules as data: trees of comparisons of signals, checked when they are loaded, compiled once for a block of paths.

A leaf compares a signal, or a measure of its recent past, with a number or with another signal::

    {signal: vix, op: "<", value: vix_sma5}
    {signal: rsi_spx, measure: change, window: 5, op: "<", value: 0}

and leaves are joined by ``all:``, ``any:`` and ``not:``. A comparison with a value that is not known yet is false.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_serializer, model_validator

from sim import signals
from sim.config import ConfigSection
from sim.rolling import percentile_rows, scaled_rows

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Measure = Literal["level", "change", "over_std", "zscore", "percentile"]

BOOK_SIGNALS: dict[str, str] = {
    "drawdown_nav": "loss of the strategy's equity from its running maximum, as a fraction of it",
    "condor_profit": "open profit of the best open condor tranche over its credit",
    "hedge_share": "what all hedges bind, premium or margin, over the condor's risk capital",
    "extrinsic": "time value that the open condors have left to earn, over their credit",
    "breakeven_lo": "distance of the SPX to the nearest lower break-even of an open condor, as a fraction of it",
    "breakeven_hi": "distance of the SPX to the nearest upper break-even of an open condor, as a fraction of it",
    "hedge_irr": "projected yearly rate of gain of all hedges held, over the premium and margin that they bind",
    "funding_cost": "rate on that premium and margin, weighted by their amounts",
}
"""Signals of the strategy's own book, known day by day: name -> meaning. Without a condor or hedge some are unknown."""

BOOK_UNITS: dict[str, tuple[str, str]] = {
    "drawdown_nav": ("fraction, >= 0", "S2"),
    "condor_profit": ("of the credit", "S1"),
    "hedge_share": ("ratio", "S4"),
    "extrinsic": ("of the credit", "S0 S1 S3 S4"),
    "breakeven_lo": ("fraction of the SPX", "S0 S1 S2 S3 S4"),
    "breakeven_hi": ("fraction of the SPX", "S0 S1 S2 S3 S4"),
    "hedge_irr": ("1/year", "S0 S2 S3 S4"),
    "funding_cost": ("1/year", "S0 S2 S4"),
}
"""Signal of the book -> its unit, and the documents that use it."""

LEAST_KNOWN = 20
"""Known values that a measure over a window needs, where the window is longer than that."""

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
"""Comparisons by their sign."""


class Condition(ConfigSection):
    """A tree of comparisons: exactly one of ``all``, ``any``, ``not`` and ``signal``."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True)

    is_shown_whole: ClassVar[bool] = True
    """Lists of fields print it as one value."""

    all: tuple[Condition, ...] | None = Field(default=None, min_length=1, description="true where every one is")
    any: tuple[Condition, ...] | None = Field(default=None, min_length=1, description="true where at least one is")
    not_: Condition | None = Field(default=None, alias="not", description="true where this is not")
    signal: str | None = Field(default=None, description="name of a signal: `regimesim list signals`")
    measure: Measure = Field(
        default="level",
        description="of the signal: level; change over `window` sessions; over its standard deviation in the window;"
        " distance from its mean in deviations; share of the window's values at or below it",
    )
    window: int | None = Field(default=None, ge=1, le=2520, description="sessions that the measure looks back")
    op: Literal["<", "<=", ">", ">="] | None = Field(default=None, description="comparison")
    value: float | str | None = Field(default=None, description="number, or the name of another signal")

    @field_validator("signal")
    @classmethod
    def _signal_is_known(cls, value: str | None) -> str | None:
        return None if value is None else _checked(value)

    @field_validator("value")
    @classmethod
    def _other_signal_is_known(cls, value: float | str | None) -> float | str | None:
        return _checked(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_kind(self) -> Condition:
        given = [name for name in ("all", "any", "not_", "signal") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("must have exactly one of all, any, not and signal")
        leaf_only = [self.op, self.value, self.window]
        if given != ["signal"]:
            if leaf_only != [None] * 3 or self.measure != "level":
                raise ValueError("must have op, value, measure and window beside signal only")
        elif self.op is None or self.value is None:
            raise ValueError(f"must compare {self.signal} with something: op and value")
        elif (self.measure == "level") != (self.window is None):
            raise ValueError("must have a window if measure is not level, and only then")
        elif self.measure != "level" and self.signal in BOOK_SIGNALS:
            raise ValueError(f"must take {self.signal} at its level; a signal of the book has no other measure")
        elif self.measure in ("over_std", "zscore") and self.window == 1:
            raise ValueError("must have a window of 2 sessions or more for a deviation")
        return self

    @model_serializer(mode="plain")
    def _as_written(self) -> dict[str, Any]:
        if self.all is not None:
            return {"all": [part._as_written() for part in self.all]}
        if self.any is not None:
            return {"any": [part._as_written() for part in self.any]}
        if self.not_ is not None:
            return {"not": self.not_._as_written()}
        measured = {} if self.measure == "level" else {"measure": self.measure, "window": self.window}
        return {"signal": self.signal, **measured, "op": self.op, "value": self.value}

    def __str__(self) -> str:
        """Write as a formula: ``(vix < vix_sma5 and ad_divergence > 0.5)``."""
        if self.all is not None:
            return f"({' and '.join(map(str, self.all))})"
        if self.any is not None:
            return f"({' or '.join(map(str, self.any))})"
        if self.not_ is not None:
            return f"not {self.not_}"
        left = self.signal if self.measure == "level" else f"{self.measure}({self.signal}, {self.window})"
        right = self.value if isinstance(self.value, str) else f"{self.value:g}"
        return f"{left} {self.op} {right}"

    def leaves(self) -> Iterator[Condition]:
        """Comparisons of the tree."""
        parts = self.all or self.any or ((self.not_,) if self.not_ is not None else ())
        if not parts:
            yield self
        for part in parts:
            yield from part.leaves()

    def signals(self) -> frozenset[str]:
        """Names of all signals that are read."""
        leaves = list(self.leaves())
        others = {leaf.value for leaf in leaves if isinstance(leaf.value, str)}
        return frozenset({str(leaf.signal) for leaf in leaves} | others)


def condition(tree: Mapping[str, Any]) -> Condition:
    """Make a tree from plain values, as an experiment file writes it."""
    return Condition.model_validate(tree)


def conditions_of(config: BaseModel) -> Iterator[Condition]:
    """Trees of an engine's configuration, those of its sections included."""
    for value in (getattr(config, name) for name in type(config).model_fields):
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, Condition):
                yield item
            elif isinstance(item, BaseModel):
                yield from conditions_of(item)


class SignalSource(Protocol):
    """What trees are compiled from."""

    def signal(self, name: str) -> FloatArray:
        """Signal by name, shape (n_times, n_paths)."""
        ...


class CompiledConditions:
    """Truth of trees on one block of paths, each computed once for all strategies.

    Parameters
    ----------
    market : MarketBlock or alike
        Signals of the block.
    """

    def __init__(self, market: SignalSource) -> None:
        self._market = market
        self._known: dict[Condition, BoolArray] = {}
        self._measured: dict[tuple[str, Measure, int], FloatArray] = {}
        self._reads_book: dict[Condition, bool] = {}
        self._at_once: dict[int, tuple[Condition, BoolArray]] = {}  # by identity: comparing trees takes longer

    def rows(self, tree: Condition) -> BoolArray:
        """Where a tree without signals of the book holds, shape (n_times, n_paths), row ``t`` by closes up to ``t``."""
        if tree not in self._known:
            truth = self._compute(tree)
            truth.setflags(write=False)
            self._known[tree] = truth
        return self._known[tree]

    def today(self, tree: Condition, t: int, book: Callable[[str], FloatArray]) -> BoolArray:
        """Where a tree holds on session ``t``, shape (n_paths,); ``book`` gives today's signals of the book."""
        if id(tree) in self._at_once:
            row: BoolArray = self._at_once[id(tree)][1][t]
            return row
        if tree not in self._reads_book:
            self._reads_book[tree] = bool(tree.signals() & BOOK_SIGNALS.keys())
        if not self._reads_book[tree]:
            self._at_once[id(tree)] = tree, self.rows(tree)
            return self.today(tree, t, book)
        if tree.all is not None:
            return np.asarray(np.logical_and.reduce([self.today(part, t, book) for part in tree.all]))
        if tree.any is not None:
            return np.asarray(np.logical_or.reduce([self.today(part, t, book) for part in tree.any]))
        if tree.not_ is not None:
            return ~self.today(tree.not_, t, book)
        left, right = self._today(tree.signal, t, book), self._today(tree.value, t, book)
        return np.asarray(OPERATORS[str(tree.op)](left, right), dtype=np.bool_)

    def _today(self, side: float | str | None, t: int, book: Callable[[str], FloatArray]) -> FloatArray:
        """One side of a comparison on session ``t``."""
        if not isinstance(side, str):
            return np.asarray(side, dtype=np.float64)
        return book(side) if side in BOOK_SIGNALS else self._market.signal(side)[t]

    def _compute(self, tree: Condition) -> BoolArray:
        if tree.all is not None:
            return np.asarray(np.logical_and.reduce([self.rows(part) for part in tree.all]))
        if tree.any is not None:
            return np.asarray(np.logical_or.reduce([self.rows(part) for part in tree.any]))
        if tree.not_ is not None:
            return ~self.rows(tree.not_)
        left = self._left(str(tree.signal), tree.measure, tree.window or 1)
        right = self._market.signal(tree.value) if isinstance(tree.value, str) else tree.value
        with np.errstate(invalid="ignore"):
            return np.asarray(OPERATORS[str(tree.op)](left, right), dtype=np.bool_)

    def _left(self, name: str, measure: Measure, window: int) -> FloatArray:
        """Left side of comparisons: several of a tree may ask for the same."""
        key = (name, measure, window)
        if key not in self._measured:
            self._measured[key] = measured(self._market.signal(name), measure, window)
        return self._measured[key]


def measured(series: FloatArray, measure: Measure, window: int) -> FloatArray:
    """Measure of a signal's recent past.

    Parameters
    ----------
    series : ndarray of shape (n_times, n_paths)
        The signal; NaN where it is not known.
    measure : str
        ``level``, ``change``, ``over_std``, ``zscore`` or ``percentile``.
    window : int
        Sessions, today included; for ``change`` the distance in sessions.

    Returns
    -------
    ndarray of shape (n_times, n_paths)
        Row ``t`` depends on rows up to ``t``. Statistics use those of the window's values that are known, and are NaN
        with fewer than ``LEAST_KNOWN`` of them (or than the window, where that is shorter), or without variation.
    """
    if measure == "level":
        return series
    if measure == "change":
        result = np.empty(series.shape)
        result[:window] = np.nan
        np.subtract(series[window:], series[:-window], out=result[window:])
        return result
    least = min(window, LEAST_KNOWN)
    if measure == "percentile":
        return percentile_rows(series, window, least)
    return scaled_rows(series, window, least, is_centred=measure == "zscore")


def _checked(name: str) -> str:
    known = [*signals.REGISTRY, *BOOK_SIGNALS]
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"must be one of {', '.join(known)}{hint}")
    return name

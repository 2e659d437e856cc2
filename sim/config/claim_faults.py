"""What a claim names must exist: its strategies, scenarios and windows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sim.config.claim import ClaimConfig
from sim.config.document import Key
from sim.config.faults import one_of
from sim.config.schema import ExperimentConfig

PAIRED = ("gain", "reduction", "relative_reduction")
"""Contrasts that need a baseline."""


def claim_faults(config: ExperimentConfig, windows: Iterable[str]) -> Iterator[tuple[Key, str]]:
    """Check a claim against the experiment that it belongs to.

    Parameters
    ----------
    config : ExperimentConfig
        The experiment; may have no claim.
    windows : iterable of str
        Names of the windows whose values are stored.

    Yields
    ------
    key, message
        One for each fault.
    """
    claim = config.claim
    if claim is None:
        return
    yield from _unknown_strategies(claim, config)
    for name, corners in claim.crossing.items():
        for corner, scenario in corners.model_dump().items():
            if scenario not in config.scenarios:
                yield ("claim", "crossing", name, corner), one_of(scenario, config.scenarios)
    known = list(windows)
    for i, measure in enumerate(claim.measures):
        key: Key = ("claim", "measures", i)
        for window in measure.windows_read:
            if window not in known:
                yield (*key, "windows"), one_of(window, known)
        if measure.effect is not None and not claim.crossing:
            yield (*key, "effect"), f"got {measure.effect!r}; must have claim.crossing, the scenarios to be contrasted"
        needs_baseline = measure.contrast in PAIRED or measure.measure == "margin_growth"
        if needs_baseline and any(pair.baseline is None for pair in claim.compare):
            yield (*key, "contrast"), f"got {measure.contrast!r}; must have a baseline in every entry of claim.compare"


def _unknown_strategies(claim: ClaimConfig, config: ExperimentConfig) -> Iterator[tuple[Key, str]]:
    for i, pair in enumerate(claim.compare):
        for field, name in (("method", pair.method), ("baseline", pair.baseline)):
            if name is not None and name not in config.strategies:
                yield ("claim", "compare", i, field), one_of(name, config.strategies)

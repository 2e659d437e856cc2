"""An experiment with some of its values replaced: where a dotted key leads, and what stands there instead.

A sensitivity study names values of its own experiment file by dotted keys. They are looked up in the resolved
experiment, where everything that the file leaves out has its default; so do parameters that stand in a preset.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from math import exp, floor, log
from typing import Any

import models
from sim.config import ExperimentConfig, FactorConfig
from sim.config.document import Key, dotted, value_at
from sim.config.faults import nearest, one_of, show
from sim.errors import ConfigError

Tree = dict[str, Any]
Parse = Callable[[Mapping[str, Any]], ExperimentConfig]
"""Check an experiment that is given as plain values."""

SECTIONS = ("scenarios", "strategies", "costs", "margin", "account", "market", "days")
"""Where keys of factors may start."""

PROBES = {"low": 0.0, "high": 1.0, "between": 0.381966}
"""Positions at which each factor is tried when a file is loaded."""


class KeyMissing(ValueError):
    """A dotted key leads nowhere; the message says where it ends and what is there."""


def plain_tree(config: ExperimentConfig) -> Tree:
    """Plain values of an experiment, without its study."""
    return config.model_dump(mode="json", exclude={"sensitivity"})


def factor_value(factor: FactorConfig, position: float) -> float | int:
    """Value of a factor at a position in its range.

    Parameters
    ----------
    factor : FactorConfig
        The factor.
    position : float
        0 at ``low``, 1 at ``high``. Whole numbers share the range evenly, each with an equal part.

    Examples
    --------
    >>> factor = FactorConfig(key="costs.etn_fee", low=1.0, high=100.0, scale="log")
    >>> factor_value(factor, 0.5)
    10.0
    >>> [factor_value(FactorConfig(key="days", low=5, high=7, integer=True), u) for u in (0.0, 0.3, 0.4, 0.7, 1.0)]
    [5, 5, 6, 7, 7]
    """
    low, high = factor.low, factor.high + (1.0 if factor.integer else 0.0)
    if factor.scale == "log":
        value = exp(log(low) + position * (log(high) - log(low)))
    else:
        value = low + position * (high - low)
    if factor.integer:
        return int(min(floor(value + 1e-9), factor.high))
    return min(max(value, low), high)


def locate(tree: Tree, text: str) -> Key:
    """Find a dotted key in the plain values of an experiment.

    Engines are addressed by their number or by their name. A parameter of a model that stands in its preset, or has a
    default, is written into the tree.

    Raises
    ------
    KeyMissing
        If it leads nowhere.
    """
    parts = text.split(".")
    if parts[0] not in SECTIONS:
        raise KeyMissing(f"got {text!r}; must start with one of {', '.join(SECTIONS)}{nearest(parts[0], SECTIONS)}")
    key: Key = ()
    for part in parts:
        here = value_at(tree, key)
        if len(key) == 3 and key[0] == "scenarios" and key[2] == "parameters" and part not in here:
            _fill_parameter(tree, str(key[1]), part)
        key = (*key, _step(here, part, text, key))
    return key


def base_values(tree: Tree, keys: Sequence[Key]) -> list[Any]:
    """What stands under the keys of a factor."""
    return [value_at(tree, key) for key in keys]


def varied_tree(tree: Tree, factors: Mapping[str, FactorConfig], values: Mapping[str, float]) -> Tree:
    """Plain values of an experiment with the values of factors in their places.

    Parameters
    ----------
    tree : dict
        From ``plain_tree``; stays as it is.
    factors : mapping of FactorConfig
        Factors by name.
    values : mapping of float
        Value of each factor that is to be set, by name.

    Raises
    ------
    KeyMissing
        If a key leads nowhere.
    """
    made = deepcopy(tree)
    for name, value in values.items():
        factor = factors[name]
        for text in factor.key:
            key = locate(made, text)
            owner = value_at(made, key[:-1])
            owner[key[-1]] = _times(owner[key[-1]], value) if factor.relative else value
    return made


def base_of(tree: Tree, factor: FactorConfig) -> float:
    """Value of a factor in the file: 1 for one that multiplies.

    Raises
    ------
    KeyMissing
        If there is none: the file says null, or the keys of the factor hold different values.
    """
    if factor.base is not None:
        return factor.base
    if factor.relative:
        return 1.0
    values = base_values(tree, [locate(tree, text) for text in factor.key])
    if any(value is None for value in values):
        raise KeyMissing(f"{factor.key[values.index(None)]} is null in the file; say base")
    if any(value != values[0] for value in values):
        raise KeyMissing(f"its keys hold different values, {', '.join(map(show, values))}; say base, or relative: true")
    return float(values[0])


def study_faults(config: ExperimentConfig, statistics: Sequence[str], parse: Parse) -> Iterator[tuple[Key, str]]:
    """Find what is wrong with the sensitivity study of an experiment.

    Parameters
    ----------
    config : ExperimentConfig
        The experiment, itself without fault.
    statistics : sequence of str
        Names of the statistics that exist.
    parse : callable
        Check of an experiment; every factor is tried at both ends of its range and inside it.

    Yields
    ------
    key : tuple
        Key of the fault in the experiment file.
    message : str
        What is wrong.
    """
    study = config.sensitivity
    if study is None:
        return
    here: Key = ("sensitivity",)
    for name, output in study.outputs.items():
        for field, options in (
            ("statistic", statistics),
            ("strategy", list(config.strategies)),
            ("minus", [*config.strategies, None]),
            ("scenario", [*config.scenarios, None]),
        ):
            given = getattr(output, field)
            if given not in options:
                yield (*here, "outputs", name, field), one_of(given, [item for item in options if item is not None])
        if output.scenario is None and len(config.scenarios) > 1:
            scenarios = ", ".join(config.scenarios)
            yield (*here, "outputs", name), f"scenario is missing; must be given, one of {scenarios}"
    tree, taken = plain_tree(config), dict[Key, str]()
    for name, factor in study.factors.items():
        key = (*here, "factors", name)
        for field, message in _factor_faults(tree, name, factor, taken, needs_base=study.method == "tornado"):
            yield (*key, field), message
            break
        else:
            yield from ((key, message) for message in _probe_faults(tree, name, factor, parse))


def _factor_faults(
    tree: Tree, name: str, factor: FactorConfig, taken: dict[Key, str], *, needs_base: bool
) -> Iterator[tuple[str, str]]:
    """Keys that lead nowhere, to no number, or where another factor is."""
    for text in factor.key:
        try:
            key = locate(tree, text)
        except KeyMissing as error:
            yield "key", str(error)
            continue
        if taken.setdefault(key, name) != name:
            yield "key", f"{text} is varied by {taken[key]} already; must be varied by one factor"
        value = value_at(tree, key)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if factor.relative and not is_number and not _is_numbers(value):
            yield "key", f"{text} holds {show(value)}; must hold a number, or numbers, that can be multiplied"
        elif not factor.relative and value is not None and not is_number:
            yield "key", f"{text} holds {show(value)}; must hold a number"
    if needs_base:
        try:
            base = base_of(tree, factor)
        except KeyMissing as error:
            yield "base", str(error)
        else:
            if not factor.low <= base <= factor.high:
                yield "base", f"the file says {base:g}; must lie between low, {factor.low:g}, and high, {factor.high:g}"


def _probe_faults(tree: Tree, name: str, factor: FactorConfig, parse: Parse) -> Iterator[str]:
    """What an experiment says against values of a factor, all others being those of the file."""
    for place, position in PROBES.items():
        value = factor_value(factor, position)
        try:
            parse(varied_tree(tree, {name: factor}, {name: value}))
        except ConfigError as error:
            fault = max(error.faults, key=lambda item: len(item.key), default=None)
            reason = str(error) if fault is None else f"{fault.key}: {fault.message}"
            whole = "; say integer: true" if place == "between" and "whole number" in reason else ""
            yield f"at {place} = {value:g}: {reason}{whole}"
            return


def _step(here: Any, part: str, text: str, key: Key) -> str | int:
    """Name or index of the next value on the way down."""
    where = dotted(key) or "the experiment"
    if isinstance(here, dict):
        if part not in here:
            listed = ", ".join(map(str, here)) or "nothing"
            raise KeyMissing(f"got {text!r}; {where} has no {part}, only {listed}{nearest(part, here)}")
        return part
    if isinstance(here, list):
        names = [item.get("engine") if isinstance(item, dict) else None for item in here]
        if part in names:
            return names.index(part)
        if part.isdecimal() and int(part) < len(here):
            return int(part)
        known = [name for name in names if name] or [f"0 to {len(here) - 1}"]
        raise KeyMissing(f"got {text!r}; {where} has no {part}, only {', '.join(known)}{nearest(part, known)}")
    raise KeyMissing(f"got {text!r}; {where} is {show(here)}, there is nothing below it; give it in the file")


def _fill_parameter(tree: Tree, scenario: str, name: str) -> None:
    """Write a parameter that the file leaves to the preset or to the model into the tree; unknown ones: what exists."""
    entry = tree["scenarios"][scenario]
    known = {item.name: item.default for item in models.parameters_of(entry["model"])}
    if entry["preset"] is not None:
        known.update(models.load_preset(entry["preset"]).parameters)
    if name not in known:
        raise KeyMissing(f"{name} is no parameter of {entry['model']}, only {', '.join(known)}{nearest(name, known)}")
    value = known[name]
    entry["parameters"][name] = list(value) if isinstance(value, tuple) else value


def _is_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(v, int | float) and not isinstance(v, bool) for v in value)


def _times(value: Any, factor: float) -> Any:
    return [factor * item for item in value] if isinstance(value, list) else factor * value

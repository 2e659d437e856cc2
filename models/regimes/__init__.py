"""Regime presets: market episodes that any model can be steered through, one YAML file each, in this folder."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

from ruamel.yaml import YAML

from models.errors import ModelParameterError


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A part of an episode.

    Parameters
    ----------
    until : str
        Last day of the part in the real episode.
    sessions : int
        Its length.
    spx_return : float
        Simple return of the SPX over it.
    vix : float
        VIX at its end. [points]
    """

    until: str
    sessions: int
    spx_return: float
    vix: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimePreset:
    """A market episode.

    Parameters
    ----------
    name, meaning : str
        Name of the file, and what happens in the episode.
    window, source : str
        Days that the numbers come from, and of what data.
    start_vix : tuple of float
        Range of the VIX on day 0. [points]
    phases : tuple of Phase
        Its parts, in order.
    """

    name: str
    meaning: str
    window: str
    source: str
    start_vix: tuple[float, float]
    phases: tuple[Phase, ...]

    @property
    def n_sessions(self) -> int:
        """Length of the episode."""
        return sum(phase.sessions for phase in self.phases)


def regime_names() -> tuple[str, ...]:
    """Names of the regime presets, sorted."""
    return tuple(sorted(item.name[:-5] for item in files(__name__).iterdir() if item.name.endswith(".yaml")))


@cache
def load_regime(name: str) -> RegimePreset:
    """Read a regime preset.

    Raises
    ------
    ModelParameterError
        If there is none of that name; the nearest is suggested.
    """
    known = regime_names()
    if name not in known:
        close = get_close_matches(name, known, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise ModelParameterError(f"regime must be one of {', '.join(known)}, got {name!r}{hint}")
    content = YAML(typ="safe", pure=True).load(files(__name__).joinpath(f"{name}.yaml").read_text(encoding="utf-8"))
    low, high = content["start_vix"]
    return RegimePreset(
        name=name,
        meaning=str(content["meaning"]),
        window=str(content["window"]),
        source=str(content["source"]),
        start_vix=(float(low), float(high)),
        phases=tuple(
            Phase(
                until=str(phase["until"]),
                sessions=int(phase["sessions"]),
                spx_return=float(phase["spx_return"]),
                vix=float(phase["vix"]),
            )
            for phase in content["phases"]
        ),
    )

"""Steered paths beside the episode that they are named after: SPX return, VIX and length of every phase."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from models.protocols import Model, SimulationGrid, Start, Stream
from models.regimes import load_regime
from models.steering_fit import in_regime

REACHED = (0.03, 0.10)
"""Distance of the medians within which a phase counts as reached: SPX return, and log VIX."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeRow:
    """One phase of an episode, in reality and in a model.

    Parameters
    ----------
    regime, until : str
        Episode, and last day of the phase.
    sessions : int
        Length of the phase, the same in both.
    spx_return, vix : float
        Reality: simple return of the SPX over the phase, VIX at its end [points].
    model_return, model_vix : tuple of float
        Quantiles 5%, 50%, 95% over the steered paths.
    """

    regime: str
    until: str
    sessions: int
    spx_return: float
    vix: float
    model_return: tuple[float, float, float]
    model_vix: tuple[float, float, float]

    @property
    def is_reached(self) -> bool:
        """Whether both medians come near to reality."""
        gap = abs(self.model_return[1] - self.spx_return), abs(float(np.log(self.model_vix[1] / self.vix)))
        return gap[0] <= REACHED[0] and gap[1] <= REACHED[1]


def episode_rows(model: Model, regime: str, *, n_paths: int = 2000, seed: int = 1) -> list[EpisodeRow]:
    """Steer paths of a model through an episode and compare phase by phase.

    Parameters
    ----------
    model : Model
        The model.
    regime : str
        Name of the episode.
    n_paths : int
        Steered paths.
    seed : int
        Seed of the paths; the tilts were solved on others.

    Raises
    ------
    ModelParameterError
        If there is no such episode, or the model never visits the VIX that it starts from.
    """
    episode, steered = load_regime(regime), in_regime(model, regime)
    grid = SimulationGrid(n_days=episode.n_sessions, warmup_days=0)
    paths = steered.simulate(grid, n_paths, Stream(seed=seed, scenario=1), start=Start(vix=episode.start_vix))
    rows, first = [], 0
    for phase in episode.phases:
        last = first + phase.sessions
        returns = np.quantile(paths.spot[last] / paths.spot[first] - 1.0, [0.05, 0.5, 0.95])
        levels = np.quantile(paths.vix[last], [0.05, 0.5, 0.95])
        rows.append(
            EpisodeRow(
                regime=regime,
                until=phase.until,
                sessions=phase.sessions,
                spx_return=phase.spx_return,
                vix=phase.vix,
                model_return=(float(returns[0]), float(returns[1]), float(returns[2])),
                model_vix=(float(levels[0]), float(levels[1]), float(levels[2])),
            )
        )
        first = last
    return rows

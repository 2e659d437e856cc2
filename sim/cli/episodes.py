"""Tables of steered models beside the episodes that they are steered through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from sim.cli.text import Progress, columns, print_json

if TYPE_CHECKING:
    from models.fidelity.episodes import EpisodeRow
    from models.protocols import Model


def show_episodes(
    models_by_name: Mapping[str, Model], regimes: Sequence[str], progress: Progress, *, seed: int, as_json: bool
) -> None:
    """Print what the episodes did and what the steered models do.

    Parameters
    ----------
    models_by_name : mapping
        Models by the name that is printed.
    regimes : sequence of str
        Episodes; ``all`` stands for every one of them.
    progress : Progress
        Told which episode is under way.
    seed : int
        Seed of the paths.
    as_json : bool
        Print ``{"rows": [...]}``.

    Raises
    ------
    ConfigError
        If an episode is unknown.
    """
    from models.errors import ModelParameterError
    from models.fidelity.episodes import episode_rows
    from models.regimes import regime_names
    from sim.config.faults import one_of
    from sim.errors import ConfigError

    chosen = regime_names() if "all" in regimes else tuple(regimes)
    for regime in chosen:
        if regime not in regime_names():
            raise ConfigError(f"--regime: {one_of(regime, [*regime_names(), 'all'])}")
    records: list[dict[str, object]] = []
    n_done = 0
    for name, model in models_by_name.items():
        for regime in chosen:
            progress.count("steered through", n_done, len(models_by_name) * len(chosen), f"episodes: {name}, {regime}")
            n_done += 1
            try:
                rows = episode_rows(model, regime, seed=seed)
            except ModelParameterError as error:
                typer.echo(f"{name}: {regime}: {error}", err=True)
                continue
            records.extend({"model": name, **asdict(row), "reached": row.is_reached} for row in rows)
            if not as_json:
                _print(name, regime, rows)
    if as_json:
        print_json({"rows": records})


def _print(name: str, regime: str, rows: Sequence[EpisodeRow]) -> None:
    typer.echo(f"{name} through {regime}: {sum(row.is_reached for row in rows)} of {len(rows)} phases reached")
    table = [["until", "sessions", "SPX", "model", "5%", "95%", "VIX", "model", "5%", "95%", "reached"]]
    for row in rows:
        table.append(
            [
                row.until,
                str(row.sessions),
                f"{100 * row.spx_return:+.1f}%",
                *(f"{100 * row.model_return[i]:+.1f}%" for i in (1, 0, 2)),
                f"{row.vix:.1f}",
                *(f"{row.model_vix[i]:.1f}" for i in (1, 0, 2)),
                "yes" if row.is_reached else "NO",
            ]
        )
    typer.echo("\n".join(columns(table, right=tuple(range(1, 10)))))

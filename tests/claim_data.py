"""Stored results made by hand for claims: the values of each path are given, so that the answer is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sim.config.claim import ClaimConfig

FloatArray = NDArray[np.float64]
Cell = Mapping[str, FloatArray | float]
"""Variable -> values of the paths; by window where its name begins with ``window``."""

EQUITY = 1_000_000.0
WINDOW = "spike"
HEDGE = "hedge"


def experiment(scenarios: Mapping[str, str | Mapping[str, Any]], strategies: list[str], *, days: int = 252) -> Any:
    """Resolved experiment as a manifest holds it: scenario -> model, or its fields."""
    empty = {"preset": None, "regime": None, "start": {"vix": None, "state": None}}
    return {
        "days": days,
        "account": {"initial_equity": EQUITY},
        "scenarios": {
            name: {**empty, **({"model": model} if isinstance(model, str) else model)}
            for name, model in scenarios.items()
        },
        "strategies": {name: {"engines": [{"engine": "iron_condor"}, {"engine": HEDGE}]} for name in strategies},
    }


def stored(cells: Mapping[tuple[str, str], Cell]) -> xr.Dataset:
    """Root group of results.h5: values by scenario and strategy; by engine, the condor has nothing."""
    scenarios = list(dict.fromkeys(key[0] for key in cells))
    strategies = list(dict.fromkeys(key[1] for key in cells))
    names = next(iter(cells.values())).keys()
    n_paths = max(np.size(value) for cell in cells.values() for value in cell.values())
    data: dict[str, Any] = {}
    for name in names:
        values = np.stack(
            [np.stack([np.broadcast_to(cells[i, j][name], n_paths) for j in strategies]) for i in scenarios]
        )
        if name == "window_hedge_pnl":
            both = np.stack([np.zeros_like(values), values], axis=2)[:, :, None]
            data["window_engine_pnl"] = (("scenario", "strategy", "window", "engine", "path"), both)
        elif name == "window_sessions":
            data[name] = (("scenario", "window", "path"), values[:, 0, None])
        elif name.startswith("mean_"):
            both = np.stack([np.zeros_like(values), values], axis=2)
            data[name] = (("scenario", "strategy", "engine", "greek_path"), both)
        elif name.startswith("book_"):
            data[name] = (("scenario", "strategy", "greek_path"), values)
        elif name.startswith("window"):
            data[name] = (("scenario", "strategy", "window", "path"), values[:, :, None])
        else:
            data[name] = (("scenario", "strategy", "path"), values)
    coordinates = {
        "scenario": scenarios,
        "strategy": strategies,
        "window": [WINDOW],
        "engine": ["iron_condor", HEDGE],
    }
    return xr.Dataset(data, coords=coordinates)


def claim(*measures: Mapping[str, Any], **more: Any) -> ClaimConfig:
    """A claim about ``hedged`` against ``bare``."""
    named = [{"name": str(item["measure"]), **item} for item in measures]
    tree = {
        "id": "X1",
        "text": "it helps",
        "source": ["public"],
        "compare": [{"method": "hedged", "baseline": "bare"}],
        "measures": named,
        **more,
    }
    return ClaimConfig.model_validate(tree)

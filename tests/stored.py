"""What results.h5 holds, to be compared bit by bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np


def contents(directory: Path) -> dict[str, bytes]:
    """Every stored array, as bytes."""
    found: dict[str, bytes] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            values = np.asarray(item[()])
            found[name] = repr(values.tolist()).encode() if values.dtype == object else values.tobytes()

    with h5py.File(directory / "results.h5") as file:
        file.visititems(visit)
    return found

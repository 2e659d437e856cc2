"""Whether speed has fallen behind a stored run: row by row, with a wide tolerance.

Only ratios are compared, which hold from one machine to the next; seconds and memory are left out.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import final

from sim.bench.measure import Row
from sim.errors import ConfigError

TOLERANCE = 1.6
"""Factor by which a ratio may exceed the stored one: caches and neighbours move it by a third on a busy machine."""

MEMORY = "peak memory"
"""How the names of rows begin that are not compared: memory is no time."""

COMPARED = frozenset({"normals", "ratio"})
"""Units of rows that are compared."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One row beside the stored one.

    Parameters
    ----------
    name : str
        Name of the row.
    value, stored : float
        Measured now, and stored.
    """

    name: str
    value: float
    stored: float

    @property
    def is_slower(self) -> bool:
        """Whether the row exceeds the stored one by more than ``TOLERANCE``."""
        return not self.value <= TOLERANCE * self.stored


def stored_rows(path: Path) -> dict[str, float]:
    """Read the ratios of a stored run, the output of ``regimesim bench --json``.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict
        Name of the row to its value, for the rows that are compared.

    Raises
    ------
    ConfigError
        If the file cannot be read, or is no such output.
    """
    try:
        rows = json.loads(path.read_text())["rows"]
        values = {str(row["name"]): float(row["value"]) for row in rows if row["unit"] in COMPARED}
        values = {name: value for name, value in values.items() if not name.startswith(MEMORY)}
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: must be what `regimesim bench --json` prints, got something else") from error
    if not values or not all(value > 0.0 for value in values.values()):
        raise ConfigError(f"{path}: rows must hold ratios above 0, got {values}")
    return values


def until_measured(rows: Iterable[Row], names: Collection[str]) -> Iterator[Row]:
    """Rows up to the last one that has one of the names: what comes after it is not measured."""
    wanted = set(names)
    if not wanted:
        return
    for row in rows:
        yield row
        wanted.discard(row.name)
        if not wanted:
            return


def compared(rows: Iterable[Row], stored: dict[str, float]) -> list[Compared]:
    """Rows that are stored too, in the order in which they were measured."""
    return [Compared(name=row.name, value=row.value, stored=stored[row.name]) for row in rows if row.name in stored]


def unmeasured(rows: Iterable[Row], stored: Collection[str]) -> list[str]:
    """Names of stored ratios that were not measured, though nothing but this program is needed for them."""
    measured = {row.name for row in rows}
    return sorted(name for name in stored if name not in measured)

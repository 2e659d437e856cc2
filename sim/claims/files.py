"""Judgements as files: JSON, CSV and netCDF, each written whole or not at all."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from sim.claims.judge import Judgement, Row
from sim.errors import StorageError

STEM = "claims"
"""Name of the files, and of the group in the netCDF file."""

COLUMNS = tuple(field.name for field in fields(Row))
_NUMBERS = ("claimed_low", "claimed_high", "estimate", "ci_low", "ci_high", "standard_error", "p_value", "p_adjusted")
_COUNTS = ("n_paths", "n_telling", "decides")


def as_tree(judgements: Sequence[Judgement]) -> dict[str, Any]:
    """Plain values: ``rows`` of all claims, and ``claims`` with their verdicts."""
    return {
        "rows": [row.as_dict() for judgement in judgements for row in judgement.rows],
        "claims": [judgement.as_dict() for judgement in judgements],
    }


def as_dataset(judgements: Sequence[Judgement]) -> xr.Dataset:
    """One variable a column over ``row``; missing numbers are NaN."""
    rows = [row.as_dict() for judgement in judgements for row in judgement.rows]
    variables: dict[str, Any] = {}
    for name in COLUMNS:
        values = [row[name] for row in rows]
        if name in _NUMBERS:
            array = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
        else:
            array = np.array(values, dtype=np.int64 if name in _COUNTS else object)
        variables[name] = ("row", array)
    verdicts = {judgement.claim.id: judgement.verdict for judgement in judgements}
    variables["claim_verdict"] = ("row", np.array([verdicts[row["claim"]] for row in rows], dtype=object))
    return xr.Dataset(variables)


def write_claims(folder: Path, judgements: Sequence[Judgement]) -> dict[str, Path]:
    """Write ``claims.json``, ``claims.csv`` and ``claims.h5`` (group ``claims``) into a folder.

    Returns
    -------
    dict of Path
        By kind.

    Raises
    ------
    StorageError
        If they cannot be written.
    """

    def to_json(path: Path) -> None:
        path.write_text(json.dumps(as_tree(judgements), indent=2, allow_nan=False) + "\n", encoding="utf-8")

    def to_csv(path: Path) -> None:
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, COLUMNS)
            writer.writeheader()
            writer.writerows(row.as_dict() for judgement in judgements for row in judgement.rows)

    def to_netcdf(path: Path) -> None:
        as_dataset(judgements).to_netcdf(path, engine="h5netcdf", group=STEM)

    kinds: dict[str, Callable[[Path], None]] = {"json": to_json, "csv": to_csv, "h5": to_netcdf}
    return {kind: _written(folder / f"{STEM}.{kind}", write) for kind, write in kinds.items()}


def _written(path: Path, write: Callable[[Path], None]) -> Path:
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(draft)
        draft.replace(path)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error}") from error
    finally:
        draft.unlink(missing_ok=True)
    return path

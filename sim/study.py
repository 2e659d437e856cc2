"""sensitivity.h5: what a sensitivity study stores, and how it is read back.

The root group holds the evaluations, the group ``measures`` what they say of the factors. Both are netCDF over HDF5 and
are read by xarray without this program.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5netcdf
import numpy as np
import xarray as xr

from sim.errors import StorageError
from sim.storage import MANIFEST, STUDY, file_checksum

SCHEMA_VERSION = 1
"""Raised whenever dimensions or variables change their meaning."""

GROUP = "measures"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A stored measure.

    Parameters
    ----------
    label, meaning : str
        As printed, and what it says.
    methods : tuple of str
        Methods that give it.
    units : str
        Its unit; empty for that of the output.
    dimensions : tuple of str
        Beside ``output``.
    """

    label: str
    meaning: str
    methods: tuple[str, ...]
    units: str = ""
    dimensions: tuple[str, ...] = ("factor",)


MEASURES: dict[str, Measure] = {
    "first_order": Measure(
        label="first order",
        meaning="share of the output's variance that goes when the factor is fixed",
        methods=("sobol",),
        units="1",
    ),
    "total_order": Measure(
        label="total order",
        meaning="share of the output's variance that is left when all other factors are fixed",
        methods=("sobol",),
        units="1",
    ),
    "second_order": Measure(
        label="second order",
        meaning="share of the output's variance that two factors make together, beyond what each makes alone",
        methods=("sobol",),
        units="1",
        dimensions=("factor", "other"),
    ),
    "mean_absolute_effect": Measure(
        label="mean absolute effect",
        meaning="mean over trajectories of the absolute change of the output over the range of the factor",
        methods=("morris",),
    ),
    "mean_effect": Measure(
        label="mean effect",
        meaning="mean over trajectories of the change of the output over the range of the factor",
        methods=("morris",),
    ),
    "effect_deviation": Measure(
        label="deviation of effects",
        meaning="standard deviation of the effects: curvature, or effects that hang on other factors",
        methods=("morris",),
    ),
    "low_difference": Measure(
        label="low minus base", meaning="output at the low value minus that of the file", methods=("tornado",)
    ),
    "high_difference": Measure(
        label="high minus base", meaning="output at the high value minus that of the file", methods=("tornado",)
    ),
    "swing": Measure(label="high minus low", meaning="output at the high minus at the low value", methods=("tornado",)),
}
"""Measures of factors, in the order in which they are printed."""

SPREAD: dict[str, tuple[str, str]] = {
    "n_used": ("1", "evaluations that gave a number"),
    "mean": ("see the coordinate unit", "mean over the evaluations"),
    "variance": ("square of the unit", "variance over the evaluations"),
    "standard_error": ("see the coordinate unit", "median standard error of one evaluation"),
    "noise_variance": ("square of the unit", "part of the variance that is Monte Carlo noise"),
    "noise_share": ("1", "noise variance over variance; may exceed 1 by chance"),
}
"""How an output varies: name -> unit, meaning."""

RANKED_BY = {"sobol": "total_order", "morris": "mean_absolute_effect", "tornado": "swing"}
"""Measure by whose size factors are ranked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A stored study.

    Parameters
    ----------
    directory : Path
        Result directory.
    evaluations, measures : xarray.Dataset
        Points and outputs; measures of the factors.
    manifest : dict
        How the study was made.
    """

    directory: Path
    evaluations: xr.Dataset
    measures: xr.Dataset
    manifest: dict[str, Any]

    @property
    def method(self) -> str:
        """Design of the study."""
        return str(self.evaluations.attrs["method"])

    def failures(self) -> list[tuple[int, str, str]]:
        """Evaluations that failed: row, values of the factors, reason."""
        table = self.evaluations
        rows = np.flatnonzero([bool(str(text)) for text in table["failure"].values])
        return [(int(i), values_text(table.isel(evaluation=i)), str(table["failure"].values[i])) for i in rows]


def values_text(row: xr.Dataset) -> str:
    """Values of the factors at one evaluation, as text; those of the file are left out."""
    pairs = zip(row["factor"].values, row["value"].values, strict=True)
    return ", ".join(f"{name} = {value:.6g}" for name, value in pairs if np.isfinite(value)) or "the file as it is"


def ranked(measures: xr.Dataset, method: str, output: str) -> list[str]:
    """Factors of an output, the most important first; as in the file where nothing was computed."""
    names = [str(name) for name in measures["factor"].values]
    if method not in RANKED_BY:
        return names
    size = np.abs(measures[RANKED_BY[method]].sel(output=output).values)
    order = np.argsort(-np.where(np.isfinite(size), size, -1.0), kind="stable")
    return [names[i] for i in order]


def spread_rows(measures: xr.Dataset) -> Iterator[dict[str, Any]]:
    """How each output varies: its texts, its status and the numbers of ``SPREAD``, None where unknown."""
    for name in measures["output"].values:
        cell = measures.sel(output=name)
        texts = {key: str(cell[key].item()) for key in ("output", "label", "unit", "definition", "status")}
        numbers = {key: _known(float(cell[key])) for key in SPREAD}
        yield {**texts, **numbers, "n_used": int(cell["n_used"])}


def long_rows(measures: xr.Dataset, method: str) -> Iterator[dict[str, Any]]:
    """Measures one by one: output, factor, other, measure, estimate, ci_low, ci_high, unit; None where unknown.

    The surface of a grid has a row a cell, with both values in place of factor names.
    """
    for output in (str(name) for name in measures["output"].values):
        unit = str(measures["unit"].sel(output=output).item())
        if method == "grid":
            yield from _surface_rows(measures.sel(output=output), output, unit)
            continue
        for factor in ranked(measures, method, output):
            for name, item in MEASURES.items():
                if name in measures and item.dimensions == ("factor",):
                    cell = measures.sel(output=output, factor=factor)
                    yield {"output": output, "factor": factor, "other": "", **_cell(cell, name, item.units or unit)}
        if "second_order" in measures:
            names = [str(name) for name in measures["factor"].values]
            for i, factor in enumerate(names):
                for other in names[i + 1 :]:
                    cell = measures.sel(output=output, factor=factor, other=other)
                    yield {"output": output, "factor": factor, "other": other, **_cell(cell, "second_order", "1")}


def _surface_rows(table: xr.Dataset, output: str, unit: str) -> Iterator[dict[str, Any]]:
    first, second = (str(name) for name in table["factor"].values)
    for i, a in enumerate(table["first"].values):
        for j, b in enumerate(table["second"].values):
            value, error = (float(table[n].values[i, j]) for n in ("surface", "surface_standard_error"))
            yield {
                "output": output,
                "factor": f"{first} = {a:.6g}",
                "other": f"{second} = {b:.6g}",
                "measure": "surface",
                "estimate": _known(value),
                "ci_low": _known(value - 1.959963984540054 * error),
                "ci_high": _known(value + 1.959963984540054 * error),
                "unit": unit,
            }


def _cell(cell: xr.Dataset, name: str, unit: str) -> dict[str, Any]:
    ends = {"estimate": name, "ci_low": f"{name}_ci_low", "ci_high": f"{name}_ci_high"}
    return {"measure": name, **{field: _known(float(cell[key])) for field, key in ends.items()}, "unit": unit}


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None


def write_study(
    path: Path, evaluations: xr.Dataset, measures: xr.Dataset, attributes: Mapping[str, str | int | float]
) -> None:
    """Write sensitivity.h5; the attribute ``complete`` comes last."""
    evaluations.assign_attrs(schema_version=SCHEMA_VERSION, **attributes).to_netcdf(path, engine="h5netcdf")
    measures.to_netcdf(path, engine="h5netcdf", group=GROUP, mode="a")
    with h5netcdf.File(path, "a") as file:
        file.attrs["complete"] = 1


def holds_study(directory: str | Path) -> bool:
    """Whether a result directory is that of a sensitivity study."""
    return (Path(directory) / STUDY).is_file()


def open_study(directory: str | Path) -> Study:
    """Open the result directory of a study.

    Parameters
    ----------
    directory : path-like
        What ``run_study`` returned.

    Raises
    ------
    StorageError
        If there is no complete study, or it comes from a newer version of the program.
    """
    folder = Path(directory)
    path = folder / STUDY
    if not path.is_file():
        raise StorageError(f"{folder} holds no {STUDY}; run a study with regimesim sensitivity")
    try:
        evaluations = xr.load_dataset(path, engine="h5netcdf")
        measures = xr.load_dataset(path, engine="h5netcdf", group=GROUP)
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        checksum = manifest["sha256"][STUDY]
    except (OSError, ValueError, KeyError) as error:
        raise StorageError(f"{path} cannot be read, it is damaged or incomplete: {error}") from error
    version = int(evaluations.attrs.get("schema_version", 0))
    if version > SCHEMA_VERSION:
        raise StorageError(
            f"{path} has schema version {version}, this program reads up to {SCHEMA_VERSION}; use a newer version"
        )
    if int(evaluations.attrs.get("complete", 0)) != 1:
        raise StorageError(f"{path} is not complete; run the study again")
    if file_checksum(path) != checksum:
        raise StorageError(f"{path} is not the file that {MANIFEST} was written for: its checksum differs")
    return Study(directory=folder, evaluations=evaluations, measures=measures, manifest=manifest)

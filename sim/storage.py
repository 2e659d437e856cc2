"""results.h5: netCDF over HDF5, written block by block by one process, read by xarray without this program.

The file grows under a temporary name. Its attribute ``complete`` is set last, then the whole result directory is
renamed into place: what carries the final name is complete.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5netcdf
import h5py
import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from sim.config.near_files import near_file
from sim.errors import ConfigError, StorageError
from sim.stored_variables import AXES, EXPOSURE_VARIABLES, QUANTILES, SOURCE_VARIABLES, TENORS, VARIABLES, Variable

__all__ = [
    "AXES",
    "EXPOSURE_VARIABLES",
    "QUANTILES",
    "SOURCE_VARIABLES",
    "TENORS",
    "VARIABLES",
    "Results",
    "ResultsWriter",
    "Variable",
]
__all__ += ["MANIFEST", "REPORT", "RESULTS", "SCHEMA_VERSION", "STUDY", "STUDY_TABLE"]
__all__ += ["check_vacant", "chunks_of", "file_checksum", "open_results"]

SCHEMA_VERSION = 2
"""Raised whenever dimensions or variables change their meaning. Version 1 has no windows and no notes; it is read."""

RESULTS, MANIFEST, REPORT = "results.h5", "manifest.json", "report.html"
STUDY, STUDY_TABLE = "sensitivity.h5", "sensitivity.csv"

CONVENTIONS = "CF-1.11"
"""Conventions for attributes that the file follows; units of money and of index points are the field's own."""


class ResultsWriter:
    """Open results.h5 for a run; blocks may arrive in any order.

    Parameters
    ----------
    path : Path
        File to create.
    sizes : mapping
        Length of each dimension.
    coordinates : mapping
        Values of the dimensions that have some.
    attributes : mapping
        Attributes of the file.
    variables : sequence of str
        Which of ``VARIABLES`` to create.
    chunk_paths : int
        Paths in a chunk of variables that have every day of every path: those of a block, which then is written at
        once.
    """

    def __init__(
        self,
        path: Path,
        *,
        sizes: Mapping[str, int],
        coordinates: Mapping[str, Sequence[Any]],
        attributes: Mapping[str, Any],
        variables: Sequence[str],
        chunk_paths: int = 2500,
    ) -> None:
        self._hdf5 = h5py.File(path, "w", track_order=True)
        self._file = h5netcdf.File(self._hdf5, "w")
        self._open: dict[str, h5py.Dataset] = {}
        try:
            self._lay_out(sizes, coordinates, variables, chunk_paths)
            known = {"Conventions": CONVENTIONS, "schema_version": SCHEMA_VERSION, "complete": 0}
            for key, value in {**known, **attributes}.items():
                self._file.attrs[key] = value
        except BaseException:
            self._close()  # nobody else can: the writer is not made
            raise

    def _lay_out(
        self,
        sizes: Mapping[str, int],
        coordinates: Mapping[str, Sequence[Any]],
        variables: Sequence[str],
        chunk_paths: int,
    ) -> None:
        """Create dimensions and variables."""
        self._file.dimensions = dict(sizes)
        for name, values in coordinates.items():
            is_text = isinstance(values[0], str) if len(values) else True
            dtype = h5py.string_dtype() if is_text else np.asarray(values).dtype
            data = np.asarray(values, dtype=object if is_text else None)
            variable = self._file.create_variable(name, (name,), dtype=dtype, data=data)
            if name in AXES:
                variable.attrs["units"], variable.attrs["long_name"] = AXES[name]
        for name in variables:
            item = VARIABLES[name]
            chunks = chunks_of(item, sizes, chunk_paths)
            variable = self._file.create_variable(name, item.dimensions, dtype=item.dtype, chunks=chunks)
            variable.attrs["units"] = item.units
            variable.attrs["long_name"] = item.long_name

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        self._open.clear()
        try:
            self._file.close()  # which writes what is left, and may fail on a full disk
        finally:
            self._hdf5.close()

    def add_group(
        self,
        group: str,
        *,
        sizes: Mapping[str, int],
        coordinates: Mapping[str, Sequence[Any]],
        variables: Mapping[str, Variable],
    ) -> None:
        """Create a group with its own dimensions and variables, written as ``GROUP/NAME``; all is NaN or -1 first."""
        target = self._file.create_group(group)
        target.dimensions = {**{name: len(values) for name, values in coordinates.items()}, **sizes}
        for name, values in coordinates.items():
            is_text = isinstance(values[0], str)
            dtype = h5py.string_dtype() if is_text else np.asarray(values).dtype
            data = np.asarray(values, dtype=object if is_text else None)
            variable = target.create_variable(name, (name,), dtype=dtype, data=data)
            if name in AXES:
                variable.attrs["units"], variable.attrs["long_name"] = AXES[name]
        for name, item in variables.items():
            nothing = np.nan if item.dtype.startswith("f") else -1
            variable = target.create_variable(name, item.dimensions, dtype=item.dtype, fillvalue=nothing)
            variable.attrs["units"], variable.attrs["long_name"] = item.units, item.long_name

    def write(self, name: str, index: tuple[Any, ...], values: NDArray[Any]) -> None:
        """Write part of a variable; one of a group is named ``GROUP/NAME``."""
        self._dataset(name)[index] = values

    def read(self, name: str, index: tuple[Any, ...]) -> NDArray[Any]:
        """Read back part of a variable."""
        return np.asarray(self._dataset(name)[index])

    def _dataset(self, name: str) -> h5py.Dataset:
        """Data of a variable: opened once, because netCDF asks all its dimensions for their sizes at every access."""
        if name not in self._open:
            self._open[name] = self._hdf5[name]
        return self._open[name]

    def write_table(self, group: str, table: xr.Dataset) -> None:
        """Write a small data set as a group of its own."""
        target = self._file.create_group(group)
        target.dimensions = {str(name): int(size) for name, size in table.sizes.items()}
        for name, array in table.variables.items():
            is_text = array.dtype.kind in "UOT"
            dtype = h5py.string_dtype() if is_text else array.dtype
            data = np.asarray(array.values, dtype=object if is_text else None)
            variable = target.create_variable(str(name), tuple(map(str, array.dims)), dtype=dtype, data=data)
            about = dict(zip(("units", "long_name"), AXES[str(name)], strict=True)) if name in AXES else {}
            for key, value in {**about, **array.attrs}.items():
                variable.attrs[key] = value

    def complete(self) -> None:
        """Mark the file as complete."""
        self._file.attrs["complete"] = 1
        self._file.flush()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Results:
    """Stored results of a run.

    Parameters
    ----------
    directory : Path
        Result directory.
    data : xarray.Dataset
        Outcomes of the paths, fans and examples.
    statistics : xarray.Dataset
        Estimates with intervals over (scenario, strategy, statistic).
    paired : xarray.Dataset
        Differences from the first strategy, likewise.
    windows, windows_paired : xarray.Dataset
        Likewise over (scenario, strategy, window, statistic); empty where the run has no windows, and in files of
        schema version 1.
    manifest : dict
        How the run was made.
    """

    directory: Path
    data: xr.Dataset
    statistics: xr.Dataset
    paired: xr.Dataset
    windows: xr.Dataset
    windows_paired: xr.Dataset
    manifest: dict[str, Any]

    def __repr__(self) -> str:
        from sim.results_view import results_text

        return results_text(self)

    def _repr_html_(self) -> str:
        from sim.results_view import results_html

        return results_html(self)

    def frame(self, *statistics: str, table: str = "statistics") -> pd.DataFrame:
        """Statistics as a table of pandas: a row a scenario, strategy and statistic.

        Parameters
        ----------
        *statistics : str
            Those wanted, ``"terminal_pnl_mean"`` for example; all by default.
        table : {"statistics", "paired", "windows", "windows_paired"}
            Estimates, differences from the first strategy, or either of them by window.

        Returns
        -------
        pandas.DataFrame
            ``estimate`` or ``difference``, ``ci_low``, ``ci_high``, ``standard_error``, ``unit``, ``label``.
        """
        from sim.results_view import statistics_frame

        return statistics_frame(getattr(self, table), statistics)

    def has_table(self, name: str) -> bool:
        """Whether results.h5 has a table of its own beside the statistics: a group with that name."""
        with h5netcdf.File(self.directory / RESULTS, "r") as file:
            return name in file.groups

    def table(self, name: str) -> xr.Dataset:
        """Read a table, written by ``ResultsWriter.write_table``.

        Raises
        ------
        StorageError
            If there is none with that name.
        """
        if not self.has_table(name):
            raise StorageError(f"{self.directory / RESULTS} holds no table {name}; run the experiment again")
        return xr.load_dataset(self.directory / RESULTS, engine="h5netcdf", group=name)


def _refuse_others(path: Path, checksum: str) -> None:
    """Refuse a file of a newer version, one that is not complete, and one that has changed, in this order."""
    with h5netcdf.File(path, "r") as file:
        version, complete = int(file.attrs.get("schema_version", 0)), int(file.attrs.get("complete", 0))
    if version > SCHEMA_VERSION:
        raise StorageError(
            f"{path} has schema version {version}, this program reads up to {SCHEMA_VERSION}; use a newer version"
        )
    if complete != 1:
        raise StorageError(f"{path} is not complete; run the experiment again")
    if file_checksum(path) != checksum:
        raise StorageError(f"{path} is not the file that {MANIFEST} was written for: its checksum differs")


def chunks_of(item: Variable, sizes: Mapping[str, int], chunk_paths: int) -> tuple[int, ...] | None:
    """Shape of the chunks of a variable; None for one piece, which values of each path are: a block is contiguous."""
    if not {"day", "path"} <= set(item.dimensions):
        return None
    shape = {"day": sizes["day"], "path": min(chunk_paths, sizes["path"])}
    return tuple(shape.get(name, 1) for name in item.dimensions)


def file_checksum(path: Path) -> str:
    """SHA-256 of a file."""
    digest = sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def check_vacant(directory: Path, *, overwrite: bool) -> None:
    """Check that results can be put into a directory without losing anything.

    Parameters
    ----------
    directory : Path
        Where results are to be; need not exist.
    overwrite : bool
        Whether earlier results there may be replaced. Files that no run has written never are.

    Raises
    ------
    ConfigError
        If something is in the way.
    """
    if directory.exists() and not directory.is_dir():
        raise ConfigError(f"--output must be a directory, got the file {directory}")
    found = sorted(item.name for item in directory.iterdir()) if directory.is_dir() else []
    strange = [name for name in found if name not in (RESULTS, MANIFEST, REPORT, STUDY, STUDY_TABLE)]
    if strange:
        raise ConfigError(
            f"{directory} holds {strange[0]}, which is no result of a run; name another directory with --output"
        )
    if found and not overwrite:
        raise ConfigError(
            f"{directory} holds results already; name another directory with --output, or replace them with --overwrite"
        )


def open_results(directory: str | Path) -> Results:
    """Open a result directory.

    Parameters
    ----------
    directory : path-like
        What ``run_experiment`` returned.

    Raises
    ------
    StorageError
        If there are no complete results, or they come from a newer version of the program.
    """
    folder = Path(directory)
    path = folder / RESULTS
    if not path.is_file():
        raise StorageError(f"{folder} holds no {RESULTS}; run an experiment with --output {folder}{near_file(folder)}")
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        checksum = manifest["sha256"][RESULTS]
        _refuse_others(path, checksum)
        data = xr.load_dataset(path, engine="h5netcdf")
        statistics = xr.load_dataset(path, engine="h5netcdf", group="statistics")
        paired = xr.load_dataset(path, engine="h5netcdf", group="paired")
        windows, windows_paired = (
            xr.load_dataset(path, engine="h5netcdf", group=group) if "window" in data.sizes else xr.Dataset()
            for group in ("windows", "windows_paired")
        )
    except StorageError:
        raise
    except Exception as error:  # a damaged file makes its readers raise anything
        raise StorageError(f"{path} cannot be read, it is damaged or incomplete: {error}") from error
    return Results(
        directory=folder,
        data=data,
        statistics=statistics,
        paired=paired,
        windows=windows,
        windows_paired=windows_paired,
        manifest=manifest,
    )

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
import xarray as xr
from numpy.typing import NDArray

from sim.config.near_files import near_file
from sim.errors import ConfigError, StorageError

SCHEMA_VERSION = 2
"""Raised whenever dimensions or variables change their meaning. Version 1 has no windows and no notes; it is read."""

RESULTS, MANIFEST, REPORT = "results.h5", "manifest.json", "report.html"
STUDY, STUDY_TABLE = "sensitivity.h5", "sensitivity.csv"

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
"""Probabilities of all fans."""

TENORS = (0, 21, 42, 63, 84)
"""Tenors of the stored VIX term structure [sessions]; 0 is the VIX itself."""


@dataclass(frozen=True, slots=True)
class Variable:
    """Dimensions, type, unit and meaning of a stored variable."""

    dimensions: tuple[str, ...]
    dtype: str
    units: str
    long_name: str


_CELL = ("scenario", "strategy")
_WINDOW = ("scenario", "window", "path")
_CELL_WINDOW = (*_CELL, "window", "path")

VARIABLES: dict[str, Variable] = {
    "terminal_pnl": Variable((*_CELL, "path"), "f8", "USD", "equity at the end minus initial equity, net of costs"),
    "max_drawdown": Variable((*_CELL, "path"), "f8", "1", "largest fall of equity from its running maximum, share"),
    "drawdown_duration": Variable(
        (*_CELL, "path"), "f8", "sessions", "longest time from a running maximum until it is reached again"
    ),
    "time_under_water": Variable((*_CELL, "path"), "f8", "1", "share of closes below the running maximum"),
    "ulcer_index": Variable((*_CELL, "path"), "f8", "1", "root mean square of the drawdown over all closes"),
    "min_equity": Variable((*_CELL, "path"), "f8", "USD", "lowest equity at a close"),
    "interest": Variable((*_CELL, "path"), "f8", "USD", "interest received on cash"),
    "total_cost": Variable((*_CELL, "path"), "f8", "USD", "commission, fees and slippage of all engines"),
    "max_margin": Variable(
        (*_CELL, "path"), "f8", "USD", "largest equity bound by margin at a close, before or after its orders"
    ),
    "margin_calls": Variable((*_CELL, "path"), "i4", "1", "sessions on which equity fell below margin"),
    "n_trades": Variable((*_CELL, "path"), "i4", "1", "orders filled"),
    "worst_trade": Variable(
        (*_CELL, "path"),
        "f8",
        "1",
        "largest loss of a condor tranche and its part of the hedges over equity at entry",
    ),
    "return_sum": Variable(
        (*_CELL, "path"), "f4", "1", "sum of daily returns on the equity of the previous close, 0 after ruin"
    ),
    "return_square_sum": Variable((*_CELL, "path"), "f4", "1", "sum of squared daily returns"),
    "return_cube_sum": Variable((*_CELL, "path"), "f4", "1", "sum of cubed daily returns"),
    "return_fourth_sum": Variable((*_CELL, "path"), "f4", "1", "sum of fourth powers of daily returns"),
    "shortfall_square_sum": Variable(
        (*_CELL, "path"), "f4", "1", "sum of squared daily returns below the short rate, measured from it"
    ),
    "excess_gain_sum": Variable(
        (*_CELL, "path"), "f4", "1", "sum of daily returns above the short rate, measured from it"
    ),
    "recent_growth": Variable((*_CELL, "path"), "f4", "1", "equity at the end over that three years before"),
    "recent_drawdown": Variable((*_CELL, "path"), "f4", "1", "maximum drawdown of the last three years, share"),
    "recovery_time": Variable(
        (*_CELL, "path"),
        "f4",
        "sessions",
        "from the trough of the maximum drawdown until its peak is reached again, or to the end",
    ),
    "recovered": Variable((*_CELL, "path"), "i1", "1", "1 if the maximum drawdown ended, or there was none"),
    "ruined": Variable((*_CELL, "path"), "i1", "1", "1 if equity reached 0"),
    "engine_pnl": Variable((*_CELL, "engine", "path"), "f8", "USD", "P&L of the engine at mid, gross of costs"),
    "engine_cost": Variable((*_CELL, "engine", "path"), "f8", "USD", "costs of the engine"),
    "engine_active": Variable((*_CELL, "engine", "path"), "f4", "1", "share of sessions with a position of the engine"),
    "start_vix": Variable(("scenario", "path"), "f8", "VIX points", "VIX on day 0"),
    "short_rate": Variable(("scenario",), "f8", "1/year", "interest on cash"),
    "start_variance": Variable(
        ("scenario", "path"), "f8", "1/year", "realised variance of the SPX over the first 21 sessions, or fewer"
    ),
    "window_sessions": Variable(_WINDOW, "f4", "sessions", "sessions that belong to the window"),
    "window_runs": Variable(_WINDOW, "f4", "1", "contiguous runs of sessions of the window"),
    "window_engine_pnl": Variable(
        (*_CELL, "window", "engine", "path"), "f4", "USD", "P&L of the engine in the window, net of its costs"
    ),
    "window_pnl": Variable(_CELL_WINDOW, "f4", "USD", "P&L in the window, net of costs, interest included"),
    "window_return_sum": Variable(
        _CELL_WINDOW, "f4", "1", "sum of daily returns in the window, on the equity of the previous close"
    ),
    "window_return_square_sum": Variable(_CELL_WINDOW, "f4", "1", "sum of squared daily returns in the window"),
    "window_loss_first_engine": Variable(
        _CELL_WINDOW, "f4", "USD", "P&L of the first engine over the runs of the window in which it lost"
    ),
    "window_loss_hedges": Variable(
        _CELL_WINDOW, "f4", "USD", "P&L of all other engines over the runs of the window in which the first one lost"
    ),
    "equity_fan": Variable((*_CELL, "quantile", "day"), "f8", "USD", "quantiles of equity at each close"),
    "spot_fan": Variable(("scenario", "quantile", "day"), "f8", "index points", "quantiles of the SPX"),
    "vix_fan": Variable(("scenario", "quantile", "day"), "f8", "VIX points", "quantiles of the VIX"),
    "vx1_fan": Variable(("scenario", "quantile", "day"), "f8", "VIX points", "quantiles of the nearest VIX future"),
    "vx2_fan": Variable(("scenario", "quantile", "day"), "f8", "VIX points", "quantiles of the second VIX future"),
    "term_structure": Variable(
        ("scenario", "moment", "quantile", "tenor"),
        "f8",
        "VIX points",
        "quantiles of VIX futures by tenor",
    ),
    "example_equity": Variable((*_CELL, "example", "day"), "f4", "USD", "equity of the first paths"),
    "example_spot": Variable(("scenario", "example", "day"), "f4", "index points", "SPX of the first paths"),
    "example_vix": Variable(("scenario", "example", "day"), "f4", "VIX points", "VIX of the first paths"),
    "engine_greek": Variable(
        (*_CELL, "engine", "greek", "quantile", "greek_day"),
        "f4",
        "by greek",
        "quantiles of the greeks of the engine over the measured paths: delta [USD per % of the SPX], vega and "
        "vix_vega [USD per volatility point], theta [USD per session], vix_delta [USD per VIX point]",
    ),
    "engine_greek_mean": Variable((*_CELL, "engine", "greek", "greek_day"), "f4", "by greek", "their means"),
    "book_greek": Variable(
        (*_CELL, "greek", "quantile", "greek_day"), "f4", "by greek", "quantiles of the greeks of the book"
    ),
    "book_greek_mean": Variable((*_CELL, "greek", "greek_day"), "f4", "by greek", "their means"),
    "break_even": Variable(
        (*_CELL, "side", "quantile", "greek_day"),
        "f4",
        "1",
        "quantiles of the distance from the SPX to the nearest break-even of the condors, share of the SPX, over paths "
        "that hold one; hedged: with the open profit of the hedges",
    ),
    "break_even_share": Variable((*_CELL, "greek_day"), "f4", "1", "share of the measured paths that hold a condor"),
    "mean_abs_delta": Variable(
        (*_CELL, "engine", "greek_path"), "f8", "USD per % of the SPX", "mean over sessions of the absolute delta"
    ),
    "mean_vega": Variable(
        (*_CELL, "engine", "greek_path"), "f8", "USD per volatility point", "mean over sessions of the vega"
    ),
    "mean_vix_delta": Variable(
        (*_CELL, "engine", "greek_path"), "f8", "USD per VIX point", "mean over sessions of the VIX delta"
    ),
    "book_mean_abs_delta": Variable((*_CELL, "greek_path"), "f8", "USD per % of the SPX", "the same of the book"),
    "book_mean_vega": Variable((*_CELL, "greek_path"), "f8", "USD per volatility point", "the same of the book"),
    "book_mean_vix_delta": Variable((*_CELL, "greek_path"), "f8", "USD per VIX point", "the same of the book"),
    "daily_equity": Variable((*_CELL, "day", "path"), "f4", "USD", "equity of every path at every close"),
    "daily_spot": Variable(("scenario", "day", "path"), "f4", "index points", "SPX of every path at every close"),
    "daily_vix": Variable(("scenario", "day", "path"), "f4", "VIX points", "VIX of every path at every close"),
    "daily_vx1": Variable(("scenario", "day", "path"), "f4", "VIX points", "nearest VIX future of every path"),
    "daily_vx2": Variable(("scenario", "day", "path"), "f4", "VIX points", "second VIX future of every path"),
}
"""The root group of results.h5."""

EXPOSURE_VARIABLES = frozenset(
    name for name, item in VARIABLES.items() if {"greek", "side", "greek_day", "greek_path"} & set(item.dimensions)
)
"""Greeks and break-evens of the first paths."""

AXES: dict[str, tuple[str, str]] = {
    "day": ("sessions", "sessions after day 0"),
    "greek_day": ("sessions", "sessions after day 0 on which greeks are measured"),
    "quantile": ("1", "probability"),
    "tenor": ("sessions", "sessions to expiry, 0 is the VIX itself"),
}
"""Unit and meaning of the numeric coordinates."""


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
        self._file = h5netcdf.File(path, "w")
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
        for key, value in {"schema_version": SCHEMA_VERSION, "complete": 0, **attributes}.items():
            self._file.attrs[key] = value

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

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
            target.create_variable(
                name, (name,), dtype=dtype, data=np.asarray(values, dtype=object if is_text else None)
            )
        for name, item in variables.items():
            nothing = np.nan if item.dtype.startswith("f") else -1
            variable = target.create_variable(name, item.dimensions, dtype=item.dtype, fillvalue=nothing)
            variable.attrs["units"], variable.attrs["long_name"] = item.units, item.long_name

    def write(self, name: str, index: tuple[Any, ...], values: NDArray[Any]) -> None:
        """Write part of a variable; one of a group is named ``GROUP/NAME``."""
        group, _, variable = name.rpartition("/")
        place = self._file.groups[group] if group else self._file
        place.variables[variable][index] = values

    def read(self, name: str, index: tuple[Any, ...]) -> NDArray[Any]:
        """Read back part of a variable."""
        return np.asarray(self._file.variables[name][index])

    def write_table(self, group: str, table: xr.Dataset) -> None:
        """Write a small data set as a group of its own."""
        target = self._file.create_group(group)
        target.dimensions = {str(name): int(size) for name, size in table.sizes.items()}
        for name, array in table.variables.items():
            is_text = array.dtype.kind in "UOT"
            dtype = h5py.string_dtype() if is_text else array.dtype
            data = np.asarray(array.values, dtype=object if is_text else None)
            variable = target.create_variable(str(name), tuple(map(str, array.dims)), dtype=dtype, data=data)
            for key, value in array.attrs.items():
                variable.attrs[key] = value

    def complete(self) -> None:
        """Mark the file as complete."""
        self._file.attrs["complete"] = 1
        self._file.flush()


@dataclass(frozen=True, slots=True, kw_only=True)
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

"""Daily values of all paths, which wait in files until all blocks are there: quantiles need every path of a day.

Files are mapped while they are read or written and not in between, so that memory does not grow with the paths.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Key = tuple[str, ...]

PREFIX = ".scratch-"
_ZEROS = 1 << 20


class Scratch:
    """Series by name, each a file of (day, path).

    Parameters
    ----------
    directory : Path
        Where the files are.
    n_paths : int
        Paths in all.
    """

    def __init__(self, directory: Path, n_paths: int) -> None:
        self.directory, self.n_paths = directory, n_paths
        self._series: dict[Key, tuple[Path, np.dtype[Any], tuple[int, int]]] = {}

    def __contains__(self, key: object) -> bool:
        return key in self._series

    def __getitem__(self, key: Key) -> NDArray[Any]:
        """Values of a series, mapped; let go of them soon."""
        path, dtype, shape = self._series[key]
        return np.memmap(path, dtype=dtype, mode="r+", shape=shape)

    def get(self, key: Key) -> NDArray[Any] | None:
        """Values of a series, None where there is none."""
        return self[key] if key in self else None  # noqa: SIM401, there is no other way to ask

    def keep(self, key: Key, part: slice, values: NDArray[Any]) -> None:
        """Write some paths of a series.

        Parameters
        ----------
        key : tuple of str
            Name of the series.
        part : slice
            Which paths.
        values : ndarray of shape (n_days, n)
            Their values.
        """
        if key not in self:
            path = self.directory / f"{PREFIX}{len(self._series)}"  # numbered: joined names may be the same
            shape = (values.shape[0], self.n_paths)
            reserve(path, values.dtype.itemsize * shape[0] * shape[1])
            self._series[key] = path, values.dtype, shape
        self[key][:, part] = values

    def clear(self) -> None:
        """Remove all files."""
        self._series.clear()
        for path in self.directory.glob(f"{PREFIX}*"):
            path.unlink(missing_ok=True)


def reserve(path: Path, n_bytes: int) -> None:
    """Make a file of a size that the disk has room for: a full disk is an error here, and a crash in mapped memory.

    Parameters
    ----------
    path : Path
        File to create.
    n_bytes : int
        Its size.

    Raises
    ------
    OSError
        If there is not as much room.
    """
    with path.open("wb") as stream:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(stream.fileno(), 0, n_bytes)
        else:
            for first in range(0, n_bytes, _ZEROS):
                stream.write(bytes(min(_ZEROS, n_bytes - first)))


def require_room(directory: Path, n_bytes: int) -> None:
    """Make sure that a directory has room for files to come.

    HDF5 cannot close a file that the disk has no room for, and may end the process by a signal: it is not begun.

    Parameters
    ----------
    directory : Path
        Where they will be.
    n_bytes : int
        Their size.

    Raises
    ------
    OSError
        If there is not as much room.
    """
    path = directory / f"{PREFIX}room"
    try:
        reserve(path, n_bytes)
    finally:
        path.unlink(missing_ok=True)

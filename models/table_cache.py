"""Tables on disk: built once for a set of parameters, memory-mapped by every worker.

An entry is a folder named by the hash of what went into it. It is written under a temporary name and renamed when
complete, so that it is never seen half-written; its checksums are verified when it is read, and an entry that fails
is built anew.

Tables of parameters that are tried once, as in a sensitivity study, go to a part of the cache that is bounded: where it
outgrows its limit, the entries that were used longest ago are removed.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import sha256
from pathlib import Path

import numpy as np
from platformdirs import user_cache_dir

from models.errors import PricingDomainError
from models.protocols import FloatArray

CACHE_VARIABLE = "REGIMESIM_CACHE_DIR"
"""Environment variable that moves the cache."""

PASSING_BYTES = 4_000_000_000
"""Limit of the bounded part of the cache; a set of tables takes 10 to 200 MB."""

_INDEX = "index.json"
_bound: ContextVar[int | None] = ContextVar("limit of the bounded part, where tables go there", default=None)
_logger = logging.getLogger(__name__)


def cache_directory() -> Path:
    """Folder of the cache: ``$REGIMESIM_CACHE_DIR``, or the user's cache folder."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen) if chosen else Path(user_cache_dir("regimesim"))


def table_hash(identity: Mapping[str, object]) -> str:
    """Hash of everything that decides the content of a table."""
    return sha256(json.dumps(identity, sort_keys=True, default=repr).encode()).hexdigest()


@contextmanager
def bounded_cache(limit: int = PASSING_BYTES) -> Iterator[None]:
    """Store tables that are built inside the block in the bounded part of the cache.

    Parameters
    ----------
    limit : int
        Size above which the entries that were used longest ago are removed [bytes].
    """
    token = _bound.set(limit)
    try:
        yield
    finally:
        _bound.reset(token)


def load_or_build(key: str, build: Callable[[], dict[str, FloatArray]], *, of: str) -> dict[str, FloatArray]:
    """Read the tables called ``key``, or build and store them.

    Where the cache cannot be written, the tables are used without being stored, and a warning is logged.

    Parameters
    ----------
    key : str
        From ``table_hash``.
    build : callable
        Makes the arrays by name.
    of : str
        What the tables hold, in messages.

    Returns
    -------
    dict of ndarray
        Read-only arrays.

    Raises
    ------
    PricingDomainError
        If a value that was built is no finite number: whoever asked for it would never trade, and nothing would say so.
    """
    limit = _bound.get()
    folder = cache_directory() / "tables" / key
    stored = _read(folder)
    if stored is None and limit is not None:
        folder = cache_directory() / "passing" / key
        stored = _read(folder)
        if stored is not None:
            os.utime(folder)  # used just now
    if stored is not None:
        return stored
    arrays = build()
    _refuse_holes(arrays, of)
    try:
        _write(folder, arrays)
        if limit is not None:
            _trim(folder, limit)
    except OSError as error:
        _logger.warning("what was built is not cached: %s", error)
    else:
        stored = _read(folder)
        if stored is not None:
            return stored
    for array in arrays.values():
        array.setflags(write=False)
    return arrays


def _trim(newest: Path, limit: int) -> None:
    """Remove the entries beside the newest that were used longest ago, until all together are within the limit."""
    entries = []
    for folder in newest.parent.iterdir():
        try:
            size = sum(path.stat().st_size for path in folder.iterdir())
            entries.append((folder.stat().st_mtime, size, folder))
        except OSError:  # another process is removing it
            continue
    total = sum(size for _, size, _ in entries)
    for _, size, folder in sorted(entries):
        if total <= limit:
            return
        if folder != newest:
            shutil.rmtree(folder, ignore_errors=True)
            total -= size


def _read(folder: Path) -> dict[str, FloatArray] | None:
    if not folder.exists():
        return None
    try:
        index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
        arrays = {}
        for name, checksum in index.items():
            path = folder / f"{name}.npy"
            if _checksum(path) != checksum:
                raise ValueError(f"{path} does not match its checksum")
            arrays[name] = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
            if _has_hole(arrays[name]):
                raise ValueError(f"{path} has values that are no numbers")
    except (OSError, ValueError, AttributeError) as error:
        _logger.warning("what is cached in %s is built anew: %s", folder, error)
        shutil.rmtree(folder, ignore_errors=True)
        return None
    return arrays


def _write(folder: Path, arrays: Mapping[str, FloatArray]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f"{folder.name[:12]}.", dir=folder.parent))
    try:
        for name, array in arrays.items():
            np.save(temporary / f"{name}.npy", array, allow_pickle=False)
        index = {name: _checksum(temporary / f"{name}.npy") for name in arrays}
        (temporary / _INDEX).write_text(json.dumps(index), encoding="utf-8")
        try:
            os.replace(temporary, folder)
        except OSError:
            # another process was faster: its tables are the same
            if not (folder / _INDEX).exists():
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _has_hole(array: FloatArray) -> bool:
    """Whether a value is NaN or infinite; largest and smallest value tell, without a copy of the table."""
    return bool(array.size and not np.isfinite([np.max(array), np.min(array)]).all())


def _refuse_holes(arrays: Mapping[str, FloatArray], of: str) -> None:
    for name, array in arrays.items():
        if _has_hole(array):
            rows = np.isfinite(array).reshape(len(array), -1).all(axis=1)
            raise PricingDomainError(
                f"{of}: no value on part of the grid (table {name}, row {1 + int(np.argmin(rows))} of {rows.size}); "
                "these parameters are too far from those that it can be worked out for"
            )


def _checksum(path: Path) -> str:
    with path.open("rb") as stream:
        digest = sha256()
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()

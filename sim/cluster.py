"""Run the cells of an experiment on a Dask cluster: names and numbers go out, blocks come back to the one writer.

Workers that see the folder of the run, through a shared file system or because they are on this machine, write their
blocks into a folder that belongs to this attempt alone, from which this process takes them; the others send the bytes
of the block. A worker that dies loses nothing: Dask gives its cells to another one.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sim.blocks import pack_block, write_packed
from sim.cell import Cell
from sim.config import ExperimentConfig
from sim.errors import ConfigError, WorkersLost
from sim.extensions import Extensions
from sim.manifest import package_versions, sources
from sim.workers import Failure, Outcome, work

CONNECT_SECONDS, JOIN_SECONDS = 10, 60
"""How long a scheduler has to answer, and a first worker to join."""

CELLS_IN_FLIGHT = 64
"""Cells that the scheduler knows of at a time, at least."""


def run_on_cluster(
    config: ExperimentConfig, blocks: Mapping[Path, Cell], *, n_jobs: int, scheduler: str | None
) -> Generator[Outcome, None, None]:
    """Run cells and write their blocks; closing the iterator cancels the cells that wait.

    Parameters
    ----------
    config : ExperimentConfig
        The experiment.
    blocks : mapping of Path to Cell
        What to run, and where its block goes.
    n_jobs : int
        Worker processes of a cluster on this machine, where no scheduler is given.
    scheduler : str, optional
        Address of the scheduler, ``tcp://host:8786``.

    Yields
    ------
    Finished or Failure
        Cells in the order in which they end.

    Raises
    ------
    ConfigError
        If Dask is not installed.
    WorkersLost
        If the cluster cannot be reached, or its workers are not of this version.
    """
    if not blocks:
        return
    try:
        import distributed
    except ImportError:
        raise ConfigError(
            "the backend dask needs the package distributed; install it with: pip install 'regimesim[dask]'"
        ) from None
    incoming = Path(tempfile.mkdtemp(prefix="incoming-", dir=next(iter(blocks)).parent.parent)).resolve()
    try:
        with _client(distributed, scheduler, n_jobs) as client:
            yield from _outcomes(distributed, client, config, blocks, incoming)
    finally:
        shutil.rmtree(incoming, ignore_errors=True)


def _outcomes(
    distributed: Any, client: Any, config: ExperimentConfig, blocks: Mapping[Path, Cell], incoming: Path
) -> Iterator[Outcome]:
    """Keep the cluster supplied with cells, and put their blocks where they belong."""
    extensions, made_with = Extensions.registered(), versions()
    waiting = iter(blocks.items())
    asked: dict[str, tuple[Path, Cell]] = {}

    def more(count: int) -> list[Any]:
        futures = []
        for (path, cell), _ in zip(waiting, range(count), strict=False):
            arguments = (config, cell, incoming / path.name, extensions, made_with)
            futures.append(client.submit(remote_work, *arguments, pure=False, key=f"{incoming.name}-{path.stem}"))
            asked[futures[-1].key] = (path, cell)
        return futures

    threads = sum(client.nthreads().values())
    sequence = distributed.as_completed(more(max(CELLS_IN_FLIGHT, 4 * threads)), loop=client.loop)
    for future in sequence:
        path, cell = asked.pop(future.key)
        yield _received(distributed, future, path, cell, incoming)
        del future  # the cluster may forget the block
        for another in more(1):
            sequence.add(another)


def _received(distributed: Any, future: Any, path: Path, cell: Cell, incoming: Path) -> Outcome:
    """Put the block of a cell where it belongs."""
    try:
        outcome, content = future.result()
    except distributed.KilledWorker as error:
        return Failure(cell=cell, error=RuntimeError(f"it has ended every worker that tried it: {error}"))
    except (distributed.CancelledError, distributed.comm.CommClosedError, TimeoutError) as error:
        raise WorkersLost(
            f"the Dask scheduler is gone: {error}; the finished blocks are kept, go on with --resume"
        ) from error
    if content is not None:
        write_packed(path, content)
    elif not isinstance(outcome, Failure):
        (incoming / path.name).replace(path)
    result: Outcome = outcome
    return result


def remote_work(
    config: ExperimentConfig, cell: Cell, path: Path, extensions: Extensions, made_with: Mapping[str, str]
) -> tuple[Outcome, bytes | None]:
    """Run a cell on a worker of the cluster.

    Parameters
    ----------
    config : ExperimentConfig
        The experiment.
    cell : Cell
        Which paths.
    path : Path
        Where the block goes, if the worker sees the folder.
    extensions : Extensions
        Models and engines from outside the packages.
    made_with : mapping
        Versions of the program and of packages that the worker must have.

    Returns
    -------
    outcome : Finished or Failure
        How it went.
    content : bytes, optional
        The block, where the worker does not see the folder.
    """
    own = versions()
    others = [
        f"{name} {own.get(name)} instead of {wanted}" for name, wanted in made_with.items() if own[name] != wanted
    ]
    if others:
        raise WorkersLost(f"a worker of the cluster is not of this version, it has {'; '.join(others)}")
    extensions.register()
    if sees(path.parent):
        return work(config, cell, path), None
    content: list[bytes] = []
    outcome = work(config, cell, path, write=lambda _, arrays: content.append(pack_block(arrays)))
    return outcome, content[0] if content else None


def sees(folder: Path) -> bool:
    """Whether this worker can put blocks into a folder of the run."""
    return folder.is_dir()


def versions() -> dict[str, str]:
    """Versions of what numbers depend on."""
    return {"regimesim": sources()[:12], **package_versions()}


@contextmanager
def _client(distributed: Any, scheduler: str | None, n_jobs: int) -> Iterator[Any]:
    """Client of the cluster at an address, or of one of this machine's processes."""
    if scheduler is None:
        with (
            distributed.LocalCluster(
                n_workers=n_jobs,
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address=None,
                silence_logs=logging.CRITICAL,
            ) as cluster,
            distributed.Client(cluster, set_as_default=False) as client,
        ):
            yield client
        return
    try:
        client = distributed.Client(scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise WorkersLost(
            f"no Dask scheduler answers at {scheduler}: {error}; start one with `dask scheduler`"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=JOIN_SECONDS)
        except TimeoutError:
            raise WorkersLost(
                f"the Dask scheduler at {scheduler} has no workers; start some with `dask worker {scheduler}`"
            ) from None
        yield client

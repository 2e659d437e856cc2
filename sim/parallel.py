"""Call a function many times in processes or threads of this machine; none of them outlives the one that asked."""

from __future__ import annotations

import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeVar

import joblib

from sim.extensions import Extensions

T = TypeVar("T")

WATCH_SECONDS = 0.25
"""How often a worker process looks whether the one that it works for is still there."""


def in_parallel(
    do: Callable[..., T], calls: Iterable[tuple[Any, ...]], *, n_jobs: int, backend: str, in_order: bool = False
) -> Generator[T, None, None]:
    """Call a function with each of some arguments; closing the iterator stops the workers.

    Parameters
    ----------
    do : callable
        What to call; models and engines from outside the packages are registered wherever it is called.
    calls : iterable of tuple
        Arguments of each call.
    n_jobs : int
        Workers, -1 for every core; one works in this thread.
    backend : str
        ``loky`` (processes) or ``threading``; whatever else is named, which may be elsewhere, is processes here.
    in_order : bool
        Whether results come in the order of the calls instead of that in which they are ready.

    Yields
    ------
    object
        What each call returned.

    Raises
    ------
    concurrent.futures.process.BrokenProcessPool
        If a worker process has died.
    """
    with begun(do, calls, n_jobs=n_jobs, backend=backend, in_order=in_order) as results:
        for result in results:  # noqa: UP028 - `yield from` would hand on a close, and a warning with it
            yield result


@contextmanager
def begun(
    do: Callable[..., T], calls: Iterable[tuple[Any, ...]], *, n_jobs: int, backend: str, in_order: bool = False
) -> Iterator[Iterator[T]]:
    """Hand out calls, whose results may be asked for later; the end of the block stops the workers.

    Processes start at once, and take the time that they need for it while the block does other work. See
    ``in_parallel`` for the parameters.
    """
    if n_jobs == 1:
        yield (do(*arguments) for arguments in calls)
        return
    where = "threading" if backend == "threading" else "loky"
    master, extensions = os.getpid() if where == "loky" else None, Extensions.registered()
    parallel = joblib.Parallel(
        n_jobs=n_jobs,
        backend=where,
        return_as="generator" if in_order else "generator_unordered",
        pre_dispatch="2 * n_jobs",
        batch_size=1,
    )
    with _ctrl_c_is_ours():
        results = parallel(joblib.delayed(_called)(do, master, extensions, arguments) for arguments in calls)
    try:
        yield results
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # joblib's, about calls that were cancelled
            results.close()


def _called(do: Callable[..., T], master: int | None, extensions: Extensions, arguments: tuple[Any, ...]) -> T:
    if master is not None:
        _leave_with(master)
    extensions.register()
    return do(*arguments)


@contextmanager
def _ctrl_c_is_ours() -> Iterator[None]:
    """Let processes that are started meanwhile never hear Ctrl-C, which a terminal sends to all; this one ends them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@lru_cache(maxsize=1)
def _leave_with(master: int) -> None:
    """End this process when its parent, for which it works, has gone, whatever ended that one."""

    def watch() -> None:
        while os.getppid() == master:
            time.sleep(WATCH_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="watch").start()

"""Building of price tables: slices worked out two at a time, and progress told to whoever asked to hear of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

Observer = Callable[[int, int], None]
Item = TypeVar("Item")
Result = TypeVar("Result")

THREADS = 2
"""Slices under way: each takes up to a hundred megabytes."""

_observer: ContextVar[Observer | None] = ContextVar("observer of table building", default=None)


@contextmanager
def observed(observer: Observer) -> Iterator[None]:
    """Tell ``observer`` how many slices of a table are done, and of how many, while one is built inside the block."""
    token = _observer.set(observer)
    try:
        yield
    finally:
        _observer.reset(token)


def counted(items: Iterable[Item], total: int) -> Iterator[Item]:
    """Pass items on, telling the observer of each."""
    observer = _observer.get()
    for done, item in enumerate(items, start=1):
        if observer is not None:
            observer(done, total)
        yield item


def ahead(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Results of a function in the order of its items, worked out in threads while the ones before are taken.

    For work that numpy and scipy do without the interpreter's lock.
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > THREADS:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

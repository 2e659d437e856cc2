"""Progress of building price tables, told to whoever asked to hear of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

Observer = Callable[[int, int], None]
Item = TypeVar("Item")

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

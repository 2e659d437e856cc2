"""Slices of tables that are worked out two at a time."""

from __future__ import annotations

import threading
import time

import pytest

from models.building import THREADS, ahead


def test_results_come_in_the_order_of_the_items() -> None:
    def slow_first(n: int) -> int:
        time.sleep(0.05 if n % 2 == 0 else 0.0)
        return n * n

    assert list(ahead(slow_first, range(9))) == [n * n for n in range(9)]
    assert list(ahead(slow_first, [])) == []


def test_two_are_under_way_and_no_more() -> None:
    both, lock, running, most = threading.Barrier(THREADS), threading.Lock(), 0, 0

    def wait(_: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        both.wait(timeout=30.0)  # passes only if two are inside
        with lock:
            running -= 1

    list(ahead(wait, range(4 * THREADS)))
    assert most == THREADS


def test_an_error_is_that_of_its_item_and_ends_the_rest() -> None:
    begun: list[int] = []

    def fail_at_two(n: int) -> int:
        begun.append(n)
        if n == 2:
            raise ValueError(f"slice {n}")
        return n

    taken = ahead(fail_at_two, range(100))
    assert [next(taken), next(taken)] == [0, 1]
    with pytest.raises(ValueError, match="slice 2"):
        next(taken)
    assert max(begun) < 2 + 2 * THREADS + 1


def test_who_stops_taking_stops_the_work() -> None:
    begun: list[int] = []
    taken = ahead(begun.append, range(100))
    next(taken)
    taken.close()  # type: ignore[attr-defined]
    assert len(begun) <= 2 * THREADS + 1

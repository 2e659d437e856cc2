"""The profile of the headline: every second counted once, and libraries' time counted to those who called them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from sim.bench.profile import PARTS, REST, ROOT, shares


def entry(own: float, callers: dict[tuple[str, int, str], float] | None = None) -> tuple[Any, ...]:
    """One line of a profile: calls, own and cumulative time, and what each caller caused."""
    return 1, 1, own, own, {caller: (1, 1, spent, spent) for caller, spent in (callers or {}).items()}


def test_library_time_is_divided_by_what_its_callers_asked_for() -> None:
    margin, ledger = ((f"{ROOT}/sim/{name}.py", 1, "f") for name in ("margin", "ledger"))
    inner, outer, alone = ("/lib/inner.py", 1, "g"), ("/lib/outer.py", 1, "h"), ("~", 0, "<built-in>")
    entries = {
        margin: entry(1.0),
        ledger: entry(2.0),
        outer: entry(1.0, {margin: 3.0, ledger: 1.0}),
        inner: entry(4.0, {outer: 2.0, inner: 2.0}),
        alone: entry(2.0),
    }
    found = shares(cast(Any, SimpleNamespace(stats=entries)))
    # outer: 3 to 1 between margin and ledger; inner: as outer, since what it asked of itself others have asked for
    assert found["margin"] == pytest.approx((1.0 + 0.75 + 3.0) / 10.0)
    assert found["orders, marks and accounts"] == pytest.approx((2.0 + 0.25 + 1.0) / 10.0)
    assert found[REST] == pytest.approx(2.0 / 10.0)
    assert sum(found.values()) == pytest.approx(1.0)
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_parts_name_modules_that_exist() -> None:
    for start in (start for starts in PARTS.values() for start in starts):
        folder, _, stem = start.rpartition("/")
        assert list((ROOT / folder).glob(f"{stem}*")), f"{start} names no module"

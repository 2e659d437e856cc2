"""The cache of price tables: identity, keys, damage, and what stays behind."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models import create, table_pricer
from models.errors import PricingDomainError
from models.protocols import Model
from models.table_cache import CACHE_VARIABLE, _write, bounded_cache, cache_directory, load_or_build, table_hash

Arrays = dict[str, NDArray[np.float64]]

PARAMETERS = {"kappa_p": 5.0, "kappa_q": 3.0, "theta_p": 0.03, "vol_of_vol": 0.5, "rho": -0.75}


class Builder:
    """Makes small tables and counts how often."""

    def __init__(self, scale: float = 1.0) -> None:
        self.count = 0
        self.scale = scale

    def __call__(self) -> Arrays:
        self.count += 1
        random = np.random.default_rng(5)
        return {"spx": self.scale * random.standard_normal((3, 4)), "vix": self.scale * random.standard_normal(7)}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv(CACHE_VARIABLE, str(folder))
    return folder


def names_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def same(first: Arrays, second: Arrays) -> bool:
    return first.keys() == second.keys() and all(first[k].tobytes() == second[k].tobytes() for k in first)


def test_the_variable_moves_the_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_directory() == cache
    monkeypatch.delenv(CACHE_VARIABLE)
    assert "regimesim" in str(cache_directory())


def test_the_second_load_is_the_first_and_builds_nothing() -> None:
    build = Builder()
    first = load_or_build("k", build, of="tables")
    second = load_or_build("k", build, of="tables")
    assert build.count == 1
    assert same(first, second)
    assert same(second, Builder()())


def test_another_key_is_another_entry() -> None:
    first, second = load_or_build("a", Builder(), of="tables"), load_or_build("b", Builder(2.0), of="tables")
    assert not same(first, second)
    assert same(load_or_build("a", Builder(3.0), of="tables"), first)


def test_tables_are_read_only() -> None:
    for _ in range(2):
        tables = load_or_build("k", Builder(), of="tables")
        with pytest.raises(ValueError, match="read-only"):
            tables["spx"][0, 0] = 1.0


def test_nothing_half_written_stays(cache: Path) -> None:
    load_or_build("k", Builder(), of="tables")
    assert names_in(cache) == ["tables/k/index.json", "tables/k/spx.npy", "tables/k/vix.npy"]
    assert [path.name for path in (cache / "tables").iterdir()] == ["k"]


def test_a_build_that_fails_leaves_nothing(cache: Path) -> None:
    def fail() -> Arrays:
        raise RuntimeError("no memory")

    with pytest.raises(RuntimeError, match="no memory"):
        load_or_build("k", fail, of="tables")
    assert names_in(cache) == []


def test_a_write_that_breaks_off_leaves_nothing(
    cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    build, save, written = Builder(), np.save, []

    def full_disk(path: Path, array: NDArray[np.float64], **options: bool) -> None:
        if written:
            raise OSError("no space left")
        written.append(path)
        save(path, array, **options)

    monkeypatch.setattr(np, "save", full_disk)
    with caplog.at_level(logging.WARNING):
        tables = load_or_build("k", build, of="tables")
    assert len(written) == 1, "the first table was written"
    assert "not cached: no space left" in caplog.text
    assert list((cache / "tables").iterdir()) == []
    assert same(tables, Builder()())
    with pytest.raises(ValueError, match="read-only"):
        tables["vix"][0] = 1.0


@pytest.mark.parametrize("name", ["spx.npy", "vix.npy", "index.json"])
@pytest.mark.parametrize("damage", ["truncated", "flipped", "deleted", "emptied"])
def test_a_damaged_entry_is_built_anew(cache: Path, name: str, damage: str) -> None:
    build = Builder()
    load_or_build("k", build, of="tables")
    path = cache / "tables" / "k" / name
    content = path.read_bytes()
    if damage == "deleted":
        path.unlink()
    elif damage == "flipped":
        middle = len(content) - 9
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    else:
        path.write_bytes(content[: len(content) // 2] if damage == "truncated" else b"")
    again = load_or_build("k", build, of="tables")
    assert build.count == 2
    assert same(again, Builder()())
    load_or_build("k", build, of="tables")
    assert build.count == 2, "the repaired entry serves"
    assert names_in(cache) == ["tables/k/index.json", "tables/k/spx.npy", "tables/k/vix.npy"]


@pytest.mark.parametrize("content", ["[]", "null", "3", '{"spx": 1}'])
def test_an_index_that_is_none_is_built_anew(cache: Path, content: str) -> None:
    build = Builder()
    load_or_build("k", build, of="tables")
    (cache / "tables" / "k" / "index.json").write_text(content)
    assert same(load_or_build("k", build, of="tables"), Builder()())
    assert build.count == 2


def test_a_cache_that_cannot_be_written_is_not_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv(CACHE_VARIABLE, str(blocked))
    with caplog.at_level(logging.WARNING):
        tables = load_or_build("k", Builder(), of="tables")
    assert same(tables, Builder()())
    assert "what was built is not cached" in caplog.text


def test_stored_tables_with_holes_are_built_anew(cache: Path) -> None:
    """As a version that did not look at them has stored them."""
    entry = cache / "tables" / ("cd" * 32)
    _write(entry, {"spx": np.array([1.0, np.nan, 3.0])})
    whole = {"spx": np.array([1.0, 2.0, 3.0])}
    np.testing.assert_array_equal(load_or_build("cd" * 32, lambda: whole, of="tables")["spx"], whole["spx"])
    assert entry.is_dir()


@pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf])
def test_tables_with_holes_are_refused_and_not_stored(cache: Path, hole: float) -> None:
    """Whatever builds them: all tables of models go through here."""
    with pytest.raises(
        PricingDomainError, match=r"prices of m: no value on part of the grid \(table spx, row 2 of 3\)"
    ):
        load_or_build(
            "k", lambda: {"vix": np.ones(2), "spx": np.array([[1.0, 2.0], [hole, 1.0], [3.0, 4.0]])}, of="prices of m"
        )
    assert names_in(cache) == []


def test_the_hash_depends_on_every_value_and_not_on_the_order() -> None:
    identity = {"model": "x", "version": 1, "grid": {"n": 49}}
    key = table_hash(identity)
    assert table_hash(dict(reversed(identity.items()))) == key
    for change in ({"model": "y"}, {"version": 2}, {"grid": {"n": 50}}, {"more": 0}):
        assert table_hash({**identity, **change}) != key


def heston(**changes: float) -> Model:
    return create("heston", **{**PARAMETERS, **changes})


def test_a_pricer_is_loaded_bit_for_bit(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = heston().tabulated_pricer(max_sessions=1)

    def refuse(*_: object) -> Arrays:
        raise AssertionError("the tables are in the cache")

    monkeypatch.setattr(table_pricer, "build_tables", refuse)
    # rates, the equity premium and the P law do not enter the tables
    second = heston(rate=0.03, equity_premium=0.05, dividend_yield=0.01).tabulated_pricer(max_sessions=1)
    assert second.table_hash == first.table_hash
    state, strikes = np.array([[0.01, 0.04, 0.3]]), np.array([[3900.0] * 3, [4100.0] * 3])
    third = heston().tabulated_pricer(max_sessions=1)
    args = np.full(3, 4000.0), state, strikes, 1, np.array([False, True])
    assert third.price_spx_legs(*args).tobytes() == first.price_spx_legs(*args).tobytes()
    vix = state, strikes / 200.0, 1, np.array([False, True])
    assert third.price_vix_legs(*vix).tobytes() == first.price_vix_legs(*vix).tobytes()
    for change in ({"kappa_q": 3.1}, {"vol_of_vol": 0.51}, {"rho": -0.7}, {"theta_p": 0.031}):
        with pytest.raises(AssertionError, match="in the cache"):
            heston(**change).tabulated_pricer(max_sessions=1)
    with pytest.raises(AssertionError, match="in the cache"):
        heston().tabulated_pricer(max_sessions=2)
    assert len(list((cache / "tables").iterdir())) == 1


# tables of parameters that are tried once


def held(cache: Path) -> list[str]:
    return sorted(path.name for path in (cache / "passing").iterdir())


def test_the_bounded_part_keeps_what_was_used_last(cache: Path) -> None:
    load_or_build("kept", Builder(), of="tables")
    with bounded_cache():
        load_or_build("first", Builder(), of="tables")
    (size,) = {sum(path.stat().st_size for path in (cache / "passing" / "first").iterdir())}
    with bounded_cache(limit=3 * size):
        for number, key in enumerate(("second", "third")):
            load_or_build(key, Builder(), of="tables")
            os.utime(cache / "passing" / key, (number + 1, number + 1))
        os.utime(cache / "passing" / "first", (0, 0))
        load_or_build("first", Builder(), of="tables")  # used again: the second is now the oldest
        load_or_build("fourth", Builder(), of="tables")
    assert held(cache) == ["first", "fourth", "third"]
    assert names_in(cache / "tables") != []


def test_tables_of_the_bounded_part_are_read_back_and_kept_ones_are_not_built_again(cache: Path) -> None:
    build = Builder()
    kept = load_or_build("kept", build, of="tables")
    with bounded_cache():
        assert same(kept, load_or_build("kept", build, of="tables"))
        passing = load_or_build("passing", build, of="tables")
        assert same(passing, load_or_build("passing", build, of="tables"))
    assert build.count == 2
    load_or_build("passing", build, of="tables")  # outside, it is one more of those that are kept
    assert build.count == 3
    assert held(cache) == ["passing"]


def test_a_table_above_the_limit_is_used_and_the_others_go(cache: Path) -> None:
    with bounded_cache(limit=1):
        first = load_or_build("first", Builder(), of="tables")
        second = load_or_build("second", Builder(2.0), of="tables")
    assert held(cache) == ["second"]
    np.testing.assert_array_equal(2.0 * first["spx"], second["spx"])

"""Random numbers: published vectors, a second implementation, laws, and addresses that never meet."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from models.errors import ModelParameterError
from models.kernels.philox import philox
from models.protocols import Stream
from models.streams import POOL_FIRST_PATH, Purpose, check_paths, normals, uniforms

N = 200_000
STREAM = Stream(seed=20181231, scenario=3)


def philox_twin(counter: NDArray[np.uint64], key: tuple[int, int]) -> NDArray[np.uint64]:
    """Philox4x32-10 on Python integers of any size, counters in columns."""
    out = []
    for column in counter.T:
        c0, c1, c2, c3 = (int(word) for word in column)
        k0, k1 = key
        for _ in range(10):
            high0, low0 = divmod(0xD2511F53 * c0, 2**32)
            high1, low1 = divmod(0xCD9E8D57 * c2, 2**32)
            c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
            k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
        out.append((c0, c1, c2, c3))
    return np.array(out, dtype=np.uint64).T


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [  # kat_vectors of Random123 1.14, philox4x32 with 10 rounds
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_words_are_the_published_ones(
    counter: tuple[int, ...], key: tuple[int, int], expected: tuple[int, ...]
) -> None:
    words = philox(*(np.uint64(word) for word in (*counter, *key)))
    assert tuple(int(word) for word in words) == expected


@pytest.mark.parametrize(
    ("first_path", "day", "block", "purpose"),
    [(0, 0, 0, Purpose.PATH), (2**32 - 50, -60, 7, Purpose.STATIONARY), (2**31, 2**31 - 1, 64, Purpose.SETTLEMENT)],
)
def test_uniforms_are_those_of_the_second_implementation(
    first_path: int, day: int, block: int, purpose: Purpose
) -> None:
    stream = Stream(seed=4_294_967_295, scenario=65_535, first_path=first_path)
    counter = np.empty((4, 50), dtype=np.uint64)
    counter[0] = first_path + np.arange(50)
    counter[1:] = np.array([[day % 2**32], [block], [purpose]])
    expected = (philox_twin(counter, (stream.seed, stream.scenario)) + 0.5) / 2**32
    np.testing.assert_array_equal(uniforms(stream, 50, purpose=purpose, day=day, block=block), expected)


def test_normals_are_box_and_muller_on_the_uniforms() -> None:
    u = uniforms(STREAM, 5000, purpose=Purpose.PATH)
    radius, angle = np.sqrt(-2.0 * np.log(u[::2])), 2.0 * np.pi * (u[1::2] - 0.5)
    z = normals(STREAM, 5000, purpose=Purpose.PATH)
    np.testing.assert_allclose(z[::2], radius * np.cos(angle), atol=2e-14)
    np.testing.assert_allclose(z[1::2], radius * np.sin(angle), atol=2e-14)


def test_numbers_do_not_depend_on_how_paths_are_cut() -> None:
    whole = normals(STREAM, 1000, purpose=Purpose.PATH, day=5)
    cuts = [0, 1, 333, 1000]
    parts = [
        normals(
            Stream(seed=STREAM.seed, scenario=STREAM.scenario, first_path=low), high - low, purpose=Purpose.PATH, day=5
        )
        for low, high in pairwise(cuts)
    ]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)


def passes_as_normal(z: NDArray[np.float64]) -> bool:
    """First four moments within 4 standard errors, and a Kolmogorov-Smirnov test."""
    n = z.size
    moments = (z.mean(), (z**2).mean() - 1.0, (z**3).mean(), (z**4).mean() - 3.0)
    errors = np.sqrt(np.array([1.0, 2.0, 15.0, 96.0]) / n)
    return bool(np.all(np.abs(moments) < 4.0 * errors)) and bool(stats.kstest(z, "norm").pvalue > 1e-3)


def test_normals_are_normal_and_the_check_has_power() -> None:
    z = normals(STREAM, N, purpose=Purpose.PATH)
    assert all(passes_as_normal(row) for row in z)
    assert not passes_as_normal(1.01 * z[0])
    assert not passes_as_normal(z[0] + 0.015)


def test_uniforms_are_uniform_and_the_check_has_power() -> None:
    u = uniforms(STREAM, N, purpose=Purpose.PATH)
    assert 0.0 < u.min() < u.max() < 1.0
    assert all(stats.kstest(row, "uniform").pvalue > 1e-3 for row in u)
    assert stats.kstest(u[0] ** 1.02, "uniform").pvalue < 1e-3


def test_neighbouring_addresses_are_uncorrelated() -> None:
    base = normals(STREAM, N, purpose=Purpose.PATH, day=10)
    others = [
        normals(STREAM, N, purpose=Purpose.PATH, day=11),
        normals(STREAM, N, purpose=Purpose.PATH, day=-10),
        normals(STREAM, N, purpose=Purpose.PATH, day=10, block=1),
        normals(STREAM, N, purpose=Purpose.STATIONARY, day=10),
        normals(Stream(seed=STREAM.seed, scenario=4), N, purpose=Purpose.PATH, day=10),
        normals(Stream(seed=STREAM.seed + 1, scenario=3), N, purpose=Purpose.PATH, day=10),
        normals(Stream(seed=STREAM.seed, scenario=3, first_path=1), N, purpose=Purpose.PATH, day=10),
        normals(Stream(seed=STREAM.seed, scenario=3, first_path=POOL_FIRST_PATH), N, purpose=Purpose.PATH, day=10),
    ]
    limit = 4.0 / np.sqrt(N)
    for other in others:
        correlations = np.corrcoef(base, other)[:4, 4:]
        assert np.abs(correlations).max() < limit
    mixed = 0.02 * base[0] + others[0][0]
    assert abs(np.corrcoef(base[0], mixed)[0, 1]) > limit


@pytest.mark.parametrize(
    ("stream", "n_paths", "message"),
    [
        (Stream(seed=-1), 1, r"seed must lie in 0 \.\. 4294967295, got -1"),
        (Stream(seed=1, scenario=2**32), 1, r"scenario must lie in 0 \.\. 4294967295, got 4294967296"),
        (Stream(seed=1, first_path=2**32), 1, r"first_path must lie in"),
        (Stream(seed=1, first_path=2**32 - 2), 3, r"n_paths must lie in 1 \.\. 2, got 3"),
        (Stream(seed=1), 0, r"n_paths must lie in 1 \.\. 4294967296, got 0"),
    ],
)
def test_an_address_outside_its_range_is_refused(stream: Stream, n_paths: int, message: str) -> None:
    with pytest.raises(ModelParameterError, match=message):
        uniforms(stream, n_paths, purpose=Purpose.PATH)


@pytest.mark.parametrize("draw", [uniforms, normals])
def test_chosen_paths_draw_what_they_draw_in_their_block(draw: Callable[..., NDArray[np.float64]]) -> None:
    block = draw(Stream(seed=1, scenario=2), 40, purpose=Purpose.EVENT, day=3)
    chosen = Stream(seed=1, scenario=2, paths=(31, 0, 7, 7))
    np.testing.assert_array_equal(draw(chosen, 4, purpose=Purpose.EVENT, day=3), block[:, [31, 0, 7, 7]])
    np.testing.assert_array_equal(draw(chosen, 2, purpose=Purpose.EVENT, day=3), block[:, [31, 0]])
    with pytest.raises(ModelParameterError, match="n_paths must be <= 4"):
        draw(chosen, 5, purpose=Purpose.EVENT, day=3)
    with pytest.raises(ModelParameterError, match="consecutive"):
        check_paths(chosen, 4)

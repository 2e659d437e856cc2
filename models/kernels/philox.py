"""Random numbers of a counter and a key, as path kernels read them.

A key of ``models.streams.stream_key`` is either the two numbers of a plain stream, which give the words of Philox
(``models.kernels.words``), or that of a design (``models.kernels.designed``), which gives uniforms in their place. The
type of the key's first part tells them apart, so that plain streams are compiled without any trace of designs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import overload
from numpy.typing import NDArray

from models.kernels.designed import designed_uniforms
from models.kernels.inverse_normal import inverse_normal
from models.kernels.words import LOW, normals_of_words, random_words, uniform_of_word
from models.protocols import FloatArray

__all__ = ["LOW", "UintArray", "fill_normals", "fill_uniforms", "normals_of", "philox", "uniform_of"]

UintArray = NDArray[np.uint64]


def _numbers(c0, c1, c2, c3, k0, k1):  # type: ignore[no-untyped-def]
    """Words or uniforms, by the type of the key; compiled code only."""
    raise NotImplementedError


@overload(_numbers, jit_options={"forceinline": True})
def _of_key(c0, c1, c2, c3, k0, k1):  # type: ignore[no-untyped-def]
    if isinstance(k0, types.BaseTuple):
        return lambda c0, c1, c2, c3, k0, k1: designed_uniforms(c0, c1, c2, c3, k0, k1)
    return lambda c0, c1, c2, c3, k0, k1: random_words(c0, c1, c2, c3, k0, k1)


def _uniform(number):  # type: ignore[no-untyped-def]
    """A word's uniform, or a uniform itself; compiled code only."""
    raise NotImplementedError


@overload(_uniform, jit_options={"forceinline": True})
def _uniform_of(number):  # type: ignore[no-untyped-def]
    if isinstance(number, types.Float):
        return lambda number: number
    return lambda number: uniform_of_word(number)


def _normals(first, second):  # type: ignore[no-untyped-def]
    """Box and Muller on words, inversion of uniforms; compiled code only."""
    raise NotImplementedError


@overload(_normals, jit_options={"forceinline": True})
def _normals_of(first, second):  # type: ignore[no-untyped-def]
    if isinstance(first, types.Float):
        return lambda first, second: (inverse_normal(first), inverse_normal(second))
    return lambda first, second: normals_of_words(first, second)


@njit(cache=True, nogil=True, forceinline=True)  # type: ignore[untyped-decorator]
def philox(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> Any:
    """Four numbers of counter ``c0 .. c3`` and key ``k0, k1``: words, or uniforms where the key is that of a design."""
    return _numbers(c0, c1, c2, c3, k0, k1)  # type: ignore[no-untyped-call]


@njit(cache=True, nogil=True, forceinline=True)  # type: ignore[untyped-decorator]
def uniform_of(number: Any) -> Any:
    """Uniform in the open interval (0, 1) of one of the numbers."""
    return _uniform(number)  # type: ignore[no-untyped-call]


@njit(cache=True, nogil=True, forceinline=True)  # type: ignore[untyped-decorator]
def normals_of(first: Any, second: Any) -> Any:
    """Two independent standard normals of two of the numbers."""
    return _normals(first, second)  # type: ignore[no-untyped-call]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def fill_uniforms(
    out: FloatArray, first_path: np.uint64, day: np.uint64, block: np.uint64, purpose: np.uint64, key: UintArray
) -> None:
    """Fill ``out`` of shape (4, n_paths): path ``first_path + i`` has the counter (path, day, block, purpose)."""
    k0, k1 = key[0], key[1]
    for i in range(out.shape[1]):
        w0, w1, w2, w3 = philox(first_path + np.uint64(i), day, block, purpose, k0, k1)
        out[0, i] = uniform_of(w0)
        out[1, i] = uniform_of(w1)
        out[2, i] = uniform_of(w2)
        out[3, i] = uniform_of(w3)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def fill_normals(
    out: FloatArray, first_path: np.uint64, day: np.uint64, block: np.uint64, purpose: np.uint64, key: UintArray
) -> None:
    """As ``fill_uniforms``, with four standard normals a path."""
    k0, k1 = key[0], key[1]
    for i in range(out.shape[1]):
        w0, w1, w2, w3 = philox(first_path + np.uint64(i), day, block, purpose, k0, k1)
        out[0, i], out[1, i] = normals_of(w0, w1)
        out[2, i], out[3, i] = normals_of(w2, w3)

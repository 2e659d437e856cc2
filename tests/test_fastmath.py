"""Polynomial logarithm, cosine and sine against the library's."""

from __future__ import annotations

import numpy as np

from models.kernels.fastmath import cos_sin_turn, log_positive


def test_log_agrees_with_the_library_to_a_few_units_in_the_last_place() -> None:
    rng = np.random.default_rng(1)
    x = np.concatenate(
        [
            np.exp(rng.uniform(-700.0, 700.0, 20_000)),
            1.0 + rng.uniform(-1e-3, 1e-3, 20_000),
            rng.uniform(0.0, 4.0, 20_000) + 1e-12,
            [2.0**-33, 0.5, np.sqrt(0.5), 1.0, np.nextafter(1.0, 0.0), np.nextafter(1.0, 2.0), np.sqrt(2.0), 2.0],
            [np.finfo(float).tiny, np.finfo(float).max],
        ]
    )
    values = np.array([log_positive(value) for value in x])
    np.testing.assert_allclose(values, np.log(x), rtol=1e-15, atol=0.0)


def test_cosine_and_sine_of_a_turn_agree_with_the_library() -> None:
    u = np.concatenate([np.linspace(0.0, 1.0, 20_001), [2.0**-33, 1.0 - 2.0**-33]])
    values = np.array([cos_sin_turn(value) for value in u])
    angle = 2.0 * np.pi * (u - 0.5)
    np.testing.assert_allclose(values[:, 0], np.cos(angle), rtol=0.0, atol=2e-15)
    np.testing.assert_allclose(values[:, 1], np.sin(angle), rtol=0.0, atol=2e-15)


def test_compiled_and_plain_python_agree() -> None:
    for value in (1e-9, 0.3, 0.999, 7.5):
        plain = getattr(log_positive, "py_func", log_positive)(value)
        assert abs(log_positive(value) - plain) <= 1e-15 * abs(plain)
    plain_pair = getattr(cos_sin_turn, "py_func", cos_sin_turn)(0.3)
    np.testing.assert_allclose(cos_sin_turn(0.3), plain_pair, atol=1e-15)

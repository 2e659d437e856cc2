"""Complex logarithms near 1, where numpy's ``log1p`` of a complex number loses its digits."""

from __future__ import annotations

import numpy as np

from models.affine import ComplexArray


def complex_log1p(z: ComplexArray) -> ComplexArray:
    """Principal value of ``log(1 + z)``, accurate to the last digits for small ``z``."""
    real, imag = np.real(z), np.imag(z)
    size = np.log1p(real * (2.0 + real) + imag * imag)
    return 0.5 * size + 1j * np.arctan2(imag, 1.0 + real)


def log1p_ratio(z: ComplexArray) -> ComplexArray:
    """``log(1 + z) / z``, 1 at z = 0."""
    small = np.abs(z) < 1e-12
    safe = np.where(small, 1.0, z)
    return np.where(small, 1.0 - 0.5 * z, complex_log1p(safe) / safe)

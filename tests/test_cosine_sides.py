"""Both sides of cosine series: laws so wide that their far strikes are no numbers leave no hole in a table."""

from __future__ import annotations

import numpy as np
import pytest

from models.cosine_sides import CosineSides
from models.log_transform import WIDTH


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seed", range(4))
def test_strikes_beyond_the_largest_number_leave_no_hole(seed: int) -> None:
    """A normal law of deviation 100: e**k passes the largest double within the strikes; rounding decides its sign."""
    scaled = np.linspace(0.0, WIDTH, 60)
    deviation = np.array([0.2, 100.0])
    order = np.arange(256)
    waves = np.pi / (2.0 * WIDTH) * order
    normal = np.exp(-0.5 * waves**2) * np.cos(waves * WIDTH) / WIDTH
    normal[0] *= 0.5
    density = np.tile(normal, (2, 1))
    density[1] += 1e-15 * np.random.default_rng(seed).standard_normal(256)
    puts, calls = CosineSides(scaled)(density, deviation)
    for prices in (puts, calls):
        assert np.isfinite(prices).all()
        assert (np.diff(prices, axis=1) <= 0.0).all()
    alone = CosineSides(scaled)(density[:1], deviation[:1])
    np.testing.assert_allclose(calls[:1], alone[1], atol=1e-12)

"""The committed figures of the real market, against published ones and against the daily data they come from."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sim.facts import level_quantiles, vx_curve

SHARED = Path(__file__).parents[2] / "shared" / "data"


def test_quantiles_of_the_vix_are_those_of_1990_to_2018() -> None:
    vix = level_quantiles()["vix"]
    assert (vix.first_date, vix.last_date, vix.sessions) == (date(1990, 1, 2), date(2018, 12, 31), 7304)
    points = dict(zip(vix.probability, vix.points, strict=True))
    # Computed elsewhere on the sessions that SPX and VIX share.
    for probability, published in ((0.05, 11.231), (0.5, 17.400), (0.95, 33.197), (0.99, 46.348)):
        assert points[probability] == pytest.approx(published, abs=0.01)


def test_the_mean_curve_falls_with_the_level_of_the_vix() -> None:
    mean = {(point.vix_low, point.tenor): 100 * point.mean for point in vx_curve()}
    # Computed elsewhere, from 2007 on: VX2/VX1 - 1, VX4/VX1 - 1, VX7/VX1 - 1 in percent; the windows differ by a year.
    published = {0: (8.9, 19, 29), 15: (6.7, 14, 20), 20: (3.7, 5.7, 6.3), 30: (-2.5, -5.6, -7.7), 40: (-8.6, -19, -25)}
    for level, row in published.items():
        for tenor, value in zip((2, 4, 7), row, strict=True):
            assert mean[level, tenor] == pytest.approx(value, abs=3.0)
    assert all(mean[0, tenor] > mean[20, tenor] > 0 > mean[40, tenor] for tenor in range(2, 8))


def test_tables_are_in_order_and_have_sources() -> None:
    assert set(level_quantiles()) == {"vix", *(f"vx{n}" for n in range(1, 8))}
    for table in level_quantiles().values():
        assert (np.diff(table.probability) > 0).all()
        assert (np.diff(table.points) > 0).all()
        assert table.source
    for point in vx_curve():
        assert point.p05 < point.mean < point.p95
        assert point.source


def test_figures_can_be_computed_again() -> None:
    if not (SHARED / "vix_daily.csv").exists():
        pytest.skip(f"no daily data at {SHARED}: committed figures NOT computed again")
    vix = pd.read_csv(SHARED / "vix_daily.csv", index_col="date")["close"]
    futures = pd.read_csv(SHARED / "vx_term_structure_daily.csv.gz", index_col="date")
    for name, table in level_quantiles().items():
        daily = (vix if name == "vix" else futures[name.upper()]).dropna().to_numpy()
        daily = np.sort(daily)
        position = table.probability * (daily.size - 1)
        np.testing.assert_allclose(np.interp(position, np.arange(daily.size), daily), table.points, atol=0.0051)
    level = vix.reindex(futures.index)
    for point in vx_curve():
        chosen = futures[(level >= point.vix_low) & (level < point.vix_high)]
        ratio = (chosen[f"VX{point.tenor}"] / chosen["VX1"] - 1).dropna()
        assert ratio.size == point.sessions
        assert ratio.mean() == pytest.approx(point.mean, abs=6e-5)

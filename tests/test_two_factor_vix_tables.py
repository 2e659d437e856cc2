"""Tables of the VIX in the affine model of two factors: options cost what they cost, near expiry too.

In the last days before expiry a price of a few hundredths of a point says little about a volatility. What a table may
err by is half of the smallest tick of a VIX option, in price; volatilities agree as well where vega is not small.
"""

from __future__ import annotations

import numpy as np
import pytest

import models
from models.black import implied_volatility
from models.protocols import SESSIONS_PER_YEAR, Stream

TICK = 0.01
"""Smallest tick of a VIX option. [points]"""

SESSIONS = (1, 2, 3, 5, 10)
N_STATES = 40


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["two_factor_svcj_2018", "double_heston_2018"])
def test_vix_options_are_within_half_a_tick(preset: str) -> None:
    chosen = models.load_preset(preset)
    model = models.create(chosen.model, **chosen.parameters)
    tables, exact = model.tabulated_pricer(max_sessions=max(SESSIONS)), model.exact_pricer()
    state = model.stationary_state(N_STATES, Stream(seed=23))
    worst = {}
    for sessions in SESSIONS:
        ttm = sessions / SESSIONS_PER_YEAR
        future = exact.vix_future(state, ttm)
        vols = []
        for pace in (-1.5, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0):
            strike = future * np.exp(pace * np.sqrt(ttm))
            pair = [p.vix_option(state, strike=strike, ttm=ttm, is_call=True) for p in (tables, exact)]
            error = np.abs(pair[0] - pair[1])
            worst[sessions] = max(worst.get(sessions, 0.0), float(error.max()))
            discount = np.exp(-model.rate * ttm)
            if sessions == SESSIONS[-1] and abs(pace) <= 1.0:
                vols += [implied_volatility(price / discount, future, strike, ttm, is_call=True) for price in pair]
        if vols:
            table_vol, exact_vol = np.array(vols[::2]), np.array(vols[1::2])
            assert np.abs(table_vol - exact_vol).max() < 0.003
    assert max(worst.values()) < 0.5 * TICK, worst
    # a table of other sessions is further off
    other = tables.vix_option(state, strike=future, ttm=3 / SESSIONS_PER_YEAR, is_call=True)
    assert np.abs(other - exact.vix_option(state, strike=future, ttm=2 / SESSIONS_PER_YEAR, is_call=True)).max() > TICK

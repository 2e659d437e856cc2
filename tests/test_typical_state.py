"""The state at a given VIX: solved exactly for one factor, typical for several."""

from __future__ import annotations

import numpy as np
import pytest

from models import create
from models.errors import ModelParameterError
from models.presets import load_preset
from models.protocols import Stream
from models.typical_state import typical_state


@pytest.mark.parametrize(
    "preset", ["svcj_index_2018", "gjr_garch_2018", "two_factor_svcj_2018", "two_factor_log_sv_2018"]
)
def test_the_vix_of_the_state_is_the_one_asked_for(preset: str) -> None:
    chosen = load_preset(preset)
    model = create(chosen.model, **chosen.parameters)
    states = model.stationary_state(4000, Stream(seed=77))
    levels = model.exact_pricer().vix(states)
    for vix in (13.0, 18.0, 30.0):
        state = typical_state(model, vix)
        assert state.shape == (len(model.state_names),)
        assert model.exact_pricer().vix(state[:, None])[0] == pytest.approx(vix, abs=1e-8)
        # inside the cloud of the model's own states at that level
        near = states[:, np.abs(levels / vix - 1.0) < 0.1]
        low, high = np.quantile(near, [0.0, 1.0], axis=1)
        spread = high - low
        assert np.all(state >= low - 0.1 * spread)
        assert np.all(state <= high + 0.1 * spread)


def test_a_level_that_the_model_never_has_is_refused() -> None:
    for name in ("svcj_index_2018", "two_factor_log_sv_2018"):
        chosen = load_preset(name)
        with pytest.raises(ModelParameterError, match=f"vix must lie in the range of {chosen.model}, .* got 3"):
            typical_state(create(chosen.model, **chosen.parameters), 3.0)
    with pytest.raises(ModelParameterError, match="vix must be > 0"):
        typical_state(create(chosen.model, **chosen.parameters), float("nan"))

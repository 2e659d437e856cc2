"""Models by name: what is refused and how, and that the special cases are special cases."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import models
from models import registry
from models.block_bootstrap import BlockBootstrap
from models.errors import ModelParameterError
from models.gjr_garch import GjrGarch
from models.heston_nandi import HestonNandi
from models.ngarch import Ngarch
from models.path_dependent import PathDependent
from models.presets import load_preset, preset_names
from models.protocols import Model, Stream
from models.quintic_ou import QuinticOu
from models.regime_switching import RegimeSwitching
from models.svcj import Svcj
from models.two_factor_bergomi import TwoFactorBergomi
from models.two_factor_log_sv import TwoFactorLogSv
from models.two_factor_svcj import TwoFactorSvcj

HESTON = {"kappa_p": 5.0, "kappa_q": 3.0, "theta_p": 0.03, "vol_of_vol": 0.5, "rho": -0.75}
JUMPS = {"jump_intensity_p": 0.5, "jump_intensity_q": 1.0, "return_jump_mean_q": -0.06, "return_jump_std_q": 0.05}
SVCJ = {**HESTON, **JUMPS, "variance_jump_mean_p": 0.02, "variance_jump_mean_q": 0.05, "jump_correlation": -0.3}
HESTON_NANDI = {"omega": 0.0, "alpha": 5.123e-6, "beta": 0.80218, "gamma": 171.24, "variance_ratio": 1.2}
DOUBLE_HESTON = {
    **{"kappa_fast_p": 8.0, "kappa_fast_q": 5.0, "theta_fast_p": 0.01, "vol_of_vol_fast": 0.6, "rho_fast": -0.9},
    **{"kappa_slow_p": 0.9, "kappa_slow_q": 0.7, "theta_slow_p": 0.02, "vol_of_vol_slow": 0.2, "rho_slow": -0.6},
}
CO_JUMPS = {"variance_jump_mean_p": 0.02, "variance_jump_mean_q": 0.05, "jump_correlation": -0.3}
TWO_FACTOR = {**DOUBLE_HESTON, **CO_JUMPS, "slow_to_fast": 2.0, "jump_intensity_base": 0.3, "jump_intensity_slope": 9.0}
PATH_DEPENDENT = {
    **{"beta_constant": 0.04, "beta_trend": -0.13, "beta_activity": 0.65, "trend_rate_fast": 55.0},
    **{"trend_rate_slow": 10.0, "trend_weight_slow": 0.25, "activity_rate_fast": 20.0, "activity_rate_slow": 3.0},
    "activity_weight_slow": 0.5,
}
VALID = {
    "heston": HESTON,
    "bates": {**HESTON, **JUMPS},
    "svcj": SVCJ,
    "heston_nandi": HESTON_NANDI,
    "double_heston": DOUBLE_HESTON,
    "two_factor_svcj": TWO_FACTOR,
    "regime_switching": {
        **{"base": "svcj_index_2018", "level_p": (1.0, 2.0)},
        "transition_p": ((0.99, 0.01), (0.03, 0.97)),
    },
}
VALID["path_dependent"] = PATH_DEPENDENT
GARCH = {"omega": 2e-6, "alpha": 0.01, "beta": 0.89, "persistence_q": 0.985, "volatility_q": 0.24}
VALID["gjr_garch"] = {**GARCH, "gamma": 0.15}
CRASHES = {"jump_share_q": 0.3, "return_jump_mean_q": -0.08, "return_jump_std_q": 0.05}
VALID["ngarch"] = {
    **{**GARCH, **CRASHES, "beta": 0.8, "alpha": 0.07, "theta": 1.2, "level_loading": 1.0, "premium_loading": 0.0},
    **{"factor_persistence": 0.99, "factor_volatility": 0.03, "premium_persistence": 0.9, "premium_volatility": 0.05},
}
VALID["block_bootstrap"] = {"mean_block_length": 21.0, "neighbours": 10, "surface": "heston_nandi_index_2018"}
LOG_SV = {
    **{"log_variance_mean": -9.9, "persistence_fast_p": 0.95, "persistence_slow_p": 0.997, "persistence_fast_q": 0.955},
    **{"persistence_slow_q": 0.996, "leverage_fast": 0.11, "leverage_slow": 0.07, "noise_fast": 0.15},
    **{"noise_slow": 0.03, **CRASHES},
}
OU_FACTORS = {
    **{"reversion_fast_p": 35.2, "reversion_slow_p": 0.6, "reversion_fast_q": 22.0, "reversion_slow_q": 0.5},
    **{"weight_fast": 0.86, "rho": -0.7},
}
VALID["two_factor_log_sv"] = LOG_SV
VALID["quintic_ou"] = {"mean_variance": 0.028, **OU_FACTORS, "constant": 0.05, "linear": 0.45, "quintic": 1.0}
VALID["two_factor_bergomi"] = {"mean_variance": 0.04, "vol_of_vol": 2.8, **OU_FACTORS}
CLASSES = {
    "gjr_garch": GjrGarch,
    "ngarch": Ngarch,
    "two_factor_log_sv": TwoFactorLogSv,
    "quintic_ou": QuinticOu,
    "two_factor_bergomi": TwoFactorBergomi,
    "block_bootstrap": BlockBootstrap,
    "path_dependent": PathDependent,
    "regime_switching": RegimeSwitching,
    "heston_nandi": HestonNandi,
    "double_heston": TwoFactorSvcj,
    "two_factor_svcj": TwoFactorSvcj,
}


@pytest.fixture
def clean_registry() -> Iterator[None]:
    before = dict(registry.REGISTRY)
    yield
    registry.REGISTRY.clear()
    registry.REGISTRY.update(before)


def refusal(name: str, **parameters: object) -> str:
    with pytest.raises(ModelParameterError) as error:
        models.create(name, **parameters)
    return str(error.value)


@pytest.mark.parametrize("name", list(VALID))
def test_every_model_is_made_from_its_name(name: str) -> None:
    model = models.create(name, **VALID[name])
    assert isinstance(model, CLASSES.get(name, Svcj))
    for key, value in VALID[name].items():
        assert getattr(model, key) == value
    assert model.rate == model.dividend_yield == 0.0
    assert model == models.create(name, **VALID[name])


def test_the_registry_lists_its_models_with_their_meaning() -> None:
    assert set(VALID) == set(models.names())
    meanings = [models.meaning_of(name) for name in models.names()]
    assert all(meanings)
    assert len(set(meanings)) == len(meanings)


@pytest.mark.parametrize(
    ("wrong", "suggestion"),
    [("hestn", "heston"), ("svjc", "svcj"), ("Bates", "bates"), ("heston-nandi", "heston_nandi")],
)
def test_an_unknown_model_is_refused_with_the_nearest_name(wrong: str, suggestion: str) -> None:
    message = refusal(wrong)
    assert f"got {wrong!r}; did you mean {suggestion}?" in message
    assert all(name in message for name in models.names())
    assert "did you mean" not in refusal("zzzzzz")


@pytest.mark.parametrize(
    ("name", "wrong", "suggestion"),
    [
        ("heston", "kapa_p", "kappa_p"),
        ("svcj", "jump_intensty_q", "jump_intensity_q"),
        ("heston_nandi", "gama", "gamma"),
    ],
)
def test_an_unknown_parameter_is_refused_with_the_nearest_name(name: str, wrong: str, suggestion: str) -> None:
    message = refusal(name, **VALID[name], **{wrong: 1.0})
    assert message.startswith(f"{wrong} is no parameter of {name}; ")
    assert message.endswith(f"did you mean {suggestion}?")


@pytest.mark.parametrize(
    ("name", "absent"),
    [("heston", "jump_intensity_q"), ("heston", "jump_correlation"), ("bates", "variance_jump_mean_q")],
)
def test_a_special_case_refuses_what_it_lacks(name: str, absent: str) -> None:
    assert f"{absent} is no parameter of {name}" in refusal(name, **VALID[name], **{absent: 0.0})
    with pytest.raises(ModelParameterError, match=f"{absent} is no parameter here.*svcj has it"):
        registry.factory_of(name)(**VALID[name], **{absent: 0.0})


@pytest.mark.parametrize(
    ("name", "required"),
    [
        ("heston", ["kappa_p", "kappa_q", "theta_p", "vol_of_vol", "rho"]),
        ("bates", ["kappa_p", "kappa_q", "theta_p", "vol_of_vol", "rho"]),
        ("svcj", ["kappa_p", "kappa_q", "theta_p", "vol_of_vol", "rho"]),
        ("double_heston", list(DOUBLE_HESTON)),
        ("two_factor_svcj", list(DOUBLE_HESTON)),
        ("heston_nandi", ["omega", "alpha", "beta", "gamma"]),
    ],
)
def test_missing_parameters_are_all_named(name: str, required: list[str]) -> None:
    assert refusal(name) == f"{name} needs {', '.join(required)}"
    rest = {key: value for key, value in VALID[name].items() if key != required[-1]}
    assert refusal(name, **rest) == f"{name} needs {required[-1]}"
    known = models.parameters_of(name)
    assert [item.name for item in known if item.required] == required
    assert all(item.default is None for item in known if item.required)
    assert all(isinstance(item.default, int | float) for item in known if not item.required)


@pytest.mark.parametrize("name", ["heston", "bates"])
def test_a_special_case_has_fewer_parameters_than_svcj(name: str) -> None:
    own = {item.name for item in models.parameters_of(name)}
    full = {item.name for item in models.parameters_of("svcj")}
    assert own < full
    assert {"rate", "dividend_yield", "equity_premium"} < own
    assert ("jump_intensity_q" in own) == ("jump_intensity_slope_q" in own) == (name == "bates")


@pytest.mark.parametrize("name", ["heston", "bates", "svcj"])
@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("kappa_p", 0.0, "must be > 0"),
        ("kappa_q", -1.0, "must be > 0"),
        ("theta_p", 0.0, "must be > 0"),
        ("vol_of_vol", 0.0, "must be > 0"),
        ("rho", 1.0, r"must lie in \(-1, 1\)"),
        ("rho", -1.0, r"must lie in \(-1, 1\)"),
        ("rate", float("nan"), "must be a finite number"),
        ("equity_premium", float("inf"), "must be a finite number"),
        ("kappa_p", "5", "must be a finite number"),
        ("kappa_p", True, "must be a finite number"),
    ],
)
def test_diffusion_parameters_out_of_their_domain_are_refused(name: str, key: str, value: float, rule: str) -> None:
    with pytest.raises(ModelParameterError, match=f"^{key} {rule}, got {value!r}$"):
        models.create(name, **{**VALID[name], key: value})


@pytest.mark.parametrize("measure", ["p", "q"])
def test_jump_parameters_out_of_their_domain_are_refused(measure: str) -> None:
    for stem in ("jump_intensity", "jump_intensity_slope", "variance_jump_mean", "return_jump_std"):
        assert refusal("svcj", **{**SVCJ, f"{stem}_{measure}": -0.1}) == f"{stem}_{measure} must be >= 0, got -0.1"
    changes = {"jump_correlation": 25.0, f"variance_jump_mean_{measure}": 0.04}
    other = "q" if measure == "p" else "p"
    message = refusal("svcj", **{**SVCJ, **changes, f"variance_jump_mean_{other}": 0.01})
    assert message.startswith(f"jump_correlation must be < 1 / variance_jump_mean_{measure} = 25, got 25.0")


@pytest.mark.parametrize("measure", ["p", "q"])
def test_jumps_that_breed_more_jumps_than_die_out_are_refused(measure: str) -> None:
    """A variance jump of 0.5 at 12 jumps a unit of variance adds 6 a year, and reversion takes away 3 to 5."""
    other = {"variance_jump_mean_p": 0.0, "variance_jump_mean_q": 0.0}
    changes = {**other, f"jump_intensity_slope_{measure}": 12.0, f"variance_jump_mean_{measure}": 0.5}
    kappa = HESTON[f"kappa_{measure}"]
    message = refusal("svcj", **{**SVCJ, **changes})
    assert message.startswith(f"kappa_{measure} must be > jump intensity slope * variance_jump_mean_{measure} = 6")
    models.create("svcj", **{**SVCJ, **changes, f"variance_jump_mean_{measure}": 0.99 * kappa / 12.0})
    two = {**TWO_FACTOR, **other, f"variance_jump_mean_{measure}": 1.0}
    assert refusal("two_factor_svcj", **two).startswith(f"kappa_fast_{measure} must be > jump intensity slope")


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("kappa_fast_q", 0.0, "must be > 0"),
        ("theta_slow_p", -0.01, "must be > 0"),
        ("vol_of_vol_slow", 0.0, "must be > 0"),
        ("rho_slow", 1.0, r"must lie in \(-1, 1\)"),
        ("rho_fast", -1.0, r"must lie in \(-1, 1\)"),
        ("slow_to_fast", -1.0, "must be >= 0"),
        ("jump_intensity_base", -1.0, "must be >= 0"),
        ("jump_intensity_ratio", -1.0, "must be >= 0"),
        ("return_jump_std_q", -1.0, "must be >= 0"),
        ("equity_premium", float("nan"), "must be a finite number"),
    ],
)
def test_two_factor_parameters_out_of_their_domain_are_refused(key: str, value: float, rule: str) -> None:
    with pytest.raises(ModelParameterError, match=f"^{key} {rule}, got {value!r}$"):
        models.create("two_factor_svcj", **{**TWO_FACTOR, key: value})


@pytest.mark.parametrize("absent", ["slow_to_fast", "jump_intensity_slope", "variance_jump_mean_q"])
def test_double_heston_has_neither_jumps_nor_feed(absent: str) -> None:
    with pytest.raises(ModelParameterError, match=f"{absent} is no parameter here.*two_factor_svcj has it"):
        registry.factory_of("double_heston")(**DOUBLE_HESTON, **{absent: 0.0})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"alpha": 0.0}, "alpha must be > 0, got 0.0"),
        ({"omega": -1e-9}, "omega must be >= 0, got -1e-09"),
        ({"beta": -0.1}, "beta must be >= 0, got -0.1"),
        ({"variance_ratio": 0.0}, "variance_ratio must be > 0, got 0.0"),
        ({"vix_sessions": 0}, "vix_sessions must be > 0, got 0"),
        ({"beta": 0.9}, "beta + alpha * gamma**2 must be < 1 under P"),
        # the P law reverts to a mean, the Q law does not
        ({"variance_ratio": 2.0, "equity_premium_coefficient": 100.0}, "beta + alpha * gamma**2 must be < 1 under Q"),
    ],
)
def test_heston_nandi_parameters_out_of_their_domain_are_refused(changes: dict[str, float], message: str) -> None:
    assert refusal("heston_nandi", **{**HESTON_NANDI, **changes}).startswith(message)


def test_a_model_from_outside_can_be_registered(clean_registry: None) -> None:
    def toy(*, level: float, rate: float = 0.01) -> Model:
        """A toy.

        Of two lines.
        """
        return models.create("heston", **{**HESTON, "theta_p": level, "rate": rate})

    models.register("toy", toy)
    assert "toy" in models.names()
    assert models.meaning_of("toy") == "A toy."
    assert models.create("toy", level=0.05) == models.create("heston", **{**HESTON, "theta_p": 0.05, "rate": 0.01})
    assert [(item.name, item.default, item.required) for item in models.parameters_of("toy")] == [
        ("level", None, True),
        ("rate", 0.01, False),
    ]
    assert refusal("toy") == "toy needs level"
    assert refusal("toy", level=0.05, levle=1.0).endswith("did you mean level?")


def test_what_one_test_registers_the_next_does_not_see() -> None:
    assert "toy" not in models.names()


def test_presets_load_and_make_their_models() -> None:
    assert preset_names() == tuple(sorted(preset_names()))
    assert len(preset_names()) >= 2
    for name in preset_names():
        preset = load_preset(name)
        assert preset.name == name
        model = models.create(preset.model, **preset.parameters)
        assert isinstance(model, CLASSES.get(preset.model, Svcj))
        states = model.stationary_state(200, Stream(seed=1))
        assert 10.0 < np.median(model.exact_pricer().vix(states)) < 30.0
        assert preset.source
        if preset.command.startswith("regimesim calibrate"):
            assert set(preset.diagnostics) > {"loglikelihood"}
        elif not preset.command:
            assert preset.source.startswith("set by hand")
        else:
            assert preset.command.startswith("regimesim fidelity --fit")
            # one variance without jumps cannot do more, and its page says why
            assert (17 if preset.model == "heston" else 20) <= preset.diagnostics["facts_passed"] <= 34


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(ModelParameterError, match=preset_names()[0]):
        load_preset(preset_names()[0][:-1])


STATE = np.array([[0.01, 0.05, 0.3]])


def everything(model: Model) -> list[np.ndarray]:
    """Prices and a few days of paths."""
    pricer = model.exact_pricer()
    option = pricer.spx_option(4000.0, STATE, strike=[[3700.0], [4100.0]], ttm=0.1, is_call=True)
    paths = model.propagate(STATE, 3, Stream(seed=3))
    return [option.price, option.delta, pricer.vix(STATE), pricer.vix_future(STATE, 0.1), *paths]


def test_heston_and_bates_are_svcj_without_jumps() -> None:
    heston = models.create("heston", **HESTON)
    jumpless = {**HESTON, **dict.fromkeys(("jump_intensity_p", "jump_intensity_q", "variance_jump_mean_q"), 0.0)}
    assert heston == models.create("svcj", **jumpless)
    bates = models.create("bates", **{**HESTON, **JUMPS})
    still = {**SVCJ, "variance_jump_mean_p": 0.0, "variance_jump_mean_q": 0.0, "jump_correlation": 0.0}
    assert bates == models.create("svcj", **still)
    assert bates != heston


def test_jumps_that_never_come_or_do_nothing_leave_heston() -> None:
    """Zero intensity beside sizes, and an intensity beside zero sizes: the second takes the jump formulas."""
    heston = everything(models.create("heston", **HESTON))
    never = models.create("svcj", **{**SVCJ, "jump_intensity_p": 0.0, "jump_intensity_q": 0.0})
    nothing = models.create("svcj", **HESTON, jump_intensity_p=2.0, jump_intensity_q=2.0)
    for case in (never, nothing):
        for mine, theirs in zip(heston, everything(case), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-9)
    gap = np.max(np.abs(everything(models.create("svcj", **SVCJ))[0] - heston[0]))
    assert gap > 1.0, "jumps that come are seen"

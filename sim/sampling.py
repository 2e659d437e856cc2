"""From the section ``sampling`` of an experiment to the design of a scenario's paths, and what cannot be sampled so."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from models.known_means import GrowthModel, MomentModel
from models.path_design import Designable, DesignKind, JumpDraw, JumpModel, PathDesign, ShockDraw, ShockModel
from models.protocols import Model
from sim.config import ExperimentConfig, SamplingConfig, ScenarioConfig
from sim.config.sampling import LEAST_REPLICATES

Key = tuple[str | int, ...]

KINDS: dict[str, DesignKind] = {
    "antithetic": "antithetic",
    "stratified": "stratified",
    "sobol": "sobol",
    "importance": "importance",
}


def path_design(sampling: SamplingConfig, model: Model, n_days: int) -> PathDesign | None:
    """Design of a scenario's paths; None for independent ones.

    Parameters
    ----------
    sampling : SamplingConfig
        The section.
    model : Model
        Model of the scenario.
    n_days : int
        Sessions after day 0.
    """
    if sampling.is_plain:
        return None
    kind = KINDS[sampling.method]
    if kind != "importance":
        return PathDesign(kind=kind, points=sampling.cluster if kind != "antithetic" else 1, n_days=n_days)
    return PathDesign(
        kind=kind,
        n_days=n_days,
        jump=_jump_draw(sampling, model),
        jump_factor=sampling.jump_intensity,
        jump_size=sampling.jump_size,
        shock=_shock_draw(sampling, model),
        rise=sampling.variance_rise,
        trend=sampling.trend,
        plain_share=sampling.plain_share,
        start_power=sampling.start_tilt,
    )


def _jump_draw(sampling: SamplingConfig, model: Model) -> JumpDraw | None:
    """Jumps that are tilted, where the model has any."""
    asked = sampling.jump_intensity > 1.0 or sampling.jump_size > 1.0
    return model.jump_draw() if asked and isinstance(model, JumpModel) else None


def _shock_draw(sampling: SamplingConfig, model: Model) -> ShockDraw | None:
    """Normals that are tilted, where the model says which they are."""
    asked = sampling.variance_rise > 0.0 or sampling.trend > 0.0
    return model.shock_draw() if asked and isinstance(model, ShockModel) else None


def sampling_faults(config: ExperimentConfig, model_of: Callable[[ScenarioConfig], Model]) -> Iterator[tuple[Key, str]]:
    """Say what in an experiment the chosen sampling cannot do.

    Parameters
    ----------
    config : ExperimentConfig
        The experiment.
    model_of : callable
        Makes the model of a scenario.
    """
    sampling = config.sampling
    if sampling.is_plain and not sampling.controls:
        return
    if config.sensitivity is not None:
        yield (
            ("sampling",),
            "must be left out beside a sensitivity study, whose noise is that of independent paths",
        )
    if sampling.method == "antithetic" and config.paths % 2:
        yield ("paths",), f"got {config.paths}; must be even where paths are antithetic pairs"
    if sampling.cluster > 2 and config.paths < LEAST_REPLICATES * sampling.points:
        yield (
            ("sampling", "points"),
            f"got {sampling.points}; must be at most paths / {LEAST_REPLICATES}, which is "
            f"{config.paths // LEAST_REPLICATES}: the spread of the replicates is the standard error",
        )
    for name, scenario in config.scenarios.items():
        message = _scenario_fault(sampling, name, scenario, model_of(scenario))
        if message is not None:
            yield ("sampling", "method" if not sampling.is_plain else "controls"), message


def _scenario_fault(sampling: SamplingConfig, name: str, scenario: ScenarioConfig, model: Model) -> str | None:
    """Why a scenario cannot be sampled as asked for; None where it can."""
    what = sampling.method if not sampling.is_plain else "control variates"
    for part in ("replay", "stress"):
        if getattr(scenario, part) is not None:
            return f"{what} and a {part} exclude one another; leave out the {part} of scenario {name} or `sampling`"
    if not sampling.is_plain and not (isinstance(model, Designable) and model.counter_draws):
        return (
            f"got {sampling.method}, which the model {scenario.model} of scenario {name} does not allow: its numbers "
            "do not come from models.streams, or it does not say so by `counter_draws`; must be plain"
        )
    if sampling.method == "importance":
        fault = _importance_fault(sampling, scenario, model)
        if fault is not None:
            return f"{fault} in scenario {name}"
    return _control_fault(sampling, name, scenario, model)


def _importance_fault(sampling: SamplingConfig, scenario: ScenarioConfig, model: Model) -> str | None:
    if scenario.regime is not None:
        return "importance cannot tilt a steered episode, which is a tilted law already; leave out `regime`"
    has_numbers = _jump_draw(sampling, model) is not None or _shock_draw(sampling, model) is not None
    has_start = scenario.start.state is None and sampling.start_tilt > 0.0
    if not has_numbers and not has_start:
        return "importance has nothing to tilt, neither shocks or jumps that the model names nor (start_tilt) a start,"
    return None


def _control_fault(sampling: SamplingConfig, name: str, scenario: ScenarioConfig, model: Model) -> str | None:
    if not sampling.controls:
        return None
    if scenario.regime is not None:
        return f"controls have no known mean in a steered episode; leave out one of them in scenario {name}"
    known = [*(["spx"] if isinstance(model, GrowthModel) else []), *(["strip", "vix"] if _has_moments(model) else [])]
    unknown = [control for control in sampling.controls if control not in known]
    if unknown:
        return (
            f"the mean of the control {unknown[0]} under P is not known for the model {scenario.model} of scenario "
            f"{name}; must be among: {', '.join(known) or 'none'}"
        )
    return None


def _has_moments(model: Model) -> bool:
    return isinstance(model, MomentModel)

"""The command that scores models on the facts of the real market, and fits them to these."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sim.cli.app import app
from sim.cli.running import Loudness, describe_machine
from sim.cli.text import Progress, columns, print_json

if TYPE_CHECKING:
    from models.calibration.moments_fit import MomentsFit
    from models.fidelity.futures import Curve
    from models.fidelity.scorecard import FactScore, Scorecard
    from models.fidelity.study import ContextScore
    from models.protocols import Model

RESULTS = "fidelity.h5"

Search = Literal["least_squares", "nelder_mead", "evolution"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A model to be scored: its name on the command line, its registry name, its parameters."""

    name: str
    model: str
    parameters: dict[str, Any]

    def make(self) -> Model:
        """Make the model."""
        import models

        return models.create(self.model, **self.parameters)


@app.command()
def fidelity(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME ...]", help="Presets, or models with -p; default: all presets.")
    ] = None,
    parameter: Annotated[list[str] | None, typer.Option("-p", help="Parameter of the models, NAME=VALUE.")] = None,
    windows: Annotated[int, typer.Option(min=20, max=100_000, help="Simulated histories of six years.")] = 1000,
    context: Annotated[
        bool, typer.Option("--context", help="More rows, not counted: moves, regimes, tails, smiles, condor.")
    ] = False,
    regime: Annotated[
        list[str] | None, typer.Option("--regime", metavar="NAME", help="Instead: steer through an episode, or `all`.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of the histories.")] = 1,
    fit: Annotated[str | None, typer.Option("--fit", help="Preset, or model with -p, to fit to the facts.")] = None,
    free: Annotated[str, typer.Option("--free", help="Parameters that the fit may move: NAME,NAME,...")] = "",
    evaluations: Annotated[int, typer.Option(min=1, help="Trials of the fit, of 300 histories each.")] = 300,
    search: Annotated[Search, typer.Option(help="Search of the fit.")] = "least_squares",
    output: Annotated[
        Path | None, typer.Option(help=f"Directory for {RESULTS}, or a table .csv of scores; with --fit a preset file.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output if it exists.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
    loud: Loudness = None,
) -> None:
    """Score models on 34 facts of SPX, VIX and VX futures.

    A fact passes if its median over simulated histories of six years lies between the lowest and the highest value of
    real six-year windows, and the real value of all years lies between the 5% and 95% quantiles of the histories.

    \b
    Examples:
      regimesim fidelity
      regimesim fidelity svcj_index_2018 --context --output outputs/fidelity
      regimesim fidelity --output models/fidelity/scores.csv
      regimesim fidelity two_factor_log_sv_2018 --regime crash_2020 --regime bear_2022
      regimesim fidelity block_bootstrap -p surface=svcj_index_2018 -p spx=SPX.csv -p vix=VIX.csv
      regimesim fidelity --fit svcj_index_2018 --free kappa_p,kappa_q,theta_p --output my_svcj.yaml
    """  # noqa: D301
    names = names or []
    _check_together(names, fit=fit, episodes=bool(regime), results=bool(output or context))
    is_table = fit is None and output is not None and output.suffix == ".csv"
    target = _target(output, is_file=fit is not None or is_table, overwrite=overwrite or is_table)
    progress = Progress(quiet=loud is False, verbose=loud is True)
    describe_machine(progress)
    subjects = _subjects([fit] if fit is not None else names, parameter or [])
    if regime:
        from sim.cli.episodes import show_episodes

        made = {subject.name: subject.make() for subject in subjects}
        show_episodes(made, regime, progress, seed=seed, as_json=as_json)
        return
    if fit is None:
        cards, beside = _scores(subjects, progress, windows=windows, seed=seed, context=context)
        if target is not None and is_table:
            _update_scores(target, subjects, cards)
        elif target is not None:
            _write_scores(target, cards, beside)
        _show(cards, beside, as_json=as_json)
        return
    fitted = _fit(
        subjects[0],
        progress,
        free=free,
        evaluations=evaluations,
        search=search,
        check_windows=windows,
        check_seed=seed,
    )
    if target is not None:
        _write_fit(target, subjects[0], fitted)
    _show({f"{fit} fitted": fitted.checked}, {}, as_json=as_json, fitted=fitted)


def _check_together(names: list[str], *, fit: str | None, episodes: bool, results: bool) -> None:
    """Refuse options that exclude each other."""
    from sim.errors import ConfigError

    if episodes and (fit is not None or results):
        raise ConfigError("--regime: prints a table of its own; leave out --fit, --output and --context")
    if fit is not None and names:
        raise ConfigError(f"--fit: takes one preset or model of its own, got NAME {' '.join(names)} besides")


def _subjects(names: list[str], texts: list[str]) -> list[Subject]:
    """Models and presets by name; all presets where none is named."""
    import models
    from sim.cli.market import parse_parameters
    from sim.config.faults import one_of
    from sim.errors import ConfigError

    over = parse_parameters(texts)
    rows = []
    for name in names or models.preset_names():
        if name in models.names():
            rows.append(Subject(name=name, model=name, parameters=over))
            continue
        if not name.endswith(".yaml") and name not in models.preset_names():
            raise ConfigError(f"NAME: {one_of(name, [*models.preset_names(), *models.names()])}")
        preset = models.load_preset(name)
        rows.append(Subject(name=name, model=preset.model, parameters={**preset.parameters, **over}))
    for subject in rows:
        subject.make()  # bad parameters are known before any work
    return rows


def _target(output: Path | None, *, is_file: bool, overwrite: bool) -> Path | None:
    """Path of the file to write, known to be free."""
    from sim.errors import ConfigError

    if output is None:
        return None
    path = output if is_file else output / RESULTS
    if path.exists() and not overwrite:
        raise ConfigError(f"{path} exists already; choose another name, or replace it with --overwrite")
    if is_file and not path.resolve().parent.is_dir():
        raise ConfigError(f"--output: the directory {path.resolve().parent} does not exist")
    return path


def _scores(
    subjects: list[Subject], progress: Progress, *, windows: int, seed: int, context: bool
) -> tuple[dict[str, Scorecard], dict[str, Sequence[ContextScore]]]:
    """Scorecards, and the rows beside them if asked for."""
    from models.fidelity.futures import curve_of
    from models.fidelity.scorecard import scorecard
    from models.fidelity.study import N_CONTRACTS

    cards: dict[str, Scorecard] = {}
    beside: dict[str, Sequence[ContextScore]] = {}
    for subject in subjects:
        model = subject.make()
        futures = curve_of(model, n_contracts=N_CONTRACTS if context else 2)
        report = _reporter(progress, subject.name)
        cards[subject.name] = scorecard(model, n_windows=windows, seed=seed, futures=futures, progress=report)
        if context:
            beside[subject.name] = _context(subject.name, model, futures, progress, windows=windows, seed=seed)
    return cards, beside


def _context(
    name: str, model: Model, futures: Curve, progress: Progress, *, windows: int, seed: int
) -> Sequence[ContextScore]:
    from functools import partial

    from models.errors import PricingDomainError
    from models.fidelity.study import study

    report = _reporter(progress, f"{name}, more rows")
    rows = partial(study, model, n_windows=windows, seed=seed, futures=futures, progress=report)
    try:
        return rows()
    except PricingDomainError as error:
        typer.echo(f"{name}: no rows of options, {error}", err=True)
        return rows(options=False)


def _reporter(progress: Progress, what: str) -> Callable[[int, int], None]:
    def report(done: int, total: int) -> None:
        progress.count(what, done, total, "histories")

    return report


def _fit(
    subject: Subject,
    progress: Progress,
    *,
    free: str,
    evaluations: int,
    search: Search,
    check_windows: int,
    check_seed: int,
) -> MomentsFit:
    from models import registry
    from models.calibration.moments_fit import fit_moments

    def report(done: int, total: int, misfit: float, passed: int) -> None:
        progress.count(f"fit of {subject.name}", done, total, f"trials, misfit {misfit:.3g}, {passed} of 34")

    return fit_moments(
        registry.factory_of(subject.model),
        subject.parameters,
        [name.strip() for name in free.split(",") if name.strip()],
        evaluations=evaluations,
        search=search,
        check_windows=check_windows,
        check_seed=check_seed,
        seed=(check_seed + 1) % 2**32,  # the score is on other histories than the fit
        progress=report,
    )


def _write_scores(path: Path, cards: Mapping[str, Scorecard], beside: Mapping[str, Sequence[ContextScore]]) -> None:
    import os

    from models.fidelity.dataset import dataset_of

    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        dataset_of(cards, beside or None).to_netcdf(draft, engine="h5netcdf")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _update_scores(path: Path, subjects: list[Subject], cards: Mapping[str, Scorecard]) -> None:
    """Put the rows of these presets into a table of scores, and keep those of others."""
    import os

    from models.fidelity.scores import ShippedScore, parameters_key, parse_scores, scores_text
    from sim.errors import DataError

    try:
        table = parse_scores(path.read_text(encoding="utf-8")) if path.exists() else {}
    except (KeyError, ValueError) as error:
        raise DataError(f"{path}: must be a table of scores, as --output writes it: {error}") from None
    for subject in subjects:
        key = parameters_key(subject.make())
        table[subject.name] = ShippedScore(preset=subject.name, parameters=key, card=cards[subject.name])
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        draft.write_text(scores_text(table), encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _write_fit(path: Path, subject: Subject, fitted: MomentsFit) -> None:
    from models.protocols import CalibrationReport
    from sim.cli.calibrate import write_preset

    fitted_on, checked_on = fitted.fitted, fitted.checked
    report = CalibrationReport(
        parameters=fitted.parameters,
        standard_errors={},
        diagnostics={
            "misfit": fitted.misfit,
            "misfit_at_start": fitted.start_misfit,
            "facts_passed": float(checked_on.n_passed),
            "facts_passed_in_fit": float(fitted_on.n_passed),
            "evaluations": float(fitted.evaluations),
        },
        reference={},
        sample={
            "facts": "34 facts of SPX and VIX 1990 to 2018, VX 2004 to 2018",
            "fitted": f"on {fitted_on.n_windows} histories of six years, seed {fitted_on.seed}",
            "scored": f"on {checked_on.n_windows} histories, seed {checked_on.seed}",
        },
    )
    write_preset(path, subject.model, report, command="regimesim " + " ".join(sys.argv[1:]))


def _show(
    cards: Mapping[str, Scorecard],
    beside: Mapping[str, Sequence[ContextScore]],
    *,
    as_json: bool,
    fitted: MomentsFit | None = None,
) -> None:
    if as_json:
        tree: dict[str, Any] = {
            "rows": [_row(name, score) for name, card in cards.items() for score in card.scores],
            "passed": {name: card.n_passed for name, card in cards.items()},
        }
        if beside:
            tree["context"] = [_context_row(name, score) for name, scores in beside.items() for score in scores]
        if fitted is not None:
            tree["fit"] = {"parameters": dict(fitted.parameters), **_fit_numbers(fitted)}
        print_json(tree)
        return
    lines = [line for name, card in cards.items() for line in (*_table(name, card), "")]
    lines += [line for name, scores in beside.items() for line in (*_context_table(name, scores), "")]
    if fitted is not None:
        rows = [[name, _parameter_text(value)] for name, value in fitted.parameters.items()]
        lines += [*columns(rows, right=(1,)), ""]
        lines += columns([[name, f"{value:.4g}"] for name, value in _fit_numbers(fitted).items()], right=(1,))
    else:
        rows = [[name, f"{card.n_passed} of {len(card.scores)} facts"] for name, card in cards.items()]
        lines += columns(rows, right=(1,))
    typer.echo("\n".join(lines))


def _parameter_text(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, int | float) else str(value)


def _fit_numbers(fitted: MomentsFit) -> dict[str, float]:
    return {
        "misfit_at_start": fitted.start_misfit,
        "misfit": fitted.misfit,
        "facts_passed_in_fit": fitted.fitted.n_passed,
        "facts_passed": fitted.checked.n_passed,
        "evaluations": fitted.evaluations,
    }


def _table(name: str, card: Scorecard) -> list[str]:
    rows = [["fact", "unit", "real", "six years", "", "model", "5%", "95%", "passed"]]
    for score in card.scores:
        fact = score.fact
        numbers = [fact.real, fact.low, fact.high, score.median, score.low, score.high]
        rows.append([fact.name, fact.unit, *(_number(x) for x in numbers), "yes" if score.passed else _why(score)])
    title = f"{name}: {card.n_passed} of {len(card.scores)} facts, {card.n_windows} histories, seed {card.seed}"
    lines = [title, *columns(rows, right=(2, 3, 4, 5, 6, 7))]
    if card.outside_share > 0.0:
        share = f"{100.0 * card.outside_share:.2g}%"
        lines.append(f"{share} of the states lie off the grid of the futures and are held at its end")
    return lines


def _context_table(name: str, scores: Sequence[ContextScore]) -> list[str]:
    rows = [["row", "unit", "real", "six years", "", "model", "5%", "95%"]]
    for score in scores:
        fact = score.fact
        numbers = [fact.real, fact.low, fact.high, score.median, score.low, score.high]
        rows.append([fact.name, fact.unit, *(_number(x) for x in numbers)])
    return [f"{name}: beside the scorecard, not counted", *columns(rows, right=(2, 3, 4, 5, 6, 7))]


def _context_row(name: str, score: ContextScore) -> dict[str, Any]:
    fact = score.fact
    numbers = {
        "real": fact.real,
        "envelope_low": fact.low,
        "envelope_high": fact.high,
        "median": score.median,
        "low": score.low,
        "high": score.high,
    }
    labels = {"model": name, "row": fact.name, "unit": fact.unit, "meaning": fact.meaning, "source": fact.source}
    return {**labels, **{key: None if math.isnan(value) else value for key, value in numbers.items()}}


def _why(score: FactScore) -> str:
    if math.isnan(score.median):
        return "NO, too few such days"
    if score.in_band:
        return "NO, median"
    return "NO, band" if score.in_envelope or not score.fact.envelope_counts else "NO, median and band"


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3f}"


def _row(name: str, score: FactScore) -> dict[str, Any]:
    fact = score.fact
    numbers = {"median": score.median, "low": score.low, "high": score.high}
    return {
        "model": name,
        "fact": fact.name,
        "unit": fact.unit,
        "meaning": fact.meaning,
        "real": fact.real,
        "envelope": [fact.low, fact.high],
        **{key: None if math.isnan(value) else value for key, value in numbers.items()},
        "known_share": score.known_share,
        "passed": bool(score.passed),
    }

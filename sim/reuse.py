"""Run an experiment unless its results are there already: made by the same program from the same configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from sim.config import ExperimentConfig
from sim.errors import ConfigError, StorageError
from sim.experiment import build_model
from sim.manifest import code_version, write_manifest
from sim.partial import differences, has_stopped_run
from sim.replay.series import read_series
from sim.runner import Notify, Progress, run_experiment
from sim.storage import MANIFEST, RESULTS, STUDY, Results, open_results
from sim.study import open_study

Origin = Literal["run", "reused", "rejudged"]
"""How results were come by."""

FREE = ("compute", "claim", "question")
"""Sections of an experiment that decide no stored number."""


def changes_since(manifest: dict[str, Any], config: ExperimentConfig) -> list[str]:
    """Say what differs between results and what an experiment would give now; empty where they can be used.

    Parameters
    ----------
    manifest : dict
        Of the results.
    config : ExperimentConfig
        The experiment.
    """
    before, after = dict(manifest["config"]), config.model_dump(mode="json")
    for name in FREE:
        before.pop(name, None)
        after.pop(name, None)
    found = list(differences(before, after))
    code, stored = code_version(), manifest["code"]
    if stored.get("version") != code["version"]:
        found.append(f"version of the program: {stored.get('version')} -> {code['version']}")
    elif stored.get("sources") != code["sources"]:
        found.append("the program text that numbers depend on has changed")
    for name, scenario in config.scenarios.items():
        # a preset may be a file that has changed; the model of an episode is one that holds this model
        if repr(build_model(scenario)) not in manifest.get("models", {}).get(name, ""):
            found.append(f"parameters of scenario {name} have changed")
        files = {} if scenario.replay is None else read_series(scenario.replay).checksums
        if files != manifest.get("replays", {}).get(name, {}).get("checksums", {}):
            found.append(f"the files that scenario {name} replays have changed")
    return found


def is_complete(directory: Path, config: ExperimentConfig) -> bool:
    """Tell whether a run or study that is to be resumed has ended, so that no more than its report may be missing.

    Parameters
    ----------
    directory : Path
        Result directory.
    config : ExperimentConfig
        The experiment.

    Raises
    ------
    ConfigError
        If there are complete results of another configuration or version; what differs is shown.
    StorageError
        If the results cannot be read.
    """
    kept = directory / (RESULTS if config.sensitivity is None else STUDY)
    if not kept.is_file() or has_stopped_run(directory):
        return False
    results = open_results(directory) if config.sensitivity is None else None
    changes = changes_since(open_study(directory).manifest if results is None else results.manifest, config)
    if changes:
        raise ConfigError(
            f"{directory} holds complete results of another run, which --resume does not go on with; replace them with "
            "--overwrite, or name another directory with --output:\n" + "\n".join(f"  {item}" for item in changes[:20])
        )
    if results is not None:
        _takes_words_of(results, config)
    return True


def run_or_reuse(
    config: ExperimentConfig,
    directory: Path,
    *,
    progress: Progress | None = None,
    notify: Notify | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> tuple[Results, Origin]:
    """Open the results of an experiment, running it where there are none.

    Parameters
    ----------
    config : ExperimentConfig
        The experiment; its claim replaces that in the manifest of results that are used again.
    directory : Path
        Result directory.
    progress, notify : callable, optional
        As in ``run_experiment``.
    resume : bool
        Go on with a stopped run.
    overwrite : bool
        Run anew where the results there are of another configuration or version.

    Returns
    -------
    results : Results
        Of this experiment.
    origin : str
        ``run``: they were made now; ``reused``: they were there; ``rejudged``: they were, with another claim.

    Raises
    ------
    ConfigError
        If there are results of another configuration or version, and they are not to be replaced.
    """
    if (directory / RESULTS).is_file():
        known = _usable(directory, config, overwrite=overwrite)
        if known is not None:
            return known, "rejudged" if _takes_words_of(known, config) else "reused"
    run_experiment(
        config,
        output=directory,
        jobs=config.compute.jobs,
        backend=config.compute.backend,
        progress=progress,
        notify=notify,
        overwrite=overwrite,
        resume=resume,
    )
    return open_results(directory), "run"


def _usable(directory: Path, config: ExperimentConfig, *, overwrite: bool) -> Results | None:
    """Results that are those of the experiment; None where others, or damaged ones, are to be replaced."""
    try:
        results = open_results(directory)
    except StorageError:
        if overwrite:
            return None
        raise
    changes = changes_since(results.manifest, config)
    if not changes:
        return results
    if overwrite:
        return None
    raise ConfigError(
        f"{directory} holds results of something else; replace them with --overwrite, or name another directory with "
        "--output:\n" + "\n".join(f"  {change}" for change in changes[:20])
    )


def _takes_words_of(results: Results, config: ExperimentConfig) -> bool:
    """Let the manifest have the question and the claim of today; tell whether results are judged by another rule."""
    now, stored = config.model_dump(mode="json"), results.manifest["config"]
    before = {name: stored.get(name) for name in ("question", "claim")}
    if all(now[name] == item for name, item in before.items()):
        return False
    stored.update({name: now[name] for name in before})
    draft = results.directory / f".{MANIFEST}.draft"
    write_manifest(draft, results.manifest)
    draft.replace(results.directory / MANIFEST)
    return bool(before["claim"] != now["claim"])

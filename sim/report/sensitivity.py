"""Assemble the report of a sensitivity study: what each output hangs on, one self-contained file."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from sim.report import study_figures as figures
from sim.report.page import render_page, write_page
from sim.report.section import Card, Section
from sim.report.tables import Table, Value, plain_table
from sim.storage import REPORT
from sim.study import MEASURES, RANKED_BY, Study, open_study, ranked, spread_rows

MOSTLY_NOISE = 0.5
"""Share of noise in the variance of an output from which its indices say more of the paths than of the factors."""

MOST_NAMED = 3
"""Factors that the answer names."""

HOW_TO_READ = {
    "sobol": "First order: the share of the variance that goes when the factor is fixed. Total order: the share that "
    "is left when all others are fixed. Where the total exceeds the first order, the factor acts together with others. "
    "95% intervals from a bootstrap over the points.",
    "morris": "Effects are changes of the output over the whole range of a factor. A deviation of effects as large as "
    "their mean says that the effect hangs on where the other factors stand. 95% intervals from a bootstrap over "
    "trajectories.",
    "tornado": "One factor at a time, all others as in the file. 95% intervals of differences on the same paths.",
    "grid": "Both factors together, all others as in the file.",
}


def write_study_report(directory: str | Path) -> Path:
    """Draw report.html from a stored study.

    Parameters
    ----------
    directory : path-like
        Result directory of a study.

    Returns
    -------
    Path
        The report, in the same directory.

    Raises
    ------
    StorageError
        If there is no complete study or the report cannot be written.
    """
    study = open_study(directory)
    target = study.directory / REPORT
    write_page(target, render_study(study))
    return target


def render_study(study: Study) -> str:
    """HTML of the report."""
    rows = list(spread_rows(study.measures))
    sections = [_output_section(study, number, row) for number, row in enumerate(rows)]
    sections += [_factor_section(study), _run_section(study)]
    attributes = study.evaluations.attrs
    return render_page(
        "study.html.j2",
        sections,
        name=str(attributes["name"]),
        question=str(attributes["question"]),
        sentences=[_sentence(study, row) for row in rows],
    )


def _sentence(study: Study, row: dict[str, Any]) -> str:
    """What an output hangs on most, in words."""
    name = row["label"][:1].upper() + row["label"][1:]
    if row["status"] != "ok":
        return f"{name}: no measures, {row['status']}."
    noise = row["noise_share"]
    warning = " Most of what it varies by is Monte Carlo noise: take more paths." if (noise or 0) > MOSTLY_NOISE else ""
    if study.method == "grid":
        values = study.measures["surface"].sel(output=row["output"]).values
        return f"{name}: from {_text(np.nanmin(values))} to {_text(np.nanmax(values))} {row['unit']}.{warning}"
    measure = RANKED_BY[study.method]
    told = []
    for factor in ranked(study.measures, study.method, row["output"]):
        cell = study.measures.sel(output=row["output"], factor=factor)
        value, low, high = (float(cell[f"{measure}{end}"]) for end in ("", "_ci_low", "_ci_high"))
        if low > 0.0 or high < 0.0:
            told.append(f"{factor} ({_text(value)} [{_text(low)}, {_text(high)}])")
    if not told:
        return f"{name}: no factor stands out, all intervals hold 0; take more samples.{warning}"
    rest = "" if len(told) <= MOST_NAMED else f" and {len(told) - MOST_NAMED} more"
    listed = ", ".join(told[:MOST_NAMED])
    unit = MEASURES[measure].units or row["unit"]
    about = MEASURES[measure].label if unit == "1" else f"{MEASURES[measure].label} [{unit}]"
    return f"{name}: hangs most on {listed}{rest}; {about} with 95% intervals.{warning}"


def _output_section(study: Study, number: int, row: dict[str, Any]) -> Section:
    output, cards = row["output"], []
    if row["status"] == "ok":
        cards = _cards(study, study.measures.sel(output=output), row)
    return Section(
        anchor=f"output-{number}",
        title=output,
        note=f"{row['label']}: {row['definition']}. {_spread_note(row)} {HOW_TO_READ[study.method]}",
        cards=cards,
        tables=[] if row["status"] != "ok" else _tables(study, output, row),
        wide=True,
    )


def _spread_note(row: dict[str, Any]) -> str:
    if row["status"] != "ok":
        return f"No measures: {row['status']}."
    deviation = _text(row["variance"] ** 0.5) if row["variance"] is not None else "n/a"
    share = "n/a" if row["noise_share"] is None else f"{row['noise_share']:.1%}"
    return (
        f"{row['n_used']:,} evaluations, mean {_text(row['mean'])}, deviation {deviation} {row['unit']}; {share} of "
        f"the variance is Monte Carlo noise, the standard error of one evaluation is {_text(row['standard_error'])}."
    )


def _cards(study: Study, cell: xr.Dataset, row: dict[str, Any]) -> list[Card]:
    """Figures of one output."""
    factors, unit = ranked(study.measures, study.method, row["output"]), row["unit"]
    if study.method == "grid":
        axes = [_with_unit(cell, name) for name in factors]
        return [Card(title="over both factors", figure=figures.surface(cell, axes, z_title=f"[{unit}]"))]
    if study.method == "tornado":
        low, high = ([_text(float(value)) for value in cell[f"factor_{end}"].values] for end in ("low", "high"))
        names = [str(name) for name in cell["factor"].values]
        ends = dict(zip(names, zip(low, high, strict=True), strict=True))
        title = f"change from the base, {_text(float(cell['base']))} [{unit}]"
        return [Card(title="tornado", figure=figures.tornado(cell, factors, ends, x_title=title))]
    if study.method == "morris":
        bars = figures.index_bars(cell, factors, ["mean_absolute_effect"], x_title=f"mean absolute effect [{unit}]")
        return [
            Card(title="mean absolute effects", figure=bars),
            Card(title="effects and their deviation", figure=figures.screening(cell, factors, unit=unit)),
        ]
    bars = figures.index_bars(cell, factors, ["first_order", "total_order"], x_title="share of the variance [-]")
    columns = [list(study.evaluations["factor"].values).index(name) for name in factors]
    course = figures.courses(
        study.evaluations["position"].values[:, columns],
        study.evaluations["estimate"].sel(output=row["output"]).values,
        factors,
        y_title=f"mean of the output [{unit}]",
    )
    note = "Mean over evaluations whose value lies in the part of the range, with 95% intervals."
    return [Card(title="indices", figure=bars), Card(title="course over each factor", figure=course, note=note)]


def _tables(study: Study, output: str, row: dict[str, Any]) -> list[Table]:
    """Measures of one output with their intervals."""
    if study.method == "grid":
        return []
    names = [name for name, item in MEASURES.items() if name in study.measures and item.dimensions == ("factor",)]
    header = ("factor", *(f"{MEASURES[name].label} [{MEASURES[name].units or row['unit']}]" for name in names))
    cells: list[tuple[str | Value, ...]] = []
    for factor in ranked(study.measures, study.method, output):
        cell = study.measures.sel(output=output, factor=factor)
        cells.append((factor, *(_value(cell, name) for name in names)))
    tables = [Table(title=f"Measures of {output}", header=header, rows=cells, note="95% intervals in brackets.")]
    if "second_order" in study.measures:
        tables.append(_pairs_table(study, output))
    return tables


def _pairs_table(study: Study, output: str) -> Table:
    names = [str(name) for name in study.measures["factor"].values]
    rows: list[tuple[str | Value, ...]] = []
    for i, factor in enumerate(names):
        for other in names[i + 1 :]:
            cell = study.measures.sel(output=output, factor=factor, other=other)
            rows.append((factor, other, _value(cell, "second_order")))
    header = ("factor", "with", "second order [1]")
    return Table(title=f"Pairs of factors, {output}", header=header, rows=rows, note=MEASURES["second_order"].meaning)


def _value(cell: xr.Dataset, name: str) -> Value:
    value, low, high = (float(cell[f"{name}{end}"]) for end in ("", "_ci_low", "_ci_high"))
    form = ",.0f" if max(abs(item) for item in (value, low, high) if np.isfinite(item)) >= 1000 else ".3g"
    return Value(value=value, low=low if np.isfinite(low) else None, high=high, form=form)


def _factor_section(study: Study) -> Section:
    table = study.evaluations
    rows = []
    for name in table["factor"].values:
        cell = table.sel(factor=name)
        ends = f"{float(cell['factor_low']):.6g} to {float(cell['factor_high']):.6g}"
        about = [str(cell[key].item()) for key in ("factor_unit", "factor_scale", "key", "factor_description")]
        rows.append([str(name), ends, *about])
    header = ["factor", "range", "unit", "scale", "key in the experiment", "meaning"]
    return Section(anchor="factors", title="Factors", tables=[plain_table("What is varied", header, rows)])


def _run_section(study: Study) -> Section:
    manifest = study.manifest
    code, failures = manifest["code"], study.failures()
    facts = [
        ["method", study.method],
        ["seed", str(manifest["seed"])],
        ["version", f"{code['version']}, commit {code['commit'] or 'unknown'}{', modified' if code['dirty'] else ''}"],
        ["wall time", f"{manifest['wall_seconds']:.1f} s on {manifest['machine']['cores']} cores"],
        ["processor time", f"{manifest['cpu_seconds']:.1f} s"],
        *[[key.replace("_", " "), f"{value:,}"] for key, value in manifest["counts"].items()],
        *[[name, number] for name, number in manifest["packages"].items()],
    ]
    tables = [plain_table("Manifest", ["item", "value"], facts)]
    if failures:
        rows = [[str(number), values, reason] for number, values, reason in failures]
        note = "Sobol blocks and Morris trajectories that hold one are left out of the measures."
        tables.insert(0, plain_table("Failed evaluations", ["evaluation", "values", "reason"], rows, note=note))
    config = escape(json.dumps(manifest["config"], indent=2))
    return Section(
        anchor="run",
        title="Run",
        note="All evaluations use the same seed and the same random streams: what differs between them is the "
        "parameters. Read from sensitivity.h5 alone; the manifest stands beside it.",
        tables=tables,
        markup=f"<details><summary>Resolved configuration</summary><pre>{config}</pre></details>",
    )


def _with_unit(cell: xr.Dataset, factor: str) -> str:
    unit = str(cell["factor_unit"].sel(factor=factor).item())
    return f"{factor} [{unit or 'unit of its key'}]"


def _text(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"

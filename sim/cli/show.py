"""The command that says what there is: models, presets, regimes, strategies, engines, signals, metrics, experiments."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from sim.cli.app import app
from sim.cli.text import columns, print_json

Kind = Literal["models", "presets", "regimes", "scripts", "strategies", "engines", "signals", "metrics", "experiments"]
Row = dict[str, Any]


WIDEST = 24
"""Longest default that is printed in its column."""


@app.command("list")
def show_list(
    kind: Annotated[Kind, typer.Argument(help="What to list.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List what exists, with parameters, units and defaults.

    \b
    Examples:
      regimesim list models
      regimesim list engines
      regimesim list signals --json
    """  # noqa: D301
    rows = LISTS[kind]()
    if as_json:
        print_json(rows)
        return
    for row in rows:
        details = row.pop("parameters", [])
        name = row.pop("name")
        typer.echo("  ".join([name, *(str(value) for value in row.values() if value not in (None, ""))]))
        for line in columns([[f"    {d['name']}", *_default(d)] for d in details]):
            typer.echo(line)


def _default(detail: Row) -> tuple[str, str]:
    """Default and meaning; a default too long for its column follows the meaning."""
    text = "required" if detail["required"] else str(detail["default"])
    return (text, detail["meaning"]) if len(text) <= WIDEST else ("...", f"{detail['meaning']}: {text}")


def _models() -> list[Row]:
    import models

    return [
        {
            "name": name,
            "meaning": models.meaning_of(name),
            "parameters": [
                {"name": p.name, "required": p.required, "default": p.default, "meaning": ""}
                for p in models.parameters_of(name)
            ],
        }
        for name in models.names()
    ]


def _presets() -> list[Row]:
    import models

    rows = []
    for name in models.preset_names():
        preset = models.load_preset(name)
        rows.append({"name": name, "model": preset.model, **dict(preset.parameters)})
    return rows


def _regimes() -> list[Row]:
    from models.regimes import load_regime, regime_names

    episodes = [load_regime(name) for name in regime_names()]
    return [
        {
            "name": item.name,
            "meaning": item.meaning,
            "window": f"({item.window}; {item.n_sessions} sessions)",
            "phases": ", ".join(f"{100 * p.spx_return:+.1f}% to a VIX of {p.vix:.1f}" for p in item.phases),
        }
        for item in episodes
    ]


def _scripts() -> list[Row]:
    from sim.stress import load_script, script_names

    scripts = [load_script(name) for name in script_names()]
    return [
        {"name": item.name, "meaning": item.meaning, "length": f"({item.n_sessions} sessions; {item.source})"}
        for item in scripts
    ]


def _engines() -> list[Row]:
    from sim.experiment import engine_types

    return [
        {"name": name, "meaning": _first_line(kind), "parameters": _section_fields(kind)}
        for name, kind in engine_types().items()
    ]


def _section_fields(kind: Any, prefix: str = "") -> list[Row]:
    from pydantic import BaseModel

    rows: list[Row] = []
    for name, info in kind.model_fields.items():
        if name == "engine":
            continue
        is_section = isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel)
        if is_section and not getattr(info.annotation, "is_shown_whole", False):
            rows.extend(_section_fields(info.annotation, f"{prefix}{name}."))
            continue
        default = None if info.is_required() else info.get_default(call_default_factory=True)
        rows.append(
            {
                "name": f"{prefix}{name}",
                "required": info.is_required(),
                "default": _as_text(default),
                "meaning": info.description or "",
            }
        )
    return rows


def _as_text(default: Any) -> Any:
    """Default of a field; trees of conditions and other sections as text."""
    from pydantic import BaseModel

    if isinstance(default, tuple) and default and all(isinstance(item, BaseModel) for item in default):
        return "; ".join(map(str, default))
    return str(default) if isinstance(default, BaseModel) else default


def _signals() -> list[Row]:
    from sim.conditions import BOOK_SIGNALS, BOOK_UNITS
    from sim.signals import REGISTRY

    market = [
        {
            "name": name,
            "unit": f"[{s.unit}]",
            "meaning": s.meaning,
            "sources": f"({s.sources})",
            "needs": f"needs market.{s.needs}" if s.needs else "",
        }
        for name, s in REGISTRY.items()
    ]
    book = [
        {
            "name": name,
            "unit": f"[{BOOK_UNITS[name][0]}]",
            "meaning": meaning,
            "sources": f"({BOOK_UNITS[name][1]})",
            "needs": "of the book, at its level only",
        }
        for name, meaning in BOOK_SIGNALS.items()
    ]
    return market + book


def _metrics() -> list[Row]:
    from sim.metrics.registry import REGISTRY
    from sim.metrics.windows import REGISTRY as OF_WINDOWS

    rows = [
        {"name": item.metric, "statistic": name, "unit": item.unit, "meaning": item.definition}
        for name, item in REGISTRY.items()
    ]
    of_windows = [
        {"name": "(of windows)", "statistic": name, "unit": item.unit, "meaning": item.definition}
        for name, item in OF_WINDOWS.items()
    ]
    return rows + of_windows


def _experiments() -> list[Row]:
    from sim.config.layers import read_layers
    from sim.errors import ConfigError

    rows = []
    for path in sorted(Path("experiments").glob("**/*.yaml")):
        try:
            tree = read_layers(path).tree
        except ConfigError:
            rows.append({"name": str(path), "question": "(cannot be read; see regimesim validate)"})
            continue
        rows.append({"name": str(path), "question": str(tree.get("question", ""))})
    return rows


def _strategies() -> list[Row]:
    """Strategies are defined by experiment files: list those of the shipped ones."""
    from sim.config.layers import read_layers
    from sim.errors import ConfigError

    rows = []
    for path in sorted(Path("experiments").glob("**/*.yaml")):
        try:
            strategies = read_layers(path).tree.get("strategies")
        except ConfigError:
            continue
        for name, strategy in (strategies if isinstance(strategies, dict) else {}).items():
            engines = strategy.get("engines", []) if isinstance(strategy, dict) else []
            listed = " + ".join(str(e.get("engine")) for e in engines if isinstance(e, dict))
            rows.append({"name": name, "engines": listed, "file": f"({path})"})
    return rows


def _first_line(kind: Any) -> str:
    return (kind.__doc__ or "").strip().split("\n")[0]


LISTS: dict[str, Callable[[], list[Row]]] = {
    "models": _models,
    "presets": _presets,
    "regimes": _regimes,
    "scripts": _scripts,
    "strategies": _strategies,
    "engines": _engines,
    "signals": _signals,
    "metrics": _metrics,
    "experiments": _experiments,
}
"""What can be listed -> how."""

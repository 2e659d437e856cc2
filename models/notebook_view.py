"""How models, pricers and presets show themselves in notebooks: a table of what they are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from html import escape
from inspect import getdoc
from typing import Any


class ModelView:
    """Shows a model in a notebook: its parameters, its state, and what separates P from Q."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return model_html(self)


class PricerView:
    """Shows a pricer in a notebook: what it is, and the model that it prices."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        model = getattr(self, "model", None)
        own = [[name, _text(getattr(self, name))] for name in ("max_sessions", "n_pairs") if hasattr(self, name)]
        below = (
            "" if model is None else f"<details><summary>{escape(model.name)}</summary>{model_html(model)}</details>"
        )
        return f"{_title(type(self).__name__, first_line(self))}{table_html([], own)}{below}"


def model_html(model: Any) -> str:
    """Write a model as HTML.

    Parameters
    ----------
    model : Model
        A dataclass whose fields are its parameters.
    """
    parameters = (
        [[item.name, _text(getattr(model, item.name))] for item in fields(model)] if is_dataclass(model) else []
    )
    premium = [[name, _text(value), meaning] for name, (value, meaning) in model.premium().items()]
    state = f"<p>state: {escape(', '.join(model.state_names))}</p>"
    return (
        _title(model.name, first_line(model))
        + state
        + table_html(["parameter", "value"], parameters)
        + "<p>what separates P from Q:</p>"
        + table_html(["premium", "value", "unit and meaning"], premium)
    )


def preset_html(preset: Any) -> str:
    """Write a preset as HTML: where it comes from, its parameters, and how well it fits."""
    rows = [
        [name, _text(value), "at the bound of the search" if name in preset.at_bound else ""]
        for name, value in preset.parameters.items()
    ]
    fit = [[name, _text(value)] for name, value in preset.diagnostics.items()]
    return (
        _title(preset.name, f"{preset.model}, fitted to {preset.source}")
        + table_html(["parameter", "value", ""], rows)
        + f"<details><summary>diagnostics of <code>{escape(preset.command)}</code></summary>"
        + table_html(["", "value"], fit)
        + "</details>"
    )


def table_html(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write rows of text as an HTML table; nothing where there are no rows."""
    lines = [f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows]
    head = f"<thead><tr>{''.join(f'<th>{escape(name)}</th>' for name in header)}</tr></thead>" if header else ""
    return f"<table>{head}<tbody>{''.join(lines)}</tbody></table>" if lines else ""


def first_line(item: object) -> str:
    """First line of the documentation of an object's class."""
    return (getdoc(type(item)) or "").partition("\n")[0]


def _title(name: str, meaning: str) -> str:
    return f"<p><strong>{escape(name)}</strong>: {escape(meaning)}</p>"


def _text(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)

"""From a validator's errors to lines that a user can act on: what was received, what is allowed, what was meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, SerializeAsAny, Tag, ValidationError
from pydantic_core import ErrorDetails

from sim.config.document import Document, Key, value_at

MAX_SHOWN = 60
"""Characters of a received value that a message repeats."""

QUOTED = r"'([^']*)'"
"""Names in pydantic's lists of what is expected."""

KINDS = {
    "float": "a number",
    "int": "a whole number",
    "bool": "true or false",
    "string": "text",
    "dict": "a mapping",
    "mapping": "a mapping",
    "model": "a mapping",
    "model_attributes": "a mapping",
    "list": "a list",
    "tuple": "a list",
    "date": "a date, YYYY-MM-DD",
    "date_from_datetime": "a date, YYYY-MM-DD",
}
"""Stem of pydantic's type errors -> what the value must be."""

BOUNDS = {
    "greater_than": "> {gt}",
    "greater_than_equal": ">= {ge}",
    "less_than": "< {lt}",
    "less_than_equal": "<= {le}",
    "multiple_of": "a multiple of {multiple_of}",
    "finite_number": "finite",
    "too_short": "at least {min_length} items long",
    "too_long": "at most {max_length} items long",
    "string_too_short": "at least {min_length} characters long",
    "string_too_long": "at most {max_length} characters long",
}
"""pydantic's error type -> rule."""


def show(value: object) -> str:
    """Write a value as in YAML, shortened.

    Examples
    --------
    >>> show([13, True, None, "a"])
    "[13, true, null, 'a']"
    """
    if value is None or isinstance(value, bool):
        text = {None: "null", True: "true", False: "false"}[value]
    elif isinstance(value, Mapping):
        text = f"a mapping of {len(value)} keys" if len(value) != 1 else "a mapping of 1 key"
    elif isinstance(value, list | tuple):
        text = f"[{', '.join(show(item) for item in value[:8])}{', ...' if len(value) > 8 else ''}]"
    elif isinstance(value, str | int | float):
        text = repr(value)
    else:
        text = str(value)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."


def nearest(name: object, options: Iterable[object]) -> str:
    """Suggest the option nearest to a name: ``; did you mean 'svcj'?``, empty where nothing is near."""
    near = get_close_matches(str(name), [str(option) for option in options], n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def one_of(name: object, options: Iterable[object]) -> str:
    """Say what was received, what is allowed and what was probably meant."""
    listed = [str(option) for option in options]
    return f"got {show(name)}; must be one of {', '.join(listed)}{nearest(name, listed)}"


def blame_validation(document: Document, error: ValidationError, root: type[BaseModel], prefix: Key = ()) -> None:
    """Record every fault of a failed validation.

    Parameters
    ----------
    document : Document
        What was validated; knows the positions.
    error : ValidationError
        The failed validation.
    root : type of BaseModel
        Class that was validated, asked for the names of its fields.
    prefix : tuple
        Key of the validated value in the document.
    """
    for details in error.errors(include_url=False):
        if details["type"] == "too_short" and len(details["input"]) >= details["ctx"]["min_length"]:
            continue  # short only for the items that were refused, each with a fault of its own
        is_key_fault = bool(details["loc"]) and details["loc"][-1] == "[key]"
        loc = details["loc"][:-1] if is_key_fault else details["loc"]
        message = _describe(details, root, loc)
        loc = _as_written(document, prefix, loc)
        if details["type"] == "broken_rule":
            field = tuple(details["ctx"]["field"].split("."))
            message = f"got {show(_pick(details['input'], field))}; must {details['ctx']['must']}"
            loc = (*loc, *field)
        document.blame((*prefix, *loc), f"name {message}" if is_key_fault else message)


def _describe(details: ErrorDetails, root: type[BaseModel], loc: Key) -> str:
    kind, context, received = details["type"], details.get("ctx", {}), show(details["input"])
    if kind == "extra_forbidden":
        fields = _fields_of(root, loc[:-1])
        return f"unknown key; must be one of {', '.join(fields)}{nearest(loc[-1], fields)}"
    if kind == "missing":
        return "is missing; must be given" + _meaning(root, loc)
    if kind in ("union_tag_not_found", "union_tag_invalid", "literal_error"):
        return _describe_choice(kind, context, details["input"])
    if kind == "value_error":
        return f"got {received}; {context['error']}"
    if kind == "string_pattern_mismatch":
        return f"got {received}; must consist of letters, digits, - and _"
    if kind in BOUNDS:
        return f"got {received}; must be {BOUNDS[kind].format(**context)}"
    for stem, wanted in KINDS.items():
        if kind.removeprefix(stem) in ("_type", "_parsing", "_from_float", "_inexact", "_datetime_parsing"):
            return f"got {received}; must be {wanted}"
    return f"got {received}; {details['msg'][:1].lower()}{details['msg'][1:]}"


def _describe_choice(kind: str, context: Mapping[str, Any], received: object) -> str:
    """Say which names are allowed; where a name decides what the other keys mean, say which key holds it."""
    if kind == "literal_error":
        return one_of(received, re.findall(QUOTED, context["expected"]))
    if kind == "union_tag_not_found":
        return f"got {show(received)}; must be a mapping with the key {_tag_key(context)}"
    return f"{_tag_key(context)}: {one_of(context['tag'], re.findall(QUOTED, context['expected_tags']))}"


def _tag_key(context: Mapping[str, Any]) -> str:
    """Key that tells the members of a union apart; its discriminator is named after it: ``_of_measure()``."""
    return str(context["discriminator"]).removeprefix("_of_").removesuffix("()")


def _as_written(document: Document, prefix: Key, loc: Key) -> Key:
    """Place of a value in the document: without the tags that a union adds, which are values of the item, no keys."""
    here, key = value_at(document.tree, prefix), []
    for name in loc:
        is_tag = (
            isinstance(here, dict) and name not in here and name in [v for v in here.values() if isinstance(v, str)]
        )
        if not is_tag:
            key.append(name)
            here = value_at(here, (name,))
    return tuple(key)


def _pick(value: Any, field: Key) -> Any:
    """Value of a field in the input of a section, which is a mapping or the section itself."""
    for name in field:
        value = value.get(name) if isinstance(value, Mapping) else getattr(value, str(name), None)
    return value


def _meaning(root: type[BaseModel], loc: Key) -> str:
    section = _section_at(root, loc[:-1])
    info = section.model_fields.get(str(loc[-1])) if section else None
    return f" ({info.description})" if info is not None and info.description else ""


def _fields_of(root: type[BaseModel], loc: Key) -> list[str]:
    section = _section_at(root, loc)
    return [info.alias or name for name, info in section.model_fields.items()] if section else []


def _section_at(root: type[BaseModel], loc: Key) -> type[BaseModel] | None:
    """Class of the section under a key."""
    here: Any = root
    for name in loc:
        here = _strip(here)
        if isinstance(here, type) and issubclass(here, BaseModel):
            info = here.model_fields.get(str(name))
            here = info.annotation if info is not None else None
        elif get_origin(here) in (Union, UnionType):
            here = _tagged(here, str(name))
        elif get_origin(here) is dict:
            here = get_args(here)[1]
        elif get_origin(here) in (tuple, list):
            here = get_args(here)[0]
        else:
            return None
    here = _strip(here)
    return here if isinstance(here, type) and issubclass(here, BaseModel) else None


def _tagged(union: Any, tag: str) -> Any:
    """Member of a union that carries a tag."""
    for member in get_args(union):
        if any(isinstance(item, Tag) and item.tag == tag for item in get_args(member)[1:]):
            return member
    return None


def _strip(annotation: Any) -> Any:
    """Annotation without ``Annotated`` and ``| None``; a union of several members stays one."""
    while get_origin(annotation) in (Annotated, Union, UnionType, SerializeAsAny):
        arguments = [argument for argument in get_args(annotation) if argument is not type(None)]
        if get_origin(annotation) in (Union, UnionType) and get_origin(arguments[0]) is Annotated:
            return annotation
        annotation = arguments[0]
    return annotation

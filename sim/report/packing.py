"""What a page carries for its scripts: compressed, so that figures and paths of large experiments fit into one file."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from gzip import compress
from typing import Any

import numpy as np
import plotly.io


def packed(text: str) -> str:
    """Text as base64 of gzip, which the page's loader unpacks; the same text gives the same bytes."""
    return b64encode(compress(text.encode("utf-8"), compresslevel=9, mtime=0)).decode("ascii")


def packed_json(value: Any) -> str:
    """Plain values, likewise; numbers that are not finite are refused."""
    return packed(json.dumps(value, separators=(",", ":"), allow_nan=False))


def plain_figure(figure: Any) -> dict[str, Any]:
    """Figure as plain values, without the template, which the page's style replaces, and in single precision."""
    plain: dict[str, Any] = json.loads(plotly.io.to_json(figure, validate=False))
    plain["layout"].pop("template", None)
    single: dict[str, Any] = _single(plain)
    return single


def _single(value: Any) -> Any:
    """Arrays of doubles as arrays of singles: pixels need no more, and take half the room."""
    if isinstance(value, list):
        return [_single(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("dtype") == "f8" and "bdata" in value:
        numbers = np.frombuffer(b64decode(value["bdata"]), dtype="<f8").astype("<f4")
        return {**value, "dtype": "f4", "bdata": b64encode(numbers.tobytes()).decode("ascii")}
    return {key: _single(item) for key, item in value.items()}

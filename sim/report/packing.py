"""What a page carries for its scripts: compressed, so that figures and paths of large experiments fit into one file."""

from __future__ import annotations

import json
from base64 import b64encode
from gzip import compress
from typing import Any


def packed(text: str) -> str:
    """Text as base64 of gzip, which the page's loader unpacks; the same text gives the same bytes."""
    return b64encode(compress(text.encode("utf-8"), compresslevel=9, mtime=0)).decode("ascii")


def packed_json(value: Any) -> str:
    """Plain values, likewise; numbers that are not finite are refused."""
    return packed(json.dumps(value, separators=(",", ":"), allow_nan=False))

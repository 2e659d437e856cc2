"""What a page of the report carries for its scripts, unpacked."""

from __future__ import annotations

import gzip
import json
import re
from base64 import b64decode
from typing import Any


def payload_of(html: str) -> dict[str, Any]:
    """Figures and data of a page."""
    found = re.search(r'id="payload">([^<]*)</script>', html)
    assert found
    carried: dict[str, Any] = json.loads(gzip.decompress(b64decode(found[1])))
    return carried


def figures_of(html: str) -> dict[str, Any]:
    """Figures by the identifier of their element."""
    figures: dict[str, Any] = payload_of(html)["figures"]
    return figures

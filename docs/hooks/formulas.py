"""Hook of the documentation: formulas become MathML, which browsers draw without a script from elsewhere."""

from __future__ import annotations

import html
import re
from typing import Any

from latex2mathml.converter import convert

FORMULA = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)


def on_page_content(text: str, page: Any, config: Any, files: Any) -> str:
    """Draw the formulas of a page."""

    def drawn(match: re.Match[str]) -> str:
        return convert(html.unescape(match[3]).strip(), display="block" if match[2] == "[" else "inline")

    return FORMULA.sub(drawn, text)

"""Hook of the documentation: every notebook is also a page, its code as blocks."""

from __future__ import annotations

import json
from typing import Any

from mkdocs.structure.files import File, Files


def page_of(notebook: dict[str, Any], name: str) -> str:
    """Text of a notebook as Markdown; the link to the notebook itself follows the title."""
    parts = []
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
    title, _, rest = "\n\n".join(parts).partition("\n")
    return f"{title}\n\n[The notebook]({name})\n{rest}\n"


def on_files(files: Files, config: Any) -> Files:
    """Add a page a notebook."""
    for file in list(files):
        if file.src_uri.endswith(".ipynb") and file.abs_src_path is not None:
            with open(file.abs_src_path, encoding="utf-8") as stream:
                text = page_of(json.load(stream), file.name + ".ipynb")
            files.append(File.generated(config, file.src_uri[: -len(".ipynb")] + ".md", content=text))
    return files

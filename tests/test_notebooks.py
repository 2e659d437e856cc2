"""The notebooks run from the first cell to the last, on fewer paths, and are stored without what they printed."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))

of_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells_of(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return found


def has_tag(cell: dict[str, Any], tag: str) -> bool:
    return tag in cell["metadata"].get("tags", ())


def test_there_are_two() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["add-your-own-hedge-engine", "from-one-condor-to-a-claim"]


@of_notebook
def test_notebooks_are_stored_without_outputs(path: Path) -> None:
    for cell in cells_of(path):
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
    assert sum(has_tag(cell, "parameters") for cell in cells_of(path)) == 1


@of_notebook
def test_notebooks_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process, as a shell of IPython runs cells: the same code, with the parameters of a short run."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    try:
        shell.run_cell("__name__ = 'notebook'")
        for number, cell in enumerate(cells_of(path)):
            if cell["cell_type"] != "code" or has_tag(cell, "long"):  # further models need tables of their own
                continue
            source = "".join(cell["source"])
            if has_tag(cell, "parameters"):
                source += f"\nPATHS, DAYS, OUTPUT = 16, 42, Path({str(tmp_path)!r})\n"
            result = shell.run_cell(source, store_history=False, silent=True)
            assert result.success, f"cell {number}: {result.error_in_exec or result.error_before_exec}"
    finally:
        InteractiveShell.clear_instance()
        from sim.strategies import registry

        registry.REGISTRY.pop("monthly_calls", None)


@pytest.mark.slow
@of_notebook
def test_notebooks_run_in_a_kernel(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Jupyter runs them: rich objects are shown as tables, and runs with a bar."""
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), *sys.path]))
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if has_tag(cell, "parameters"):
            cell.source += f"\nPATHS, OUTPUT = 128, Path({str(tmp_path)!r})\n"
    asyncio.run(nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3").async_execute())
    shown = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    texts = [str(output.get("data", {}).get("text/html", "")) for output in shown]
    assert any("<progress" in text and "paths/s" in text for text in texts)
    assert any("95% intervals in brackets" in text for text in texts)
    assert [output for output in shown if output.output_type == "stream" and output.name == "stderr"] == []

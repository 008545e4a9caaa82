"""Runs documentation/tutorial.ipynb in an empty folder, and keeps its outputs with --write.

Usage: python -m benchmarks.tutorial [--write]
"""

from __future__ import annotations

import argparse
import base64
import io
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from PIL import Image

NOTEBOOK = Path(__file__).resolve().parents[1] / "documentation" / "tutorial.ipynb"
_SECONDS = 900
_QUALITY = 90
"""Quality of JPEG: thin isodose lines stay clear, at less than half the bytes of PNG."""


def executed(folder: Path) -> NotebookNode:
    """The notebook with its outputs, after a run in a folder.

    Raises:
        nbclient.exceptions.CellExecutionError: A cell failed; the text names it.
    """
    # nbformat has no types, here and below.
    notebook: NotebookNode = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    resources = {"metadata": {"path": str(folder)}}
    # Folders that are set for the commands would lead out of the folder.
    environment = {name: v for name, v in os.environ.items() if not name.startswith("ricenet_")}
    client = NotebookClient(
        notebook, timeout=_SECONDS, resources=resources, record_timing=False, coalesce_streams=True
    )
    with client.setup_kernel(env=environment, cwd=str(folder)):
        for number, cell in enumerate(notebook.cells):
            client.execute_cell(cell, number)
    for cell in (cell for cell in notebook.cells if cell.cell_type == "code"):
        cell.outputs = [_last(output) for output in cell.get("outputs", ())]
    return notebook


def _last(output: NotebookNode) -> NotebookNode:
    """An output with the last state of each progress bar alone."""
    if output.output_type == "stream":
        lines = [line.rsplit("\r", 1)[-1] for line in output.text.split("\n")]
        output.text = "\n".join(line for line in lines if line.strip()) + "\n"
    return output


def smaller(notebook: NotebookNode) -> NotebookNode:
    """The notebook without what no reader sees: texts beside pictures, and pictures as JPEG."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if len(data) > 1:
                data.pop("text/plain", None)
            if "image/png" in data:
                data["image/jpeg"] = _as_jpeg(data.pop("image/png"))
    return notebook


def _as_jpeg(png: str) -> str:
    """A PNG as JPEG, both in base64."""
    stream = io.BytesIO()
    with Image.open(io.BytesIO(base64.b64decode(png))) as image:
        image.convert("RGB").save(stream, "JPEG", quality=_QUALITY, optimize=True)
    return base64.b64encode(stream.getvalue()).decode()


def main(argv: Sequence[str] | None = None) -> int:
    """Run it; write it where that is asked for."""
    parser = argparse.ArgumentParser(description="Run documentation/tutorial.ipynb.")
    parser.add_argument("--write", action="store_true", help="keep the outputs in the notebook")
    chosen = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        notebook = executed(Path(folder).resolve())
    if chosen.write:
        text: str = nbformat.writes(smaller(notebook))  # type: ignore[no-untyped-call]
        text = text.replace(f"{Path(folder).resolve()}/", "")  # no place of this machine
        NOTEBOOK.write_text(text + "\n", encoding="utf-8")
    print(f"{len(notebook.cells)} cells ran.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

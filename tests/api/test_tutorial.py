"""The notebook of the documentation runs, and what it shows is no error."""

from pathlib import Path

import pytest

from benchmarks import tutorial

SMALL = f"""
import sys
sys.path.append({str(Path(__file__).parents[2])!r})
from tests.small_work import shrink
shrink(setattr)
"""


@pytest.fixture
def _small_work(tmp_path, monkeypatch):
    """What IPython runs before the first cell."""
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "small.py").write_text(SMALL, encoding="utf-8")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))


@pytest.mark.walk
@pytest.mark.usefixtures("_small_work")
def test_the_notebook_runs_from_top_to_bottom(tmp_path):
    folder = tmp_path / "notebook"
    folder.mkdir()
    notebook = tutorial.executed(folder)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    shown = [output.data for output in outputs if "data" in output]
    assert sum("text/html" in data for data in shown) >= 6
    assert sum("<svg" in data.get("text/html", "") for data in shown) == 2
    assert any("image/png" in data for data in shown)
    assert not [output for output in outputs if "Warning" in output.get("text", "")]


def test_the_notebook_in_the_documentation_has_its_outputs_and_no_place_of_a_machine():
    text = tutorial.NOTEBOOK.read_text(encoding="utf-8")
    assert "<svg" in text
    assert "image/jpeg" in text
    assert len(text) < 600_000
    assert not [place for place in ("/tmp", "/home", "/root", "site-packages") if place in text]

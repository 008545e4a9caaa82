"""The command ricenet_demo."""

import json
import subprocess
import sys

import pytest

from ricenet_v2.cli import demo
from ricenet_v2.phantom.cohort import NAME

SMALL = ["--cases", "15", "--test_cases", "3", "--shape", "16", "20", "16"]
SMALL += ["--spacing", "11", "10", "11", "--epochs", "1", "--device", "cpu", "--num_workers", "1"]


@pytest.mark.walk
@pytest.mark.usefixtures("small_work")
def test_the_chain_runs_and_a_second_run_changes_nothing(tmp_path, capsys):
    words = ["--output", str(tmp_path), *SMALL]
    assert demo.main(words) == 0
    shown = capsys.readouterr().out
    for command in ("plan_and_preprocess", "train", "predict -i", "evaluate", "report"):
        assert f"$ ricenet_{command}" in shown
    model = tmp_path / "results" / NAME / "auto__all"
    files = [model / f"fold_{k}" / "checkpoint_final.pth" for k in range(5)]
    predictions = tmp_path / "predictions" / "predictions.csv"
    files += [model / "crossval" / "metrics.json", tmp_path / "predictions" / "metrics.json"]
    assert all(file.is_file() for file in files)
    assert json.loads(files[-1].read_text())["n_cases"] == 3
    assert json.loads(files[-2].read_text())["n_cases"] == 15
    answer = shown.splitlines()[-2]
    assert answer.startswith("Out-of-fold: AUROC ")
    assert "15 cases and 1 of 250 planned epochs" in answer
    assert (model / "report" / "index.html").is_file()
    assert len(list((model / "report" / "cases").glob("*.html"))) == 18
    before = {file: file.stat().st_mtime_ns for file in files[:5]}
    text = predictions.read_text()
    assert demo.main(words) == 0
    assert {file: file.stat().st_mtime_ns for file in files[:5]} == before
    assert predictions.read_text() == text


def test_another_cohort_in_the_same_place_is_refused(tmp_path, capsys):
    words = ["--output", str(tmp_path), *SMALL, "--generate_only"]
    assert demo.main(words) == 0
    assert demo.main([*words, "--seed", "1"]) == 2
    assert "Choose another output folder" in capsys.readouterr().err


def test_paper_size_is_that_of_the_paper(tmp_path, monkeypatch):
    requested = {}

    def note(folder, **given):
        requested.update(given)
        return folder

    monkeypatch.setattr("ricenet_v2.phantom.cohort.write_cohort", note)
    assert demo.main(["--output", str(tmp_path), "--paper_size", "--generate_only"]) == 0
    assert (requested["cases"], requested["test_cases"]) == (80, 12)


@pytest.mark.parametrize("module", ["demo", "convert"])
def test_help_needs_nothing_heavy(module):
    code = (
        f"import sys; from ricenet_v2.cli import {module} as m; m.build_parser().format_help();"
        "print([n for n in ('torch', 'SimpleITK', 'numpy', 'scipy') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

"""`benchmarks/cuda.py` goes all the way on the pretended device, in tiny sizes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks import cuda
from benchmarks.cuda_cohort import TINY, Plans
from benchmarks.cuda_parts import SWITCHES
from tests.pretended_cuda import A100

ROOT = Path(__file__).parents[2]


@pytest.mark.walk
def test_every_part_is_measured_on_the_device(tmp_path, pretended_cuda):
    """Each plan runs in the precision in which its memory was counted."""
    output = tmp_path / "cuda.json"
    with pretended_cuda(cards=(A100,)) as gpu:
        assert cuda.main(["--dry", "--output", str(output)]) == 0
        assert {dtype for _, dtype in gpu.products} == {torch.float32, torch.bfloat16}
    written = json.loads(output.read_text())
    assert written["faults"] == {}
    assert written["machine"]["name"] == A100.name
    steps = [(row["precision"], row["cases_on_device"]) for row in written["steps"]]
    assert steps == [("bfloat16", True), ("bfloat16", False)]
    memory = written["memory"]
    assert [row["runs_in"] for row in memory] == [row["counted_in"] for row in memory]
    assert {row["runs_in"] for row in memory} == {"float32", "bfloat16"}
    assert all(0 < row["taken_of_stated"] < 1.02 for row in memory)
    there = {row["switch"] for row in written["switches"]}
    assert there == {*SWITCHES, "CUDA graph"} - {"compile"}
    assert {row["device"] for row in written["folds"]} == {"cpu", "cuda:0"}
    assert len(written["large_maps"]) == 3
    measured = {row["goal"]: row["measured"] for row in written["goals"]}
    assert None not in measured.values()


def test_rows_of_another_precision_are_not_judged():
    row = {"counted_in": "bfloat16", "runs_in": "float32", "taken_of_stated": 1.8}
    judged = [each for each in cuda.goals({"memory": [row]}) if "memory" in each["goal"]]
    assert [each["measured"] for each in judged] == [None, None]
    mixed = [dict(row, runs_in="float16", taken_of_stated=share) for share in (0.95, 1.01)]
    judged = [each for each in cuda.goals({"memory": [row, *mixed]}) if "memory" in each["goal"]]
    assert [(each["measured"], each["holds"]) for each in judged] == [(1.01, True), (0.95, True)]


def test_devices_are_alike_within_the_spread_of_seeds():
    rows = [
        {"device": device, "log_loss": value}
        for device, values in {"cpu": (0.5, 0.7), "cuda:0": (0.6, 0.8)}.items()
        for value in values
    ]
    (judged,) = [each for each in cuda.goals({"folds": rows}) if "log_loss" in each["goal"]]
    assert judged["measured"] == pytest.approx(0.1 / (2 * 0.02 / 2) ** 0.5)
    assert judged["holds"]
    apart = [row | {"log_loss": row["log_loss"] + (row["device"] != "cpu")} for row in rows]
    (judged,) = [each for each in cuda.goals({"folds": apart}) if "log_loss" in each["goal"]]
    assert not judged["holds"]


def test_plans_are_made_beforehand_and_read_again(tmp_path, monkeypatch):
    assert cuda.main(["--dry", "--plan_only", "--plans", str(tmp_path)]) == 0
    plans = Plans(TINY, 0.2, "bfloat16", tmp_path)
    assert {file.stem for file in tmp_path.glob("*.json")} == set(plans.names())
    monkeypatch.setattr(Plans, "_made", None)
    assert plans["memory_0.2_float32"].memory.precision == "float32"
    assert plans["memory_0.2_bfloat16"].training.mixed_precision


def test_it_needs_no_reader_of_images():
    """It runs from a copy of the repository on a machine without SimpleITK."""
    code = "import sys; sys.modules['SimpleITK'] = None; import benchmarks.cuda"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr

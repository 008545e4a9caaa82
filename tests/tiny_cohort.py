"""The tiny cohort that most tests of commands share: its size, its folds, and how it is made."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.small_plan import narrow
from ricenet_v2.cli import plan_and_preprocess, train
from ricenet_v2.phantom.cohort import NAME, write_cohort
from ricenet_v2.store.workspace import dataset_paths

FOLDS = 3
TINY = {"cases": 20, "test_cases": 3, "shape": (16, 20, 16), "spacing": (11.0, 10.0, 11.0)}


def write_raw(workspace: Path) -> None:
    """Write the raw cohort into an empty workspace."""
    write_cohort(workspace / "raw" / NAME, seed=1, **TINY)


def write_planned(raw: Path, workspace: Path) -> None:
    """Plan and preprocess a copy of the workspace with the raw cohort; the network is narrow."""
    shutil.copytree(raw, workspace, dirs_exist_ok=True)
    words = [NAME, "--workspace", str(workspace), "--num_workers", "1"]
    assert plan_and_preprocess.main([*words, "--num_folds", str(FOLDS)]) == 0
    narrow(dataset_paths(NAME, workspace).plan("auto"))


def write_trained(planned: Path, workspace: Path) -> None:
    """Train all folds in a copy of the workspace with the planned cohort."""
    shutil.copytree(planned, workspace, dirs_exist_ok=True)
    short = ["--epochs", "2", "--set", "iterations_per_epoch=2", "--device", "cpu"]
    assert train.main([NAME, "all", *short, "--workspace", str(workspace)]) == 0

"""A tiny simulated cohort that went through the chain once, for tests that only read it."""

from pathlib import Path

import pytest
import torch

from ricenet_v2.cli import plan_and_preprocess, train
from ricenet_v2.phantom.cohort import NAME, write_cohort

TINY = {"cases": 20, "test_cases": 3, "shape": (16, 20, 16), "spacing": (11.0, 10.0, 11.0)}


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    for name in ("workspace", "raw", "preprocessed", "results"):
        monkeypatch.delenv(f"ricenet_{name}", raising=False)


@pytest.fixture(scope="session")
def raw_cohort(tmp_path_factory) -> Path:
    """Workspace that holds only the raw cohort; not to be changed."""
    workspace = tmp_path_factory.mktemp("raw_cohort")
    write_cohort(workspace / "raw" / NAME, seed=1, **TINY)
    return workspace


@pytest.fixture(scope="session")
def planned_cohort(tmp_path_factory) -> Path:
    """Workspace with raw and preprocessed cases; not to be changed."""
    workspace = tmp_path_factory.mktemp("planned_cohort")
    write_cohort(workspace / "raw" / NAME, seed=1, **TINY)
    words = [NAME, "--workspace", str(workspace), "--num_workers", "1"]
    assert plan_and_preprocess.main(words) == 0
    return workspace


@pytest.fixture(scope="session")
def trained_cohort(tmp_path_factory) -> Path:
    """Workspace with five trained folds; not to be changed."""
    workspace = tmp_path_factory.mktemp("trained_cohort")
    write_cohort(workspace / "raw" / NAME, seed=1, **TINY)
    common = ["--workspace", str(workspace)]
    assert plan_and_preprocess.main([NAME, *common, "--num_workers", "1"]) == 0
    assert train.main([NAME, "all", "--epochs", "2", "--device", "cpu", *common]) == 0
    return workspace


@pytest.fixture(autouse=True)
def _torch_random_state():
    state = torch.get_rng_state()
    yield
    torch.set_rng_state(state)

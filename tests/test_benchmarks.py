"""Every benchmark starts from the root of a clone as the page says."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# These import their peers before they parse their options.
NEED_PEERS = {"resampling", "preprocessing"}
HELPERS = {
    "api_types",
    "augmentation_peers",
    "cohorts",
    "cover",
    "crops",
    "cuda_cohort",
    "cuda_folds",
    "cuda_parts",
    "generalisation_table",
    "missing_images_table",
    "noise_maps",
    "paired_runs",
    "small_documents",
    "page",
    "limited",
    "resident",
    "readers",
    "results",
    "simulated",
    "small_plan",
}
NAMES = sorted({path.stem for path in (ROOT / "benchmarks").glob("*.py")} - HELPERS - NEED_PEERS)


@pytest.mark.parametrize("name", NAMES)
def test_it_answers_help(name, monkeypatch, capsys):
    """As `python -m` does it, but in this process, where torch is imported already."""
    module = f"benchmarks.{name}"
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--help"])
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, module, raising=False)
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    assert ended.value.code == 0
    assert "usage:" in capsys.readouterr().out


def test_the_cuda_benchmark_runs_by_its_path_and_says_where_no_device_is():
    import torch

    if torch.cuda.is_available():
        pytest.skip("a CUDA device is here, and the benchmark would run for minutes")
    words = [sys.executable, str(ROOT / "benchmarks" / "cuda.py")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no CUDA device" in done.stderr

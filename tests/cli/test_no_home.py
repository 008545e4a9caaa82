"""A container that is run for a number has neither a home folder nor a name of its user."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import ricenet_v2
from ricenet_v2.core import documents
from ricenet_v2.records.metrics import Evaluation

NOBODY = 23_456
AS_NOBODY = ("setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups")
ROWS = [f"P{n:02d},{'xy'[n % 2]},{0.3 + 0.02 * n:.2f},{0.7 - 0.02 * n:.2f}" for n in range(12)]


@pytest.fixture
def folder():
    """One that every user may enter, as those of pytest are not."""
    made = Path(tempfile.mkdtemp())
    yield made
    shutil.rmtree(made)


@pytest.mark.skipif(
    shutil.which("setpriv") is None or os.geteuid() != 0,
    reason="only root, with setpriv, can become another user",
)
def test_a_command_runs_and_writes_without_home_and_name(folder):
    (folder / "predictions.csv").write_text("\n".join(["case_id,label,prob_x,prob_y", *ROWS]))
    os.chown(folder, NOBODY, NOBODY)
    environment = {k: v for k, v in os.environ.items() if k not in ("HOME", "USER", "LOGNAME")}
    words = ["--predictions", "predictions.csv", "-o", "out", "--n_bootstrap", "20"]
    how = {
        "cwd": folder,
        "env": {**environment, "PYTHONPATH": str(Path(ricenet_v2.__file__).parents[1])},
        "capture_output": True,
        "text": True,
    }
    python = [*AS_NOBODY, sys.executable]
    if subprocess.run([*python, "-c", "import ricenet_v2"], check=False, **how).returncode:
        pytest.skip("another user may not read this installation")
    done = subprocess.run([*python, "-m", "ricenet_v2.cli.evaluate", *words], check=False, **how)
    assert done.returncode == 0, done.stderr
    written = documents.read(Evaluation, folder / "out" / "metrics.json")
    assert written.command[0] == "ricenet_evaluate"


def test_nothing_but_one_function_asks_for_the_home_folder():
    asks = re.compile(r"Path\.home\(|expanduser|getpass|getlogin|pwd\.")
    root = Path(ricenet_v2.__file__).parent
    asking = [
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        if asks.search(path.read_text(encoding="utf-8"))
    ]
    assert asking == [str(Path("core") / "places.py")]

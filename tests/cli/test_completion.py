"""What a shell hears that completes a line."""

import os
import subprocess
import sys

import pytest


def _completed(line, workspace):
    """As argcomplete's function of bash asks for it; the answer comes by descriptor 8."""
    environment = {
        **os.environ,
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "COMP_TYPE": "9",
        "ricenet_workspace": str(workspace),
    }
    code = "import sys; from ricenet_v2.cli import train; sys.exit(train.main())"
    command = ["sh", "-c", 'exec 8>&1; exec "$0" -c "$1" >/dev/null', sys.executable, code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return {word.strip() for word in done.stdout.split("\n") if word.strip()}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    space = tmp_path_factory.mktemp("space")
    for name in ("raw/Dataset001_RICE", "results/Dataset002_Other", "raw/notes"):
        (space / name).mkdir(parents=True)
    return space


def test_datasets_of_the_workspace(workspace):
    assert _completed("ricenet_train Data", workspace) == {"Dataset001_RICE", "Dataset002_Other"}


def test_options_and_what_they_may_be(workspace):
    assert _completed("ricenet_train 1 all --dev", workspace) == {"--device", "--device_cache_gb"}


def test_no_workspace_is_no_fault(tmp_path):
    assert _completed("ricenet_train Data", tmp_path / "gone") == set()

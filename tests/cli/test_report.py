"""The command ricenet_report."""

import subprocess
import sys

import pytest

from ricenet_v2.cli import report
from ricenet_v2.phantom.cohort import NAME


def test_a_dataset_without_results_ends_with_2(raw_cohort, capsys):
    assert report.main([NAME, "--workspace", str(raw_cohort)]) == 2
    told = capsys.readouterr().err
    assert "no results" in told
    assert "ricenet_train" in told or "Train it" in told


@pytest.mark.parametrize("size", ["5", "nan", "inf", "-1", "much"])
def test_a_size_that_cannot_be_kept_is_refused(size):
    with pytest.raises(SystemExit) as caught:
        report.main(["1", "--max_mb", size])
    assert caught.value.code == 2


def test_help_needs_nothing_heavy():
    code = (
        "import sys; from ricenet_v2.cli import report as m; m.build_parser().format_help();"
        "print([n for n in ('torch', 'SimpleITK', 'numpy', 'matplotlib') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

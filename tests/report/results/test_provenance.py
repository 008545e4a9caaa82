"""Commands as they may be shown."""

from pathlib import Path

import pytest

from ricenet_v2.report.results.provenance import command_text, versions


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["/usr/bin/ricenet_train", "1", "all"], "ricenet_train 1 all"),
        (["/x/ricenet_v2/cli/train.py", "1", "0"], "ricenet_train 1 0"),
        (["ricenet_report", "my data"], "ricenet_report 'my data'"),
        ([str(Path.home() / "bin" / "ricenet_train"), f"-o={Path.home()}/out"],
         "ricenet_train '-o=~/out'"),
        (["ricenet_train"], "ricenet_train"),
        ([], ""),
    ],
)  # fmt: skip
def test_the_home_folder_and_the_place_of_the_program_are_left_out(words, text):
    assert command_text(words) == text


def test_versions_are_those_that_are_installed():
    import numpy as np

    assert versions()["numpy"] == np.__version__

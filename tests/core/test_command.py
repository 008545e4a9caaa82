"""Commands as they may be written."""

import sys
from pathlib import Path

from ricenet_v2.cli import common
from ricenet_v2.core.command import (
    again,
    invocation,
    invoked,
    on_behalf_of,
    portable,
    renamed,
    text_of,
)


def test_a_command_is_known_without_the_name_of_the_home_folder():
    home = Path.home()
    with invoked([f"{home}/bin/ricenet_predict", "-i", f"{home}/in"]):
        assert invocation() == ("ricenet_predict", "-i", "~/in")
        assert again("--continue") == "`ricenet_predict -i ~/in --continue`"
        assert again("-i") == "`ricenet_predict -i ~/in`"
    assert invocation() == ()
    assert again("--continue") == "the same command with --continue"


def test_a_process_works_for_the_command_of_the_one_that_started_it():
    seen, lines = [], [("ricenet_train", "1", "all", "--num_folds_parallel", "2"), ()]
    for line in lines:
        with on_behalf_of(line):
            assert common.run(lambda: seen.append(invocation()) or 0, "ricenet_train", ["1"]) == 0
    assert seen == lines
    with invoked(["ricenet_train"]):
        assert invocation() == ("ricenet_train",)


def test_folders_whose_names_may_be_of_persons_are_called_otherwise():
    home = Path.home()
    line = ["ricenet_predict", "-i", "studies/Doe/", "--work=Doe_work", "-o", "out", "-mDoe"]
    with invoked([*line, f"{home}/Jane"]):
        words = {Path("studies/Doe").absolute(): "STUDIES", Path("Doe_work"): "WORK"}
        words |= {home / "Jane": "FILE"}
        with renamed({**words, Path("Doe"): "MODEL"}):
            assert invocation() == (
                *("ricenet_predict", "-i", "STUDIES", "--work=WORK", "-o", "out", "-mMODEL"),
                "FILE",
            )
        assert "studies/Doe/" in invocation()
    with renamed(words):
        assert invocation() == ()


def test_the_command_line_of_a_script_is_not_written_anywhere(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["pipeline.py", "--token", "secret"])
    assert invocation() == ()


def test_a_command_keeps_its_own_arguments(monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "argv", ["/x/train.py", "1", "0"])
    for argv in (None, ["2", "all"]):
        assert common.run(lambda: seen.append(invocation()) or 0, "ricenet_train", argv) == 0
    assert seen == [("ricenet_train", "1", "0"), ("ricenet_train", "2", "all")]


def test_a_script_that_calls_a_command_does_not_pass_for_one():
    assert portable([]) == ()
    assert portable(["/x/ricenet_v2/cli/train.py", "1", "0"]) == ("ricenet_train", "1", "0")
    assert portable(["/x/benchmarks/ablation.py", "-h"]) == ("python", "ablation.py", "-h")
    assert portable(["/x/ipykernel_launcher.py"]) == ("python", "ipykernel_launcher.py")


def test_a_line_can_be_typed_again():
    words = ("ricenet_train", "~/my data", "~/out", "a b", "0")
    assert text_of(words) == "ricenet_train ~/'my data' ~/out 'a b' 0"

"""Commands as they may be written."""

import sys
from pathlib import Path

from ricenet_v2.core.command import text_of, typed


def test_it_is_that_of_this_process_without_the_name_of_the_home_folder(monkeypatch):
    home = Path.home()
    monkeypatch.setattr(sys, "argv", [f"{home}/bin/ricenet_predict", "-i", f"{home}/in"])
    assert typed() == ("ricenet_predict", "-i", "~/in")
    assert typed([]) == ()


def test_a_script_that_calls_a_command_does_not_pass_for_one():
    assert typed(["/x/ricenet_v2/cli/train.py", "1", "0"]) == ("ricenet_train", "1", "0")
    assert typed(["/x/benchmarks/ablation.py", "-h"]) == ("python", "ablation.py", "-h")
    assert typed(["/x/ipykernel_launcher.py"]) == ("python", "ipykernel_launcher.py")


def test_a_line_can_be_typed_again():
    words = ("ricenet_train", "~/my data", "~/out", "a b", "0")
    assert text_of(words) == "ricenet_train ~/'my data' ~/out 'a b' 0"

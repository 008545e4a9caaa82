import sys
from pathlib import Path


def test_the_command_is_kept_without_the_name_of_the_home_folder(
    plan, make_workspace, run_fold, monkeypatch
):
    home = str(Path.home())
    monkeypatch.setattr(sys, "argv", [f"{home}/bin/ricenet_train", "1", "0", f"{home}/ricenet"])
    assert run_fold(make_workspace(plan)).command == ("ricenet_train", "1", "0", "~/ricenet")

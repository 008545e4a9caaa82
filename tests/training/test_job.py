import os
import sys
from pathlib import Path

import pytest

from ricenet_v2.core.errors import TrainingError


def test_the_command_is_kept_without_the_name_of_the_home_folder(
    plan, make_workspace, run_fold, monkeypatch
):
    home = str(Path.home())
    monkeypatch.setattr(sys, "argv", [f"{home}/bin/ricenet_train", "1", "0", f"{home}/ricenet"])
    assert run_fold(make_workspace(plan)).command == ("ricenet_train", "1", "0", "~/ricenet")


def test_a_pipe_in_place_of_the_log_is_named_at_once(plan, make_workspace, run_fold):
    paths = make_workspace(plan)
    log = paths.run(plan.name).fold(0).log
    log.parent.mkdir(parents=True)
    os.mkfifo(log)
    with pytest.raises(TrainingError, match="a named pipe") as caught:
        run_fold(paths)
    assert caught.value.file == log

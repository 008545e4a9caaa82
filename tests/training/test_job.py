import os
from pathlib import Path

import pytest

from ricenet_v2.core import documents
from ricenet_v2.core.command import invoked
from ricenet_v2.core.errors import DocumentError, TrainingError
from ricenet_v2.records.run import Run


def test_the_command_is_kept_without_the_name_of_the_home_folder(plan, make_workspace, run_fold):
    home = str(Path.home())
    with invoked([f"{home}/bin/ricenet_train", "1", "0", f"{home}/ricenet"]):
        run = run_fold(make_workspace(plan))
    assert run.command == ("ricenet_train", "1", "0", "~/ricenet")


def test_a_pipe_in_place_of_the_log_is_named_at_once(plan, make_workspace, run_fold):
    paths = make_workspace(plan)
    log = paths.run(plan.name).fold(0).log
    log.parent.mkdir(parents=True)
    os.mkfifo(log)
    with pytest.raises(TrainingError, match="a named pipe") as caught:
        run_fold(paths)
    assert caught.value.file == log


def test_a_damaged_record_of_a_fold_is_refused_with_what_helps(plan, make_workspace, run_fold):
    paths = make_workspace(plan)
    file = paths.run(plan.name).fold(0).run
    file.parent.mkdir(parents=True)
    run = Run("D", "auto", "h", 0, ("T1c",), 7, "cpu", 2, "finished", 1, (), {})
    documents.write(file, run)
    file.write_text(file.read_text().replace('"seed": 7', '"seed": 0'))
    with pytest.raises(DocumentError, match="damaged or was edited") as caught:
        run_fold(paths, resume=True)
    assert caught.value.file == file
    assert "move the folder of the fold away" in caught.value.remedy

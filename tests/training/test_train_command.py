"""The command as a user runs it: stopped, repeated, refused."""

import os
import signal
import subprocess
import sys
import time

import pytest

from ricenet_v2.cli import train
from ricenet_v2.phantom.cohort import NAME
from ricenet_v2.store import checkpoints
from ricenet_v2.store.tables import read_rows
from ricenet_v2.store.workspace import dataset_paths

EPOCHS = "6"


@pytest.fixture(autouse=True)
def _drawing():
    """Here the picture is drawn, as the command does it."""


@pytest.fixture
def workspace(planned_cohort, tmp_path):
    """A workspace of its own on the shared preprocessed cases."""
    for name in ("raw", "preprocessed"):
        (tmp_path / name).symlink_to(planned_cohort / name)
    return tmp_path


def words(workspace, *more):
    return [NAME, "0", "--epochs", EPOCHS, "--device", "cpu", "--workspace", str(workspace), *more]


@pytest.fixture
def start(fork_server, workspace):
    def command(*more, **how):
        line = ["ricenet_train", *words(workspace, *more)]
        return fork_server.start(line, stderr=subprocess.PIPE, **how)

    return command


def test_sigterm_saves_and_says_how_to_go_on(workspace, start):
    run = start("--set", "epochs=500")
    fold = dataset_paths(NAME, workspace).run().fold(0)
    while run.poll() is None and not fold.latest.exists():
        time.sleep(0.02)
    run.send_signal(signal.SIGTERM)
    _, said = run.communicate(timeout=60)
    assert run.returncode == 1
    assert "--continue" in said
    assert "Traceback" not in said
    assert checkpoints.load(fold.latest)["epoch"] >= 1


@pytest.mark.skipif(sys.platform == "win32", reason="groups of POSIX")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_all_processes_of_a_training_ends_in_words_alone(workspace, start, number):
    run = start("--set", "epochs=500", "--num_workers", "2", start_new_session=True)
    fold = dataset_paths(NAME, workspace).run().fold(0)
    while run.poll() is None and not fold.latest.exists():
        time.sleep(0.02)
    os.killpg(run.pid, number)
    _, said = run.communicate(timeout=60)
    assert run.returncode == 1
    assert "was stopped" in said
    assert "Traceback" not in said
    assert "Exception" not in said


def test_an_existing_fold_is_neither_overwritten_nor_mixed(workspace, capsys):
    quick = [NAME, "1", "--epochs", "1", "--device", "cpu", "--workspace", str(workspace)]
    assert train.main(quick) == 0
    fold = dataset_paths(NAME, workspace).run().fold(1)
    before = fold.final.read_bytes()
    assert train.main(quick) == 2
    assert "already there" in capsys.readouterr().err
    assert train.main([*quick, "--continue", "--seed", "9"]) == 2
    assert "seed: 0 there, 9 now" in capsys.readouterr().err
    assert fold.final.read_bytes() == before
    assert train.main([*quick, "--continue"]) == 0
    for path in (fold.history, fold.progress, fold.log, fold.run, fold.best, fold.validation):
        assert path.stat().st_size > 0


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--set", "learning_rte=1"], "learning_rte"),
        (["--set", "epochs=many"], "epochs"),
        (["--channels", "T2"], "T1c_post_op, T1c_event, dose"),
        (["--device", "cuda:7"], "cuda"),
        (["--plan", "other"], "ricenet_plan_and_preprocess"),
    ],
)
def test_wrong_words_are_refused_by_name(workspace, capsys, more, said):
    base = [NAME, "0", "--workspace", str(workspace)]
    assert train.main([*base, *more]) == 2
    assert said in capsys.readouterr().err


def test_a_subset_of_channels_has_a_folder_of_its_own(workspace):
    assert train.main([*words(workspace, "--channels", "dose"), "--set", "epochs=1"]) == 0
    model = dataset_paths(NAME, workspace).run("auto", "dose")
    state = checkpoints.load(model.fold(0).final)
    assert state["channels"] == ["dose"]
    rows = read_rows(model.fold(0).validation)
    assert len(rows) == 7
    for row in rows:
        assert float(row["prob_recurrence"]) + float(row["prob_radiation_effect"]) == pytest.approx(
            1
        )


def test_the_contact_sheet_is_drawn_and_nothing_is_trained(workspace):
    assert train.main(words(workspace, "--preview_augmentation")) == 0
    fold = dataset_paths(NAME, workspace).run().fold(0)
    assert fold.augmentation.read_bytes().startswith(b"\x89PNG")
    assert not fold.latest.exists()

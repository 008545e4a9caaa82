"""Commands beside each other: who may read and write which folders, with and without locks."""

import dataclasses
import inspect
import json
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest

from ricenet_v2.api import access
from ricenet_v2.cli import (
    ablate,
    baseline,
    benchmark,
    calibrate,
    compare,
    evaluate,
    explain,
    fuse,
    plan_and_preprocess,
    predict,
    report,
    train,
)
from ricenet_v2.core import documents, locks
from ricenet_v2.core.errors import CheckpointError
from ricenet_v2.core.files import sha256_of_file
from ricenet_v2.core.locks import LOCK_FILE, using
from ricenet_v2.inference import ensemble as ensemble_module
from ricenet_v2.inference import folder as predicting
from ricenet_v2.inference.ensemble import load_ensemble
from ricenet_v2.phantom.cohort import NAME
from ricenet_v2.store import checkpoints
from ricenet_v2.store.workspace import dataset_paths

with_locks = pytest.mark.skipif(sys.platform == "win32", reason="locks of POSIX")
COMMANDS = {
    "ablate": ablate,
    "baseline": baseline,
    "benchmark": benchmark,
    "calibrate": calibrate,
    "compare": compare,
    "evaluate": evaluate,
    "explain": explain,
    "fuse": fuse,
    "plan_and_preprocess": plan_and_preprocess,
    "predict": predict,
    "report": report,
    "train": train,
}


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch):
    monkeypatch.setattr(locks, "_SECONDS_OF_PATIENCE", 0.0)


@pytest.fixture
def workspace(trained_cohort, tmp_path):
    """A trained cohort that may be changed."""
    return shutil.copytree(trained_cohort, tmp_path / "space")


@pytest.fixture
def paths(workspace):
    return dataset_paths(NAME, workspace)


@pytest.fixture
def stopped(fork_server):
    """Start a command in a process and stop it as soon as it has locked all these folders."""
    begun = []

    def start(name, words, *folders):
        process = fork_server.start([f"ricenet_{name}", *words])
        begun.append(process)
        locks = [folder / LOCK_FILE for folder in folders]
        while process.poll() is None and not all(x.exists() and x.stat().st_size for x in locks):
            time.sleep(0.005)
        process.send_signal(signal.SIGSTOP)
        assert all(lock.read_text() for lock in locks)
        return process

    yield start
    for process in begun:
        process.kill()
        process.wait()


def killed(process):
    process.kill()
    process.wait()


@with_locks
def test_nothing_is_preprocessed_under_a_training(workspace, paths, stopped, capsys):
    shutil.rmtree(paths.results)
    before = sha256_of_file(paths.plan())
    words = [NAME, "0", "--device", "cpu", "--workspace", workspace, "--epochs", "500"]
    process = stopped("train", words, paths.run().fold(0).folder)
    planning = [NAME, "--workspace", str(workspace), "--num_workers", "1"]
    for more in ([], ["--overwrite"], ["--plan_only"]):
        assert plan_and_preprocess.main([*planning, *more]) == 2
        told = capsys.readouterr().err
        assert "Another process is reading this folder" in told
        assert f"(process {process.pid} on " in told
        assert str(paths.cases()) in told
    assert sha256_of_file(paths.plan()) == before
    # The check alone, another plan, and other folds of the model are free.
    assert plan_and_preprocess.main([*planning, "--verify_only"]) == 0
    assert plan_and_preprocess.main([*planning, "--preset", "small", "--plan_only"]) == 0
    with using(reads=[paths.run().folder], writes=[paths.run().fold(1).folder]):
        pass
    assert train.main([NAME, "0", "--device", "cpu", "--workspace", str(workspace)]) == 2
    assert f"(process {process.pid} on " in capsys.readouterr().err
    killed(process)
    assert plan_and_preprocess.main([*planning, "--plan_only"]) == 0


@with_locks
def test_a_second_prediction_into_a_folder_is_refused(workspace, paths, tmp_path, stopped, capsys):
    out = tmp_path / "out"
    words = ["-i", paths.raw / "imagesTs", "-m", paths.run().folder, "-f", 0, 1, "--device", "cpu"]
    words = [str(word) for word in words]
    process = stopped("predict", [*words, "-o", out], out, paths.run().folder)
    assert predict.main([*words, "-o", str(out), "--combine", "vote"]) == 2
    told = capsys.readouterr().err
    assert "Another process is writing into this folder" in told
    assert f"(process {process.pid} on " in told
    assert calibrate.main([NAME, "--workspace", str(workspace)]) == 2
    assert f"(process {process.pid} on " in capsys.readouterr().err
    # Two predictions of one model into two folders.
    assert predict.main([*words, "-o", str(tmp_path / "other"), "-f", "0"]) == 0
    killed(process)
    assert predict.main([*words, "-o", str(out), "--continue"]) == 0
    assert json.loads((out / "predictions.json").read_text())["combine"] == "mean"
    assert not list(workspace.rglob(LOCK_FILE))
    assert not (out / LOCK_FILE).exists()


def _words(name, paths, out):
    """Arguments of a command, so short that it works for seconds at most."""
    workspace = ["--workspace", str(paths.raw.parent.parent)]
    images = ["-i", str(paths.raw / "imagesTs"), "-o", str(out), "-d", NAME, "-f", "0"]
    return {
        "predict": [*images, "--device", "cpu", *workspace],
        "explain": [*images, "--device", "cpu", *workspace],
        "train": [NAME, "0", "--continue", "--device", "cpu", *workspace],
        "evaluate": [NAME, "--n_bootstrap", "5", *workspace],
        "calibrate": [NAME, "--n_bootstrap", "5", *workspace],
        "fuse": [NAME, "--covariates", "age", "--n_bootstrap", "5", *workspace],
        "report": [NAME, "-o", str(out), *workspace],
        "ablate": [NAME, "--device", "cpu", *workspace],
        "benchmark": [NAME, "--device", "cpu", "--updates", "1", "--rounds", "1", *workspace],
        "baseline": [NAME, "--n_bootstrap", "5", *workspace],
        "compare": ["auto__all", "other", "-d", NAME, "-o", str(out), *workspace],
        "plan_and_preprocess": [NAME, "--plan_only", "--num_workers", "1", *workspace],
    }[name]


def _folder(what, paths, out):
    return {
        "out": out,
        "cases": paths.cases(),
        "documents": paths.preprocessed,
        "model": paths.run().folder,
        "fold": paths.run().fold(0).folder,
        "crossval": paths.run().crossval,
        "test": paths.run().test,
        "baseline": paths.run("baseline", "dose+covariates").folder,
    }[what]


@with_locks
@pytest.mark.parametrize(
    ("name", "how", "what"),
    [
        *((name, "reads", "out") for name in ("predict", "explain", "report", "compare")),
        *((name, "writes", "model") for name in ("predict", "explain", "evaluate", "report")),
        *((name, "writes", "fold") for name in ("predict", "explain")),
        ("evaluate", "writes", "crossval"),
        ("compare", "writes", "model"),
        ("calibrate", "reads", "model"),
        ("fuse", "reads", "model"),
        ("baseline", "writes", "baseline"),
        ("ablate", "writes", "test"),
        *((name, "writes", "cases") for name in ("train", "ablate", "benchmark")),
        ("plan_and_preprocess", "reads", "cases"),
        ("plan_and_preprocess", "writes", "documents"),
    ],
)
def test_a_command_is_refused(trained_cohort, tmp_path, capsys, name, how, what):
    paths, out = dataset_paths(NAME, trained_cohort), tmp_path / "out"
    out.mkdir()
    with using(**{how: [_folder(what, paths, out)]}):
        assert COMMANDS[name].main(_words(name, paths, out)) == 2
    told = capsys.readouterr().err
    assert "This process works in the folder already." in told  # as another would
    assert str(_folder(what, paths, out)) in told
    assert list(out.iterdir()) == []
    assert not list(trained_cohort.rglob(LOCK_FILE))


@with_locks
@pytest.mark.parametrize(
    ("name", "how", "what"),
    [
        ("evaluate", "writes", "fold"),  # being trained
        ("evaluate", "writes", "cases"),
        ("evaluate", "reads", "model"),
        ("predict", "reads", "model"),
        ("predict", "reads", "fold"),
        ("predict", "writes", "cases"),
        ("plan_and_preprocess", "writes", "model"),
    ],
)
def test_a_command_is_not_blocked_needlessly(workspace, paths, tmp_path, name, how, what):
    out = tmp_path / "out"
    with using(**{how: [_folder(what, paths, out)]}):
        assert COMMANDS[name].main(_words(name, paths, out)) == 0


@with_locks
def test_the_best_weights_of_a_fold_may_be_used_while_it_trains(paths, tmp_path):
    words = _words("predict", paths, tmp_path / "out")
    with using(reads=[paths.run().folder], writes=[paths.run().fold(0).folder]):
        assert predict.main([*words, "--checkpoint", "best"]) == 0


@with_locks
def test_folds_are_not_replaced_under_a_training_by_another_plan(workspace, paths, capsys):
    other, before = paths.cases("other"), paths.splits.read_bytes()
    other.mkdir()
    words = [NAME, "--workspace", str(workspace), "--num_workers", "1", "--plan_only"]
    with using(reads=[other]):
        assert plan_and_preprocess.main([*words, "--overwrite"]) == 0  # the same folds
        assert paths.splits.read_bytes() == before
        assert plan_and_preprocess.main([*words, "--overwrite", "--group", "sex"]) == 2
        assert str(other) in capsys.readouterr().err
    assert paths.splits.read_bytes() == before


def test_every_function_of_the_api_holds_its_folders():
    """A view of a case only reads raw images; a location is only a name."""
    folder = Path(inspect.getfile(access)).parent
    without = [
        file.stem
        for file in folder.glob("*.py")
        if "__all__ = " in file.read_text()
        and "access." not in file.read_text()
        and "using(" not in file.read_text()
    ]
    assert sorted(without) == ["case_view", "locations"]


@pytest.fixture
def no_locks(monkeypatch):
    monkeypatch.setattr(locks, "_opened", lambda path, *, writes: None)


@pytest.mark.parametrize("place", ["before the first case", "before the tables"])
def test_without_locks_two_predictions_are_not_mixed(
    trained_cohort, tmp_path, monkeypatch, capsys, no_locks, place
):
    """The second begins and ends while the first works; what it wrote stays whole."""
    paths, out = dataset_paths(NAME, trained_cohort), tmp_path / "out"
    words = _words("predict", paths, out)
    owner, what = {
        "before the first case": (ensemble_module.Ensemble, "predict"),
        "before the tables": (ensemble_module.Ensemble, "predictions"),
    }[place]
    real = getattr(owner, what)

    def between(*given, **more):
        monkeypatch.setattr(owner, what, real)
        shutil.rmtree(out, ignore_errors=True)
        assert predict.main([*words, "--combine", "vote"]) == 0
        return real(*given, **more)

    monkeypatch.setattr(owner, what, between)
    assert predict.main(words) == 2
    assert "Another process writes predictions into this folder" in capsys.readouterr().err
    assert json.loads((out / "predictions.json").read_text())["combine"] == "vote"
    made_by = {json.loads(file.read_text())["made_by"] for file in (out / "cases").iterdir()}
    assert len(made_by) == 1


def test_without_locks_a_case_of_other_options_is_not_replaced(
    trained_cohort, tmp_path, monkeypatch, capsys, no_locks
):
    """The other process is not at its end yet, so that there is no table."""
    paths, out = dataset_paths(NAME, trained_cohort), tmp_path / "out"
    words, real = _words("predict", paths, out), ensemble_module.Ensemble.predict

    def between(*given, **more):
        found = real(*given, **more)
        other = predicting.FinishedCase("another", dataclasses.replace(found))
        documents.write(out / "cases" / f"{found.case_id}.json", other)
        return found

    monkeypatch.setattr(ensemble_module.Ensemble, "predict", between)
    assert predict.main(words) == 2
    assert "Another process writes predictions into this folder" in capsys.readouterr().err
    assert not (out / "predictions.csv").exists()


@pytest.mark.parametrize("checkpoint", ["final", "best"])
def test_the_hash_of_a_prediction_is_that_of_the_weights_that_were_read(
    paths, monkeypatch, no_locks, checkpoint
):
    model = paths.run()
    mine = model.fold(0).checkpoint(checkpoint)
    used, other = sha256_of_file(mine), model.fold(1).checkpoint(checkpoint)
    real = checkpoints.torch.load

    def exchanging(stream, *given, **more):
        state = real(stream, *given, **more)
        copy = mine.with_name("copy")
        shutil.copyfile(other, copy)
        copy.replace(mine)
        return state

    monkeypatch.setattr(checkpoints.torch, "load", exchanging)
    if checkpoint == "final":
        with pytest.raises(CheckpointError, match="changed while it was read"):
            load_ensemble(model.folder, [0], device="cpu")
    else:
        found = load_ensemble(model.folder, [0], checkpoint, device="cpu")
        assert found.hashes == {"fold_0/checkpoint_best.pth": used}
        assert sha256_of_file(mine) != used

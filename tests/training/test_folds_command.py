"""ricenet_train on a dataset of random voxels: its folds in turn and at the same time."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys

import pytest
import torch

from ricenet_v2.api.training import train_folds
from ricenet_v2.cli import train
from ricenet_v2.core import documents
from ricenet_v2.core.errors import OptionError, TrainingError
from ricenet_v2.evaluation.pooling import pool
from ricenet_v2.records.run import Run
from ricenet_v2.records.splits import Splits
from ricenet_v2.store import checkpoints
from ricenet_v2.store.raw import load_raw_dataset, write_raw_tables
from ricenet_v2.store.seeds import seed_models
from ricenet_v2.training import fold as fold_module
from ricenet_v2.training.groups import make_group_splits
from ricenet_v2.training.splits import make_splits


@pytest.fixture
def paths(make_workspace, with_training):
    """Three folds only, since each process costs seconds to start."""
    made = make_workspace(with_training(epochs=1, iterations_per_epoch=1))
    cases = load_raw_dataset(made.raw).cases
    documents.write(made.splits, make_splits(cases, n_folds=3))
    return made


def _words(paths, *words: str) -> list[str]:
    workspace = str(paths.raw.parent.parent)
    return ["9", "all", "--device", "cpu", "--workspace", workspace, *words]


@pytest.fixture
def _one_thread():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_help_imports_no_torch():
    code = "import sys; from ricenet_v2.cli import train; train.build_parser(); "
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.usefixtures("_one_thread", "forked_python")
def test_folds_in_turn_and_in_parallel_are_the_same_and_a_failed_one_is_named(
    paths, capsys, caplog
):
    """Fold 1 cannot be continued, so it fails; the others are trained, bit for bit the same."""
    begun = paths.run().fold(1)
    weights = []
    for parallel in ("1", "2"):
        begun.folder.mkdir(parents=True)
        begun.run.write_text("begun by somebody else", encoding="utf-8")
        words = ["--continue", "--num_threads", "1", "--num_folds_parallel", parallel]
        code = train.main(_words(paths, *words))
        said = capsys.readouterr()
        assert code == 1
        assert "Fold 1 failed" in said.err
        assert "run.json" in said.err
        assert "Trained: 0, 2" in said.out
        done = [paths.run().fold(fold) for fold in (0, 2)]
        runs = [documents.read(Run, fold.run) for fold in done]
        assert all(run.status == "finished" for run in runs)
        # In parallel too: the user never saw the commands of the single folds.
        assert {run.command for run in runs} == {("ricenet_train", *_words(paths, *words))}
        weights.append([checkpoints.load(fold.final)["inference_weights"] for fold in done])
        shutil.rmtree(paths.results)
    # Nobody watches bars here: a line per epoch instead.
    assert all(f"Fold {fold}: 1 of 1 epochs." in caplog.messages for fold in (0, 2))
    for one, other in zip(*weights, strict=True):
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_another_number_of_folds_than_five_holds_every_case_out_once(paths):
    assert train.main(_words(paths, "--num_workers", "0")) == 0
    pooled = pool(paths.run(), "9")
    cases = load_raw_dataset(paths.raw).cases
    assert sorted(pooled.case_ids) == [case.case_id for case in cases]
    assert set(pooled.folds) == {0, 1, 2}


def _fails_in_fold(monkeypatch, fault: Exception) -> None:
    """Training of fold 0 fails after its log was opened; the others are trained."""
    real = fold_module.saved_state

    def failing(job):
        if job.fold == 0:
            raise fault
        return real(job)

    monkeypatch.setattr(fold_module, "saved_state", failing)


def test_a_fault_that_nobody_foresaw_leaves_the_other_folds_and_is_in_the_log(
    paths, capsys, monkeypatch
):
    _fails_in_fold(monkeypatch, RuntimeError("odd strides"))
    assert train.main(_words(paths, "--num_workers", "0")) == 1
    said = capsys.readouterr()
    assert "Fold 0 failed: RuntimeError: odd strides" in said.err
    assert "training_log.txt" in said.err
    assert "Trained: 1, 2" in said.out
    log = paths.run().fold(0).log.read_text()
    assert log.count("Traceback") == 1
    assert log.rstrip().endswith("RuntimeError: odd strides")


@pytest.mark.parametrize("fault", [OSError("no space left"), MemoryError("no memory")])
def test_a_fault_of_the_machine_ends_all_folds(paths, capsys, monkeypatch, fault):
    _fails_in_fold(monkeypatch, fault)
    assert train.main(_words(paths, "--num_workers", "0")) == 2
    assert str(fault) in capsys.readouterr().err
    assert not paths.run().fold(1).folder.exists()


def test_one_fold_with_a_fault_that_nobody_foresaw_ends_in_words(paths, capsys, monkeypatch):
    _fails_in_fold(monkeypatch, ValueError("odd"))
    number, _, *rest = _words(paths, "--num_workers", "0")
    assert train.main([number, "0", *rest]) == 2
    said = capsys.readouterr().err
    assert "Error: ValueError: odd\n  what to do: " in said
    assert "ValueError: odd" in paths.run().fold(0).log.read_text()


def test_a_fault_that_was_foreseen_is_in_the_log_without_a_traceback(paths, capsys, monkeypatch):
    _fails_in_fold(monkeypatch, TrainingError("No such luck."))
    assert train.main(_words(paths, "--num_workers", "0")) == 1
    assert "Fold 0 failed: No such luck." in capsys.readouterr().err
    log = paths.run().fold(0).log.read_text()
    assert "No such luck." in log
    assert "Traceback" not in log


def test_all_folds_failing_is_an_error(paths, capsys):
    for fold in range(3):
        folder = paths.run().fold(fold)
        folder.folder.mkdir(parents=True)
        folder.run.write_text("begun by somebody else", encoding="utf-8")
    assert train.main(_words(paths, "--continue")) == 2
    assert "All folds failed; the first was fold 0" in capsys.readouterr().err


@pytest.mark.parametrize("parallel", ["1", "2"])
def test_folds_that_are_there_are_told_before_any_other_is_trained(paths, capsys, parallel):
    words = _words(paths, "--num_folds_parallel", parallel)
    for begun, said in (((2,), "Fold 2 is already there"), ((1, 2), "Folds 1, 2 are already")):
        for fold in begun:
            paths.run().fold(fold).folder.mkdir(parents=True, exist_ok=True)
            paths.run().fold(fold).run.write_text("of somebody else", encoding="utf-8")
        assert train.main(words) == 2
        told = capsys.readouterr().err
        assert said in told
        assert "--continue" in told
        assert not paths.run().fold(0).folder.exists()


def test_a_wrong_setting_is_told_once_before_any_fold(paths, capsys):
    assert train.main(_words(paths, "--set", "learning_rat=1")) == 2
    assert capsys.readouterr().err.count("Error: ") == 1
    assert not paths.results.exists()


@pytest.mark.parametrize("number", ["0", "many", "-1"])
def test_a_number_of_parallel_folds_that_is_none_is_refused(paths, capsys, number):
    for fold in ("0", "all"):
        words = [fold if word == "all" else word for word in _words(paths)]
        with pytest.raises(SystemExit, match="2"):
            train.main([*words, f"--num_folds_parallel={number}"])
        assert "expected auto or a whole number from 1" in capsys.readouterr().err
        workspace = paths.raw.parent.parent
        folds = None if fold == "all" else [int(fold)]
        with pytest.raises(OptionError, match="Invalid value for num_parallel"):
            train_folds("9", folds, num_parallel=number, workspace=workspace, device="cpu")
    assert not paths.results.exists()


def test_contact_sheets_of_all_folds_train_nothing(paths):
    words = _words(paths, "--preview_augmentation", "--num_folds_parallel", "2")
    assert train.main(words) == 0
    folds = [paths.run().fold(fold) for fold in range(3)]
    assert all(fold.augmentation.is_file() for fold in folds)
    assert not any(fold.run.is_file() or fold.latest.is_file() for fold in folds)


def _rewritten(paths, change) -> None:
    raw = load_raw_dataset(paths.raw)
    cases = [change(case) for case in raw.cases]
    write_raw_tables(paths.raw, raw.dataset, [case for case in cases if case is not None])


def _moved(case):
    return dataclasses.replace(case, split="test") if case.case_id == "C03" else case


def _removed(case):
    return None if case.case_id == "C03" else case


def _mislabelled(case):
    return dataclasses.replace(case, label="recurence") if case.case_id == "C03" else case


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_moved, "1 of them gone (C03)"),
        (_removed, "1 of them gone (C03)"),
        (_mislabelled, "C03: 'recurence'"),
    ],
)
def test_a_table_that_the_folds_do_not_know_is_refused(paths, capsys, change, said):
    _rewritten(paths, change)
    assert train.main(_words(paths)) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert not paths.results.exists()


def test_too_small_for_folds_is_told_as_the_reason(make_workspace, plan, capsys):
    paths = make_workspace(plan)
    paths.splits.unlink()
    _rewritten(paths, lambda case: case if case.case_id < "C08" else None)
    assert train.main(_words(paths)) == 2
    error = capsys.readouterr().err
    assert "radiation_effect: 4, recurrence: 4" in error
    assert "ricenet_plan_and_preprocess" not in error


def test_folds_of_other_settings_are_not_trained_beside_each_other(paths, capsys):
    words = _words(paths)
    words[1] = "0"
    assert train.main(words) == 0
    kept = paths.run().plan.read_bytes()
    words[1] = "1"
    assert train.main([*words, "--set", "learning_rate=1e-4"]) == 2
    said = capsys.readouterr().err
    assert "The other folds of this model were trained by another plan" in said
    assert "another training" in said
    assert paths.run().plan.read_bytes() == kept
    assert not paths.run().fold(1).folder.exists()
    shutil.rmtree(paths.run().fold(0).folder)
    assert train.main([*words, "--set", "learning_rate=1e-4"]) == 0


def test_a_dataset_without_a_plan_is_told_what_to_run(paths, capsys):
    paths.plan().unlink()
    assert train.main(_words(paths)) == 2
    assert "ricenet_plan_and_preprocess" in capsys.readouterr().err


def test_each_seed_has_a_folder_and_only_what_is_missing_is_trained(paths, capsys):
    """The first lies where a training without seeds does; trainings that differ are refused."""
    words = ["--num_workers", "0", "--seeds", "0", "1"]
    assert train.main([*_words(paths, *words[:2]), "--seeds", "0"]) == 0
    first = (paths.run().fold(0).run).read_text()
    assert train.main(_words(paths, *words)) == 2
    assert "Folds 0, 1, 2 are already there" in capsys.readouterr().err
    assert train.main(_words(paths, *words, "--continue")) == 0
    assert (paths.run().fold(0).run).read_text() == first
    further = paths.run("auto", "all", 1)
    assert further.folder.name == "auto__all__seed1"
    assert {documents.read(Run, further.fold(fold).run).seed for fold in further.folds()} == {1}
    weights = [
        checkpoints.load(model.fold(0).final)["inference_weights"]
        for model in (paths.run(), further)
    ]
    assert any(not torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    for wrong, told in (
        (["--seeds", "1", "1"], "given twice"),
        (["--seeds", "2", "--epochs", "4"], "got: 4 epochs"),
        (["--seeds", "2", "--set", "mixup=0.1"], "another plan or settings (its training)"),
    ):
        assert train.main(_words(paths, *wrong)) == 2
        assert told in capsys.readouterr().err
    assert not paths.run("auto", "all", 2).folder.exists()
    trained = seed_models(paths, "auto", "all")
    assert {seed: model.folder.name for seed, model in trained.items()} == {
        0: "auto__all",
        1: "auto__all__seed1",
    }


def test_folds_of_centres_say_what_they_held_out_and_are_not_mixed_with_others(paths, capsys):
    cases = [
        dataclasses.replace(case, covariates={"centre": "AAB"[index % 3]})
        for index, case in enumerate(load_raw_dataset(paths.raw).cases)
    ]
    write_raw_tables(paths.raw, load_raw_dataset(paths.raw).dataset, cases)
    stratified = documents.read(Splits, paths.splits)
    documents.write(paths.splits, make_group_splits(cases, "centre").splits)
    assert train.main(["9", "0", *_words(paths, "--num_workers", "0")[2:]]) == 0
    run = documents.read(Run, paths.run().fold(0).run)
    assert (run.n_folds, run.group, run.held_out) == (2, "centre", "A")
    documents.write(paths.splits, stratified)
    assert train.main(["9", "1", *_words(paths, "--num_workers", "0")[2:]]) == 2
    assert "fold 0: one of 2, leave-one-group-out by centre" in capsys.readouterr().err

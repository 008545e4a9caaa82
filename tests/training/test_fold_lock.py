"""One process trains a fold, and nobody exchanges the cases that it reads."""

import dataclasses
import sys

import numpy as np
import pytest

from ricenet_v2.core import locks
from ricenet_v2.core.errors import InUseError, RicenetError, TrainingError
from ricenet_v2.records.run import Run
from ricenet_v2.store import cases as store
from ricenet_v2.training import fold as fold_module
from ricenet_v2.training import loop
from tests.lock_holder import start, tried

with_locks = pytest.mark.skipif(sys.platform == "win32", reason="locks of POSIX")


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch):
    monkeypatch.setattr(locks, "_SECONDS_OF_PATIENCE", 0.0)


@with_locks
def test_a_fold_that_another_process_trains_is_left_alone(plan, make_workspace, run_fold):
    paths = make_workspace(plan)
    fold = paths.run().fold(0)
    process, said = start("writes", fold.folder)
    assert said == "got"
    for resume in (False, True):
        with pytest.raises(InUseError, match=rf"ricenet_train 1 0 \(process {process.pid} on "):
            run_fold(paths, resume=resume)
    assert list(paths.run().folder.iterdir()) == [fold.folder]
    assert list(fold.folder.iterdir()) == [fold.folder / locks.LOCK_FILE]
    process.kill()
    process.communicate()
    # The lock ends with its process, however that ends.
    assert run_fold(paths).status == "finished"
    assert not (fold.folder / locks.LOCK_FILE).exists()


@with_locks
@pytest.mark.parametrize("name", ["cases", "model"])
def test_no_fold_is_trained_while_its_cases_are_made_or_its_model_is_written(
    plan, make_workspace, run_fold, name
):
    paths = make_workspace(plan)
    folder = {"cases": paths.cases(), "model": paths.run().folder}[name]
    process, said = start("writes", folder)
    assert said == "got"
    with pytest.raises(InUseError, match="writing into this folder"):
        run_fold(paths)
    assert not paths.run().fold(0).folder.exists()
    process.kill()
    process.communicate()


@with_locks
def test_a_training_holds_its_fold_and_its_cases_to_its_end(
    plan, make_workspace, run_fold, monkeypatch
):
    paths = make_workspace(plan)
    fold = paths.run().fold(0)
    said = []
    for module, name in ((loop, "mean_loss"), (fold_module, "write_validation")):
        real = getattr(module, name)

        def looking(*given, real=real, **more):
            if len(said) < 4 or real.__name__ == "write_validation":
                fold.log.read_text()  # anybody may read the log meanwhile
                said.append(tried("reads", fold.folder))
                said.append(tried("writes", paths.cases()))
            return real(*given, **more)

        monkeypatch.setattr(module, name, looking)
    run_fold(paths)
    assert said == ["refused"] * 6
    for folder in (fold.folder, fold.folder.parent, paths.cases()):
        assert tried("writes", folder) == "got"


@with_locks
def test_other_folds_may_be_trained_and_finished_ones_read_meanwhile(
    plan, make_workspace, run_fold, monkeypatch
):
    paths = make_workspace(plan)
    model, said = paths.run(), []
    real = fold_module.write_validation

    def looking(*given, **more):
        said.append(tried("reads", paths.cases()))
        said.append(tried("reads", model.folder))
        said.append(tried("writes", model.fold(1).folder))
        return real(*given, **more)

    monkeypatch.setattr(fold_module, "write_validation", looking)
    run_fold(paths)
    assert said == ["got"] * 3


@with_locks
def test_an_error_ends_it(plan, make_workspace, run_fold, monkeypatch):
    paths = make_workspace(plan)

    def failing(*given):
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(loop, "mean_loss", failing)
        with pytest.raises(OSError, match="No space"):
            run_fold(paths)
    assert tried("writes", paths.run().fold(0).folder) == "got"
    assert run_fold(paths, resume=True).status == "finished"


@pytest.mark.parametrize("resume", [False, True])
def test_what_another_process_trained_before_the_lock_was_free_is_seen(
    plan, make_workspace, run_fold, monkeypatch, resume
):
    paths = make_workspace(plan)
    final, real, times = paths.run().fold(0).final, fold_module.using, []

    def after_another(*, reads=(), writes=()):
        if writes:
            monkeypatch.setattr(fold_module, "using", real)
            run_fold(paths)  # passes the same checks, and is finished before this one goes on
            times.append(final.stat().st_mtime_ns)
        return real(reads=reads, writes=writes)

    monkeypatch.setattr(fold_module, "using", after_another)
    if resume:
        assert run_fold(paths, resume=True).status == "finished"
    else:
        with pytest.raises(TrainingError, match="already there"):
            run_fold(paths)
    assert times == [final.stat().st_mtime_ns]


@pytest.mark.parametrize("num_workers", [0, 1])
@pytest.mark.parametrize("what", ["images", "plan", "older version", "deleted"])
def test_without_locks_a_fold_does_not_end_with_cases_of_two_states(
    plan, make_workspace, run_fold, monkeypatch, what, num_workers
):
    """Nothing is kept in memory, so that each epoch reads the cases anew."""
    monkeypatch.setattr(locks, "_opened", lambda path, *, writes: None)
    paths = make_workspace(plan)
    folder, real, steps = paths.cases(), loop.mean_loss, []
    ids = [f"C{i:02d}" for i in range(20)]
    name = "plan_hash" if what == "plan" else "inputs_hash"
    if what == "older version":
        for case in ids:
            _write_anew(folder, case, content_hash="")

    def exchanged(*given):
        steps.append(1)
        if len(steps) == 2:
            for case in ids:
                if what == "deleted":
                    store.delete_case(folder, case)
                else:
                    _write_anew(folder, case, **{name: "b" * 64})
        return real(*given)

    monkeypatch.setattr(loop, "mean_loss", exchanged)
    with pytest.raises(RicenetError, match=r"preprocessed again|not preprocessed"):
        run_fold(paths, cache_gb=0.0, num_workers=num_workers)
    fold = paths.run().fold(0)
    assert fold_module.documents.read(Run, fold.run).status != "finished"
    assert not fold.validation.exists()


def _write_anew(folder, case, **changes):
    """Other voxels; a record without the hash of its voxels is one of an older version."""
    record = dataclasses.replace(store.read_record(folder, case), **changes)
    store.write_case(folder, np.zeros(record.shape, np.float32), record)
    if changes.get("content_hash") == "":
        store.documents.write(folder / f"{case}.json", record)


def test_cases_that_are_made_anew_alike_disturb_nobody(plan, make_workspace, run_fold, monkeypatch):
    monkeypatch.setattr(locks, "_opened", lambda path, *, writes: None)
    paths = make_workspace(plan)
    folder, real, steps = paths.cases(), loop.mean_loss, []

    def exchanged(*given):
        steps.append(1)
        if len(steps) == 2:
            for case in (f"C{i:02d}" for i in range(20)):
                record, voxels = store.read_record(folder, case), store.read_array(folder, case)
                store.write_case(folder, voxels, record)
        return real(*given)

    monkeypatch.setattr(loop, "mean_loss", exchanged)
    # No process beside this one may read between the two files of a case.
    assert run_fold(paths, cache_gb=0.0, num_workers=0).status == "finished"

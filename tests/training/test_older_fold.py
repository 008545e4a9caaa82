"""A fold that a version began which did not correct probabilities for the class shares."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from sklearn.metrics import log_loss

from ricenet_v2.core import documents
from ricenet_v2.core.errors import TrainingError
from ricenet_v2.records.plan_parts import AugmentationPlan
from ricenet_v2.records.prior import Prior
from ricenet_v2.records.run import Run
from ricenet_v2.store import checkpoints
from ricenet_v2.store.raw import load_raw_dataset, write_raw_tables
from ricenet_v2.store.tables import read_rows
from ricenet_v2.training import fold as fold_module


@pytest.fixture
def paths(with_training, make_workspace, monkeypatch):
    """14 cases without and 6 with a recurrence, predicted as they are and not mirrored."""
    monkeypatch.setattr(fold_module, "draw_progress", lambda rows, path, title: path.touch())
    made = make_workspace(with_training(augmentation=AugmentationPlan(mirror_axes=())))
    raw = load_raw_dataset(made.raw)
    cases = [
        dataclasses.replace(case, label=raw.dataset.classes[0]) if n in (1, 3, 5, 7) else case
        for n, case in enumerate(raw.cases)
    ]
    write_raw_tables(made.raw, raw.dataset, cases)
    return made


def as_older(paths, fold=0):
    """Take out of run.json and checkpoints what that version did not write."""
    files = paths.run().fold(fold)
    run = documents.read(Run, files.run)
    documents.write(files.run, dataclasses.replace(run, prior=None, decide=None))
    state = checkpoints.load(files.latest)
    del state["prior"]
    checkpoints.save(files.latest, state)


def table(paths):
    return read_rows(paths.run().fold(0).validation)


def test_it_goes_on_without_correction_so_that_all_epochs_are_judged_alike(paths, run_fold, caplog):
    run_fold(paths, epochs=1)
    run_fold(paths, epochs=3, resume=True)
    corrected = np.array([float(row["prob_recurrence"]) for row in table(paths)])
    paths.run().folder.rename(paths.run().folder.with_name("corrected"))
    run_fold(paths, epochs=1)
    as_older(paths)
    run = run_fold(paths, epochs=3, resume=True)
    assert (run.prior, run.decide, run.status) == (None, None, "finished")
    assert "prior" not in checkpoints.load(paths.run().fold(0).final)
    assert "did not correct probabilities for the class frequencies" in caplog.text
    odds = corrected / (1 - corrected) / (6 / 14)
    expected = odds / (1 + odds)
    rows = table(paths)
    assert [float(row["prob_recurrence"]) for row in rows] == pytest.approx(expected, abs=1e-5)
    assert [row["predicted"] == "recurrence" for row in rows] == [*(expected > 0.5)]
    truths = np.array([row["label"] == "recurrence" for row in rows])
    loss = float(read_rows(paths.run().fold(0).history)[-1]["validation_loss"])
    assert loss == pytest.approx(log_loss(truths, expected), abs=1e-4)


def test_a_fold_without_a_finished_epoch_begins_anew_and_is_corrected(paths, run_fold):
    run_fold(paths, epochs=1)
    as_older(paths)
    paths.run().fold(0).latest.unlink()
    assert run_fold(paths, epochs=2, resume=True).prior.counts == (14, 6)


@pytest.mark.parametrize("is_older", [True, False])
def test_corrected_and_uncorrected_folds_are_not_trained_beside_each_other(
    paths, run_fold, is_older
):
    run_fold(paths, epochs=1)
    if is_older:
        as_older(paths)
    other = paths.run().fold(1)
    run = documents.read(Run, paths.run().fold(0).run)
    run = dataclasses.replace(run, fold=1, fold_hash="")
    beside = ((2, None, not is_older), (3, Prior((0.5, 0.5), (14, 6)), is_older))
    for epochs, prior, is_refused in beside:
        documents.write(other.run, dataclasses.replace(run, prior=prior))
        if is_refused:
            with pytest.raises(TrainingError, match="They cannot be pooled with others"):
                run_fold(paths, epochs=epochs, resume=True)
        else:
            run_fold(paths, epochs=epochs, resume=True)

"""Weights of a version that kept no list of cases: the files beside them tell their fold."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from ricenet_v2.core import documents
from ricenet_v2.core.errors import CheckpointError
from ricenet_v2.records.run import Run
from ricenet_v2.records.splits import Fold, Splits
from ricenet_v2.store import checkpoints
from ricenet_v2.store.raw import load_raw_dataset, write_raw_tables


@pytest.fixture
def paths(plan, make_workspace):
    return make_workspace(plan)


@pytest.fixture
def older(paths, run_fold, tmp_path):
    """The checkpoint of fold 0 as a version without lists has left it, in a folder elsewhere."""
    run_fold(paths, epochs=1)
    paths.run().folder.rename(tmp_path / "before")
    file = tmp_path / "before" / "fold_0" / "checkpoint_final.pth"
    state = checkpoints.load(file)
    torch.save({name: value for name, value in state.items() if name != "lineage"}, file)
    return file


def source_of(paths):
    return documents.read(Run, paths.run().fold(0).run).pretrained


def test_they_are_refused_where_the_folds_were_made_anew(paths, older, run_fold):
    """Fold 0 exchanges a case that it held out for one that it learned from."""
    first, *rest = documents.read(Splits, paths.splits).folds
    learned, stays = first.train[0], first.validation[1:]
    moved = Fold((first.validation[0], *first.train[1:]), (learned, *stays))
    documents.write(paths.splits, Splits(1, (moved, *rest)))
    with pytest.raises(CheckpointError, match="trained on cases that should be held out") as got:
        run_fold(paths, epochs=1, pretrained_weights=older)
    told = f"1 of 4 validation cases ({learned}: not held out by the earlier fold of this number)"
    assert told in str(got.value)
    run_fold(paths, epochs=1, pretrained_weights=older, allow_leak=True)
    assert source_of(paths).leaked == (learned,)
    # Of a training that was stopped, nothing tells which cases it held out.
    paths.run().folder.rename(paths.run().folder.with_name("leaky"))
    (older.parent / "validation.csv").unlink()
    with pytest.raises(CheckpointError, match="4 of 4 validation cases"):
        run_fold(paths, epochs=1, pretrained_weights=older)


def test_the_same_folds_are_known_by_their_hash(paths, older, run_fold):
    (older.parent / "validation.csv").unlink()
    run_fold(paths, epochs=1, pretrained_weights=older)
    source = source_of(paths)
    assert (source.leaked, source.doubts) == ((), ())
    assert "kept no list of training cases" in source.untold[0]


def test_a_label_that_was_corrected_makes_no_other_fold(paths, older, run_fold):
    """It changes the hash of the fold, but not which cases it held out."""
    raw = load_raw_dataset(paths.raw)
    other = dict(zip(raw.dataset.classes, reversed(raw.dataset.classes), strict=True))
    cases = [dataclasses.replace(case, label=other[case.label]) for case in raw.cases]
    write_raw_tables(paths.raw, raw.dataset, cases)
    run_fold(paths, epochs=1, pretrained_weights=older)
    assert (source_of(paths).leaked, source_of(paths).doubts) == ((), ())


@pytest.mark.parametrize("change", ["none", "of another fold", "without a hash"])
def test_without_a_record_of_their_fold_they_are_doubted(paths, older, run_fold, change):
    beside = older.parent / "run.json"
    if change == "none":
        beside.unlink()
    else:
        run = documents.read(Run, beside)
        changes = {"fold": 3} if change == "of another fold" else {"fold_hash": ""}
        documents.write(beside, dataclasses.replace(run, **changes))
    run_fold(paths, epochs=1, pretrained_weights=older)
    (doubt,) = source_of(paths).doubts
    assert "no run.json beside the file says whether that fold held out the cases" in doubt

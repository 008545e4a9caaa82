"""Models of which folds are missing, were trained for other epochs, or whose files were edited."""

from __future__ import annotations

import dataclasses
import logging

import pytest

from ricenet_v2.core import documents
from ricenet_v2.core.errors import CheckpointError
from ricenet_v2.inference.ensemble import load_ensemble
from ricenet_v2.inference.folds import chosen_folds
from ricenet_v2.records.dataset import Dataset
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.run import Run
from ricenet_v2.store import checkpoints
from ricenet_v2.store.paths import ModelPaths


@pytest.fixture
def plan(model):
    """Of both folds."""
    fields = documents.parsed_object(checkpoints.load(model.fold(0).final)["plan"])
    return documents.from_fields(
        Plan, {name: v for name, v in fields.items() if name not in ("document", "schema")}
    )


def trained(model, plan, fold, done, *, name="final", **training):
    """Write a checkpoint of the fold as if it had been trained so for `done` epochs."""
    training = dataclasses.replace(plan.training, **training)
    text = documents.to_text(dataclasses.replace(plan, training=training))
    state = {**checkpoints.load(model.fold(fold).final), "plan": text, "epoch": done}
    checkpoints.save(model.fold(fold).checkpoint(name), state)


def record(model, fold, n_folds):
    run = Run("D", "auto", "", fold, (), 0, "cpu", 3, "running", None, (), {}, n_folds=n_folds)
    documents.write(model.fold(fold).run, run)


@pytest.mark.parametrize(("beside", "is_named"), [(True, True), (False, False)])
def test_the_network_of_all_cases_is_named_where_there_is_one(tmp_path, beside, is_named):
    paths = ModelPaths(tmp_path / "auto__all")
    paths.folder.mkdir()
    if beside:
        paths.full.fold(0).folder.mkdir(parents=True)
    with pytest.raises(CheckpointError, match="checkpoint_final") as caught:
        chosen_folds(paths, None, "final")
    assert ("(-f full for the network of all training cases)" in caught.value.remedy) == is_named


def test_missing_folds_are_named_where_none_is_asked_for(model, caplog):
    assert load_ensemble(model.folder, device="cpu").warnings == ()
    record(model, 0, 5)
    record(model, 3, 5)
    with caplog.at_level(logging.WARNING, logger="ricenet_v2"):
        ensemble = load_ensemble(model.folder, device="cpu")
    said = "only 2 of 5 folds predict: folds 2, 3, 4 have no checkpoint_final.pth"
    assert ensemble.warnings == (said,)
    assert f"{model.folder}: {said}" in caplog.messages
    assert ensemble.predictions([]).warnings[-1] == said
    assert load_ensemble(model.folder, [0, 1], device="cpu").warnings == ()


def test_a_gap_tells_without_a_record(model):
    model.fold(0).folder.rename(model.folder / "aside")
    (said,) = load_ensemble(model.folder, device="cpu").warnings
    assert said == "only 1 of 2 folds predict: fold 0 has no checkpoint_final.pth"


def test_a_record_that_cannot_be_read_stops_nothing(model):
    model.fold(0).run.write_text("{")
    record(model, 1, 3)
    (said,) = load_ensemble(model.folder, device="cpu").warnings
    assert said.startswith("only 2 of 3 folds predict: fold 2 has")


def test_folds_of_unequal_epochs_are_named(model, plan):
    trained(model, plan, 0, 3)
    trained(model, plan, 1, 7, epochs=7)
    (said,) = load_ensemble(model.folder, device="cpu").warnings
    assert said == "its folds were not trained for equally many epochs (fold 0: 3; fold 1: 7)"
    assert load_ensemble(model.folder, [1], device="cpu").warnings == ()


def test_a_fold_that_is_still_trained_is_named(model, plan):
    trained(model, plan, 0, 1, name="latest")
    trained(model, plan, 1, 3, name="latest")
    (said,) = load_ensemble(model.folder, checkpoint="latest", device="cpu").warnings
    assert "(fold 0: 1; fold 1: 3)" in said


@pytest.mark.parametrize(("name", "stops"), [("best", 0), ("final", 2)])
def test_epochs_that_the_cases_chose_are_as_they_should_be(model, plan, name, stops):
    trained(model, plan, 0, 1, name=name, early_stop_epochs=stops)
    trained(model, plan, 1, 3, name=name, early_stop_epochs=stops)
    assert load_ensemble(model.folder, checkpoint=name, device="cpu").warnings == ()


def test_an_edited_plan_is_named_by_field_and_not_followed(model, plan):
    documents.write(model.plan, plan)
    assert load_ensemble(model.folder, device="cpu").warnings == ()
    flips = dataclasses.replace(plan.training.augmentation, mirror_axes=(0, 2))
    training = dataclasses.replace(plan.training, augmentation=flips, epochs=99)
    edited = dataclasses.replace(plan, training=training, spacing=(1.0, 1.0, 9.0))
    documents.write(model.plan, edited)
    ensemble = load_ensemble(model.folder, device="cpu")
    (said,) = ensemble.warnings
    was, axes = plan.spacing[2], list(plan.training.augmentation.mirror_axes)
    assert said == (
        "plan.json is not what the folds were trained by, and is not followed: spacing.2 is 9.0 "
        f"there, {was} in the folds; training.augmentation.mirror_axes is [0, 2] there, {axes} in "
        "the folds"
    )
    assert ensemble.plan == plan


def test_an_edited_dataset_and_a_broken_plan_are_named(model, plan):
    fields = documents.parsed_object(checkpoints.load(model.fold(0).final)["dataset"])
    documents.write(model.dataset, _dataset(fields))
    assert load_ensemble(model.folder, device="cpu").warnings == ()
    documents.write(model.dataset, dataclasses.replace(_dataset(fields), allow_any_size=True))
    model.plan.write_text("{")
    plan_said, dataset_said = load_ensemble(model.folder, device="cpu").warnings
    assert plan_said.startswith("plan.json cannot be compared")
    assert dataset_said.endswith("allow_any_size is true there, null in the folds")


def _dataset(fields):
    known = {name: value for name, value in fields.items() if name not in ("document", "schema")}
    return documents.from_fields(Dataset, known)

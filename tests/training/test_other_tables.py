"""Tables of a dataset that are edited between its stages are compared with what these used."""

from __future__ import annotations

import dataclasses

import pytest

from ricenet_v2.core import documents
from ricenet_v2.core.errors import PlanError, TrainingError
from ricenet_v2.records.dataset import Channel, Dataset
from ricenet_v2.records.run import Run
from ricenet_v2.records.splits import Splits
from ricenet_v2.store.paths import DATASET_JSON, DatasetPaths
from ricenet_v2.store.raw import load_raw_dataset, write_raw_tables
from ricenet_v2.store.tables import read_rows
from ricenet_v2.training.options import TrainOptions
from ricenet_v2.training.process_group import ProcessGroup
from ricenet_v2.training.training_setup import load_setup


def edit(paths: DatasetPaths, **changes: object) -> None:
    raw = load_raw_dataset(paths.raw)
    write_raw_tables(paths.raw, dataclasses.replace(raw.dataset, **changes), raw.cases)


def correct(paths: DatasetPaths, case_id: str, **changes: str) -> None:
    raw = load_raw_dataset(paths.raw)
    cases = [
        dataclasses.replace(case, **changes) if case.case_id == case_id else case
        for case in raw.cases
    ]
    write_raw_tables(paths.raw, raw.dataset, cases)


@pytest.fixture
def with_a_fold(with_training, make_workspace, run_fold, as_it_was):
    """A workspace whose fold 1 was trained; fold 0 is next."""

    def make(folder):
        paths = make_workspace(with_training(epochs=1, iterations_per_epoch=1), folder)
        run_fold(paths)
        done = paths.run()
        done.fold(0).folder.rename(done.fold(1).folder)
        run = documents.read(Run, done.fold(1).run)
        labels = {case.case_id: case.label for case in load_raw_dataset(paths.raw).cases}
        patients = {case.case_id: case.patient_id for case in load_raw_dataset(paths.raw).cases}
        fold = documents.read(Splits, paths.splits).folds[1]
        now = dataclasses.replace(run, fold=1, fold_hash=fold.hash_with(labels, patients))
        documents.write(done.fold(1).run, now)

    return as_it_was(make)


T1C, DOSE = Channel("T1c", "mri"), Channel("dose", "dose")


@pytest.mark.parametrize(
    "change",
    [
        {"channels": (DOSE, T1C)},  # one image would be taken for the other
        {"channels": (Channel("T1", "mri"), DOSE)},
        {"channels": (Channel("T1c", "ct"), DOSE)},
        {"channels": (T1C,)},
        {"classes": ("recurrence", "radiation_effect")},
        {"classes": ("radiation_effect", "recurrence", "neither")},
    ],
)
def test_channels_and_classes_are_those_of_the_plan(plan, make_workspace, run_fold, change):
    paths = make_workspace(plan)
    edit(paths, **change)
    with pytest.raises(PlanError, match="not the one that this plan was made for") as caught:
        run_fold(paths)
    assert caught.value.file == paths.raw / DATASET_JSON
    assert next(iter(change)) in str(caught.value.got)
    assert not paths.run().folder.exists()
    with pytest.raises(PlanError, match="not the one that this plan was made for"):
        load_setup(str(paths.raw), "auto", None, TrainOptions(), ProcessGroup(0, 1, None))


@pytest.mark.parametrize(
    "change", [{"licence": "CC0"}, {"reference": "none"}, {"positive_class": "radiation_effect"}]
)
def test_other_words_of_a_description_may_change(with_a_fold, run_fold, change):
    edit(with_a_fold, **change)
    assert run_fold(with_a_fold).status == "finished"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"file_ending": ".nrrd"}, "file_ending .nii.gz then, .nrrd now"),
        ({"name": "Dataset009_Renamed"}, "name Dataset009_Tiny then, Dataset009_Renamed now"),
        ({"channels": (dataclasses.replace(T1C, timepoint="event"), DOSE)}, "time point"),
    ],
)
def test_what_prediction_would_refuse_is_refused_before_training(
    with_a_fold, run_fold, change, told
):
    edit(with_a_fold, **change)
    with pytest.raises(TrainingError, match="changed since the other folds") as caught:
        run_fold(with_a_fold)
    assert told in str(caught.value.got)


def test_folds_of_other_labels_or_patients_are_no_one_model(with_a_fold, run_fold):
    correct(with_a_fold, "C00", label="recurrence")
    with pytest.raises(TrainingError, match="changed since the other folds") as caught:
        run_fold(with_a_fold)
    told = str(caught.value.got)
    assert told.startswith("fold 1: other cases, labels or patients of the fold")
    held_out = {row["case_id"] for row in read_rows(with_a_fold.run().fold(1).validation)}
    assert ("C00: radiation_effect then, recurrence now" in told) == ("C00" in held_out)
    correct(with_a_fold, "C00", label="radiation_effect")
    assert run_fold(with_a_fold).status == "finished"


def test_exchanged_cases_of_two_folds_are_told(with_a_fold, run_fold):
    """splits_final.json is edited: each case is still held out once."""
    splits = documents.read(Splits, with_a_fold.splits)
    first, second = splits.folds[1], splits.folds[2]
    one, other = first.validation[0], second.validation[0]

    def swapped(cases):
        exchanged = {one: other, other: one}
        return tuple(sorted(exchanged.get(case, case) for case in cases))

    made = [
        dataclasses.replace(f, train=swapped(f.train), validation=swapped(f.validation))
        for f in (first, second)
    ]
    folds = (splits.folds[0], *made, *splits.folds[3:])
    documents.write(with_a_fold.splits, dataclasses.replace(splits, folds=folds))
    with pytest.raises(TrainingError, match="changed since the other folds") as caught:
        run_fold(with_a_fold)
    assert "fold 1: other cases" in str(caught.value.got)


def test_folds_of_other_images_are_no_one_model(with_a_fold, run_fold):
    path = with_a_fold.run().fold(1).run
    run = documents.read(Run, path)
    documents.write(path, dataclasses.replace(run, preprocessed_hash="of others"))
    with pytest.raises(TrainingError, match="changed since the other folds") as caught:
        run_fold(with_a_fold)
    assert caught.value.got == "fold 1: other preprocessed images"


def test_runs_of_older_versions_tell_nothing(with_a_fold, run_fold):
    path = with_a_fold.run().fold(1).run
    run = documents.read(Run, path)
    documents.write(path, dataclasses.replace(run, preprocessed_hash="", fold_hash=""))
    documents.read(Dataset, with_a_fold.run().dataset)
    assert run_fold(with_a_fold).status == "finished"

"""A study that changed after it was trained is refused before anything is trained or predicted."""

import dataclasses
import json
import shutil

import pytest
import SimpleITK as sitk

from ricenet_v2.ablation.budget import BudgetRequest, budget_of
from ricenet_v2.ablation.groups import groups_of
from ricenet_v2.ablation.study_consistency import check_budget, check_images
from ricenet_v2.ablation.subsets import every_subset
from ricenet_v2.cli import ablate, plan_and_preprocess
from ricenet_v2.core import documents
from ricenet_v2.core.errors import TrainingError
from ricenet_v2.core.files import sha256_of_file
from ricenet_v2.phantom.cohort import CHANNELS, NAME
from ricenet_v2.records.dataset import Dataset
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.run import Run
from ricenet_v2.records.splits import Fold, Splits
from ricenet_v2.records.weights import PretrainedSource
from ricenet_v2.store.paths import CASES_CSV, DATASET_JSON
from ricenet_v2.store.tables import read_rows, write_rows
from ricenet_v2.store.workspace import dataset_paths
from ricenet_v2.training.options import TrainOptions
from ricenet_v2.training.settings import with_channels
from ricenet_v2.training.training_setup import load_setup
from tests.tiny_cohort import FOLDS

WHOLE = "T1c_post_op+T1c_event+dose"
CHANGED = "The study has changed since these models were trained"


@pytest.fixture
def paths(trained_cohort, tmp_path):
    """A copy of the trained cohort; the model of the dose looks as if it were trained too."""
    space = shutil.copytree(trained_cohort, tmp_path / "space")
    found = dataset_paths(NAME, space)
    model = found.run("auto", "dose")
    shutil.copytree(found.run().folder, model.folder)
    plan = with_channels(documents.read(Plan, model.plan), ["dose"])
    documents.write(model.plan, plan)
    for n in model.folds():
        old = documents.read(Run, model.fold(n).run)
        new = documents.fingerprint_of(plan)
        documents.write(
            model.fold(n).run, dataclasses.replace(old, plan_hash=new, channels=("dose",))
        )
    return found


def files_of(paths):
    """Folders without their times: a lock comes and goes in them."""
    there = paths.results.rglob("*")
    return {path: path.is_file() and path.stat().st_mtime_ns for path in there}


def refused(paths, capsys, *more):
    """What the command says, having neither written nor deleted anything."""
    before = files_of(paths)
    line = [NAME, "--workspace", str(paths.raw.parent.parent), "--subsets", "dose", *more]
    assert ablate.main([*line, "--device", "cpu", "--executor", "serial"]) == 2
    assert before == files_of(paths)
    return capsys.readouterr().err


def prepared_again(paths, *more):
    words = [NAME, "--workspace", str(paths.raw.parent.parent), "--num_workers", "1"]
    words += more
    assert plan_and_preprocess.main(words) == 0


def test_other_folds(paths, capsys):
    splits = documents.read(Splits, paths.splits)
    held_out = [fold.validation for fold in splits.folds]
    every = sorted(case for cases in held_out for case in cases)
    folds = tuple(
        Fold(tuple(case for case in every if case not in cases), cases)
        for cases in (*held_out[1:], held_out[0])
    )
    documents.write(paths.splits, dataclasses.replace(splits, folds=folds))
    told = refused(paths, capsys)
    assert CHANGED in told
    for n in range(FOLDS):
        assert f"{WHOLE}, fold {n}: other cases, labels or patients in the fold\n" in told
        assert f"dose, fold {n}: other cases, labels or patients in the fold\n" in told
    assert "train new ones" in " ".join(told.split())
    assert "undo the change" in told


@pytest.mark.parametrize("column", ["label", "patient_id"])
def test_other_labels_and_other_patients(paths, capsys, column):
    file = paths.raw / CASES_CSV
    rows = read_rows(file)
    training = [row for row in rows if row["split"] == "train"]
    one = training[0]
    other = next(row for row in training if row["label"] != one["label"])
    one[column], other[column] = other[column], one[column]
    write_rows(file, rows)
    told = refused(paths, capsys)
    assert CHANGED in told
    assert "dose, fold 0: other cases, labels or patients in the fold\n" in told


def test_another_plan_whether_or_not_it_was_preprocessed(paths, capsys):
    fields = json.loads(paths.plan().read_text())
    dose = next(channel for channel in fields["channels"] if channel["name"] == "dose")
    dose["normalisation"]["divisor"] *= 4
    paths.plan().write_text(json.dumps(fields))
    wanted = f"{WHOLE}, fold 0, 1, 2: trained by another plan: channels (dose)\n"
    for _ in range(2):
        told = refused(paths, capsys)
        assert CHANGED in told
        assert wanted in told
        assert "dose, fold 0, 1, 2: trained by another plan: channels (dose)\n" in told
        prepared_again(paths)
    assert json.loads(paths.plan().read_text())["channels"] == fields["channels"]


def test_another_network(paths, capsys):
    fields = json.loads(paths.plan().read_text())
    fields["network"]["features"] = [2 * n for n in fields["network"]["features"]]
    paths.plan().write_text(json.dumps(fields))
    told = refused(paths, capsys)
    assert "dose, fold 0, 1, 2: trained by another plan: network (features)" in told


@pytest.mark.parametrize("folder", ["imagesTr", "imagesTs"])
def test_other_images_that_were_not_preprocessed_again(paths, capsys, folder):
    file = turned_over(paths, folder)
    told = refused(paths, capsys)
    assert "replaced after they were preprocessed" in told
    assert f"other files of 1 cases: {file.name[:6]}\n" in told


def test_images_that_were_moved_away_are_not_missed(paths):
    shutil.rmtree(paths.raw / "imagesTr")
    setup = load_setup(NAME, "auto", paths.raw.parent.parent, TrainOptions(), None)
    check_images(setup)


def turned_over(paths, folder):
    """The first image of the folder, which is replaced by another one."""
    file = min((paths.raw / folder).glob("*_0000*"))
    image = sitk.ReadImage(str(file))
    turned = sitk.GetImageFromArray(sitk.GetArrayFromImage(image)[::-1].copy())
    turned.CopyInformation(image)
    sitk.WriteImage(turned, str(file))
    return file


def test_other_images(paths, capsys):
    turned_over(paths, "imagesTr")
    plan = paths.plan().read_text()
    prepared_again(paths, "--overwrite")
    paths.plan().write_text(plan)  # whose network is narrower than the planner makes it
    told = refused(paths, capsys)
    assert CHANGED in told
    assert "dose, fold 2: other preprocessed images\n" in told
    assert f"{WHOLE}, fold 0: other preprocessed images\n" in told


def test_one_fold_of_one_subset_is_told_before_another_is_trained(paths, capsys):
    model = paths.run("auto", "dose")
    shutil.rmtree(model.fold(2).folder)
    run = documents.read(Run, model.fold(0).run)
    documents.write(model.fold(0).run, dataclasses.replace(run, fold_hash="0" * 64))
    told = refused(paths, capsys)
    assert "dose, fold 0: other cases, labels or patients in the fold" in told
    assert "fold 1" not in told


def test_more_folds_than_there_are_now(paths, capsys):
    model = paths.run("auto", "dose")
    shutil.copytree(model.fold(0).folder, model.fold(FOLDS).folder)
    run = documents.read(Run, model.fold(0).run)
    documents.write(model.fold(FOLDS).run, dataclasses.replace(run, fold=FOLDS))
    assert f"dose, fold {FOLDS}: there are only {FOLDS} folds now" in refused(paths, capsys)


def test_channels_that_were_renamed_and_not_planned_again(paths, capsys):
    file = paths.raw / DATASET_JSON
    dataset = documents.read(Dataset, file)
    first, *others = dataset.channels
    renamed = dataclasses.replace(first, name="T1c_early")
    documents.write(file, dataclasses.replace(dataset, channels=(renamed, *others)))
    told = refused(paths, capsys)
    assert "not the one that this plan was made for" in told
    assert "T1c_early (mri)" in told


def test_other_pretrained_weights(paths, tmp_path):
    file = tmp_path / "weights.pth"
    file.write_bytes(b"these")
    subsets = every_subset(groups_of(CHANNELS, "channel"), [c.name for c in CHANNELS], "auto")
    model = paths.run()
    for n in model.folds():
        source = PretrainedSource(str(file), sha256_of_file(file), "ricenet", 1, 0, 0, 0)
        run = documents.read(Run, model.fold(n).run)
        documents.write(model.fold(n).run, dataclasses.replace(run, pretrained=source))
    plan = documents.read(Plan, paths.plan())
    budget = budget_of(paths, plan, BudgetRequest(pretrained_weights=file))
    allowed = budget_of(paths, plan, BudgetRequest(pretrained_weights=file, allow_leak=True))
    assert [one.options(subsets[0]).allow_leak for one in (budget, allowed)] == [False, True]
    check_budget(paths, subsets[:1], budget)
    with pytest.raises(TrainingError, match="dose, fold 0: began with other pretrained weights"):
        check_budget(paths, subsets, budget)
    file.write_bytes(b"those")
    with pytest.raises(TrainingError, match=r"event\+dose, fold 0: began with other pretrained"):
        check_budget(paths, subsets[:1], budget)
    file.unlink()
    with pytest.raises(TrainingError, match="pretrained weights does not exist"):
        check_budget(paths, subsets[:1], budget)


def test_settings_of_the_full_model_that_the_plan_has_otherwise_are_told(paths, caplog):
    plan = documents.read(Plan, paths.plan())
    with caplog.at_level("INFO", logger="ricenet_v2"):
        budget_of(paths, plan, BudgetRequest())
    planned = plan.training.iterations_per_epoch
    assert f"iterations_per_epoch 2 ({planned})" in caplog.text
    assert f"epochs 2 ({plan.training.epochs})" in caplog.text

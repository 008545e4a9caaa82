"""Members put together: combining, arrays in, warnings, checkpoints that do not fit."""

import dataclasses
import itertools
import shutil

import numpy as np
import pytest
import torch
from torch import nn

from ricenet_v2.core import documents
from ricenet_v2.core.errors import CheckpointError, DatasetError, PlanError, RegionError
from ricenet_v2.core.grid import Grid
from ricenet_v2.inference.combining import combine_members
from ricenet_v2.inference.ensemble import load_ensemble
from ricenet_v2.inference.patient import files_of, prepare
from ricenet_v2.inference.test_time_augmentation import mirrorings, probabilities
from ricenet_v2.inference.uncertainty import disagreement
from ricenet_v2.phantom.cohort import NAME
from ricenet_v2.records.dataset import Dataset
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.region import RegionPlan
from ricenet_v2.records.run import Run
from ricenet_v2.records.splits import Splits
from ricenet_v2.store import checkpoints
from ricenet_v2.store.case_images import load_case
from ricenet_v2.store.cases import read_array, read_record
from ricenet_v2.store.raw import load_raw_dataset
from ricenet_v2.store.workspace import dataset_paths
from tests.tiny_cohort import FOLDS


@pytest.fixture(scope="module")
def paths(trained_cohort):
    return dataset_paths(NAME, trained_cohort)


@pytest.fixture(scope="module")
def ensemble(paths):
    return load_ensemble(paths.run().folder, device="cpu")


@pytest.fixture
def own_model(paths, tmp_path):
    """A copy of the model that a test may damage."""
    return shutil.copytree(paths.run().folder, tmp_path / "model")


def read(paths, case):
    raw = load_raw_dataset(paths.raw)
    return load_case(raw.images(case), raw.mask(case, "brain"))


def test_the_mean_of_rounded_probabilities_sums_to_1():
    rounded = np.array([[0.333, 0.333, 0.333], [0.1, 0.3, 0.599]])
    _, combined = combine_members(rounded, "mean")
    np.testing.assert_allclose(combined, rounded.mean(axis=0) / 0.999, rtol=1e-12)


def test_the_mean_of_probabilities_is_worked_by_hand():
    members = np.array([[0.9, 0.1], [0.4, 0.6], [0.4, 0.6]])
    predicted, combined = combine_members(members, "mean")
    assert predicted == 0
    np.testing.assert_allclose(combined, [1.7 / 3, 1.3 / 3])


def test_the_vote_counts_members_and_a_tie_goes_to_the_higher_mean():
    members = np.array([[0.9, 0.1], [0.4, 0.6], [0.4, 0.6]])
    predicted, shares = combine_members(members, "vote")
    assert predicted == 1
    np.testing.assert_allclose(shares, [1 / 3, 2 / 3])
    tied = np.array([[0.9, 0.1], [0.45, 0.55]])
    predicted, shares = combine_members(tied, "vote")
    assert predicted == 0
    np.testing.assert_allclose(shares, [0.5, 0.5])


@pytest.mark.parametrize("axes", [(), (2,), (0, 2), (0, 1, 2)])
def test_mirrorings_are_all_subsets(axes):
    every = {subset for n in range(len(axes) + 1) for subset in itertools.combinations(axes, n)}
    assert set(mirrorings(axes)) == every
    assert mirrorings(axes)[0] == ()


def test_mirroring_averages_the_softmax_of_each_turn():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(2 * 2 * 3, 2)).eval()
    batch = torch.randn(1, 1, 2, 2, 3)
    plain = torch.softmax(network(batch), 1)
    turned = torch.softmax(network(batch[..., [2, 1, 0]]), 1)
    found = probabilities(network, batch, (2,))
    torch.testing.assert_close(found, (plain + turned) / 2)
    torch.testing.assert_close(probabilities(network, batch), plain)


def test_out_of_fold_rows_are_what_the_fold_predicts(paths):
    """validation.csv was written by the training; the checkpoint alone gives the same numbers."""
    from ricenet_v2.store.tables import read_rows

    fold = paths.run().fold(2)
    alone = load_ensemble(paths.run().folder, [2], device="cpu")
    rows = read_rows(fold.validation)
    assert rows
    for row in rows:
        array = read_array(paths.cases(), row["case_id"])
        found = alone.predict(array, read_record(paths.cases(), row["case_id"]))
        have = [float(row[f"prob_{name}"]) for name in alone.plan.classes]
        np.testing.assert_allclose(found.probabilities, have, atol=1e-6)


def test_probabilities_are_corrected_for_the_training_cases_of_all_folds(paths):
    """The outputs of the network, the labels of cases.csv and the folds alone give the rest."""
    from ricenet_v2.store.tables import read_rows

    splits = documents.read(Splits, paths.splits)
    labels = {case.case_id: case.label for case in load_raw_dataset(paths.raw).cases}
    alone = load_ensemble(paths.run().folder, [1], device="cpu")
    classes = alone.plan.classes
    fold = splits.folds[1]
    known = [classes.index(labels[case]) for case in (*fold.train, *fold.validation)]
    shares = np.bincount(known) / len(known)
    assert shares[0] != shares[1]
    axes = alone.plan.training.augmentation.mirror_axes
    for row in read_rows(paths.run().fold(1).validation):
        batch = torch.from_numpy(read_array(paths.cases(), row["case_id"]))[None]
        output = probabilities(alone.members[1], batch, axes)[0].double().numpy()
        expected = output * shares / (output @ shares)
        have = [float(row[f"prob_{name}"]) for name in classes]
        np.testing.assert_allclose(have, expected, atol=1e-6)
        assert row["predicted"] == classes[int(output.argmax())]
    run = documents.read(Run, paths.run().fold(1).run)
    assert run.prior == alone.odds.priors[1]
    assert run.prior.shares == pytest.approx(shares)
    assert run.decide == "balanced"


@pytest.fixture
def older_model(own_model):
    """The model as a version would have left it that kept no prior."""
    for fold in range(FOLDS):
        path = own_model / f"fold_{fold}" / "checkpoint_final.pth"
        state = checkpoints.load(path)
        del state["prior"]
        checkpoints.save(path, state)
    return own_model


def test_an_older_model_predicts_as_it_did_and_says_what_it_lacks(older_model, paths):
    case = load_raw_dataset(paths.raw).split("test")[0].case_id
    array, record = read_array(paths.cases(), case), read_record(paths.cases(), case)
    older = load_ensemble(older_model, device="cpu")
    made = older.predict(array, record)
    axes = older.plan.training.augmentation.mirror_axes
    batch = torch.from_numpy(array)[None]
    outputs = [probabilities(one, batch, axes)[0].double() for one in older.members.values()]
    mean = np.asarray(torch.stack(outputs).mean(dim=0))
    np.testing.assert_allclose(made.probabilities, mean)
    expected = disagreement(np.stack([output.numpy() for output in outputs]))
    assert made.disagreement == pytest.approx(expected)
    assert load_ensemble(older_model, [0], device="cpu").predict(array, record).disagreement is None
    assert made.predicted == older.plan.classes[int(mean.argmax())]
    whole = older.predictions([made])
    assert (whole.prior, whole.decide, whole.priors) == ((), None, ())
    assert "do not say how frequent the classes were" in whole.warnings[0]
    with pytest.raises(CheckpointError, match="not calibrated"):
        load_ensemble(older_model, device="cpu", calibrated=True)
    ensemble = load_ensemble(older_model, device="cpu", prior=["0.3"])
    named = ensemble.predict(array, record)
    assert named.probabilities != made.probabilities
    assert (whole.prior_named, ensemble.predictions([named]).prior_named) == (False, True)


def test_folds_of_two_versions_are_not_corrected(own_model):
    path = own_model / "fold_2" / "checkpoint_final.pth"
    state = checkpoints.load(path)
    del state["prior"]
    checkpoints.save(path, state)
    mixed = load_ensemble(own_model, device="cpu")
    assert (mixed.odds.prior, mixed.odds.taught) == ((), {})
    assert "fold 2" in mixed.odds.warnings[0]


def test_arrays_give_what_the_preprocessed_case_gives(ensemble, paths):
    case = load_raw_dataset(paths.raw).split("test")[0]
    images, grid, brain = read(paths, case)
    found = ensemble.predict_case(images, grid, brain=brain, case_id=case.case_id)
    stored = ensemble.predict(
        read_array(paths.cases(), case.case_id), read_record(paths.cases(), case.case_id)
    )
    np.testing.assert_allclose(found.probabilities, stored.probabilities, atol=1e-6)
    members = np.array([member.probabilities for member in found.members])
    assert [member.fold for member in found.members] == [0, 1, 2]
    np.testing.assert_allclose(members.mean(axis=0), found.probabilities)
    assert found.entropy == pytest.approx(-(members.mean(0) * np.log(members.mean(0))).sum())
    shares = np.array([ensemble.odds.priors[fold].shares for fold in range(FOLDS)])
    called = (members / shares).argmax(axis=1) == ensemble.plan.classes.index(found.predicted)
    assert found.agreement == pytest.approx(called.mean())


def test_a_case_that_was_trained_on_is_no_new_patient(ensemble, paths):
    case = load_raw_dataset(paths.raw).split("train")[0]
    folds = documents.read(Splits, paths.splits).folds
    own = [str(n) for n, fold in enumerate(folds) if case.case_id in fold.train]
    assert len(own) == FOLDS - 1
    images, grid, brain = read(paths, case)
    found = ensemble.predict_case(images, grid, brain=brain, case_id="under another name")
    assert f"its images are among those that fold {', '.join(own)} was trained on" in "; ".join(
        found.warnings
    )


def test_what_lies_outside_the_training_data_is_said(ensemble, paths):
    case = load_raw_dataset(paths.raw).split("test")[0]
    images, grid, brain = read(paths, case)
    assert ensemble.predict_case(images, grid, brain=brain).warnings == ()
    coarse = Grid(grid.shape, (14.0, grid.spacing[1], grid.spacing[2]))
    hot = images.copy()
    hot[2] *= 2
    text = "; ".join(ensemble.predict_case(hot, coarse, brain=brain).warnings)
    assert "spacing of 14 mm along z" in text
    assert f"maximum of {hot[2].max():.1f} Gy is outside the training range" in text


def test_a_patient_without_the_mask_that_the_plan_needs_is_refused(ensemble, paths, tmp_path):
    case = load_raw_dataset(paths.raw).split("test")[0]
    images, grid, _ = read(paths, case)
    assert ensemble.plan.region == RegionPlan("brain")
    with pytest.raises(RegionError, match="no brain mask"):
        ensemble.predict_case(images, grid)
    with pytest.raises(RegionError, match="brain mask is empty"):
        ensemble.predict_case(images, grid, brain=np.zeros(grid.shape, dtype=bool))
    masks = tmp_path / "masks"
    masks.mkdir()
    files = files_of(ensemble, case.case_id, load_raw_dataset(paths.raw).images(case), (masks,))
    with pytest.raises(RegionError, match=rf"{case.case_id}_brain\.nii\.gz") as caught:
        prepare(ensemble.plan, files)
    assert "--masks" in caught.value.remedy


def test_a_patient_without_the_mask_that_training_had_is_told(ensemble, paths):
    images, grid, _ = read(paths, load_raw_dataset(paths.raw).split("test")[0])
    # As of plans of before there were regions.
    earlier = dataclasses.replace(ensemble, plan=dataclasses.replace(ensemble.plan, region=None))
    warnings = earlier.predict_case(images, grid).warnings
    (warning,) = (text for text in warnings if "cropped to" in text)
    assert "cropped to the non-zero voxels" in warning
    assert "training cases were cropped to the brain mask" in warning


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda images: images[:2], "dose"),
        (lambda images: images[:, 1:], "grid"),
        (lambda images: np.where(images > 0, np.nan, images), "not numbers"),
    ],
)
def test_unusable_arrays_are_refused_with_the_case(ensemble, paths, spoil, said):
    case = load_raw_dataset(paths.raw).split("test")[0]
    images, grid, brain = read(paths, case)
    with pytest.raises(DatasetError, match=said) as caught:
        ensemble.predict_case(spoil(images), grid, brain=brain, case_id="patient7")
    assert "patient7" in str(caught.value)


def test_missing_folds_are_named(own_model):
    (own_model / "fold_2" / "checkpoint_final.pth").unlink()
    assert set(load_ensemble(own_model, device="cpu").members) == {0, 1}
    with pytest.raises(CheckpointError, match="folds \\[1, 2\\]"):
        load_ensemble(own_model, [1, 2], device="cpu")


def test_an_empty_model_folder_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="ricenet_train"):
        load_ensemble(tmp_path, device="cpu")


def test_folds_of_two_plans_do_not_mix(own_model):
    path = own_model / "fold_1" / "checkpoint_final.pth"
    state = checkpoints.load(path)
    plan = documents.read(Plan, own_model / "plan.json")
    state["plan"] = documents.to_text(dataclasses.replace(plan, spacing=(9.0, 9.0, 9.0)))
    checkpoints.save(path, state)
    with pytest.raises(PlanError, match="Fold 1"):
        load_ensemble(own_model, device="cpu")


@pytest.mark.parametrize("axes", [(), (0, 2)])
def test_folds_of_different_mirrorings_do_not_mix(own_model, axes):
    path = own_model / "fold_2" / "checkpoint_final.pth"
    state = checkpoints.load(path)
    plan = documents.read(Plan, own_model / "plan.json")
    augmentation = dataclasses.replace(plan.training.augmentation, mirror_axes=axes)
    training = dataclasses.replace(plan.training, augmentation=augmentation)
    state["plan"] = documents.to_text(dataclasses.replace(plan, training=training))
    checkpoints.save(path, state)
    with pytest.raises(PlanError, match="Fold 2") as caught:
        load_ensemble(own_model, device="cpu")
    assert "mirror_axes" in caught.value.got
    assert set(load_ensemble(own_model, [2], device="cpu").members) == {2}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        # The same channels in another order: files would be taken for one another.
        (lambda dataset: {"channels": dataset.channels[::-1]}, "dataset channels"),
        (lambda dataset: {"classes": dataset.classes[::-1]}, "dataset classes"),
        (lambda _: {"file_ending": ".nrrd"}, "file_ending"),
        (lambda _: {"name": "Dataset002_Other"}, "dataset"),
    ],
)
def test_folds_of_different_descriptions_do_not_mix(own_model, change, named):
    path = own_model / "fold_2" / "checkpoint_final.pth"
    state = checkpoints.load(path)
    dataset = documents.read(Dataset, own_model / "dataset.json")
    state["dataset"] = documents.to_text(dataclasses.replace(dataset, **change(dataset)))
    checkpoints.save(path, state)
    with pytest.raises(PlanError, match="Fold 2") as caught:
        load_ensemble(own_model, device="cpu")
    assert caught.value.got == f"another {named}"
    assert set(load_ensemble(own_model, [2], device="cpu").members) == {2}


def test_a_fold_that_was_copied_does_not_count_twice(own_model):
    shutil.copytree(own_model / "fold_0", own_model / "fold_5")
    with pytest.raises(CheckpointError, match="not distinct networks") as caught:
        load_ensemble(own_model, device="cpu")
    assert caught.value.got == (
        "folds 0 and 5 have the same weights; fold_5 holds a checkpoint of fold 0"
    )
    assert set(load_ensemble(own_model, range(FOLDS), device="cpu").members) == {0, 1, 2}


def test_a_copy_is_known_by_its_weights_alone(own_model):
    """Written anew by another version, with another number: other bytes, the same network."""
    state = checkpoints.load(own_model / "fold_0" / "checkpoint_final.pth")
    checkpoints.save(own_model / "fold_5" / "checkpoint_final.pth", {**state, "fold": 5})
    with pytest.raises(CheckpointError) as caught:
        load_ensemble(own_model, device="cpu")
    assert caught.value.got == "folds 0 and 5 have the same weights"


def test_exchanged_folders_of_folds_are_named(own_model):
    (own_model / "fold_2").rename(own_model / "aside")
    (own_model / "fold_1").rename(own_model / "fold_2")
    (own_model / "aside").rename(own_model / "fold_1")
    with pytest.raises(CheckpointError) as caught:
        load_ensemble(own_model, device="cpu")
    assert "fold_2 holds a checkpoint of fold 1" in caught.value.got


def test_a_damaged_checkpoint_is_named(own_model):
    path = own_model / "fold_1" / "checkpoint_final.pth"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="checkpoint_final"):
        load_ensemble(own_model, device="cpu")

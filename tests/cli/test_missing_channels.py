"""Patients who lack images, from the simulated cohort to metrics by what was there."""

from __future__ import annotations

import csv
import dataclasses
import shutil

import numpy as np
import pytest

import ricenet_v2 as rn
from ricenet_v2.ablation.groups import groups_of
from ricenet_v2.ablation.omitted import without_omitted
from ricenet_v2.ablation.subsets import named_subsets
from ricenet_v2.cli import ablate, evaluate, explain, plan_and_preprocess, predict, train
from ricenet_v2.core import documents
from ricenet_v2.core.errors import MissingChannelError
from ricenet_v2.network.device import resolve_device
from ricenet_v2.phantom.cohort import NAME, write_cohort
from ricenet_v2.records.ablation import Ablation, OmittedSubset
from ricenet_v2.records.metrics import Evaluation
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.prediction import Predictions
from ricenet_v2.records.report import ReportSection
from ricenet_v2.records.splits import Fold, Splits
from ricenet_v2.store.cases import read_array, read_record
from ricenet_v2.store.images import read_image
from ricenet_v2.store.workspace import dataset_paths
from ricenet_v2.training.options import TrainOptions
from ricenet_v2.training.process_group import ProcessGroup
from ricenet_v2.training.training_setup import load_setup
from tests.small_work import shrink

POST_OP, EVENT, DOSE = "T1c_post_op", "T1c_event", "dose"


@pytest.fixture(scope="module", autouse=True)
def _small_work():
    with pytest.MonkeyPatch.context() as patch:
        shrink(patch.setattr)
        yield


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    """A trained model of two folds, of a cohort in which some lack images."""
    folder = tmp_path_factory.mktemp("missing")
    write_cohort(
        folder / "raw" / NAME, seed=1, cases=12, test_cases=3, shape=(16, 20, 16),
        spacing=(11, 10, 11), missing_images={POST_OP: 0.4, DOSE: 0.2},
    )  # fmt: skip
    words = [NAME, "--workspace", str(folder), "--num_workers", "1"]
    assert plan_and_preprocess.main([*words, "--verify_only"]) == 2
    words += ["--allow_missing_channels", "--num_folds", "2", "--preset", "small"]
    assert plan_and_preprocess.main(words) == 0
    short = ["--plan", "small", "--epochs", "1", "--set", "iterations_per_epoch=1"]
    short += ["--device", "cpu", "--workspace", str(folder)]
    assert train.main([NAME, "all", *short]) == 0
    return folder


def _rows(file):
    with file.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_cases_are_stored_and_judged_by_what_they_have(space):
    paths = dataset_paths(NAME, space)
    plan = documents.read(Plan, paths.plan("small"))
    assert plan.allows_missing
    assert all(0.1 <= rate <= 0.5 for rate in plan.training.augmentation.channel_dropout)
    cells = {row["case_id"]: row["channels"] for row in _rows(paths.raw / "cases.csv")}
    there = {name for name, cell in cells.items() if cell == "all"}
    assert 0 < len(there) < len(cells)
    for name in cells:
        array, record = (read(paths.cases("small"), name) for read in (read_array, read_record))
        absent = [bool(np.isnan(image).all()) for image in array]
        assert absent == [channel.name in record.missing for channel in plan.channels]
        assert bool(record.missing) == (name not in there)
        assert np.isfinite(array[[not one for one in absent]]).all()
        assert set(record.dose_maximum) == {DOSE} - set(record.missing)
    rows = [row for n in (0, 1) for row in _rows(paths.run("small").fold(n).validation)]
    assert {row["case_id"]: row["channels"] for row in rows} == {
        row["case_id"]: cells[row["case_id"]] for row in rows
    }


def test_metrics_come_for_each_pattern(space, tmp_path):
    words = [NAME, "--plan", "small", "--workspace", str(space), "-o", str(tmp_path)]
    assert evaluate.main([*words, "--n_bootstrap", "20"]) == 0
    groups = documents.read(Evaluation, tmp_path / "metrics.json").groups
    named = [group.name for group in groups if group.name.startswith("channels = ")]
    assert "channels = all" in named
    assert len(named) > 1
    assert sum(group.n_cases for group in groups if group.name in named) == 12


def test_any_channels_predict_of_which_one_shows_the_patient(space, tmp_path):
    paths, images = dataset_paths(NAME, space), tmp_path / "images"
    images.mkdir()
    whole = next(
        row["case_id"] for row in _rows(paths.raw / "cases.csv") if row["channels"] == "all"
    )
    for new, channels in {"A": (0, 1, 2), "B": (1,), "C": (2,), "D": (0, 2)}.items():
        for n in channels:
            shutil.copy(
                paths.raw / f"imagesTr/{whole}_{n:04d}.nii.gz", images / f"{new}_{n:04d}.nii.gz"
            )
        shutil.copy(paths.raw / f"masksTr/{whole}_brain.nii.gz", images / f"{new}_brain.nii.gz")
    model = str(paths.run("small").folder)
    output = tmp_path / "out"
    words = ["-i", str(images), "-o", str(output), "-m", model, "--masks", str(images)]
    assert predict.main([*words, "--device", "cpu"]) == 1
    rows = {row["case_id"]: row for row in _rows(output / "predictions.csv")}
    assert {name: row["channels"] for name, row in rows.items()} == {
        "A": "all", "B": EVENT, "D": f"{POST_OP}+{DOSE}",
    }  # fmt: skip
    assert f"{POST_OP}, {DOSE} are missing: predicted from {EVENT}" in rows["B"]["warnings"]
    made = documents.read(Predictions, output / "predictions.json")
    (failed,) = made.failed
    assert failed.case_id == "C"
    assert "no channel that shows the patient" in failed.error
    (images / "B_0002.nii.gz").write_bytes((images / "A_0002.nii.gz").read_bytes())
    assert predict.main([*words, "--device", "cpu", "--continue"]) == 1
    again = {row["case_id"]: row for row in _rows(output / "predictions.csv")}
    assert again["B"]["channels"] == f"{EVENT}+{DOSE}"
    assert again["A"] == rows["A"]
    ensemble = rn.load_model(model, device="cpu")
    arrays = [read_image(images / f"A_{n:04d}.nii.gz")[0] for n in range(3)]
    grid = read_image(images / "A_0000.nii.gz")[1]
    brain = read_image(images / "A_brain.nii.gz")[0] > 0.5
    one = ensemble.predict_case([arrays[0], None, arrays[2]], grid, brain=brain)
    assert one.probabilities[0] == pytest.approx(
        float(rows["D"]["prob_radiation_effect"]), abs=1e-6
    )
    with pytest.raises(MissingChannelError, match="No channel is left"):
        ensemble.predict_case([None, None, arrays[2]], grid, brain=brain)


def test_maps_of_a_patient_without_a_channel(space, tmp_path):
    paths = dataset_paths(NAME, space)
    lacking = next(
        case for case in _rows(paths.raw / "cases.csv") if case["channels"] == f"{EVENT}+{DOSE}"
    )
    images, output = tmp_path / "images", tmp_path / "out"
    images.mkdir()
    for file in paths.raw.rglob(f"{lacking['case_id']}_*"):
        shutil.copy(file, images / file.name)
    words = ["-i", str(images), "--masks", str(images), "-o", str(output), "-f", "0"]
    words += ["-m", str(paths.run("small").folder), "--device", "cpu", "--sanity", "off"]
    assert explain.main([*words, "--window_mm", "60", "--stride_mm", "60", "--untrained", "3"]) == 0
    files = list((output / lacking["case_id"]).glob("*.nii.gz"))
    assert files
    assert all(np.isfinite(read_image(file)[0]).all() for file in files)
    assert not any(POST_OP in file.name for file in files)
    assert any(EVENT in file.name for file in files)


def _lacking(paths, name, split):
    rows = _rows(paths.raw / "cases.csv")
    return [
        row["case_id"] for row in rows
        if row["split"] == split and row["channels"] != "all" and name not in row["channels"]
    ]  # fmt: skip


def test_subsets_that_some_patients_cannot_be_shown_to_are_omitted(space, capsys):
    """As counted by hand from cases.csv; the other subsets are compared on all cases."""
    short = ["--plan", "small", "--epochs", "1", "--set", "iterations_per_epoch=1"]
    short += ["--device", "cpu", "--workspace", str(space), "--executor", "serial"]
    short += ["--n_bootstrap", "20", "--permutation_repeats", "0", "--num_workers", "0"]
    blind = [POST_OP, DOSE, f"{POST_OP}+{DOSE}"]
    assert ablate.main([NAME, *short, "--subsets", EVENT, *blind]) == 0
    paths = dataset_paths(NAME, space)
    (folder,) = paths.run("small").folder.glob("ablation_channel*")
    made = documents.read(Ablation, folder / "ablation.json")
    counts = [
        (subset, *(len(_lacking(paths, name, split)) for split in ("train", "test")))
        for subset, name in zip(blind, (POST_OP, DOSE, POST_OP), strict=True)
    ]
    assert all(n > 0 for _, n, _ in counts)
    assert [(each.name, each.train, each.test) for each in made.omitted] == counts
    assert not made.failed
    assert [each.name for each in made.subsets] == [f"{POST_OP}+{EVENT}+{DOSE}", EVENT]
    assert [(table.source, table.n_cases) for table in made.tables] == [
        ("out-of-fold", 12), ("test", 3),
    ]  # fmt: skip
    said = capsys.readouterr()
    _, n, n_test = counts[0]
    words = f"{POST_OP}: {n} of 12 training and {n_test} of 3 test cases"
    assert f"none of their channels that shows the patient: {words}" in said.err
    assert "Not trained: cases that have none of the channels" in " ".join(said.out.split())
    section = documents.read(ReportSection, folder / "report_part.json")
    assert section.tables[-1].rows == tuple(tuple(map(str, row)) for row in counts)
    before = sorted(paths.results.rglob("*"))
    assert ablate.main([NAME, *short, "--subsets", *blind]) == 2
    assert "No subset can be compared with all channels" in capsys.readouterr().err
    assert sorted(paths.results.rglob("*")) == before


def test_test_cases_that_lack_the_channels_of_a_subset_omit_it_too(space):
    """The subset could be trained, and would then fail at the test cases."""
    paths = dataset_paths(NAME, space)
    group = ProcessGroup(0, 1, resolve_device("cpu"))
    setup = load_setup(NAME, "small", space, TrainOptions(), group)
    lacking = _lacking(paths, POST_OP, "train")
    complete = tuple({case.case_id for case in setup.cases} - set(lacking))
    setup = dataclasses.replace(setup, splits=Splits(seed=0, folds=(Fold(complete, ()),)))
    test = [read_record(paths.cases("small"), name) for name in lacking]
    names = [channel.name for channel in setup.plan.channels]
    subsets = named_subsets(
        groups_of(setup.dataset.channels, "channel"), names, "small", [POST_OP, EVENT]
    )
    kept, omitted = without_omitted(setup, subsets, test)
    assert [subset.name for subset in kept] == [f"{POST_OP}+{EVENT}+{DOSE}", EVENT]
    assert omitted == (OmittedSubset(POST_OP, 0, len(lacking)),)


def test_a_network_is_not_trained_blind(space, capsys):
    """Whichever fold: no process is started for one, and no folder is left of it."""
    before = sorted(dataset_paths(NAME, space).results.rglob("*"))
    for fold in ("0", "all", "full"):
        words = [NAME, fold, "--plan", "small", "--channels", POST_OP, "--epochs", "1"]
        assert train.main([*words, "--device", "cpu", "--workspace", str(space)]) == 2
        said = capsys.readouterr().err
        assert said.count("Cases have none of the channels that the network is to see") == 1
        assert sorted(dataset_paths(NAME, space).results.rglob("*")) == before


def test_a_model_that_was_not_trained_for_it_refuses(trained_cohort, tmp_path):
    paths = dataset_paths(NAME, trained_cohort)
    images = tmp_path / "imagesTs"
    shutil.copytree(paths.raw / "imagesTs", images)
    shutil.copytree(paths.raw / "masksTs", tmp_path / "masksTs")
    lost = min(images.glob("*_0000.nii.gz"))
    lost.unlink()
    made = rn.predict(images, tmp_path / "out", paths.run().folder, device="cpu")
    (failed,) = made.failed
    assert lost.name.startswith(failed.case_id)
    assert "--allow_missing_channels" in failed.error
    assert len(made.cases) == 2

"""Checks that metrics are not too good: shuffled labels, patients and images on both sides."""

import dataclasses
import re

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from ricenet_v2.core import documents
from ricenet_v2.evaluation import sanity
from ricenet_v2.evaluation.evaluation_input import EvaluationInput
from ricenet_v2.evaluation.permutation import _shuffled, shuffled_labels
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.dataset import Case, Channel, Dataset
from ricenet_v2.records.fingerprint import CaseMeasurement, Fingerprint
from ricenet_v2.records.integrity import Integrity
from ricenet_v2.records.metrics import Metric
from ricenet_v2.records.prediction import CasePrediction, Predictions
from ricenet_v2.records.run import Run
from ricenet_v2.records.sanity import SanityCheck
from ricenet_v2.records.weights import PretrainedSource
from ricenet_v2.store.cases import write_case
from ricenet_v2.store.paths import DatasetPaths, ModelPaths
from ricenet_v2.store.raw import load_raw_dataset, write_raw_tables
from ricenet_v2.store.tables import write_rows


def test_shuffles_keep_labels_of_a_patient_together(draw):
    labelled = draw(2, n=31, per_patient=3)
    labelled = dataclasses.replace(labelled, truth=np.repeat(np.arange(11) % 2, 3)[:31])
    (truths,) = _shuffled(labelled, 50, np.random.default_rng(0))
    for patient in range(10):
        own = truths[:, 3 * patient : 3 * patient + 3]
        assert (own == own[:, :1]).all()
    assert (truths.sum(axis=1) == labelled.truth.sum()).all()
    assert len(np.unique(truths, axis=0)) > 25


def test_a_model_that_knows_is_told_from_chance_and_one_that_does_not_is_not(draw):
    knows = shuffled_labels(draw(2, n=80, knowledge=3), 1, 199)
    assert knows.outcome == "fine"
    assert knows.metrics[0].value == pytest.approx(1 / 200)
    guesses = shuffled_labels(draw(3, n=80, knowledge=0, seed=2), 1, 199)
    assert guesses.outcome == "doubt"


@pytest.mark.parametrize(("n_shuffles", "outcome"), [(19, "doubt"), (20, "fine")])
def test_a_p_of_one_in_twenty_is_no_proof_yet(draw, n_shuffles, outcome):
    """No shuffle is as good as the labels; they themselves are one of 20, or of 21."""
    check = shuffled_labels(draw(2, n=80, knowledge=3), 1, n_shuffles)
    assert [metric.value for metric in check.metrics] == [1 / (n_shuffles + 1)] * 2
    assert check.outcome == outcome


def test_p_of_shuffles_is_that_of_all_orders(draw):
    # 3 against 3, the class of interest highest: 1 of 20 orders is as good.
    labelled = draw(2, n=6, digits=6)
    p = np.array([0.1, 0.2, 0.3, 0.6, 0.7, 0.8])
    labelled = dataclasses.replace(
        labelled,
        truth=np.array([0, 0, 0, 1, 1, 1]),
        probabilities=np.column_stack([1 - p, p]),
        predicted=(p > 0.5).astype(int),
    )
    found = shuffled_labels(labelled, 1, 4000).metrics[0].value
    assert found == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / 4000))


def test_the_auroc_beside_shuffles_is_scikit_learns(draw):
    labelled = draw(2, n=40)
    expected = roc_auc_score(labelled.truth, labelled.probabilities[:, 1])
    text = shuffled_labels(labelled, 1, 999).found
    assert f"AUROC {expected:.3f}, p = " in text
    median = float(re.search(r"AUROC .*? median ([\d.]+), ", text).group(1))
    assert median == pytest.approx(0.5, abs=0.02)


def test_an_auroc_that_is_not_defined_has_no_p_and_decides_nothing(draw):
    labelled = draw(2, n=20)
    alone = dataclasses.replace(labelled, truth=np.zeros(20, dtype=int))
    found = shuffled_labels(alone, 1, 99)
    assert found.metrics[0].value is None
    assert "not defined" in found.metrics[0].warning
    assert "nan" not in found.found
    assert found.outcome == "doubt"  # the macro F1 decides: it is that of every shuffle


@pytest.fixture
def question(draw, tmp_path):
    """A dataset of 40 cases, two a patient, in five folds."""
    paths = DatasetPaths("D", tmp_path / "raw", tmp_path / "preprocessed", tmp_path / "results")
    labelled = draw(2, n=40, per_patient=2, folds=tuple(i // 2 % 5 for i in range(40)))

    def measured(i, size):
        return CaseMeasurement(
            labelled.case_ids[i], (size, 9, 9), (size, 9, 9), (1.0, 1.0, 1.0), 0.5, (), "", f"v{i}"
        )

    def make(sizes=None, twins=False):
        cases = [measured(i, 9 if sizes is None else sizes[i]) for i in range(40)]
        if twins:
            cases[3] = dataclasses.replace(cases[3], voxels="v17")
        found = Fingerprint("D", 40, 20, {"x": 20, "y": 20}, (), tuple(cases))
        documents.write(paths.fingerprint, found)
        rows = [
            Case(case, patient, labelled.classes[truth])
            for case, patient, truth in zip(
                labelled.case_ids, labelled.patients, labelled.truth, strict=True
            )
        ]
        write_raw_tables(paths.raw, Dataset("D", (Channel("a", "mri"),), ("x", "y")), rows)
        return EvaluationInput(labelled, 1, "t", "out-of-fold", dataset=paths)

    return make


def outcomes(made):
    return {check.name: check for check in made.checks}


def test_folds_without_leaks_are_fine(question):
    made = outcomes(sanity.check(question(), sanity.SanityOptions()))
    assert {name: check.outcome for name, check in made.items()} == {
        "patients on both sides of a fold": "fine",
        "the same images in two folds": "fine",
        "classes imaged differently": "fine",
    }


@pytest.mark.parametrize(("p", "outcome"), [(0.049, "doubt"), (0.05, "fine")])
def test_a_cohort_is_imaged_differently_where_p_is_below_one_in_twenty(
    question, monkeypatch, p, outcome
):
    shuffled = SanityCheck("", "fine", "", (Metric("p of AUROC", p, None, None, 40, ""),))
    monkeypatch.setattr(sanity, "shuffled_labels", lambda *_: shuffled)
    sizes = np.random.default_rng(0).integers(5, 20, 40).tolist()
    made = outcomes(sanity.check(question(sizes), sanity.SanityOptions(size_and_spacing=True)))
    assert made[sanity.SIZE_AND_SPACING].outcome == outcome


def test_patients_and_images_in_two_folds_are_named(question):
    evaluated = question(twins=True)
    folds = list(evaluated.labelled.folds)
    folds[0] = 4
    evaluated = dataclasses.replace(
        evaluated, labelled=dataclasses.replace(evaluated.labelled, folds=tuple(folds))
    )
    made = outcomes(sanity.check(evaluated, sanity.SanityOptions()))
    assert "p000 is held out of folds 0, 4" in made["patients on both sides of a fold"].found
    twins = made["the same images in two folds"]
    assert (twins.outcome, twins.found) == (
        "doubt",
        "the same images: c003 (fold 1), c017 (fold 3)",
    )


def test_a_leak_of_one_fold_is_no_doubt_about_cases_of_others(question, tmp_path):
    evaluated, model = question(), ModelPaths(tmp_path / "auto__all")
    held_out = dict(zip(evaluated.labelled.folds, evaluated.labelled.case_ids, strict=True))
    for seen, outcome in ((held_out[1], "fine"), (held_out[0], "doubt")):
        source = PretrainedSource("w.pth", "", "", 1, 0, 0, 0, trained_on=9, leaked=(seen,))
        run = Run("D", "auto", "", 0, ("a",), 0, "cpu", 1, "finished", 0, (), {}, pretrained=source)
        documents.write(model.fold(0).run, run)
        made = outcomes(
            sanity.check(dataclasses.replace(evaluated, model=model), sanity.SanityOptions())
        )
        assert made["first weights and held-out cases"].outcome == outcome


def test_patients_of_a_test_set_that_were_trained_on_are_named(question):
    evaluated = dataclasses.replace(question(), source="test")
    made = outcomes(sanity.check(evaluated, sanity.SanityOptions()))
    assert made["patients of training"].outcome == "doubt"
    assert "p004 was trained on" in made["patients of training"].found


def test_a_patient_who_was_moved_to_the_test_split_was_trained_on(question, tmp_path):
    """cases.csv says that nobody was trained on; the tables of the folds say who was."""
    evaluated, model = question(), ModelPaths(tmp_path / "auto__all")
    raw = load_raw_dataset(evaluated.dataset.raw)
    moved = [dataclasses.replace(case, split="test") for case in raw.cases]
    write_raw_tables(raw.folder, raw.dataset, moved)
    row = {"case_id": "c008", "patient_id": "p004", "label": "x", "prob_x": 0.5, "prob_y": 0.5}
    write_rows(model.fold(0).validation, [row])
    run = Run("D", "auto", "", 0, ("a",), 0, "cpu", 1, "finished", 0, (), {})
    documents.write(model.fold(0).run, run)
    evaluated = dataclasses.replace(evaluated, source="test", model=model)
    made = outcomes(sanity.check(evaluated, sanity.SanityOptions()))
    assert made["patients of training"].found == "patient p004 was trained on"
    since = made["tables since training"]
    assert since.outcome == "doubt"
    assert "now in the split test: c008" in since.found


def test_copies_of_cases_that_were_never_checked_are_not_known(question):
    evaluated = question()
    for n_cases, outcome in ((40, "fine"), (39, "not available")):
        documents.write(evaluated.dataset.integrity, Integrity("D", n_cases, n_cases, ()))
        made = outcomes(sanity.check(evaluated, sanity.SanityOptions()))
        assert made["copies found by the check of the dataset"].outcome == outcome


def test_size_alone_is_told_where_it_tells_the_classes(question):
    wish = sanity.SanityOptions(size_and_spacing=True)
    blind = outcomes(sanity.check(question(), wish))["size and spacing only"]
    assert blind.outcome == "fine"
    truth = question().labelled.truth
    telling = outcomes(sanity.check(question(sizes=[9 + 4 * t for t in truth]), wish))
    assert telling["size and spacing only"].outcome == "doubt"
    assert "how they were imaged" not in blind.found


def test_size_alone_of_one_class_is_no_error(question):
    evaluated = question()
    alone = dataclasses.replace(evaluated.labelled, truth=np.zeros(40, dtype=int))
    made = sanity.size_and_spacing(dataclasses.replace(evaluated, labelled=alone), 0)
    assert "not defined" in made.found
    assert made.outcome == "not available"


def test_a_patient_of_training_under_another_id_is_known_by_the_images(question, tmp_path):
    evaluated = question()
    paths, names = evaluated.dataset, evaluated.labelled.case_ids
    ones = (1.0, 1.0, 1.0)

    def record(case, person, **further):
        shown = {"a": f"image of {person}"} | further
        return PreprocessedCase(
            case, (1, 1, 1, 1), (1, 1, 1), ones, ones, (1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0),
            (0, 0, 0), (1, 1, 1), "", {}, (), "", voxel_hashes=shown,
        )  # fmt: skip

    for case in names:
        own = record(case, case, template="the same in all")
        write_case(paths.cases(), np.zeros((1, 1, 1, 1), np.float32), own)

    def found(persons):
        cases = tuple(
            CasePrediction(
                f"new{n}",
                "x",
                (0.5, 0.5),
                (),
                0.0,
                1.0,
                (),
                record(f"new{n}", person, template="the same in all"),
            )
            for n, person in enumerate(persons)
        )
        made = Predictions("D", "auto", "", {}, ("x", "y"), "mean", False, cases, ())
        documents.write(tmp_path / "predictions.json", made)
        new = [f"new{n}" for n in range(40)]
        labelled = dataclasses.replace(evaluated.labelled, case_ids=tuple(new), patients=tuple(new))
        test = dataclasses.replace(
            evaluated, source="test", labelled=labelled, predictions=tmp_path / "predictions.csv"
        )
        return outcomes(sanity.check(test, sanity.SanityOptions()))

    made = found(["stranger", names[7]])
    assert made["patients of training"].outcome == "fine"
    assert made["images of training"].outcome == "doubt"
    assert made["images of training"].found == f"new1 shows an image of training case {names[7]}"
    assert found(["stranger", "another"])["images of training"].outcome == "fine"
    (paths.cases() / f"{names[7]}.json").write_text("{")
    made = found(["stranger", names[7]])["images of training"]
    assert made.outcome == "doubt"
    assert made.found == f"the records of training cases {names[7]} cannot be read"
    made = found([names[6], names[7]])["images of training"]
    assert made.found == f"new0 shows an image of training case {names[6]}"
    (tmp_path / "predictions.json").unlink()
    assert "images of training" not in outcomes(
        sanity.check(dataclasses.replace(evaluated, source="test"), sanity.SanityOptions())
    )

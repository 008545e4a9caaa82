"""What the regressions of the folds are told, on a table without images."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ricenet_v2.core import documents
from ricenet_v2.core.files import sha256_of_file
from ricenet_v2.evaluation.tabular.baseline import run_baseline
from ricenet_v2.records.dataset import Case, Channel, Dataset
from ricenet_v2.records.prediction import Predictions
from ricenet_v2.records.run import Run
from ricenet_v2.records.splits import Fold, Splits
from ricenet_v2.store.paths import DatasetPaths
from ricenet_v2.store.raw import write_raw_tables
from ricenet_v2.store.tables import read_rows

NAME = "Dataset007_Table"
LABELS = {f"c{number:02d}": "b" if number in (3, 7, 9, 13, 15, 17) else "a" for number in range(24)}
FOLDS = (
    Fold(tuple(LABELS)[:11], tuple(LABELS)[11:]),
    Fold(tuple(LABELS)[11:], tuple(LABELS)[:11]),
)
TEST = {"t0": "40", "t1": "62"}


@pytest.fixture
def written(tmp_path):
    """Folders of 24 cases, a quarter of them events, in two folds, and of two test cases."""
    paths = DatasetPaths(NAME, *(tmp_path / name for name in ("raw", "preprocessed", "results")))
    rows = [
        Case(case, case, label, covariates={"age": str(40 + int(case[1:]))})
        for case, label in LABELS.items()
    ]
    rows += [Case(case, case, "a", "test", {"age": age}) for case, age in TEST.items()]
    dataset = Dataset(NAME, (Channel("T1", "mri"),), ("a", "b"), positive_class="b")
    write_raw_tables(paths.raw, dataset, rows)
    documents.write(paths.splits, Splits(0, FOLDS))
    return paths


def test_each_fold_is_taught_its_own_shares_and_corrected_for_those_of_all_cases(written):
    model = run_baseline(written, ["covariates"]).model
    for number, fold in enumerate(FOLDS):
        events = sum(LABELS[case] == "b" for case in fold.train)
        prior = documents.read(Run, model.fold(number).run).prior
        n = len(fold.train)
        assert prior.trained == pytest.approx(((n - events) / n, events / n))
        assert prior.counts == (18, 6)
        rows = read_rows(model.fold(number).validation)
        assert [row["case_id"] for row in rows] == list(fold.validation)
        # Balanced: an event from its share of all cases on, not from 0.5 on.
        for row in rows:
            assert row["predicted"] == ("b" if float(row["prob_b"]) > 6 / 24 else "a")


def test_test_cases_are_predicted_by_the_mean_of_the_folds(written):
    model = run_baseline(written, ["covariates"]).model
    made = documents.read(Predictions, model.predictions / "predictions.json")
    assert (made.dataset, made.plan, made.classes) == (NAME, "baseline", ("a", "b"))
    assert (made.combine, made.mirrored, made.decide) == ("mean", False, "balanced")
    assert (made.checkpoint_hashes, made.failed) == ({}, ())
    assert made.plan_hash == sha256_of_file(model.features)
    assert made.cases_hash == sha256_of_file(written.raw / "cases.csv")
    assert [each.fold for each in made.priors] == [0, 1]
    assert made.prior == pytest.approx((0.75, 0.25))
    assert [case.case_id for case in made.cases] == list(TEST)
    for case in made.cases:
        members = np.array([member.probabilities for member in case.members])
        assert [member.fold for member in case.members] == [0, 1]
        assert not np.allclose(members[0], members[1])
        assert case.probabilities == pytest.approx(tuple(members.mean(axis=0)))
        assert case.predicted == ("b" if case.probabilities[1] > 6 / 24 else "a")
        assert case.entropy == pytest.approx(stats.entropy(case.probabilities))
        divergence = np.mean([stats.entropy(each, case.probabilities) for each in members])
        assert case.disagreement == pytest.approx(divergence)
    rows = read_rows(model.predictions / "predictions.csv")
    assert [float(row["prob_b"]) for row in rows] == pytest.approx(
        [case.probabilities[1] for case in made.cases], abs=1e-6
    )

"""What the regressions of the folds are told, on a table without images."""

from __future__ import annotations

import pytest

from ricenet_v2.core import documents
from ricenet_v2.evaluation.tabular.baseline import run_baseline
from ricenet_v2.records.dataset import Case, Channel, Dataset
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


@pytest.fixture
def written(tmp_path):
    """Folders of 24 cases, a quarter of them events, in two folds that are not alike."""
    paths = DatasetPaths(NAME, *(tmp_path / name for name in ("raw", "preprocessed", "results")))
    rows = [
        Case(case, case, label, covariates={"age": str(40 + int(case[1:]))})
        for case, label in LABELS.items()
    ]
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

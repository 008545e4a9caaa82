"""What belongs to the predictions of a test set: truths, thresholds, and how they were made."""

from __future__ import annotations

import dataclasses

import pytest

from ricenet_v2.core import documents
from ricenet_v2.evaluation.evaluation_input import of_dataset
from ricenet_v2.records.dataset import Case, Channel, Dataset
from ricenet_v2.records.prediction import Predictions
from ricenet_v2.store.paths import DatasetPaths
from ricenet_v2.store.raw import write_raw_tables
from ricenet_v2.store.tables import write_rows

NAME = "Dataset006_Test"
MADE = Predictions(NAME, "auto", "", {}, ("b", "a"), "mean", False, (), ())


@pytest.fixture
def paths(tmp_path):
    """Two test cases of three, and their predictions in a folder of their own."""
    paths = DatasetPaths(NAME, *(tmp_path / each / NAME for each in ("raw", "pre", "results")))
    cases = [Case("t0", "p0", "a", "test"), Case("t1", "p1", "b", "test"), Case("c2", "p2", "a")]
    dataset = Dataset(NAME, (Channel("T1", "mri"),), ("b", "a"), positive_class="b")
    write_raw_tables(paths.raw, dataset, cases)
    (tmp_path / "new").mkdir()
    rows = [
        {"case_id": case, "predicted": "a", "prob_b": 0.25, "prob_a": 0.75} for case in ("t0", "t1")
    ]
    write_rows(tmp_path / "new" / "predictions.csv", rows)
    return paths


@pytest.mark.parametrize("channels", ["all", "T1"])
@pytest.mark.parametrize("covariates", [(), ("age",)])
def test_thresholds_are_those_of_the_same_model_with_covariates_or_without(
    paths, tmp_path, monkeypatch, covariates, channels
):
    monkeypatch.setattr("ricenet_v2.evaluation.evaluation_input.dataset_paths", lambda *_: paths)
    table = tmp_path / "new" / "predictions.csv"
    made = dataclasses.replace(MADE, covariates=covariates)
    documents.write(table.with_name("predictions.json"), made)

    def evaluated():
        return of_dataset(NAME, "auto", channels, None, table, None)

    before = evaluated()
    assert before.thresholds is None
    assert (before.title, before.source) == ("new/predictions.csv", "test")
    assert (before.provenance, before.predictions, before.dataset) == (made, table, paths)
    assert before.labelled.truth.tolist() == [before.labelled.classes.index(c) for c in "ab"]
    assert before.labelled.classes[before.positive] == "b"
    model = paths.run("auto", channels)
    for folder in (model.crossval, model.fused):
        folder.mkdir(parents=True)
        (folder / "metrics.json").touch()
    folder = model.fused if covariates else model.crossval
    assert evaluated().thresholds == folder / "metrics.json"

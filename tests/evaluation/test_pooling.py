"""The pooled folds: as many as the dataset had, each case once."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import pytest

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.evaluation.pooling import pool, priors_of_folds
from ricenet_v2.records.prior import Prior
from ricenet_v2.records.run import Run
from ricenet_v2.records.weights import PretrainedSource
from ricenet_v2.store.paths import ModelPaths
from ricenet_v2.store.tables import write_rows


@pytest.fixture
def make_folds(tmp_path: Path):
    """A function that writes folds of two cases each, and returns the model."""

    def make(written, n_folds: int) -> ModelPaths:
        model = ModelPaths(tmp_path / "auto__all")
        for fold in written:
            rows = [
                {
                    "case_id": f"c{fold}{label}",
                    "patient_id": f"p{fold}{label}",
                    "label": label,
                    "prob_a": 0.25,
                    "prob_b": 0.75,
                }
                for label in "ab"
            ]
            write_rows(model.fold(fold).validation, rows)
            run = Run("D", "auto", "", fold, ("mri",), 0, "cpu", 1, "finished", 0, (), {})
            documents.write(model.fold(fold).run, dataclasses.replace(run, n_folds=n_folds))
        return model

    return make


@pytest.mark.parametrize("n_folds", [2, 5, 12])
def test_all_folds_are_pooled_however_many(make_folds, n_folds):
    found = pool(make_folds(range(n_folds), n_folds), "1")
    assert len(found) == 2 * n_folds
    pairs = dict(zip(found.case_ids, found.folds, strict=True))
    assert pairs == {f"c{fold}{label}": fold for fold in range(n_folds) for label in "ab"}


def test_folds_that_are_missing_of_their_number_are_named(make_folds):
    with pytest.raises(DatasetError, match="Some folds") as caught:
        pool(make_folds((0, 1, 4), 7), "1")
    assert caught.value.got == "not there: fold 2, 3, 5, 6"
    assert str(caught.value.expected).endswith("folds 0 to 6")


def test_without_any_fold_five_are_expected(make_folds):
    with pytest.raises(DatasetError) as caught:
        pool(make_folds((), 3), "1")
    assert caught.value.got == "not there: fold 0, 1, 2, 3, 4"


def test_of_a_network_of_all_cases_it_is_said_what_can_be_judged_instead(make_folds):
    model = make_folds((0,), 1)
    path = model.fold(0).run
    documents.write(path, dataclasses.replace(documents.read(Run, path), is_full=True))
    with pytest.raises(DatasetError, match="no out-of-fold predictions") as caught:
        pool(model, "D7")
    assert (caught.value.file, caught.value.got) == (model.folder, "no validation case")
    for advice in ("ricenet_train D7 all", "--predictions"):
        assert advice in caught.value.remedy


def test_folds_of_two_splits_are_not_pooled(make_folds):
    """Seven folds were trained, and the dataset split again into three: 0 to 2 are of those."""
    make_folds(range(7), 7)
    with pytest.raises(DatasetError, match="different numbers of folds") as caught:
        pool(make_folds(range(3), 3), "1")
    assert caught.value.got == "folds 0, 1, 2: 3; folds 3, 4, 5, 6: 7"


def _with_priors(model: ModelPaths, priors: dict[int, Prior]) -> None:
    for fold, prior in priors.items():
        path = model.fold(fold).run
        documents.write(path, dataclasses.replace(documents.read(Run, path), prior=prior))


def test_the_prior_of_the_pooled_cases_is_that_of_all_training_cases(make_folds):
    model = make_folds(range(2), 2)
    _with_priors(model, {0: Prior((0.5, 0.5), (3, 1)), 1: Prior((0.5, 0.5), (4, 2))})
    assert pool(model, "1").prior == pytest.approx((0.7, 0.3))
    assert priors_of_folds(model, (0, 1)) == {0: (0.75, 0.25), 1: pytest.approx((2 / 3, 1 / 3))}


def test_runs_of_an_older_version_have_none_and_are_told(make_folds, caplog):
    with caplog.at_level(logging.WARNING, logger="ricenet_v2"):
        found = pool(make_folds(range(2), 2), "1")
    assert found.prior == ()
    assert found.predicted.tolist() == [1] * 4
    assert "an older version trained these folds" in caplog.text


def test_runs_of_two_versions_are_not_pooled(make_folds):
    model = make_folds(range(2), 2)
    _with_priors(model, {1: Prior((0.5, 0.5), (3, 1))})
    with pytest.raises(DatasetError, match="of which one corrects for the prior"):
        pool(model, "1")


def _begin(model: ModelPaths, sources) -> None:
    for fold, source in enumerate(sources):
        path = model.fold(fold).run
        run = documents.read(Run, path)
        documents.write(path, dataclasses.replace(run, pretrained=source))


def test_folds_that_began_with_one_file_are_pooled_also_where_it_is_of_one_of_them(make_folds):
    """With --allow_leak all folds may begin with the checkpoint of one of them."""
    source = PretrainedSource("w.pth", "ab", "ours", 9, 0, 0, 0, 4, dataset="D", fold=0)
    model = make_folds(range(3), 3)
    _begin(model, [source] * 3)
    assert len(pool(model, "1")) == 6
    own = [dataclasses.replace(source, sha256=f"{n}", fold=n) for n in range(3)]
    _begin(model, own)
    assert len(pool(model, "1")) == 6
    _begin(model, [own[0], own[1], dataclasses.replace(own[2], fold=1)])
    with pytest.raises(DatasetError, match="different pretrained weights"):
        pool(model, "1")

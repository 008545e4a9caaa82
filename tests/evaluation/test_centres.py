"""Metrics of centres that were held out, and how far the centres differ."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.metrics import roc_auc_score
from statsmodels.stats.meta_analysis import combine_effects

from ricenet_v2.core import documents
from ricenet_v2.evaluation.centres import (
    centres_of,
    hanley_mcneil,
    held_out_of,
    logits_of,
    named,
    remove_centres,
    write_centres,
)
from ricenet_v2.evaluation.evaluate import EvaluationOptions, evaluate
from ricenet_v2.records.centres import Centres
from ricenet_v2.records.run import Run
from ricenet_v2.store.paths import CENTRES_JSON, ModelPaths
from ricenet_v2.store.tables import read_rows

NAMES = {0: "Bern", 1: "Ulm", 2: "Graz"}


def _centres(labelled, names=NAMES, positive=1):
    made = evaluate(labelled, EvaluationOptions(positive, n_bootstrap=20), "t")
    return centres_of(labelled, named(made, "centre", names), positive, "centre", names)


def test_each_centre_has_the_metrics_of_its_fold(draw):
    labelled = draw(n=90, folds=tuple(i % 3 for i in range(90)))
    made = _centres(labelled)
    assert [centre.name for centre in made.centres] == ["Bern", "Ulm", "Graz"]
    for fold, centre in enumerate(made.centres):
        own = np.array(labelled.folds) == fold
        assert centre.n_of_class == tuple(np.bincount(labelled.truth[own], minlength=2))
        accuracy = next(f.value for f in centre.metrics if f.name == "accuracy")
        assert accuracy == pytest.approx(np.mean(labelled.truth[own] == labelled.predicted[own]))
    spread = next(one for one in made.spreads if one.metric == "accuracy")
    values = {
        c.name: next(f.value for f in c.metrics if f.name == "accuracy") for c in made.centres
    }
    assert (spread.lowest, spread.highest) == (min(values.values()), max(values.values()))
    assert (values[spread.lowest_in], values[spread.highest_in]) == (spread.lowest, spread.highest)


def test_macro_f1_of_a_centre_without_a_class_is_not_compared(draw):
    labelled = draw(n=90, folds=tuple(i % 3 for i in range(90)))
    in_graz = np.array(labelled.folds) == 2
    labelled = dataclasses.replace(labelled, truth=np.where(in_graz, 0, labelled.truth))
    n_centres = {spread.metric: spread.n for spread in _centres(labelled).spreads}
    assert (n_centres["accuracy"], n_centres["macro F1"]) == (3, 2)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_spread_between_centres_is_that_of_statsmodels(draw, n_classes):
    """For each class of more than two; half a pair is added, the variance is that at the mean."""
    labelled = draw(n_classes, n=150, folds=tuple(i % 3 for i in range(150)))
    made = _centres(labelled)
    classes = (1,) if n_classes == 2 else range(3)
    for index, found in zip(classes, made.heterogeneity, strict=True):
        values, sizes = [], []
        for fold in NAMES:
            part = labelled.part(np.flatnonzero(np.array(labelled.folds) == fold))
            own = part.truth == index
            n, m = int(own.sum()), int((~own).sum())
            area = roc_auc_score(own, part.probabilities[:, index])
            values.append(logit((area * n * m + 0.5) / (n * m + 1)))
            sizes.append((n, m))
        mean = expit(np.mean(values))
        variances = [hanley_mcneil(mean, n, m) / (mean * (1 - mean)) ** 2 for n, m in sizes]
        other = combine_effects(
            np.array(values), np.array(variances), method_re="iterated", atol=1e-12
        )
        assert found.mean == pytest.approx(expit(other.mean_effect_re))
        assert found.tau == pytest.approx(other.tau2**0.5, abs=1e-6)
        assert found.prediction_low < found.low < found.mean < found.high < found.prediction_high
        assert "prediction interval" in found.description("centre", 0.95)


def test_centres_with_few_patients_of_a_class_are_left_out_and_said(draw):
    labelled = draw(n=60, folds=tuple(min(i // 4, 2) for i in range(60)))
    (found,) = _centres(labelled).heterogeneity
    assert (found.mean, found.centres) == (None, ("Graz",))
    told = found.description("centre", 0.95)
    assert "no summary, since 1 of 3" in told
    assert "Left out: Bern: " in told


def test_a_centre_that_ranks_all_pairs_right_has_a_finite_logit():
    values, variances = logits_of(np.array([1.0, 0.5, 0.0]), [(10, 10)] * 3)
    assert values == pytest.approx([np.log(201), 0, -np.log(201)])
    # At the mean, 0.5, the variance of the AUROC is 21 / 1200.
    assert variances == pytest.approx(np.full(3, 21 / 1200 * 16))


def test_patients_with_several_cases_count_once(draw):
    """Six cases of a class of three patients are too few in each centre."""
    labelled = draw(n=90, per_patient=3, folds=tuple(i // 30 for i in range(90)))
    (found,) = _centres(labelled).heterogeneity
    sizes = [
        len({labelled.patients[i] for i in range(30 * fold, 30 * fold + 30) if labelled.truth[i]})
        for fold in range(3)
    ]
    assert max(sizes) <= 10
    assert found.mean is not None
    few = dataclasses.replace(labelled, patients=tuple(f"p{i // 10}" for i in range(90)))
    (found,) = _centres(few).heterogeneity
    assert found.left_out[0] == "Bern: 3 patients of y, 3 others"


@pytest.mark.parametrize(("n", "m"), [(5, 5), (51, 58), (7, 90)])
def test_hanley_and_mcneil_at_chance_is_the_variance_of_mann_and_whitney(n, m):
    assert hanley_mcneil(0.5, n, m) == pytest.approx((n + m + 1) / (12 * n * m))


def test_what_a_fold_held_out_stands_in_its_run(tmp_path):
    model = ModelPaths(tmp_path / "auto__all")
    assert held_out_of(model) == ("", {})
    run = Run("D", "auto", "", 0, ("mri",), 0, "cpu", 1, "finished", 0, (), {}, n_folds=2)
    for fold, name in ((0, "Bern"), (1, "Ulm")):
        of_fold = dataclasses.replace(run, fold=fold, group="centre", held_out=name)
        documents.write(model.fold(fold).run, of_fold)
    assert held_out_of(model) == ("centre", {0: "Bern", 1: "Ulm"})
    documents.write(model.fold(1).run, dataclasses.replace(run, fold=1))
    assert held_out_of(model) == ("", {})


def test_what_is_written_comes_back_and_goes_with_the_folds(tmp_path, draw):
    made = _centres(draw(n=60, folds=tuple(i % 3 for i in range(60))))
    write_centres(tmp_path, made)
    assert documents.read(Centres, tmp_path / CENTRES_JSON) == made
    rows = read_rows(tmp_path / "centres.csv")
    assert {(row["fold"], row["held_out"]) for row in rows} == {
        (str(fold), name) for fold, name in NAMES.items()
    }
    remove_centres(tmp_path)
    remove_centres(tmp_path)
    assert not list(tmp_path.iterdir())

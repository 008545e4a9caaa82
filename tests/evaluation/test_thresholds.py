"""Thresholds against scikit-learn's ROC curve, and their use on other cases."""

import dataclasses

import numpy as np
import pytest
from sklearn import metrics as reference

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.evaluation.evaluate import EvaluationOptions, evaluate
from ricenet_v2.evaluation.evaluation_input import of_file, stored_thresholds
from ricenet_v2.evaluation.thresholds import applied, chosen_thresholds
from ricenet_v2.inference.temperature import scaled
from ricenet_v2.records.metrics import Threshold
from ricenet_v2.records.prediction import Predictions
from ricenet_v2.store.tables import write_rows


@pytest.mark.parametrize("seed", range(4))
def test_thresholds_reach_what_they_promise_and_no_other_is_better(draw, seed):
    labelled = draw(2, n=70, seed=seed)
    made = {each.name: each for each in applied(chosen_thresholds(labelled, 1), labelled, 0.95)}
    false, true, _ = reference.roc_curve(labelled.truth, labelled.probabilities[:, 1])

    def at(name):
        sensitivity, specificity = made[name].metrics[:2]
        return sensitivity.value, specificity.value

    assert sum(at("Youden")) == pytest.approx((true + 1 - false).max())
    sensitivity, specificity = at("sensitivity at least 0.90")
    assert sensitivity >= 0.9
    assert specificity == pytest.approx((1 - false)[true >= 0.9].max())
    sensitivity, specificity = at("specificity at least 0.90")
    assert specificity >= 0.9
    assert sensitivity == pytest.approx(true[1 - false >= 0.9].max())
    assert made["default"].value == 0.5


def test_every_class_of_several_has_thresholds(draw):
    made = chosen_thresholds(draw(3), 0, sensitivities=(0.8, 1.0), specificities=())
    assert [each.class_name for each in made] == [*"xxxyyyzzz"]
    assert "default" not in {each.name for each in made}


def test_a_threshold_is_applied_unchanged(draw):
    (youden,) = (t for t in chosen_thresholds(draw(2), 1) if t.name == "Youden")
    other = draw(2, n=50, seed=9)
    (there,) = applied([youden], other, 0.95)
    assert (there.value, there.chosen_on) == (youden.value, "out-of-fold predictions")
    called = other.probabilities[:, 1] >= youden.value
    assert there.metrics[0].value == pytest.approx(called[other.truth == 1].mean())
    assert there.metrics[2].value == pytest.approx((other.truth == 1)[called].mean())
    with pytest.raises(DatasetError, match="other classes"):
        applied(chosen_thresholds(draw(3), 0), other, 0.95)


def test_a_case_at_the_threshold_is_called(draw):
    """By hand: of three cases of the class one lies at 0.5, of three others one does."""
    p, truth = np.array([0.5, 0.75, 0.25, 0.5, 0.25, 0.125]), np.array([1, 1, 1, 0, 0, 0])
    labelled = dataclasses.replace(
        draw(2, n=6), truth=truth, probabilities=np.column_stack([1 - p, p])
    )
    (found,) = applied(
        [Threshold("default", labelled.classes[1], 0.5, "nothing", ())], labelled, 0.95
    )
    assert [each.value for each in found.metrics[:4]] == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2 / 3])


def test_a_threshold_that_reaches_what_is_wanted_exactly_is_taken(draw):
    """Sensitivities that occur are 0, 1/4 ... 1, and so are specificities."""
    p = np.arange(1, 9) / 10
    truth = np.array([0, 0, 1, 0, 1, 0, 1, 1])
    labelled = dataclasses.replace(
        draw(2, n=8), truth=truth, probabilities=np.column_stack([1 - p, p])
    )
    made = {each.name: each for each in chosen_thresholds(labelled, 1, (0.75,), (0.75,))}
    assert made["sensitivity at least 0.75"].value == pytest.approx(0.45)
    assert made["specificity at least 0.75"].value == pytest.approx(0.45)
    made = {each.name: each for each in chosen_thresholds(labelled, 1, (0.5,), (1.0,))}
    assert made["sensitivity at least 0.50"].value == pytest.approx(0.65)
    assert made["specificity at least 1.00"].value == pytest.approx(0.65)


def test_the_lowest_score_calls_all_cases_and_what_is_above_the_highest_none(draw):
    """The lowest score is of the class and the highest is not, so no other threshold would do."""
    p, truth = np.array([0.1, 0.2, 0.3, 0.4]), np.array([1, 0, 1, 0])
    labelled = dataclasses.replace(
        draw(2, n=4), truth=truth, probabilities=np.column_stack([1 - p, p])
    )
    made = {each.name: each.value for each in chosen_thresholds(labelled, 1, (1.0,), (1.0,))}
    assert made["sensitivity at least 1.00"] == 0.1
    assert 0.4 < made["specificity at least 1.00"] < 0.4 + 1e-12


def test_no_threshold_without_cases_of_both_sides(draw):
    labelled = draw(2, n=20)
    alone = labelled.part(np.flatnonzero(labelled.truth == 0))
    made = {each.name: each for each in applied(chosen_thresholds(alone, 1), alone, 0.95)}
    assert made["Youden"].value is None
    assert made["Youden"].metrics == ()


def test_of_equal_sensitivities_the_higher_specificity_is_taken(draw):
    labelled = draw(2, n=8)
    p = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8])
    truth = np.array([0, 0, 0, 0, 1, 0, 1, 1])
    labelled = dataclasses.replace(labelled, truth=truth, probabilities=np.column_stack([1 - p, p]))
    made = chosen_thresholds(labelled, 1, sensitivities=(0.6,), specificities=(0.75,))
    assert [each.value for each in made] == pytest.approx([0.5, 0.45, 0.65, 0.45])


def written(path, labelled, probabilities):
    """Predictions with their truths."""
    names = [f"prob_{name}" for name in labelled.classes]
    rows = [
        {"case_id": case, "label": labelled.classes[truth], **dict(zip(names, row, strict=True))}
        for case, truth, row in zip(
            labelled.case_ids, labelled.truth, probabilities.tolist(), strict=True
        )
    ]
    write_rows(path, rows)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_thresholds_of_calibrated_predictions_are_chosen_on_calibrated_ones(
    draw, tmp_path, n_classes
):
    folds, test = draw(n_classes, n=80, digits=6), draw(n_classes, n=40, seed=3, digits=6)
    crossval, output = tmp_path / "crossval", tmp_path / "out"
    picked = chosen_thresholds(folds, 1, (0.8,), (0.9,))
    documents.write(
        crossval / "metrics.json",
        evaluate(folds, EvaluationOptions(1, n_bootstrap=20), thresholds=picked),
    )
    written(crossval / "validation.csv", folds, folds.probabilities)
    written(output / "predictions.csv", test, scaled(test.probabilities, 3.0))
    head = ("D", "auto", "", {}, test.classes, "mean", True, (), ())
    documents.write(output / "predictions.json", Predictions(*head, temperature=3.0))
    positive = test.classes[1]
    evaluated = of_file(output / "predictions.csv", None, positive)
    found = stored_thresholds(evaluated, crossval / "metrics.json")
    assert [each.name for each in found] == [each.name for each in picked]
    youden = next(each for each in found if each.name == "Youden")
    assert "temperature 3.000" in youden.chosen_on
    flat = dataclasses.replace(folds, probabilities=scaled(folds.probabilities, 3.0))
    assert [each.value for each in found] == pytest.approx(
        [each.value for each in chosen_thresholds(flat, 1, (0.8,), (0.9,))]
    )
    assert [each.value for each in found] != [each.value for each in picked]
    (crossval / "validation.csv").unlink()
    with pytest.raises(DatasetError, match="calibrated"):
        stored_thresholds(evaluated, crossval / "metrics.json")
    (output / "predictions.json").unlink()
    plain = of_file(output / "predictions.csv", None, positive)
    assert stored_thresholds(plain, crossval / "metrics.json") == picked

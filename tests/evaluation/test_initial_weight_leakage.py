"""What the checks say of the weights that a model began with."""

from __future__ import annotations

import dataclasses

import pytest

from ricenet_v2.core import documents
from ricenet_v2.evaluation.evaluation_input import EvaluationInput
from ricenet_v2.evaluation.initial_weight_leakage import first_weights, judged_by_fold
from ricenet_v2.evaluation.pooling import _first_weights
from ricenet_v2.records.prediction import Predictions
from ricenet_v2.records.run import Run
from ricenet_v2.records.weights import PretrainedSource
from ricenet_v2.store.paths import ModelPaths

SOURCE = PretrainedSource("w.pth", "ab", "ricenet_v2", 9, 0, 0, 0, trained_on=16)
CASES = ("a", "b", "c")


@pytest.fixture
def model(tmp_path):
    """A function that writes the runs of folds by what they began with."""

    def make(*sources):
        paths = ModelPaths(tmp_path / "auto__all")
        for fold, source in enumerate(sources):
            run = Run("D", "auto", "", fold, ("mri",), 0, "cpu", 1, "finished", 0, (), {})
            documents.write(paths.fold(fold).run, dataclasses.replace(run, pretrained=source))
        return paths

    return make


def only(model, cases=CASES):
    (check,) = first_weights(model, dict.fromkeys(model.folds(), cases))
    return check.outcome, check.found


def changed(**changes):
    return dataclasses.replace(SOURCE, **changes)


def test_random_weights_are_fine(model):
    assert only(model(None, None)) == ("fine", "no fold started from pretrained weights")


def test_weights_of_others_are_fine_with_their_number(model):
    outcome, found = only(model(None, SOURCE))
    assert outcome == "fine"
    assert "none of these cases is among the 16 that w.pth was trained on" in found


def test_cases_that_the_weights_have_seen_are_named(model):
    paths = model(SOURCE, changed(leaked=("b", "test9")))
    assert only(paths) == (
        "doubt",
        "fold 1 began with w.pth, which was trained on 1 of these cases: b",
    )
    assert only(paths, ("a", "c"))[0] == "fine"
    assert only(paths, ("test9",))[1].endswith("1 of these cases: test9")


def test_the_first_five_of_many_cases_are_named(model):
    seen = tuple(f"c{number}" for number in range(8))
    named = only(model(changed(leaked=seen)), seen)[1]
    assert named.endswith("8 of these cases: c0, c1, c2, c3, c4 and 3 more")


def test_ids_of_another_dataset_are_a_doubt(model):
    assert only(model(changed(doubts=("same ids",)))) == ("doubt", "fold 0: same ids")


def question(model, draw, **changes):
    """Three cases, by the model."""
    labelled = dataclasses.replace(draw(2, n=3), case_ids=CASES, **changes)
    return EvaluationInput(labelled, 1, "t", "test", model=model)


def test_out_of_fold_a_case_is_judged_by_the_fold_that_held_it_out(model, draw):
    paths = model(changed(leaked=("b",)), SOURCE)
    elsewhere = judged_by_fold(question(paths, draw, folds=(0, 1, 0)))
    assert elsewhere == {0: ("a", "c"), 1: ("b",)}
    assert first_weights(paths, elsewhere)[0].outcome == "fine"
    (check,) = first_weights(paths, judged_by_fold(question(paths, draw, folds=(1, 0, 0))))
    assert check.found.endswith("fold 0 began with w.pth, which was trained on 1 of these cases: b")


def test_only_folds_that_predicted_are_asked(model, draw):
    """Fold 0 has seen a case and fold 2 cannot tell; fold 1 alone predicted."""
    paths = model(changed(leaked=("b",)), SOURCE, changed(trained_on=None))
    made = Predictions(
        "D", "auto", "", {"fold_1/checkpoint_final.pth": ""}, ("a", "b"), "mean", True, (), ()
    )
    evaluated = question(paths, draw)
    only_one = dataclasses.replace(evaluated, provenance=made)
    assert judged_by_fold(only_one) == {1: CASES}
    assert first_weights(paths, judged_by_fold(only_one))[0].outcome == "fine"
    columns = dataclasses.replace(
        evaluated,
        labelled=dataclasses.replace(
            evaluated.labelled, members={2: evaluated.labelled.probabilities}
        ),
    )
    assert judged_by_fold(columns) == {2: CASES}
    assert first_weights(paths, judged_by_fold(columns))[0].outcome == "not available"
    assert first_weights(paths, judged_by_fold(evaluated))[0].outcome == "doubt"


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (changed(trained_on=None, untold=("w.pth (nnU-Net) keeps no list",)), "keeps no list"),
        (changed(untold=("before it, x.pth (nnssl) keeps no list",)), "x.pth (nnssl)"),
        (changed(trained_on=None), "older version, which did not check this"),
    ],
)
def test_what_cannot_be_told_is_said_so(model, source, why):
    outcome, found = only(model(source, SOURCE, source))
    assert outcome == "not available"
    assert found.startswith("cannot be determined: ")
    assert why in found
    assert found.endswith("(fold 0, 2)")


def test_a_run_of_an_older_version_reads_as_not_looked_at(tmp_path):
    fields = {"file", "sha256", "format", "loaded", "adapted", "fresh", "not_used"}
    old = {name: getattr(SOURCE, name) for name in fields}
    assert PretrainedSource(**old).trained_on is None


def test_each_fold_of_an_earlier_training_makes_one_model():
    run = Run("D", "auto", "", 3, ("mri",), 0, "cpu", 1, "finished", 0, (), {})
    own = dataclasses.replace(run, pretrained=changed(dataset="D", fold=3))
    other = dataclasses.replace(own, fold=1, pretrained=changed(dataset="D", fold=1, sha256="cd"))
    strange = dataclasses.replace(own, pretrained=changed(dataset="E", fold=3))
    shared = [_first_weights(one, are_one_file=False) for one in (own, other, strange, run)]
    assert shared[0] == shared[1] != shared[2] == "ab"
    assert shared[3] is None
    # Folds that all began with one file are one model, whichever fold it is the checkpoint of.
    assert _first_weights(own, are_one_file=True) == "ab"

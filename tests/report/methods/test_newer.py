"""Fields that newer files have are told where they are there; older files lack them."""

import copy
from types import SimpleNamespace

import pytest

from ricenet_v2.records.weights import PretrainedSource


def _with(record, **fields):
    """A copy of a record that has, or as if it had, these fields."""
    made = copy.copy(record)
    for name, value in fields.items():
        object.__setattr__(made, name, value)
    return made


@pytest.fixture
def with_newer():
    """A function that gives run.json, predictions.json, plan.json or others newer fields."""

    def made(facts, run=None, predictions=None, **others):
        first, folder = facts.results
        if run is not None:
            folds = tuple(_with(fold, run=_with(fold.run, **run)) for fold in facts.folds)
            others["folds"] = folds
        if predictions is not None:
            newer = SimpleNamespace(**{**vars(folder.predictions), **predictions})
            others["results"] = (first, _with(folder, predictions=newer))
        changed = _with(facts, **others)
        vars(changed).pop("foreign_folds", None)
        vars(changed).pop("moved_folds", None)
        return changed

    return made


def test_probabilities_that_are_corrected_are_told(facts, text_of, with_newer):
    prior = SimpleNamespace(trained=(0.5, 0.5), counts=(12, 4), shares=(0.75, 0.25))
    text = text_of(with_newer(facts, run={"prior": prior}), "probabilities")
    first, second = facts.dataset.classes
    assert "taught all classes as equally frequent" in text
    assert f"training cases ({first} 75 %, {second} 25 %)" in text
    assert "not corrected" in text.split("Probabilities in folder")[1]  # the folder is older
    own = SimpleNamespace(trained=(0.75, 0.25), counts=(12, 4), shares=(0.75, 0.25))
    text = text_of(with_newer(facts, run={"prior": own}), "probabilities")
    assert f"taught classes of these shares: {first} 75 %, {second} 25 %" in text


@pytest.mark.parametrize(
    ("named", "words"), [(True, "which the user named"), (False, "those of the training cases")]
)
def test_the_prior_of_predictions_is_told_with_who_named_it(
    facts, text_of, with_newer, named, words
):
    newer = {"prior": (0.9, 0.1), "prior_named": named}
    text = text_of(with_newer(facts, predictions=newer), "probabilities")
    first, second = facts.dataset.classes
    assert f"corrected to class shares of {first} 90 %, {second} 10 %, {words}." in text


def test_the_rule_of_the_called_class_is_told(facts, text_of, with_newer):
    text = text_of(with_newer(facts, predictions={"decide": "balanced"}), "called")
    assert "In folder predictions, a case is called the class whose probability is largest in" in (
        text
    )
    text = text_of(with_newer(facts, run={"decide": "probable"}), "called")
    assert "In out-of-fold, a case is called the class of the largest probability." in text
    assert "a case is called" not in text_of(facts, "called")


def test_a_slope_and_offsets_are_told(facts, text_of, with_newer):
    applied = SimpleNamespace(words="slope 0.500 and offsets +1.000, -1.000")
    text = text_of(with_newer(facts, predictions={"applied": applied}), "probabilities")
    assert "were calibrated: slope 0.500 and offsets +1.000, -1.000." in text
    nothing = {"applied": None, "calibrated": True}
    text = text_of(with_newer(facts, predictions=nothing), "probabilities")
    assert "Calibration of folder predictions was asked for, and changes nothing." in text


def test_what_pretrained_weights_were_trained_on_is_told(facts, text_of, with_newer):
    source = PretrainedSource("weights.pth", "ab" * 32, "ours", 9, 8, 7, 6)
    old = text_of(with_newer(facts, run={"pretrained": source}), "first_weights")
    assert "What these were trained on is not recorded." in old
    newer = _with(source, trained_on=12, dataset="Dataset009_X", fold=3, leaked=("PH0001",),
                  untold=("a file without a list",), doubts=("the ids are alike",))  # fmt: skip
    text = text_of(with_newer(facts, run={"pretrained": newer}), "first_weights")
    assert "trained on 12 cases (a run of Dataset009_X, fold 3)." in text
    assert "There may be further ones: a file without a list." in text
    assert "held-out cases of this dataset, so figures of these flatter: PH0001." in text
    assert "The ids are alike." in text


def test_folds_of_centres_are_told(facts, text_of, with_newer):
    folds = tuple(_with(fold, held_out=f"site {n}") for n, fold in enumerate(facts.splits.folds))
    splits = _with(facts.splits, group="centre", folds=folds)
    text = text_of(with_newer(facts, splits=splits), "folds")
    assert "one value of the column centre of cases.csv (site 0, site 1, site 2, site 3" in text
    assert "column" not in text_of(facts, "folds")


def test_bands_and_straightening_are_told(facts, text_of, with_newer):
    plan = facts.plan
    levels = tuple((0.1, 0.2, 0.3) if one.kind == "dose" else () for one in plan.channels)
    newer = _with(plan, straighten=True, network=_with(plan.network, levels=levels))
    changed = with_newer(facts, plan=newer)
    vars(changed)["foreign_folds"] = ()
    assert "given 2 bands around fixed values of dose." in text_of(changed, "layers")
    assert "resampled along the axes of the patient" in text_of(changed, "resampled")
    older = _with(plan, straighten=False, network=_with(plan.network, levels=()))
    changed = with_newer(facts, plan=older)
    vars(changed)["foreign_folds"] = ()
    assert "bands" not in text_of(changed, "layers")
    assert "axes of the patient" not in text_of(changed, "resampled")


def test_what_the_sample_size_allows_is_told(facts, text_of, with_newer):
    first, folder = facts.results
    criterion = SimpleNamespace(figure="AUROC", assumed=0.8, low=0.6, high=0.95,
                                target_width=0.1, n_needed=300)  # fmt: skip
    grown = SimpleNamespace(overall_risk_margin=0.2, n_for_overall_risk=385, most_parameters=1.5)
    size = SimpleNamespace(class_name="recurrence", n_patients=20, n_of_class=9, prevalence=0.45,
                           precision=(criterion,), development=grown)  # fmt: skip
    made = _with(first, evaluation=_with(first.evaluation, sample_sizes=(size,)))
    text = text_of(with_newer(facts, results=(made, folder)), "sample_size")
    assert "AUROC 0.80 would have an interval of 0.60 to 0.95, and 300 patients give a" in text
    assert "could have 1.5 parameters" in text
    made = _with(first, evaluation=_with(first.evaluation, sample_sizes=()))
    assert text_of(with_newer(facts, results=(made,)), "sample_size") == ""

"""Fields that newer files have are told where they are there; older files lack them."""

import dataclasses

import pytest

from ricenet_v2.records.calibration import Calibration, Trial
from ricenet_v2.records.centres import Centre, Centres, Heterogeneity, Spread
from ricenet_v2.records.prior import MemberPrior, Prior, Recalibration
from ricenet_v2.records.sample_size import Development, Precision, SampleSize
from ricenet_v2.records.seeds import SeedMetric, SeedVariance
from ricenet_v2.records.weights import PretrainedSource
from ricenet_v2.reporting.methods.first_weights import leaked, unverified
from ricenet_v2.reporting.methods.prediction import describe_predictor

BALANCED = Prior((0.5, 0.5), (12, 4))
AS_THEY_ARE = Prior((0.75, 0.25), (12, 4))


def test_probabilities_that_are_corrected_are_told(facts, text_of, with_runs):
    text = text_of(with_runs(facts, prior=BALANCED), "probabilities")
    first, second = facts.dataset.classes
    assert "trained with all classes equally frequent" in text
    assert f"training cases of the dataset ({first} 75 %, {second} 25 %)" in text
    assert "not corrected" in text.split("Probabilities in folder")[1]  # the folder is older
    some = text_of(with_runs(facts, (1,), prior=BALANCED), "probabilities")
    assert "of fold 1 are corrected" in some
    assert "validation cases of folds 0, 2, 3 and 4 correspond to balanced classes" in some


def test_where_training_was_not_balanced_there_is_nothing_to_correct(facts, text_of, with_runs):
    text = text_of(with_runs(facts, prior=AS_THEY_ARE), "probabilities")
    assert "with which the networks were trained; there was nothing to correct." in text
    assert "are corrected" not in text


@pytest.mark.parametrize(
    ("named", "words"),
    [(True, "which the user named"), (False, "those of the training cases of the dataset")],
)
def test_the_prior_of_predictions_is_told_with_who_named_it(
    facts, text_of, with_predictions, named, words
):
    newer = with_predictions(facts, prior=(0.9, 0.1), prior_named=named)
    text = text_of(newer, "probabilities")
    first, second = facts.dataset.classes
    assert f"refer to class frequencies of {first} 90 %, {second} 10 %, {words}." in text
    assert "do not record the class frequencies of training" in text
    members = (MemberPrior(0, BALANCED), MemberPrior(1, BALANCED))
    text = text_of(with_predictions(newer, priors=members), "probabilities")
    assert "Their members were trained with all classes equally frequent." in text


def test_the_rule_of_the_called_class_is_told(facts, text_of, with_predictions, with_runs):
    text = text_of(with_predictions(facts, decide="balanced"), "predicted_class")
    assert "Each case of the predictions in folder predictions is assigned the class whose" in (
        text
    )
    text = text_of(with_runs(facts, decide="probable"), "predicted_class")
    assert (
        "case of the out-of-fold predictions is assigned the class with the highest probability."
        in text
    )
    assert "a case is called" not in text_of(facts, "predicted_class")


def test_a_slope_and_offsets_are_told(facts, text_of, with_predictions):
    made = with_predictions(facts, recalibration=Recalibration(0.5, (1.0, -1.0)), calibrated=True)
    text = text_of(made, "probabilities")
    assert "were calibrated: slope 0.500 and offsets +1.000, -1.000." in text
    text = text_of(with_predictions(facts, calibrated=True), "probabilities")
    assert "Calibration of folder predictions was requested but changes nothing." in text
    found = Calibration(
        2.0, None, None, 9, 8, "by hand", {}, (), (), form="slope and offset", slope=0.5,
        offsets=(1.0, -1.0), classes=facts.dataset.classes, prior=(0.8, 0.2),
        trials=(Trial("temperature", 0.7, 30, "log loss higher by 0.1"),),
    )  # fmt: skip
    there = dataclasses.replace(made, calibration=found)
    assert "which is not that" not in text_of(there, "probabilities")
    other = dataclasses.replace(found, offsets=(0.5, -0.5))
    changed = dataclasses.replace(there, calibration=other)
    assert "which differs from calibration.json" in text_of(changed, "probabilities")
    text = text_of(there, "calibration")
    first, second = facts.dataset.classes
    assert f"Slope 0.500 and offsets ({first} +1.000, {second} -1.000), fitted on 9 cases" in text
    assert f"refer to class frequencies of {first} 80 %, {second} 20 %." in text
    assert "Forms that were tried: temperature: log loss higher by 0.1." in text
    nothing = dataclasses.replace(found, form="nothing", temperature=1.0, slope=1.0, offsets=())
    text = text_of(dataclasses.replace(facts, calibration=nothing), "calibration")
    assert "Nothing is changed, as decided by 9 cases" in text
    assert "emperature 1" not in text


SOURCE = PretrainedSource("weights.pth", "ab" * 32, "ours", 9, 8, 7, 6)
LEAKY = dataclasses.replace(
    SOURCE, trained_on=12, dataset="Dataset009_X", fold=3, leaked=("PH0001", "PH0021"),
    untold=("a file without a list",), doubts=("the ids are alike",),
)  # fmt: skip


def test_what_pretrained_weights_were_trained_on_is_told(facts, text_of, with_runs):
    old = text_of(with_runs(facts, pretrained=SOURCE), "first_weights")
    assert "What these were trained on is not recorded." in old
    text = text_of(with_runs(facts, pretrained=LEAKY), "first_weights")
    assert "trained on 12 cases (by a run of Dataset009_X, fold 3, with those of" in text
    assert "There may be others: a file without a list." in text
    assert (
        "held-out cases of this dataset, so metrics on these are optimistic: PH0001 and PH0021."
        in text
    )
    assert "The ids are alike." in text


def test_leaked_weights_are_told_where_their_metrics_stand(facts, text_of, with_runs):
    (one,) = [case for case in facts.results[0].cases if case.case_id == "PH0001"]
    number = int(one.part.removeprefix("fold "))
    changed = with_runs(facts, (number,), pretrained=LEAKY)
    own, folder = changed.results
    told = f"Fold {number} began with weights.pth, which was trained on 1 of these cases"
    assert leaked(changed, own) == f"{told} (PH0001), so the metrics are optimistic."
    assert leaked(changed, folder) == f"{told} (PH0021), so the metrics are optimistic."
    assert told in text_of(changed, "results")
    text = unverified(changed, folder)
    assert (
        f"of fold {number}, which may make these metrics optimistic: a file without a list." in text
    )
    assert "the ids are alike." in text
    unasked = with_runs(facts, pretrained=SOURCE)
    assert "it was not checked whether weights.pth was trained on held-out cases" in unverified(
        unasked, own
    )
    known = with_runs(facts, pretrained=dataclasses.replace(SOURCE, trained_on=5))
    assert (unverified(known, own), leaked(known, own)) == ("", "")
    assert "optimistic" not in text_of(facts, "results")
    assert "1 of them was learned from all the same" in text_of(changed, "of_folds")
    assert "began with weights that had been trained on it" in describe_predictor(changed, one)
    assert "has 2 cases with a label" in text_of(changed, "held_out")
    assert "has 3 cases with a label" in text_of(facts, "held_out")


def test_a_leak_is_not_charged_to_predictions_of_other_folds(facts, with_runs):
    """Out-of-fold, a case is predicted by its own fold alone; the folder here by folds 0 and 1."""
    (one,) = [case for case in facts.results[0].cases if case.case_id == "PH0001"]
    other = (int(one.part.removeprefix("fold ")) + 1) % 5
    changed = with_runs(facts, (other,), pretrained=LEAKY)
    own, folder = changed.results
    assert leaked(changed, own) == ""
    some = dataclasses.replace(
        folder,
        cases=tuple(
            dataclasses.replace(
                case, members=tuple((name, p) for name, p in case.members if name < "fold 2")
            )
            for case in folder.cases
        ),
    )
    third = with_runs(facts, (3,), pretrained=LEAKY)
    assert (leaked(third, some), unverified(third, some)) == ("", "")
    assert "PH0021" in leaked(third, folder)
    assert "a file without a list" in unverified(third, folder)


def test_folds_of_centres_are_told_and_never_as_stratified(facts, text_of, with_runs):
    folds = tuple(
        dataclasses.replace(fold, held_out=f"site {n}") for n, fold in enumerate(facts.splits.folds)
    )
    splits = dataclasses.replace(facts.splits, group="centre", folds=folds)
    runs = with_runs(facts, group="centre")
    runs = dataclasses.replace(
        runs,
        splits=splits,
        folds=tuple(
            dataclasses.replace(
                one, run=dataclasses.replace(one.run, held_out=f"site {one.number}")
            )
            for one in runs.folds
        ),
    )
    text = text_of(runs, "folds")
    assert (
        "there are 5 folds, leave-one-group-out by centre (site 0, site 1, site 2, site 3" in text
    )
    assert "one value of the column centre of cases.csv" in text
    assert "stratified" not in text
    assert "column" not in text_of(facts, "folds")
    before = text_of(dataclasses.replace(facts, splits=splits), "folds")
    assert "fold 0 was trained as one of 5 folds, stratified by class." in before


@pytest.fixture
def with_levels(with_plan):
    """A function that gives the dose of a plan levels and the network a norm."""

    def made(facts, values, norm="instance"):
        plan = facts.plan
        levels = tuple(values if one.kind == "dose" else () for one in plan.channels)
        own = levels if values else ()
        return with_plan(facts, "network", levels=own, norm=norm)

    return made


def test_bands_are_told_in_gy(facts, text_of, with_levels):
    (dose,) = [one for one in facts.plan.channels if one.kind == "dose"]
    divisor = dose.normalisation.divisor
    changed = with_levels(facts, tuple(gy / divisor for gy in (0, 12.5, 40, 60)))
    text = text_of(changed, "layers")
    assert "3 bands around 12.5, 40, 60 Gy of dose (the lowest begins at 0 Gy" in text
    assert "not the height" not in text
    small = with_levels(facts, tuple(level / divisor for level in (0, 0.0005, 0.001)))
    assert "2 bands around 0.0005, 0.001 Gy of dose" in text_of(small, "layers")


def test_a_network_that_sees_no_height_is_told_so(facts, text_of, with_levels):
    text = text_of(with_levels(facts, ()), "layers")
    assert "networks see the shape of this channel, but not the height (Gy)." in text
    assert "bands" not in text
    assert "not the height" not in text_of(with_levels(facts, (), norm="batch"), "layers")


def test_straightening_is_told(facts, text_of, with_plan):
    changed = with_plan(facts, straighten=True)
    assert "resampled along the axes of the patient" in text_of(changed, "resampled")
    assert "axes of the patient" not in text_of(facts, "resampled")


def _with_evaluation(facts, **changes):
    first, folder = facts.results
    made = dataclasses.replace(first.evaluation, **changes)
    return dataclasses.replace(facts, results=(dataclasses.replace(first, evaluation=made), folder))


def test_what_the_sample_size_allows_is_told(facts, text_of):
    criterion = Precision("AUROC", 0.8, 0.6, 0.95, 0.1, 300)
    grown = Development(0.2, 385, 0.3, 1.5)
    size = SampleSize("recurrence", 20, 9, 0.45, 0.8, (criterion,), grown)
    text = text_of(_with_evaluation(facts, sample_sizes=(size,)), "sample_size")
    assert "AUROC 0.80 would have an interval of 0.60 to 0.95, and 300 patients give a" in text
    assert "could have 1.5 parameters" in text
    none = _with_evaluation(facts, sample_sizes=())
    first, _ = none.results
    assert text_of(dataclasses.replace(none, results=(first,)), "sample_size") == ""


def test_a_selection_that_only_the_metrics_tell_stands_beside_them(facts, text_of):
    text = text_of(_with_evaluation(facts, selection="The same cases chose the epoch."), "results")
    assert "The same cases chose the epoch." in text


def test_centres_and_seeds_are_told_in_their_words(facts, text_of):
    summary = Heterogeneity(
        "AUROC", (), ("Bern: 2 of the class",), None, None, None, None, None, None, "", "so few"
    )
    sites = Centres(
        "t", "centre", ("a", "b"), "b",
        (Centre(0, "Bern", 4, 4, (2, 2), ()), Centre(1, "Graz", 4, 4, (2, 2), ())),
        (Spread("accuracy", 2, 0.25, "Bern", 0.75, "Graz"),), (summary,), 0.95,
    )  # fmt: skip
    text = text_of(dataclasses.replace(facts, centres=sites), "centres")
    assert "held out one centre of cases.csv (Bern and Graz)" in text
    assert "accuracy 0.250 (Bern) to 0.750 (Graz) over 2 of 2" in text
    assert summary.description("centre", 0.95) in text
    one = SeedMetric("AUROC", (0.5, 0.7), 0.6, 0.14, 0.5, 0.7, (0.4, 0.5), (0.6, 0.9), 20, "x")
    seeds = SeedVariance(
        "t", (0, 1), ("auto__all", "auto__all__seed1"), 2, 5, "", "", 20, 20, ("a", "b"), "b",
        (one,), (0.4, 30.0), 3, 0.95, 50, 0, {}, "What it means.",
    )  # fmt: skip
    changed = dataclasses.replace(facts, seeds=seeds)
    text = text_of(changed, "seed_variance")
    assert (
        "the seeds 0 and 1; out-of-fold means over these trainings: AUROC 0.600, SD 0.140" in text
    )
    assert "3 of 20 cases are not classified the same by all 2 trainings. What it means." in text
    assert "do not show how much" in text_of(facts, "seeds")
    assert "do not show how much" not in text_of(changed, "seeds")

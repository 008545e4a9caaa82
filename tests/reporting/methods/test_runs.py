"""What was done in training, and which weights predicted, is read off the files of the runs."""

import dataclasses

import pytest

from ricenet_v2.records.calibration import Calibration
from ricenet_v2.records.weights import PretrainedSource
from ricenet_v2.reporting.methods import selection

FLATTERS = "The epoch was chosen on the same cases, so the out-of-fold metrics are optimistic"
BEFOREHAND = "was set before training began, without early stopping"


def _hashes(checkpoint, folds=range(5)):
    return {f"fold_{n}/checkpoint_{checkpoint}.pth": "0" * 64 for n in folds}


@pytest.fixture
def stopped_early(facts, with_plan, with_runs):
    """Five folds of 8 epochs, of which four ended after 3."""
    planned = with_plan(facts, "training", early_stop_epochs=2, epochs=8)
    whole = with_runs(planned, epochs=8, epochs_set=((0, 8),), done=8)
    return with_runs(whole, range(4), done=3)


def test_epochs_set_beforehand_are_told_so(facts, text_of):
    assert text_of(facts, "epochs") == (
        "Folds 0, 1, 2, 3 and 4 were trained for all 6 epochs that were set."
    )
    assert BEFOREHAND in text_of(facts, "validation_weights")
    assert FLATTERS not in text_of(facts)


def test_early_stopping_is_told_where_metrics_stand(stopped_early, text_of):
    """Three things were wrong: chosen beforehand, 5 folds of 8 epochs, and not a word beside."""
    assert text_of(stopped_early, "epochs") == (
        "Folds 0, 1, 2 and 3 ended early, after 3 of 8 epochs. "
        "Fold 4 was trained for all 8 epochs that were set."
    )
    for key in ("validation_weights", "results"):
        assert FLATTERS in text_of(stopped_early, key)
        assert "ended folds 0, 1, 2 and 3 after 3 of 8 epochs" in text_of(stopped_early, key)
    assert BEFOREHAND not in text_of(stopped_early)
    assert "Early stopping chose the last epoch of folds 0, 1, 2 and 3" in text_of(
        stopped_early, "prediction_weights"
    )


def test_the_best_checkpoint_is_told(facts, text_of, with_predictions, with_runs):
    assert "the weights after the last epoch" in text_of(facts, "prediction_weights")
    best = with_predictions(facts, checkpoint_hashes=_hashes("best", (0, 3)))
    text = text_of(with_runs(best, (3,), best_epoch=1), "prediction_weights")
    assert "each fold's best epoch, chosen by the highest moving average of macro F1" in text
    assert "By run.json these are fold 0: epoch 6, fold 3: epoch 2." in text
    assert "the weights after the last epoch that was trained." not in text
    assert "thresholds" not in text
    first, folder = best.results
    chosen = dataclasses.replace(folder.evaluation, thresholds=first.evaluation.thresholds)
    applied = (first, dataclasses.replace(folder, evaluation=chosen))
    same = dataclasses.replace(best, results=applied)  # the best epochs are the last ones
    assert "thresholds" not in text_of(same, "prediction_weights")
    text = text_of(with_runs(same, (3,), best_epoch=1), "prediction_weights")
    assert "thresholds that are applied to them were chosen on out-of-fold predictions" in text
    latest = with_predictions(facts, checkpoint_hashes=_hashes("latest"))
    text = text_of(latest, "prediction_weights")
    assert "latest saved epoch, the last one of folds that have finished by now" in text
    open_one = text_of(with_runs(latest, (1,), status="stopped"), "prediction_weights")
    assert "latest saved epoch of training that has not finished" in open_one
    unnamed = with_predictions(facts, checkpoint_hashes={"fold_0": "0" * 64})
    assert "not recorded" in text_of(unnamed, "prediction_weights")
    none = with_predictions(facts, checkpoint_hashes={})
    assert "models that have no checkpoint" in text_of(none, "prediction_weights")


def test_what_older_files_do_not_record_is_said_so(facts, text_of, with_runs, with_plan):
    old = with_runs(
        facts, epochs_done=None, epochs_set=None, validation_checkpoint="",
        validation_mirror_axes=None, precision="", n_processes=None, hardware="",
    )  # fmt: skip
    assert BEFOREHAND not in text_of(old)
    weights = text_of(old, "validation_weights")
    assert weights.startswith("Which epoch's weights predicted the validation cases of folds 0,")
    assert "whether they are means over mirrorings is not recorded" in text_of(old, "mirroring")
    assert "The precision that was used is not recorded" in text_of(old, "machine")
    unknown = dataclasses.replace(
        old, folds=tuple(dataclasses.replace(fold, done=None) for fold in old.folds)
    )
    assert "how many were done is not recorded" in text_of(unknown, "epochs")
    rule = with_plan(unknown, "training", early_stop_epochs=2)
    assert "whether it ended folds 0, 1, 2, 3 and 4 is not recorded" in text_of(rule, "results")


def test_a_number_of_epochs_that_was_changed_is_told(facts, text_of, with_runs):
    longer = with_runs(facts, (2,), epochs_set=((0, 3), (3, 6)))
    assert "fold 2: 3 from epoch 1 on, then 6 from epoch 4 on" in text_of(longer, "epochs")
    assert BEFOREHAND not in text_of(longer)
    assert "whether they were looked at is not recorded" in text_of(longer, "validation_weights")


def test_a_fold_that_is_not_finished_is_told(facts, text_of, with_runs):
    stopped = with_runs(facts, (1,), status="stopped", done=2)
    assert "Fold 1 is not finished (stopped): 2 of 6 epochs." in text_of(stopped, "epochs")


@pytest.mark.parametrize(
    ("changes", "key", "words"),
    [
        ({"seed": 7}, "seeds", "All folds were trained with seed 7"),
        ({"device": "cuda:0"}, "machine", "ran on cuda:0"),
        ({"hardware": "H100"}, "machine", "(H100)"),
        ({"precision": "bfloat16"}, "machine", "forward passes of training in bfloat16"),
        ({"n_processes": 4}, "machine", "each update shared by 4 processes"),
        ({"versions": {"ricenet_v2": "9.9"}}, "versions", "trained with ricenet_v2 9.9"),
        (
            {"versions": {"torch": "9.9"}},
            "versions",
            "a version of ricenet_v2 that is not recorded",
        ),
        ({"command": ()}, "commands", "is not recorded"),
        ({"validation_mirror_axes": ()}, "mirroring", "folds 0, 1, 2, 3 and 4 are of images as"),
        ({"plan_hash": "another"}, "plan", "plan.json is not the plan that folds 0, 1, 2, 3 and 4"),
        (
            {"plan_hash": "another"},
            "other_model",
            "name a different plan from that of the folds here",
        ),
        ({"fold_hash": "another"}, "folds", "trained on other cases, labels or patients"),
    ],
)
def test_each_fact_of_a_run_is_told(facts, text_of, with_runs, changes, key, words):
    assert words in text_of(with_runs(facts, **changes), key)
    assert words not in text_of(facts, key)


def test_runs_that_differ_are_told_apart(facts, text_of, with_runs):
    mixed = with_runs(facts, (4,), seed=5, device="cuda", status="finished")
    assert "folds 0, 1, 2 and 3: 0; fold 4: 5" in text_of(mixed, "seeds")
    assert "Fold 4 ran on cuda" in text_of(mixed, "machine")


def test_mixed_precision_of_older_files_is_what_the_plan_wants(
    facts, text_of, with_runs, with_plan
):
    old = with_runs(facts, precision="")
    assert "mixed_precision=true" in text_of(old, "machine")
    off = with_plan(old, "training", mixed_precision=False)
    assert "mixed precision was off (mixed_precision=false)" in text_of(off, "machine")


def test_pretrained_weights_are_told_with_the_folds_that_began_with_them(facts, text_of, with_runs):
    source = PretrainedSource("weights.pth", "ab" * 32, "nnU-Net", 9, 8, 7, 6)
    assert "All trained folds began with random weights" in text_of(facts, "first_weights")
    everyone = text_of(with_runs(facts, pretrained=source), "first_weights")
    assert (
        "All trained folds began with weights of the file weights.pth (nnU-Net, SHA-256 ab"
        in everyone
    )
    assert (
        "9 tensors as they are, 8 adapted, 7 of the encoder random, 6 of the file not" in everyone
    )
    assert "random weights, drawn" not in everyone
    some = text_of(with_runs(facts, (1,), pretrained=source), "first_weights")
    assert "Folds 0, 2, 3 and 4 began with random weights" in some
    assert "Fold 1 began with weights of the file" in some


@pytest.mark.parametrize(
    ("changes", "key", "words"),
    [
        ({"combine": "vote"}, "ensemble", "majority votes of 5 networks"),
        ({"combine": "vote"}, "ensemble", "is the share of networks that vote for it"),
        (
            {"combine": "vote"},
            "ensemble",
            "a tie goes to the class with the highest mean probability over the members",
        ),
        (
            {"combine": "vote", "decide": "probable"},
            "predicted_class",
            "each network votes for the class with the highest probability; a case is assigned the "
            "class with the most votes",
        ),
        ({"mirrored": False}, "mirroring", "without mirroring, unlike the out-of-fold predictions"),
        ({"temperature": 1.5}, "probabilities", "were calibrated: temperature 1.500"),
    ],
)
def test_each_fact_of_predictions_is_told(facts, text_of, with_predictions, changes, key, words):
    assert words in text_of(with_predictions(facts, **changes), key)
    assert words not in text_of(facts, key)


def test_mirroring_along_no_axis_is_no_mirroring(facts, text_of, with_plan):
    assert "folder predictions are means over 2 mirrorings" in text_of(facts, "mirroring")
    none = text_of(with_plan(facts, "augmentation", mirror_axes=()), "mirroring")
    assert "folder predictions are of images as they are: the plan names no axis" in none


def test_a_single_network_is_no_ensemble(facts, text_of):
    first, folder = facts.results
    cases = tuple(dataclasses.replace(one, members=one.members[2:3]) for one in folder.cases)
    alone = dataclasses.replace(facts, results=(first, dataclasses.replace(folder, cases=cases)))
    assert "are those of 1 network (fold 2), not of an ensemble" in text_of(alone, "ensemble")


@pytest.mark.parametrize(
    ("balance", "words"),
    [
        (
            "sampler",
            "of the validation cases correspond to balanced classes; they are not corrected",
        ),
        ("loss", "of the validation cases correspond to balanced classes; they are not corrected"),
        ("none", "of the validation cases refer to the class frequencies of the training cases"),
    ],
)
def test_what_probabilities_refer_to_follows_from_the_balance(
    facts, text_of, with_plan, balance, words
):
    text = text_of(with_plan(facts, "training", balance=balance), "probabilities")
    assert words in text
    assert "Probabilities in folder predictions are not calibrated." in text


def test_a_temperature_that_is_there_and_not_used_or_another_is_told(
    facts, text_of, with_predictions
):
    found = Calibration(2.0, None, None, 9, 8, "by hand", {}, (), (), warning="only 9 cases")
    there = dataclasses.replace(facts, calibration=found)
    assert "not calibrated, although calibration.json exists" in text_of(there, "probabilities")
    text = text_of(there, "calibration")
    assert "Temperature 2.000 (interval not determined: it reaches beyond 0.05 to 20)" in text
    assert "fitted on 9 cases of 8 patients: by hand. Warning: only 9" in text
    other = text_of(with_predictions(there, temperature=1.5), "probabilities")
    assert "temperature 1.500, which differs from calibration.json" in other
    same = text_of(with_predictions(there, temperature=2.0), "probabilities")
    assert "which is not that" not in same


def test_what_the_cases_are_called_is_counted(facts, text_of):
    text = text_of(facts, "predicted_class")
    words = "of the out-of-fold predictions is assigned the class with the highest probability."
    assert f"Each case {words}" in text
    first, folder = facts.results
    wrong = dataclasses.replace(first.cases[0], probabilities=first.cases[0].probabilities[::-1])
    cases = (wrong, *first.cases[1:])
    changed = dataclasses.replace(facts, results=(dataclasses.replace(first, cases=cases), folder))
    assert "1 of 20 cases of the out-of-fold predictions is assigned a class other than" in text_of(
        changed, "predicted_class"
    )


def test_a_model_of_a_table_is_no_network(facts, text_of, with_predictions):
    table = dataclasses.replace(with_predictions(facts, checkpoint_hashes={}), plan=None)
    text = text_of(table)
    assert "The model is not a network" in text
    assert "each predicted by the one model that did not learn from it" in text
    for word in ("network (", "networks", "epoch", "mirroring", "sampler"):
        assert word not in text


def test_a_case_that_its_fold_learned_from_is_told(facts, text_of):
    first, folder = facts.results
    learned = next(iter(facts.splits.folds[0].train))
    cases = tuple(
        dataclasses.replace(one, part="fold 0") if one.case_id == learned else one
        for one in first.cases
    )
    changed = dataclasses.replace(facts, results=(dataclasses.replace(first, cases=cases), folder))
    assert f"{learned} of them may be cases that this network learned from" in (
        text_of(changed, "of_folds")
    )
    assert "the one network that did not learn from it" in text_of(facts, "of_folds")


def test_nothing_flatters_where_no_fold_ended_early(facts):
    assert selection.chosen_on_validation(facts) == ""


def test_training_cases_that_were_predicted_flatter_where_their_metrics_stand(facts, text_of):
    assert "optimistic" not in text_of(facts, "results")
    first, folder = facts.results
    cases = (dataclasses.replace(folder.cases[0], learned_by=(0, 1)), *folder.cases[1:])
    changed = dataclasses.replace(facts, results=(first, dataclasses.replace(folder, cases=cases)))
    words = (
        "1 of its cases is a training case that a network learned from, which makes its metrics "
        "optimistic."
    )
    assert words in text_of(changed, "results")
    assert "1 case of folder predictions is a training case" in text_of(changed, "learned_from")


def test_validation_cases_that_chose_the_epoch_flatter_too(facts, text_of, with_predictions):
    best = with_predictions(facts, checkpoint_hashes=_hashes("best", (0,)))
    first, folder = best.results
    held_out = next(iter(facts.splits.folds[0].validation))
    cases = (dataclasses.replace(folder.cases[0], case_id=held_out), *folder.cases[1:])
    changed = dataclasses.replace(best, results=(first, dataclasses.replace(folder, cases=cases)))
    assert "1 of its cases is a validation case that chose the epoch" in text_of(changed, "results")
    final = with_predictions(changed, checkpoint_hashes=_hashes("final", (0,)))
    assert "optimistic" not in text_of(final, "results")


def test_folds_that_are_not_trained_are_named(facts, text_of):
    """Where it says what was trained, and what was averaged; by run.json, of five folds."""
    assert facts.untrained == ()
    assert "not trained" not in text_of(facts)
    first, folder = facts.results
    seen = tuple(one for one in first.cases if one.part != "fold 4")
    four = tuple(
        dataclasses.replace(
            one, members=tuple(m for m in one.members if m[0] not in {"fold 4", "fold 1"})
        )
        for one in folder.cases
    )
    fewer = dataclasses.replace(
        facts,
        folds=facts.folds[:4],
        results=(
            dataclasses.replace(first, cases=seen),
            dataclasses.replace(folder, cases=four),
        ),
    )
    assert fewer.untrained == (4,)
    assert text_of(fewer, "epochs") == (
        "Folds 0, 1, 2 and 3 were trained for all 6 epochs that were set. "
        "Fold 4 of 5 is not trained."
    )
    assert text_of(fewer, "of_folds").endswith(
        "The validation cases of fold 4 (of 5 folds) are not among them: this fold is not trained."
    )
    assert text_of(fewer, "ensemble").endswith(
        "3 networks (folds 0, 2 and 3). Folds 1 and 4 (of 5 folds) are not among the members: "
        "fold 4 is not trained."
    )
    two = dataclasses.replace(fewer, folds=facts.folds[1:3])
    assert "Folds 0, 3 and 4 of 5 are not trained." in text_of(two, "epochs")

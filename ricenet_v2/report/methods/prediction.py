"""Sentences about how predictions were made of networks, and what their probabilities are."""

from __future__ import annotations

from ricenet_v2.records.calibration import Calibration
from ricenet_v2.records.prior import Recalibration
from ricenet_v2.report.formatting import percent, several
from ricenet_v2.report.methods import members, prior
from ricenet_v2.report.methods.augmentation import axes_words
from ricenet_v2.report.methods.facts import Facts
from ricenet_v2.report.methods.first_weights import seen_before
from ricenet_v2.report.methods.sentence import SentenceTopic, listed, numbered, said
from ricenet_v2.report.results.predicted import PredictedCase, Result

GROUP = "Prediction"
_SAME = 1e-9  # by which slopes and offsets may differ


def of_folds(facts: Facts) -> str:
    """Who predicted the validation cases, whether it had learned from them, and who did not."""
    found = facts.out_of_fold
    return "" if found is None else said(_of_folds(facts, found), members.without(facts, found))


def _of_folds(facts: Facts, found: Result) -> str:
    n = several(len(found.cases), "case")
    if facts.splits is None:
        return f"{n} of validation.csv, each predicted by the {facts.model} of one fold."
    learned = [one.case_id for one in found.cases if _is_trained_on(facts, one)]
    if learned or facts.moved_folds:
        which = listed(learned[:5]) if learned else "some"
        return (
            f"{n}, each predicted by the {facts.model} of one fold. By the files as they are now, "
            f"{which} of them may be cases that this {facts.model} learned from."
        )
    before = sum(seen_before(facts, one.case_id, (members.fold_of(one),)) for one in found.cases)
    if before:
        return (
            f"{n}, each predicted by the one {facts.model} whose training left it out; "
            f"{before:,} of them {'was' if before == 1 else 'were'} learned from all the same, by "
            "the weights that it began with."
        )
    return f"{n}, each predicted by the one {facts.model} that did not learn from it."


def of_fold_words(facts: Facts, one: PredictedCase) -> str:
    """Who predicted a validation case."""
    if facts.splits is None:
        return f"By the {facts.model} of {one.part}."
    if _is_trained_on(facts, one) or facts.moved_folds:
        return (
            f"By the {facts.model} of {one.part}, which by the files as they are now may have "
            "learned from the case."
        )
    if seen_before(facts, one.case_id, (members.fold_of(one),)):
        return (
            f"By the one {facts.model} whose training left the case out, but which began with "
            "weights that had been trained on it."
        )
    return f"By the one {facts.model} that did not learn from the case."


def _is_trained_on(facts: Facts, one: PredictedCase) -> bool:
    assert facts.splits is not None
    number = members.fold_of(one)
    there = facts.splits.folds[number : number + 1]
    return not there or one.case_id in there[0].train


def mirroring(facts: Facts) -> str:
    """Mirroring of out-of-fold predictions and of each folder."""
    if not facts.is_network:
        return ""
    return said(_of_validation(facts), *(mirroring_of(facts, one) for one in facts.folders))


def _of_validation(facts: Facts) -> str:
    if facts.out_of_fold is None or not facts.finished:
        return ""
    told = []
    groups: dict[tuple[int, ...] | None, list[int]] = {}
    for fold in facts.finished:
        groups.setdefault(fold.run.validation_mirror_axes, []).append(fold.number)
    for axes, folds in groups.items():
        who = f"Out-of-fold predictions of {numbered(folds)}"
        if axes is None:
            told.append(f"{who}: whether they are means over mirrorings is not recorded.")
        elif axes:
            told.append(
                f"{who} are means over {2 ** len(axes)} mirrorings, along {axes_words(axes)}."
            )
        else:
            told.append(f"{who} are of images as they are, without mirroring.")
    return said(*told)


def mirroring_of(facts: Facts, result: Result) -> str:
    """Mirroring of one folder."""
    made = result.predictions
    if made is None or result.kind != "network" or facts.plan is None:
        return ""
    axes = facts.plan.training.augmentation.mirror_axes
    who = f"Predictions in {result.title}"
    if made.mirrored and axes:
        return f"{who} are means over {2 ** len(axes)} mirrorings, along {axes_words(axes)}."
    if made.mirrored:
        return f"{who} are of images as they are: the plan names no axis to mirror."
    differs = (
        ", unlike the out-of-fold predictions"
        if any(fold.run.validation_mirror_axes for fold in facts.finished)
        else ""
    )
    return f"{who} are of images as they are, without mirroring{differs}."


def other_model(facts: Facts) -> str:
    """Folders of predictions that another plan made."""
    if facts.plan is None:
        return ""
    hashes = {fold.run.plan_hash for fold in facts.folds}
    other = [
        one.title
        for one in facts.folders
        if one.predictions and one.kind == "network" and one.predictions.plan_hash not in hashes
    ]
    if not other or not hashes:
        return ""
    return (
        f"Predictions in {listed(other)} name another plan than the folds here: what is said of "
        "plan and training may not hold for them."
    )


def learned_from(facts: Facts) -> str:
    """Predicted cases that a network learned from."""
    told = []
    for result in facts.folders:
        n = sum(bool(one.learned_by) for one in result.cases)
        if n:
            told.append(
                f"{several(n, 'case')} of {result.title} {'is a' if n == 1 else 'are'} training "
                f"case{'' if n == 1 else 's'} that {result.kind}s learned from."
            )
    return said(*told)


def probabilities(facts: Facts) -> str:
    """What the probabilities refer to, and whether they were calibrated."""
    if facts.plan is None or not facts.results:
        return ""
    folders = [
        said(
            prior.of_folder(facts, one),
            calibration_of(facts, one),
            prior.warned(one.predictions) if one.predictions is not None else "",
        )
        for one in facts.folders
    ]
    return said(prior.of_validation(facts), *folders)


def calibration_of(facts: Facts, result: Result) -> str:
    """Whether the probabilities of one folder were calibrated."""
    made, found = result.predictions, facts.calibration
    if made is None or result.kind != "network":
        return ""
    if made.applied is not None:
        other = found is not None and _differs(found, made.applied)
        return (
            f"Each member's logits in {result.title} were calibrated: {made.applied.words}"
            f"{', which is not that of calibration.json' if other else ''}."
        )
    if made.calibrated:
        return f"Calibration of {result.title} was asked for, and changes nothing."
    there = ", though calibration.json is there" if found is not None else ""
    return f"Probabilities in {result.title} are not calibrated{there}."


def _differs(found: Calibration, applied: Recalibration) -> bool:
    """Whether something else was applied than what calibration.json has now."""
    slope = 1 / found.temperature if found.form == "temperature" else found.slope
    there = (slope, *found.offsets) if found.form != "nothing" else (1.0,)
    here = (applied.slope, *applied.offsets)
    return len(here) != len(there) or any(
        abs(a - b) > _SAME for a, b in zip(here, there, strict=True)
    )


def calibration(facts: Facts) -> str:
    """What calibration.json says of its fit."""
    found = facts.calibration
    return "" if found is None else f"calibration.json: {calibration_words(facts, found)}"


def calibration_words(facts: Facts, found: Calibration) -> str:
    """What is applied, on what it was fitted, what was tried, and what the cases stand for."""
    ends = (
        "" if found.low is None or found.high is None else f" ({found.low:.3f} to {found.high:.3f})"
    )
    how = "as decided by" if found.form == "nothing" else "fitted on"
    return said(
        f"{found.words}{ends}, {how} {several(found.n_cases, 'case')} of "
        f"{several(found.n_patients, 'patient')}: {found.method}.",
        f"Warning: {found.warning}." if found.warning else "",
        "It was fitted on other predictions than those that are here (changed since: "
        f"{listed(facts.moved_calibration)}), so it does not hold for this model."
        if facts.moved_calibration
        else "",
        _refers_to(found),
        _tried(found),
    )


def _refers_to(found: Calibration) -> str:
    if not found.prior:
        return "The predictions it was fitted on were not corrected for how frequent classes are."
    shares = ", ".join(f"{n} {percent(p)}" for n, p in zip(found.classes, found.prior, strict=True))
    return f"Calibrated probabilities refer to class frequencies of {shares}."


def _tried(found: Calibration) -> str:
    if not found.trials:
        return ""
    words = "; ".join(f"{one.form}: {one.reason}" for one in found.trials)
    return f"Forms that were tried: {words}."


def called(facts: Facts) -> str:
    """Which class a case is called, counted on the predictions themselves."""
    told = []
    for result in facts.results:
        if not result.cases:
            continue
        other = sum(one.called != _most_probable(facts, one) for one in result.cases)
        what = "share of votes" if result.cases[0].is_vote else "probability"
        where = prior.set_of(result)
        told.append(prior.rule_of(result, facts))
        told.append(
            f"Each case of {where} is assigned the class of the highest {what}."
            if not other
            else f"{other:,} of {several(len(result.cases), 'case')} of {where} "
            f"{'is' if other == 1 else 'are'} assigned another class than that of the highest "
            f"{what}."
        )
    return said(*told)


def _most_probable(facts: Facts, one: PredictedCase) -> str:
    if one.called not in facts.dataset.classes:
        return ""
    best = max(one.probabilities)
    # Of equal ones the called class is as good as the first.
    index = facts.dataset.classes.index(one.called)
    if one.probabilities[index] == best:
        return one.called
    return facts.dataset.classes[one.probabilities.index(best)]


def thresholds(facts: Facts) -> str:
    """Each threshold, and what it was chosen on."""
    told: dict[str, list[str]] = {}
    for result in facts.results:
        for one in result.evaluation.thresholds if result.evaluation else ():
            value = "no value" if one.value is None else f"{one.value:.3f}"
            text = f"{one.name} of {one.class_name}: {value}, {_chosen(one.chosen_on)}"
            told.setdefault(text, []).append(result.title)
    return said(*(f"Threshold {text} ({listed(names)})." for text, names in told.items()))


def _chosen(on: str) -> str:
    """What a threshold was chosen on; evaluations of before say `nothing`."""
    for fixed in ("no data: ", "nothing: "):
        if on.startswith(fixed):
            return f"{on.removeprefix(fixed)}, not chosen on data"
    return f"chosen on {on}"


SUBJECTS = (
    SentenceTopic("of_folds", "out-of-fold", GROUP, of_folds),
    SentenceTopic("ensemble", "ensemble", GROUP, members.ensemble),
    SentenceTopic("mirroring", "mirroring", GROUP, mirroring),
    SentenceTopic("other_model", "other models", GROUP, other_model),
    SentenceTopic("learned_from", "training cases predicted", GROUP, learned_from),
    SentenceTopic("probabilities", "probabilities", GROUP, probabilities),
    SentenceTopic("calibration", "calibration", GROUP, calibration),
    SentenceTopic("called", "predicted class", GROUP, called),
    SentenceTopic("thresholds", "thresholds", GROUP, thresholds),
)

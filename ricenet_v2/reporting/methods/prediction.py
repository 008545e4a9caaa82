"""Sentences about how models predicted, and what their probabilities are."""

from __future__ import annotations

from ricenet_v2.records.calibration import Calibration
from ricenet_v2.records.prior import Recalibration
from ricenet_v2.reporting.formatting import percent, several
from ricenet_v2.reporting.methods import members, prior
from ricenet_v2.reporting.methods.augmentation import describe_axes
from ricenet_v2.reporting.methods.facts import Facts
from ricenet_v2.reporting.methods.first_weights import seen_before
from ricenet_v2.reporting.methods.sentence import SentenceTopic, listed, numbered, paragraph
from ricenet_v2.reporting.results.predicted import PredictedCase, Result

GROUP = "Prediction"
_SAME = 1e-9  # by which slopes and offsets may differ


def of_folds(facts: Facts) -> str:
    """The models that predicted the validation cases, and whether they had been trained on them."""
    result = facts.out_of_fold
    return (
        ""
        if result is None
        else paragraph(_of_folds(facts, result), members.without(facts, result))
    )


def _of_folds(facts: Facts, result: Result) -> str:
    n = several(len(result.cases), "case")
    if facts.splits is None:
        return f"{n} of validation.csv, each predicted by the {facts.model} of one fold."
    learned = [case.case_id for case in result.cases if _is_trained_on(facts, case)]
    if learned or facts.moved_folds:
        which = listed(learned[:5]) if learned else "some"
        return (
            f"{n}, each predicted by the {facts.model} of one fold. By the files as they are now, "
            f"{which} of them may be cases that this {facts.model} learned from."
        )
    before = sum(
        seen_before(facts, case.case_id, (members.fold_of(case),)) for case in result.cases
    )
    if before:
        return (
            f"{n}, each predicted by the one {facts.model} whose training left it out; "
            f"{before:,} of them {'was' if before == 1 else 'were'} learned from all the same, by "
            "the weights that it began with."
        )
    return f"{n}, each predicted by the one {facts.model} that did not learn from it."


def describe_predictor(facts: Facts, case: PredictedCase) -> str:
    """The model that predicted a validation case, and whether it had been trained on it."""
    if facts.splits is None:
        return f"By the {facts.model} of {case.part}."
    if _is_trained_on(facts, case) or facts.moved_folds:
        return (
            f"By the {facts.model} of {case.part}, which by the files as they are now may have "
            "learned from the case."
        )
    if seen_before(facts, case.case_id, (members.fold_of(case),)):
        return (
            f"By the one {facts.model} whose training left the case out, but which began with "
            "weights that had been trained on it."
        )
    return f"By the one {facts.model} that did not learn from the case."


def _is_trained_on(facts: Facts, case: PredictedCase) -> bool:
    assert facts.splits is not None
    number = members.fold_of(case)
    assigned = facts.splits.folds[number : number + 1]
    return not assigned or case.case_id in assigned[0].train


def mirroring(facts: Facts) -> str:
    """Mirroring of out-of-fold predictions and of each folder."""
    if not facts.is_network:
        return ""
    return paragraph(
        _of_validation(facts), *(mirroring_of(facts, result) for result in facts.folders)
    )


def _of_validation(facts: Facts) -> str:
    if facts.out_of_fold is None or not facts.finished:
        return ""
    sentences = []
    groups: dict[tuple[int, ...] | None, list[int]] = {}
    for fold in facts.finished:
        groups.setdefault(fold.run.validation_mirror_axes, []).append(fold.number)
    for axes, folds in groups.items():
        who = f"Out-of-fold predictions of {numbered(folds)}"
        if axes is None:
            sentences.append(f"{who}: whether they are means over mirrorings is not recorded.")
        elif axes:
            sentences.append(
                f"{who} are means over {2 ** len(axes)} mirrorings, along {describe_axes(axes)}."
            )
        else:
            sentences.append(f"{who} are of images as they are, without mirroring.")
    return paragraph(*sentences)


def mirroring_of(facts: Facts, result: Result) -> str:
    """Mirroring of one folder."""
    predictions = result.predictions
    if predictions is None or result.kind != "network" or facts.plan is None:
        return ""
    axes = facts.plan.training.augmentation.mirror_axes
    who = f"Predictions in {result.title}"
    if predictions.mirrored and axes:
        return f"{who} are means over {2 ** len(axes)} mirrorings, along {describe_axes(axes)}."
    if predictions.mirrored:
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
        result.title
        for result in facts.folders
        if result.predictions
        and result.kind == "network"
        and result.predictions.plan_hash not in hashes
    ]
    if not other or not hashes:
        return ""
    return (
        f"Predictions in {listed(other)} name a different plan from that of the folds here: "
        "what is said about plan and training may not apply to them."
    )


def learned_from(facts: Facts) -> str:
    """Predicted cases that a network learned from."""
    sentences = []
    for result in facts.folders:
        n = sum(bool(case.learned_by) for case in result.cases)
        if n:
            sentences.append(
                f"{several(n, 'case')} of {result.title} {'is a' if n == 1 else 'are'} training "
                f"case{'' if n == 1 else 's'} that {result.kind}s learned from."
            )
    return paragraph(*sentences)


def probabilities(facts: Facts) -> str:
    """Population of the probabilities, and whether they were calibrated."""
    if facts.plan is None or not facts.results:
        return ""
    folders = [
        paragraph(
            prior.of_folder(facts, result),
            calibration_of(facts, result),
            prior.warnings_of(result.predictions) if result.predictions is not None else "",
        )
        for result in facts.folders
    ]
    return paragraph(prior.of_validation(facts), *folders)


def calibration_of(facts: Facts, result: Result) -> str:
    """Whether the probabilities of one folder were calibrated."""
    predictions, fitted = result.predictions, facts.calibration
    if predictions is None or predictions.covariates or result.kind != "network":
        return ""
    if predictions.applied is not None:
        other = fitted is not None and _differs(fitted, predictions.applied)
        differs = ", which differs from calibration.json" if other else ""
        return (
            f"Each member's logits in {result.title} were calibrated: "
            f"{predictions.applied.description}{differs}."
        )
    if predictions.calibrated:
        return f"Calibration of {result.title} was requested but changes nothing."
    remark = ", although calibration.json exists" if fitted is not None else ""
    return f"Probabilities in {result.title} are not calibrated{remark}."


def _differs(fitted: Calibration, applied: Recalibration) -> bool:
    """Whether something else was applied than what calibration.json has now."""
    slope = 1 / fitted.temperature if fitted.form == "temperature" else fitted.slope
    now = (slope, *fitted.offsets) if fitted.form != "nothing" else (1.0,)
    then = (applied.slope, *applied.offsets)
    pairs = zip(then, now, strict=True)
    return len(then) != len(now) or any(abs(a - b) > _SAME for a, b in pairs)


def calibration(facts: Facts) -> str:
    """Description of the fit by calibration.json."""
    fitted = facts.calibration
    return "" if fitted is None else f"calibration.json: {describe_calibration(facts, fitted)}"


def describe_calibration(facts: Facts, fitted: Calibration) -> str:
    """Calibration that is applied, its cases, the forms tried, and their population."""
    ends = f" ({fitted.interval})" if fitted.interval else ""
    how = "as decided by" if fitted.form == "nothing" else "fitted on"
    return paragraph(
        f"{fitted.description}{ends}, {how} {several(fitted.n_cases, 'case')} of "
        f"{several(fitted.n_patients, 'patient')}: {fitted.method}.",
        f"Warning: {fitted.warning}." if fitted.warning else "",
        "It was fitted on predictions that have changed since ("
        f"{listed(facts.moved_calibration)}), so it does not apply to this model."
        if facts.moved_calibration
        else "",
        _refers_to(fitted),
        _tried(fitted),
    )


def _refers_to(fitted: Calibration) -> str:
    if not fitted.prior:
        return "The predictions it was fitted on were not corrected for class frequencies."
    pairs = zip(fitted.classes, fitted.prior, strict=True)
    shares = ", ".join(f"{name} {percent(share)}" for name, share in pairs)
    return f"Calibrated probabilities refer to class frequencies of {shares}."


def _tried(fitted: Calibration) -> str:
    if not fitted.trials:
        return ""
    reasons = "; ".join(f"{trial.form}: {trial.reason}" for trial in fitted.trials)
    return f"Forms that were tried: {reasons}."


def predicted_class(facts: Facts) -> str:
    """The predicted class, counted on the predictions themselves."""
    sentences = []
    for result in facts.results:
        if not result.cases:
            continue
        other = sum(case.predicted != _most_probable(facts, case) for case in result.cases)
        what = "share of votes" if result.cases[0].is_vote else "probability"
        where = prior.set_of(result)
        sentences.append(prior.rule_of(result, facts))
        sentences.append(
            f"Each case of {where} is assigned the class with the highest {what}."
            if not other
            else f"{other:,} of {several(len(result.cases), 'case')} of {where} "
            f"{'is' if other == 1 else 'are'} assigned a class other than that with the highest "
            f"{what}."
        )
    return paragraph(*sentences)


def _most_probable(facts: Facts, case: PredictedCase) -> str:
    if case.predicted not in facts.dataset.classes:
        return ""
    best = max(case.probabilities)
    # Among equal probabilities the predicted class is as good as the first.
    index = facts.dataset.classes.index(case.predicted)
    if case.probabilities[index] == best:
        return case.predicted
    return facts.dataset.classes[case.probabilities.index(best)]


def thresholds(facts: Facts) -> str:
    """Each threshold, and what it was chosen on."""
    titles: dict[str, list[str]] = {}
    for result in facts.results:
        for threshold in result.evaluation.thresholds if result.evaluation else ():
            value = "no value" if threshold.value is None else f"{threshold.value:.3f}"
            text = f"{threshold.name} of {threshold.class_name}: {value}, "
            titles.setdefault(text + _chosen(threshold.chosen_on), []).append(result.title)
    return paragraph(*(f"Threshold {text} ({listed(names)})." for text, names in titles.items()))


def _chosen(on: str) -> str:
    """Cases on which a threshold was chosen; earlier evaluations say `nothing`."""
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
    SentenceTopic("predicted_class", "predicted class", GROUP, predicted_class),
    SentenceTopic("thresholds", "thresholds", GROUP, thresholds),
)

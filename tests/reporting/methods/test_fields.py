"""Every field of the records that a report is made of is told, or silent for a reason.

A field that is told is changed, and the words that belong to its new value have to appear.
"""

import dataclasses

import pytest

from ricenet_v2.core import documents
from ricenet_v2.phantom.cohort import NAME
from ricenet_v2.records.calibration import Calibration, Trial
from ricenet_v2.records.metrics import Cut, Evaluation, Metric
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import PluginUse
from ricenet_v2.records.prediction import Predictions
from ricenet_v2.records.prior import MemberPrior, Prior, Recalibration
from ricenet_v2.records.run import Run
from ricenet_v2.records.sample_size import SampleSize
from ricenet_v2.records.splits import Splits
from ricenet_v2.records.weights import PretrainedSource
from ricenet_v2.reporting.formatting import times
from ricenet_v2.reporting.methods.facts import facts_of
from ricenet_v2.reporting.methods.text import sentences
from ricenet_v2.reporting.results import metric_tables, provenance, spreads
from ricenet_v2.reporting.results.sources import read_sources
from ricenet_v2.reporting.results.training import fold_rows
from ricenet_v2.store.workspace import dataset_paths

OTHER = "something else"
USE = "every page says it"
PRIOR = Prior((0.5, 0.5), (12, 4))
METRIC = Metric("accuracy", 0.123, None, None, 9, "by hand")

RUN = {
    "plan_hash": OTHER, "seed": 7, "device": "cuda:9", "epochs": 9, "status": "stopped",
    "best_epoch": 0, "command": (OTHER,), "versions": {"torch": "9"}, "preprocessed_hash": OTHER,
    "pretrained": PretrainedSource("w.pth", "ab" * 32, "ours", 1, 2, 3, 4), "fold_hash": OTHER,
    "group": "centre", "held_out": "Bern", "n_folds": 3, "epochs_done": 1,
    "epochs_set": ((0, 3), (3, 6)), "validation_checkpoint": "", "validation_mirror_axes": (0,),
    "precision": "bfloat16", "n_processes": 4, "hardware": "H100", "prior": PRIOR,
    "decide": "probable", "tf32": True, "repeats": 3, "holdout": "0.2", "is_full": True,
}  # fmt: skip
RUN_SILENT = {
    "dataset": "that of the folder that the report is of",
    "plan": "name of the folder, which stands at the top",
    "fold": "number of the folder, which stands there",
    "validation_hash": "compared where folds are pooled, which tells of an edited table",
    "channels": "those of plan.json, which are told; a fold of another plan is told by its hash",
}
PREDICTIONS = {
    "plan_hash": OTHER, "checkpoint_hashes": {"fold_0/checkpoint_best.pth": OTHER},
    "combine": "vote", "mirrored": False, "temperature": 1.5, "command": (OTHER,),
    "priors": (MemberPrior(0, PRIOR),), "prior": (0.9, 0.1), "prior_named": True,
    "decide": "probable", "recalibration": Recalibration(0.5), "calibrated": True,
    "warnings": (OTHER,), "covariates": ("age", "mgmt"),
}  # fmt: skip
PREDICTIONS_SILENT = {
    "dataset": "part of the plan, whose hash is compared",
    "plan": "part of the plan, whose hash is compared",
    "classes": "a folder of other classes than the dataset is refused",
    "cases": "read into the table of cases and their pages",
    "failed": "read into the flow, the methods and the table of those that failed",
    "note": USE,
    "fusion_hash": "a hash; the covariates that it adds are told",
    "channels": "those of the plan; what a case lacks stands among the warnings of its page",
    "cases_hash": "decides whose labels are shown, which the flags of each case tell",
}
CALIBRATION = {
    "temperature": 3.0, "low": 1.0, "high": 9.0, "n_cases": 8, "n_patients": 7, "method": OTHER,
    "fitted_on": {"fold_0/validation.csv": OTHER}, "warning": OTHER, "command": (OTHER,),
    "form": "nothing", "slope": 0.25, "offsets": (0.5, -0.5), "classes": ("x", "y"),
    "prior": (0.7, 0.3), "trials": (Trial("nothing", 0.5, 5, OTHER),),
}  # fmt: skip
TABLE_OF_CALIBRATION = "printed by the table of metrics before and after"
CALIBRATION_SILENT = {
    "before": TABLE_OF_CALIBRATION,
    "after": TABLE_OF_CALIBRATION,
    "ensemble_before": TABLE_OF_CALIBRATION,
    "ensemble_after": TABLE_OF_CALIBRATION,
    "note": USE,
}
SPLITS = {"seed": 9, "folds": (), "group": "centre", "repeats": 2, "holdout": "0.2"}
PLAN = {
    "name": OTHER, "preset": "paper", "channels": 1, "spacing": (9.0, 9.0, 9.0),
    "input_size": (32, 32, 32), "storage_dtype": "float16", "network": "batch",
    "training": 0.4, "memory": 7, "spacing_range": ((1.0, 1.0, 1.0), (9.0, 9.0, 9.0)),
    "dose_range": {"dose": (11.0, 22.0)}, "command": (OTHER,), "straighten": True,
    "plugins": (PluginUse("networks", "wide", "brings_wide", "1.2"),),
}  # fmt: skip
BY_DECISION = "told by the decisions, which the page prints"
PLAN_SILENT = {
    "dataset": "that of the folder that the report is of",
    "fingerprint": "a hash; that of the file itself is listed",
    "classes": "those of the dataset, which are told; a plan of others is not trained",
    "margin": BY_DECISION,
    "region": BY_DECISION,
    "memory_budget_gb": BY_DECISION,
    "decisions": "the page prints them as a table",
    "alternatives": "the page of the plan shows them",
    "regions": "what the crop followed is counted on the cases themselves",
}
EVALUATION = {
    "title": OTHER, "classes": ("x", "y"), "n_cases": 7, "n_patients": 6,
    "confusion": ((1, 2), (3, 4)), "metrics": (METRIC,), "level": 0.9, "missing": ("PH0001",),
    "positive_class": OTHER, "groups": (), "thresholds": (), "unlabelled": ("PH0002",),
    "command": (OTHER,), "sample_sizes": (SampleSize(OTHER, 9, 4, 0.4, 0.8, ()),),
    "selection": OTHER, "repeats": 3, "cuts": (Cut("age", (55.5,), "as named"),),
}  # fmt: skip
EVALUATION_SILENT = {
    "n_bootstrap": "metrics that rest on it name it as their method",
    "seed": "metrics that rest on it name it as their method",
    "note": USE,
    "source": "the page names each set by the files that it was read from",
}
ALL = {
    Run: (RUN, RUN_SILENT),
    Predictions: (PREDICTIONS, PREDICTIONS_SILENT),
    Calibration: (CALIBRATION, CALIBRATION_SILENT),
    Splits: (SPLITS, {}),
    Plan: (PLAN, PLAN_SILENT),
    Evaluation: (EVALUATION, EVALUATION_SILENT),
}

WORDS = {
    Run: {
        "plan_hash": "plan.json is not the plan that fold 0 was trained with",
        "seed": "fold 0: 7",
        "device": "Fold 0 ran on cuda:9",
        "epochs": "after 6 of 9 epochs",
        "status": "Fold 0 is not finished (stopped)",
        "best_epoch": "', '1', '",
        "command": OTHER,
        "versions": "Fold 0 was trained with torch 9",
        "preprocessed_hash": OTHER,
        "pretrained": "weights of the file w.pth (ours, SHA-256 abab",
        "fold_hash": "Fold 0 was trained on other cases, labels or patients",
        "group": "leaving out centre",
        "repeats": "in 3 repeats",
        "holdout": "with 0.2 held out",
        "is_full": "no out-of-fold metrics",
        "held_out": "leaving out region Bern",
        "n_folds": "fold 0 was trained as one of 3 folds",
        "epochs_done": "after 1 of 6 epochs",
        "epochs_set": "fold 0: 3 from epoch 1 on, then 6 from epoch 4 on",
        "validation_checkpoint": "the validation cases of fold 0 is not recorded",
        "validation_mirror_axes": "of fold 0 are means over 2 mirrorings, along z (foot to head)",
        "precision": "forward passes of training in bfloat16",
        "tf32": "factors of convolutions rounded to TF32",
        "n_processes": "each update shared by 4 processes",
        "hardware": "(H100)",
        "prior": "validation cases of fold 0 are corrected",
        "decide": "(fold 0) is assigned the class with the highest probability",
    },
    Predictions: {
        "plan_hash": "name a different plan from that of the folds here",
        "checkpoint_hashes": "the weights of each fold's best epoch",
        "combine": "are majority votes of",
        "mirrored": "as they are, without mirroring",
        "temperature": "temperature 1.5",
        "command": OTHER,
        "priors": "Their members were trained with all classes equally frequent",
        "prior": "refer to class frequencies of",
        "prior_named": "which the user named",
        "decide": "is assigned the class with the highest probability",
        "recalibration": "were calibrated: ",
        "calibrated": "was requested but changes nothing",
        "warnings": OTHER.capitalize(),
        "covariates": "(fusion.json), added age and mgmt to the log odds of each member",
    },
    Calibration: {
        "temperature": "Temperature 3.000",
        "low": "(1.000 to 8.000)",
        "high": "(0.500 to 9.000)",
        "n_cases": "8 cases",
        "n_patients": "of 7 patients",
        "method": f": {OTHER}.",
        "fitted_on": "changed since (fold_0/validation.csv)",
        "warning": f"Warning: {OTHER}.",
        "command": OTHER,
        "form": "as decided by",
        "slope": "0.25",
        "offsets": "0.5",
        "classes": "x",
        "prior": "70 %",
        "trials": f"nothing: {OTHER}",
    },
    Splits: {
        "seed": "grouped by patient, seed 9",
        "folds": "there are 3 folds",
        "group": "holds out one value of the column centre",
        "repeats": "2 folds, 2 times",
        "holdout": "one validation set of 20%",
    },
    Plan: {
        "name": f"Plan {OTHER} was",
        "preset": "with the preset paper",
        "channels": "nearest",
        "spacing": f"resampled to {times((9, 9, 9))} mm",
        "input_size": f"{times((32, 32, 32))} voxels",
        "storage_dtype": "stored as float16",
        "network": "batch norm",
        "training": "alpha 0.4",
        "memory": "7 trainable parameters",
        "spacing_range": "1 to 9, 1 to 9, 1 to 9 mm",
        "dose_range": "ranges from 11 to 22 Gy",
        "command": f"by `'{OTHER}'`",
        "straighten": "resampled along the axes of the patient",
        "plugins": "brings_wide 1.2 (networks: wide)",
    },
    Evaluation: {
        "title": f"out-of-fold: {OTHER}",
        "classes": "x",
        "n_cases": "7 cases",
        "n_patients": "of 6 patients",
        "confusion": "3 ",
        "metrics": "0.123",
        "level": "90 % intervals of out-of-fold",
        "missing": "1 case with a label is not included in the metrics",
        "positive_class": f"refer to {OTHER}",
        "unlabelled": "without a known label is not included in its metrics",
        "sample_sizes": f"{OTHER}: 9 patients, 4 of the class",
        "repeats": "means over 3 divisions of all cases",
        "cuts": "age is cut at 55.5 (as named)",
        "selection": OTHER,
        "command": OTHER,
    },
}
"""What has to be said of the value in the tables above; a table of nothing has no words."""
GONE = {"groups": "fold 0", "thresholds": "Youden"}
"""Of fields whose new value is empty, what is said no more."""


def appears(kind, name, before, after):
    """The words of a changed field, which were not there, or for an empty one are there no more."""
    words = WORDS[kind].get(name) or GONE[name]
    new, old = (before, after) if name in GONE else (after, before)
    return new.count(words) > old.count(words)


@pytest.fixture(scope="module")
def sources(simulated):
    """With a calibration by slope and offset."""
    read = read_sources(dataset_paths(NAME, simulated), "auto", "all", [simulated / "predictions"])
    made = Calibration(
        2.0, None, None, 20, 20, "by hand", {}, (METRIC,), (METRIC,), form="slope and offset",
        slope=0.5, offsets=(0.1, -0.1), classes=read.dataset.classes,
    )  # fmt: skip
    return dataclasses.replace(read, calibration=made)


def told(sources):
    """What a report says of these files, without its charts and the table of cases."""
    rows = [one.text for one in sentences(facts_of(sources))]
    rows += provenance.commands(sources, ("ricenet_report",)) + provenance.hashes(sources)
    rows += fold_rows(sources.folds, sources.planned_epochs)
    for made in (one.evaluation for one in sources.results):
        rows += metric_tables.metric_rows(made.metrics, metric_tables.Notes())
        rows += metric_tables.confusion_rows(made.classes, made.confusion)
        rows += metric_tables.group_tables(made) + list(spreads.sample_size_tables(made))
        rows += metric_tables.threshold_rows(made.thresholds, ())
    return "\n".join(map(str, rows))


def with_run(sources, **changes):
    one, *rest = sources.folds
    changed = dataclasses.replace(one, run=dataclasses.replace(one.run, **changes))
    return dataclasses.replace(sources, folds=(changed, *rest))


def with_result(sources, n, **changes):
    results = list(sources.results)
    results[n] = dataclasses.replace(results[n], **changes)
    return dataclasses.replace(sources, results=tuple(results))


def with_plan(sources, **changes):
    """The same plan on disk and in all folds, so that no difference between them is told."""
    plan = dataclasses.replace(sources.plan, **changes)
    hashed = documents.fingerprint_of(plan)
    folds = tuple(
        dataclasses.replace(one, run=dataclasses.replace(one.run, plan_hash=hashed))
        for one in sources.folds
    )
    return dataclasses.replace(sources, plan=plan, planned=plan, folds=folds)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_no_field_is_forgotten(kind):
    changed, silent = ALL[kind]
    assert set(changed) | set(silent) == {field.name for field in dataclasses.fields(kind)}
    assert not set(changed) & set(silent)
    assert all(silent.values())


@pytest.mark.parametrize("name", RUN)
def test_a_run_is_told(sources, name):
    before = with_run(sources, group="region") if name == "held_out" else sources
    assert appears(Run, name, told(before), told(with_run(before, **{name: RUN[name]})))


@pytest.mark.parametrize("name", PREDICTIONS)
def test_predictions_are_told(sources, name):
    made = sources.results[1].predictions
    if name in ("priors", "prior_named", "covariates"):
        made = dataclasses.replace(made, prior=(0.8, 0.2))
    before = with_result(sources, 1, predictions=made)
    changed = dataclasses.replace(made, **{name: PREDICTIONS[name]})
    after = told(with_result(sources, 1, predictions=changed))
    assert appears(Predictions, name, told(before), after)


@pytest.mark.parametrize("name", CALIBRATION)
def test_a_calibration_is_told(sources, name):
    made = sources.calibration
    if name == "temperature":
        made = dataclasses.replace(made, form="temperature")
    if name in ("low", "high"):
        made = dataclasses.replace(made, low=0.5, high=8.0)
    before = dataclasses.replace(sources, calibration=made)
    changed = dataclasses.replace(made, **{name: CALIBRATION[name]})
    after = told(dataclasses.replace(sources, calibration=changed))
    assert appears(Calibration, name, told(before), after)


@pytest.mark.parametrize("name", SPLITS)
def test_splits_are_told(sources, name):
    value = sources.splits.folds[:3] if name == "folds" else SPLITS[name]
    splits = dataclasses.replace(sources.splits, **{name: value})
    after = told(dataclasses.replace(sources, splits=splits))
    assert appears(Splits, name, told(sources), after)


@pytest.mark.parametrize("name", PLAN)
def test_a_plan_is_told(sources, name):
    plan = sources.plan
    value = {
        "channels": (dataclasses.replace(plan.channels[0], interpolation="nearest"),
                     *plan.channels[1:]),
        "network": dataclasses.replace(plan.network, norm="batch"),
        "training": dataclasses.replace(plan.training, mixup=0.4),
        "memory": dataclasses.replace(plan.memory, n_parameters=7),
    }.get(name, PLAN[name])  # fmt: skip
    texts = [
        " ".join(one.text for one in sentences(facts_of(with_plan(sources, **changes))))
        for changes in ({}, {name: value})
    ]
    assert appears(Plan, name, *texts)


@pytest.mark.parametrize("name", EVALUATION)
def test_an_evaluation_is_told(sources, name):
    made = sources.results[0].evaluation
    changed = dataclasses.replace(made, **{name: EVALUATION[name]})
    after = told(with_result(sources, 0, evaluation=changed))
    assert appears(Evaluation, name, told(sources), after)

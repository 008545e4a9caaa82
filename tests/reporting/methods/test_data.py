"""What is said of cases, folds and metrics is counted on them."""

import dataclasses

import pytest

from ricenet_v2.records.comparison import Comparison, Pair
from ricenet_v2.records.dataset import Dataset
from ricenet_v2.records.metrics import MetricGroup
from ricenet_v2.records.splits import Fold, Splits


def _with_case(facts, name, **changes):
    cases = {**facts.cases, name: dataclasses.replace(facts.cases[name], **changes)}
    return dataclasses.replace(facts, cases=cases)


def _with_metrics(facts, metrics):
    first, folder = facts.results
    made = dataclasses.replace(first.evaluation, metrics=metrics)
    return dataclasses.replace(facts, results=(dataclasses.replace(first, evaluation=made), folder))


def test_numbers_are_those_of_the_table(facts, text_of):
    labels = [case.label for case in facts.cases.values() if case.split == "train"]
    text = text_of(facts, "size")
    assert text.startswith("cases.csv lists 23 cases of 23 patients: 20 training cases of 20 pat")
    assert f"{labels.count('recurrence')} recurrence" in text
    gone = {name: case for name, case in facts.cases.items() if name != "PH0001"}
    assert "lists 22 cases" in text_of(dataclasses.replace(facts, cases=gone), "size")


def test_the_positive_class_says_whether_anybody_named_it(facts, text_of):
    data = facts.dataset
    named = dataclasses.replace(data, positive_class=data.classes[0])
    text = text_of(dataclasses.replace(facts, dataset=named), "outcome")
    assert text.endswith(f"the positive class is {data.classes[0]}.")
    default = text_of(
        dataclasses.replace(facts, dataset=dataclasses.replace(data, positive_class=None)),
        "outcome",
    )
    assert "the last one, since dataset.json names none" in default
    three = Dataset("D", data.channels, ("a", "b", "c"))
    text = text_of(dataclasses.replace(facts, dataset=three), "outcome")
    assert text == "The outcome has 3 classes, a, b and c."


def test_what_is_missing_is_counted(facts, text_of):
    assert "were preprocessed; 23 have 3 channels" in text_of(facts, "missing")
    first, folder = facts.results
    failed = dataclasses.replace(folder, failed=(("PH0021", "no image"),))
    text = text_of(dataclasses.replace(facts, results=(first, failed)))
    assert "1 case of folder predictions could not be predicted." in text
    assert "were predicted in folder predictions; 1 could not be predicted." in text
    fewer = dataclasses.replace(facts, stored={"brain mask": 20}, channel_counts={2: 20})
    text = text_of(fewer, "missing")
    assert "3 were not preprocessed; of the others, 20 have 2 channels" in text
    unknown = _with_case(facts, "PH0001", covariates={"age": "50"})
    assert "Covariates that are not known: " in text_of(unknown, "missing")


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        ({"brain mask": 23}, "(23 cases: brain mask)"),
        ({"non-zero voxels": 20, "brain mask": 3}, "(3 cases: brain mask; 20 cases: non-zero vox"),
    ],
)
def test_the_crop_is_that_of_the_cases(facts, text_of, stored, words):
    assert words in text_of(dataclasses.replace(facts, stored=stored), "region")


def test_folds_are_counted(facts, text_of):
    text = text_of(facts, "folds")
    assert text.startswith(
        "By splits_final.json there are 5 folds, stratified by class, grouped by patient, seed 0, "
        "with 4 validation cases each. Each of these"
    )
    names = sorted(case for fold in facts.splits.folds for case in fold.validation)
    two = Splits(9, (Fold(tuple(names[5:]), tuple(names[:5])), Fold(tuple(names[9:]), ("PH0001",))))
    text = text_of(dataclasses.replace(facts, splits=two), "folds")
    assert (
        "2 folds, stratified by class, grouped by patient, seed 9, with 1 to 5 validation" in text
    )
    assert "15 cases are held out of no fold, 1 of several." in text


def test_patients_on_both_sides_are_found(facts, text_of):
    assert text_of(facts, "disjoint") == (
        "No patient of cases.csv is on both sides of a fold. "
        "No patient has cases in both the training and the test split."
    )
    one, other = facts.splits.folds[0].validation[0], facts.splits.folds[1].validation[0]
    same = _with_case(facts, one, patient_id=facts.cases[other].patient_id)
    assert "Patients are on both sides of folds 0 and 1." in text_of(same, "disjoint")
    test = next(case for case in facts.cases.values() if case.split == "test")
    both = _with_case(facts, one, patient_id=test.patient_id)
    assert "1 patient has cases in both the training and the test split" in text_of(
        both, "disjoint"
    )


def test_folds_of_other_labels_are_not_those_of_the_runs(facts, text_of):
    labels = {name: case.label for name, case in facts.cases.items()}
    patients = {name: case.patient_id for name, case in facts.cases.items()}
    folds = tuple(
        dataclasses.replace(
            fold,
            run=dataclasses.replace(
                fold.run,
                fold_hash=facts.splits.folds[fold.number].hash_with(labels, patients),
            ),
        )
        for fold in facts.folds
    )
    hashed = dataclasses.replace(facts, folds=folds)
    assert "were trained on other" not in text_of(hashed, "folds")
    relabelled = _with_case(hashed, "PH0001", label="another")
    assert "were trained on other cases, labels or patients" in text_of(relabelled, "folds")


def test_the_fingerprint_is_held_against_the_test_cases(facts, text_of):
    assert "20 cases, none of them a test case; the validation cases" in text_of(facts, "scope")
    inside = _with_case(facts, "PH0001", split="test")
    assert "the test cases PH0001 among them" in text_of(inside, "scope")


def test_intervals_are_told_in_the_words_of_the_metrics(facts, text_of):
    one, two = facts.results[0].evaluation.metrics[:2]
    made = (
        dataclasses.replace(one, name="first", low=0.1, high=0.9, method="a new method"),
        dataclasses.replace(two, name="second", low=None, high=None, value=0.5),
    )
    text = text_of(_with_metrics(facts, made), "uncertainty")
    assert "95 % intervals of out-of-fold: first: a new method." in text
    assert "No interval in out-of-fold: second." in text


def test_results_are_the_metrics_of_the_files(facts, text_of):
    metrics = {one.name: one for one in facts.results[0].evaluation.metrics}
    text = text_of(facts, "results")
    assert f"AUROC {metrics['AUROC'].value:.3f} (" in text
    bare = dataclasses.replace(metrics["AUROC"], low=None, high=None, value=0.125)
    changed = _with_metrics(facts, (bare,))
    assert "Out-of-fold (n = 20): AUROC 0.125 (no interval)." in text_of(changed, "results")


def test_subgroups_of_few_cases_are_not_named(facts, text_of):
    first, folder = facts.results
    few, enough = (
        MetricGroup(name, "subgroup", n, n, ((n, 0), (0, 0)), (), warning)
        for name, n, warning in (("site = A", 1, "fewer than 10 cases"), ("site = B", 12, ""))
    )

    def told(*groups):
        made = dataclasses.replace(first.evaluation, groups=groups)
        new = dataclasses.replace(first, evaluation=made)
        return text_of(dataclasses.replace(facts, results=(new, folder)), "subgroups")

    assert "site = B" in told(few, enough)
    assert "site = A" not in told(few, enough)
    assert "out-of-fold" not in told(few)


def test_comparisons_are_told_with_what_they_left_out(facts, text_of):
    assert text_of(facts, "tests") == ""
    pair = Pair("AUROC", "a", "b", 0.5, 0.5, 0.0, None, None, "a swap test", 1.0, 1.0, 9)
    made = Comparison(("a", "b"), ("x", "y"), "y", 9, 9, ("C1",), (pair,), 0.95, 10, 0)
    text = text_of(dataclasses.replace(facts, comparisons={"pair": made}), "tests")
    assert "pair compares a and b on 9 cases that all of them predicted (a swap test)." in text
    assert "1 case of pair was left out." in text


def test_a_comparator_of_many_columns_names_some_and_where_radiomic_features_are_from(
    facts, text_of, with_runs
):
    few = with_runs(dataclasses.replace(facts, plan=None), channels=("age", "sex = M"))
    assert text_of(few, "channels") == "The model sees the columns age and sex = M."
    names = tuple(f"T1c lesion {n}" for n in range(300))
    many = with_runs(few, channels=("age", *names), versions={"mirp": "2.7.0"})
    text = text_of(many, "channels")
    assert text.startswith("The model sees the columns age, T1c lesion 0, ")
    assert "T1c lesion 28 and 271 more, which features.csv lists." in text
    assert "computed by MIRP 2.7.0 by the definitions of the IBSI" in text
    assert "T1c lesion 29" not in text

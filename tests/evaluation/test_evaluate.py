"""Evaluations: counts, intervals, parts, and faults of the input."""

import dataclasses
import unicodedata

import numpy as np
import pytest

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.evaluation.evaluate import EvaluationOptions, evaluate
from ricenet_v2.evaluation.read import read_labelled
from ricenet_v2.evaluation.subgroups import groups_of
from ricenet_v2.records.metrics import Cut


def named(metrics):
    return {metric.name: metric for metric in metrics}


@pytest.mark.parametrize("n_classes", [2, 3])
def test_every_metric_has_a_count_a_method_and_holds_its_value(draw, n_classes):
    labelled, options = draw(n_classes, n=45), EvaluationOptions(1, n_bootstrap=200, seed=3)
    made = evaluate(labelled, options)
    assert made == evaluate(labelled, options)
    for metric in made.metrics:
        assert metric.n > 0
        assert metric.method
        if metric.calibrated is not None:
            assert "no interval" in metric.method
            assert "seed 3" in metric.method
        if metric.low is not None:
            assert metric.low <= metric.value <= metric.high
    metrics = named(made.metrics)
    assert metrics["sensitivity of y"].n == int((labelled.truth == 1).sum())
    assert "noise" in metrics["expected calibration error"].warning
    assert ("AUROC of x" in metrics) == (n_classes == 3)
    assert f"calibration slope of {'x' if n_classes == 3 else 'y'}" in metrics


def test_what_is_not_defined_is_none_and_says_why(draw):
    labelled = draw(2, n=12)
    alone = labelled.part(np.flatnonzero(labelled.truth == 0))
    metrics = named(evaluate(alone, EvaluationOptions(1, n_bootstrap=50)).metrics)
    assert metrics["AUROC"].value is None
    assert metrics["AUROC"].warning == "not defined: no case of y"
    assert metrics["macro F1"].value is not None
    assert metrics["macro F1"].low is None
    assert metrics["macro F1"].warning == "no interval: no case of y"
    assert metrics["sensitivity of y"].value is None
    assert metrics["sensitivity of y"].warning == "no such case"
    assert "one class" in metrics["calibration slope of y"].warning
    # Cases of the other class might have cost up to 1 each.
    assert metrics["Brier score"].high > metrics["Brier score"].value + 0.1


def test_perfect_calls_have_intervals_with_a_width(draw):
    labelled = draw(2, n=20, knowledge=50)
    metrics = named(evaluate(labelled, EvaluationOptions(1, n_bootstrap=50)).metrics)
    for name in ("AUROC", "macro F1", "balanced accuracy", "MCC", "average precision"):
        assert metrics[name].value == pytest.approx(1.0)
        assert 0.2 < metrics[name].low < 0.9
        assert metrics[name].high == pytest.approx(1.0)
    assert metrics["accuracy"].low == pytest.approx(0.025 ** (1 / 20))


def test_few_patients_with_several_cases_get_no_interval(draw):
    labelled = draw(2, n=12, per_patient=4)
    metrics = named(evaluate(labelled, EvaluationOptions(1, n_bootstrap=50)).metrics)
    for name in ("AUROC", "macro F1", "Brier score"):
        assert metrics[name].low is None
        assert metrics[name].warning == "no interval: 12 cases of only 3 patients"


def test_folds_members_and_subgroups_have_metrics_of_their_own(draw):
    n = 40
    members = {fold: draw(2, n=n, seed=0).probabilities[::-1] for fold in (0, 3)}
    labelled = draw(
        2,
        n=n,
        folds=tuple(i % 2 for i in range(n)),
        members=members,
        covariates={"site": (*tuple("AAB"[i % 3] for i in range(n - 1)), "")},
    )
    made = evaluate(labelled, EvaluationOptions(1, n_bootstrap=50))
    groups = {group.name: group for group in made.groups}
    assert list(groups) == [
        *("fold 0", "fold 1", "site = A", "site = B", "site not known"),
        *("member of fold 0", "member of fold 3"),
    ]
    assert groups["fold 0"].n_cases == 20
    a = [i for i in range(n - 1) if i % 3 < 2]
    right = (labelled.truth == labelled.predicted)[a].mean()
    assert named(groups["site = A"].metrics)["accuracy"].value == pytest.approx(right)
    assert "fewer than 10" in groups["site not known"].warning
    assert groups["member of fold 3"].kind == "member"
    called = members[0].argmax(axis=1)
    assert named(groups["member of fold 0"].metrics)["accuracy"].value == pytest.approx(
        (called == labelled.truth).mean()
    )


def _sizes(groups):
    return [(group.name, len(group.cases)) for group in groups]


def test_numbers_are_cut_at_edges_or_their_median(draw):
    ages = tuple(str(40 + i) for i in range(20))
    labelled = draw(2, n=20, covariates={"age": ages, "name": tuple(f"n{i}" for i in range(20))})
    groups, cuts = groups_of(labelled)
    assert _sizes(groups) == [("age below 49.5", 10), ("age 49.5 or more", 10)]
    assert cuts == (Cut("age", (49.5,), "median of the out-of-fold cases"),)
    groups, cuts = groups_of(labelled, ["age"], {"age": (55, 45)})
    assert _sizes(groups) == [
        ("age below 45", 5),
        ("age 45 to below 55", 10),
        ("age 55 or more", 5),
    ]
    assert cuts == (Cut("age", (45, 55), "as named"),)
    with pytest.raises(DatasetError, match="no such covariate"):
        groups_of(labelled, ["scanner"])


def test_other_cases_are_cut_where_the_folds_are(draw):
    of_folds = (
        Cut("age", (44.0,), "median of the out-of-fold cases"),
        Cut("sex", (1.0,), "median of the out-of-fold cases"),  # words here, so not cut
        Cut("gone", (3.0,), "as named"),
    )
    covariates = {
        "age": tuple(str(40 + i % 5) for i in range(20)),  # few values: would be a group each
        "sex": tuple("fm"[i % 2] for i in range(20)),
        "dose": tuple(str(50 + i) for i in range(20)),
    }
    labelled = draw(2, n=20, covariates=covariates)
    groups, cuts = groups_of(labelled, stored=of_folds, source="test")
    assert _sizes(groups) == [
        *(("age below 44", 16), ("age 44 or more", 4)),
        *(("sex = f", 10), ("sex = m", 10)),
        *(("dose below 59.5", 10), ("dose 59.5 or more", 10)),
    ]
    assert cuts == (of_folds[0], Cut("dose", (59.5,), "median of these cases"))
    named_here = groups_of(labelled, ["age"], {"age": (42,)}, of_folds, "test")
    assert _sizes(named_here[0]) == [("age below 42", 8), ("age 42 or more", 12)]


def test_cuts_of_folds_show_no_covariate_that_may_identify_a_patient(draw):
    numbers = tuple(str(1_000_000 + 37 * i) for i in range(20))
    labelled = draw(2, n=20, covariates={"PatientID": numbers})
    stored = (Cut("PatientID", (1_000_300.0,), "as named"),)
    assert groups_of(labelled, stored=stored, source="test") == ([], ())


def test_several_cases_of_a_patient_widen_proportions(draw):
    labelled = draw(2, n=60, per_patient=3)
    # All cases of a patient are right, or none.
    right = np.repeat(np.arange(20) % 4 > 0, 3)
    labelled = dataclasses.replace(
        labelled, predicted=np.where(right, labelled.truth, 1 - labelled.truth)
    )
    metric = named(evaluate(labelled, EvaluationOptions(1, n_bootstrap=50)).metrics)["accuracy"]
    assert "60 cases of 20 patients count as 17" in metric.method
    single = dataclasses.replace(labelled, patients=labelled.case_ids)
    narrow = named(evaluate(single, EvaluationOptions(1, n_bootstrap=50)).metrics)["accuracy"]
    assert metric.high - metric.low > 1.5 * (narrow.high - narrow.low)


def test_all_faults_of_a_predictions_file_come_in_one_table(tmp_path):
    (tmp_path / "p.csv").write_text(
        "case_id,prob_x,prob_y,prob_x__fold_0,prob_y__fold_0,predicted\na,0.5,0.5,1,0,x\n"
        "a,0.5,0.5,1,0,x\nb,0.9,0.9,1,0,x\nc,nan,0.5,1,0,x\nd,0.1,0.9,0.4,0.4,w\n"
        "e,-0.2,1.2,1,0,y\nlonger,,1,1,0,y\n"
    )
    (tmp_path / "t.csv").write_text("case_id,label\na,x\nb,y\nc,z\ne,y\nf,y\nlonger,y\n")
    with pytest.raises(DatasetError) as caught:
        read_labelled(tmp_path / "p.csv", tmp_path / "t.csv")
    told = str(caught.value).split("got: ")[1].split("  what to do")[0].splitlines()
    assert told == [
        "10 faults",
        "    case    fault",
        "    a       predicted 2 times",
        "    b       probabilities sum to 1.8",
        "    c       its label 'z' is not a class",
        "    c       probabilities are not all numbers: nan, 0.5",
        "    d       not in the table of labels",
        "    d       predicted 'w' is not a class",
        "    d       probabilities of fold 0 sum to 0.8",
        "    e       probabilities are not between 0 and 1: -0.2, 1.2",
        "    longer  probabilities are not all numbers: (empty), 1",
        "    f       not predicted",
    ]


def test_columns_that_tell_who_it_is_make_groups_only_when_named(draw):
    cells = {
        "physician_name": tuple("AB"[i % 2] for i in range(20)),
        "PatientID": tuple(str(i % 3) for i in range(20)),
        "code": tuple(str(1_000_000 + i) for i in range(20)),
        "site": tuple("XY"[i % 2] for i in range(20)),
    }
    labelled = draw(2, n=20, covariates=cells)
    assert [group.name for group in groups_of(labelled)[0]] == ["site = X", "site = Y"]
    assert len(groups_of(labelled, ["physician_name"])[0]) == 2
    assert len(groups_of(labelled, None, {"code": (1_000_010,)})[0]) == 2 + 2


def test_words_for_nothing_are_one_group_that_is_not_known(draw):
    ages = (*(str(40 + i) for i in range(10)), "NA", "nan", "inf", "None", "")
    sexes = ("f", "m", "unknown", "-", "N/A") * 3
    labelled = draw(2, n=15, covariates={"age": ages, "sex": sexes})
    assert [(g.name, len(g.cases)) for g in groups_of(labelled)[0]] == [
        *(("age below 44.5", 5), ("age 44.5 or more", 5), ("age not known", 5)),
        *(("sex = f", 3), ("sex = m", 3), ("sex not known", 9)),
    ]


def _tables(tmp_path, predictions, truth):
    (tmp_path / "p.csv").write_text(predictions, encoding="utf-8")
    (tmp_path / "t.csv").write_text(truth, encoding="utf-8")
    return tmp_path / "p.csv", tmp_path / "t.csv"


TWO = "case_id,prob_x,prob_y\n{},0.8,0.2\n{},0.3,0.7\n"


def test_two_columns_of_labels_are_refused(tmp_path):
    """The last one was taken: an AUROC of 1 became 0."""
    files = _tables(tmp_path, TWO.format("a", "b"), "case_id,label,label\na,x,y\nb,y,x\n")
    with pytest.raises(DatasetError, match="'label' and 'label'"):
        read_labelled(*files)


@pytest.mark.parametrize("cell", ["NA", "None", "?"])
def test_a_truth_whose_patient_nobody_is(tmp_path, cell):
    table = f"case_id,patient_id,label\na,{cell},x\nb,,y\n"
    files = _tables(tmp_path, TWO.format("a", "b"), table)
    with pytest.raises(DatasetError, match=f"1 fault\n[^\n]*\n *a +its patient_id '.*{cell[1:]}'"):
        read_labelled(*files)


def test_faults_name_what_is_nearly_right(tmp_path):
    predictions = 'case_id,prob_x,prob_y\n1,0.8,0.2\nb,0.3,0.7\nc,0.4,0.6 %\nd,0.7,"0,3"\n'
    files = _tables(tmp_path, predictions, "case_id,label\n001,x\nb,Y\nc,x\nd,x\n")
    with pytest.raises(DatasetError) as caught:
        read_labelled(*files)
    for line in (
        "1     not in the table of labels ('001' differs in leading zeros",
        "b     its label 'Y' is not a class ('y' differs in capitals)",
        "c     probabilities are not all numbers: 0.4, 0.6 %",
        "0.7, 0,3 (a comma is read as a decimal one where all cells of its column are numbers)",
    ):
        assert line in str(caught.value)


def test_ids_in_another_normal_form_are_the_same(tmp_path):
    predicted = TWO.format(unicodedata.normalize("NFD", "Müller"), "b")
    labelled = read_labelled(*_tables(tmp_path, predicted, "case_id,label\nMüller,x\nb,y\n"))
    assert labelled.case_ids == ("Müller", "b")


def test_truths_without_labels_name_the_column(tmp_path):
    files = _tables(tmp_path, TWO.format("a", "b"), "case_id,Label\na,x\nb,y\n")
    with pytest.raises(DatasetError, match="Rename 'Label' to 'label'"):
        read_labelled(*files)

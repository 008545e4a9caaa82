"""Metrics in words."""

from ricenet_v2.records.dataset import Case
from ricenet_v2.records.metrics import Evaluation, Metric, MetricGroup, Threshold
from ricenet_v2.reporting.results.metric_tables import (
    Notes,
    confusion_rows,
    group_tables,
    headline,
    metric_rows,
    threshold_columns,
    threshold_rows,
    without_identities,
)


def _metric(name, value=0.5, low=0.25, high=0.75, n=12, warning=""):
    return Metric(name, value, low, high, n, "by hand", warning)


def _evaluation(metrics, groups=()):
    return Evaluation(
        "t", ("a", "b"), 12, 12, ((5, 1), (2, 4)), metrics, 0.95, 10, 0, groups=groups
    )


def test_a_warning_is_told_once_and_numbered():
    notes = Notes()
    rows = metric_rows(
        [
            _metric("one", warning="few"),
            _metric("two", None, None, None),
            _metric("three", warning="fewer"),
            _metric("four", warning="few", n=1234),
        ],
        notes,
    )
    assert [row.note for row in rows] == [1, 0, 2, 1]
    assert notes.texts == ["few", "fewer"]
    assert (rows[0].value, rows[0].interval) == ("0.500", "0.250 to 0.750")
    assert (rows[1].value, rows[1].interval) == ("\N{EN DASH}", "\N{EN DASH}")
    assert rows[3].n == "1,234"


def test_the_headline_has_its_order_and_skips_what_is_missing():
    made = _evaluation((_metric("AUROC"), _metric("log loss"), _metric("macro F1")))
    assert [one.name for one in headline(made)] == ["macro F1", "AUROC"]


def test_sets_of_one_kind_share_a_table():
    few = _metric("macro F1", 1.0, None, None)
    groups = (
        MetricGroup("fold 0", "fold", 4, 3, ((1, 0), (0, 1)), (few,), "too few"),
        MetricGroup("site = A", "subgroup", 8, 8, ((1, 0), (0, 1)), (_metric("macro F1"),)),
        MetricGroup("fold 1", "fold", 4, 4, ((1, 0), (0, 1)), (), "too few"),
    )
    folds, subgroups = group_tables(_evaluation((), groups))
    assert folds.columns == ("macro F1",)
    assert folds.rows == (
        ("fold 0", "4", "3", ("1.000",), 1),
        ("fold 1", "4", "4", ("\N{EN DASH}",), 1),
    )
    assert folds.notes == ("too few",)
    assert subgroups.rows == (("site = A", "8", "8", ("0.50 (0.25 to 0.75)",), 0),)


def test_thresholds_of_several_classes_share_their_columns():
    thresholds = [
        Threshold("default", name, 0.5, "nothing", (_metric(f"sensitivity of {name}"),))
        for name in ("a", "b")
    ]
    columns = threshold_columns(thresholds)
    assert columns == ["sensitivity"]
    rows = threshold_rows(thresholds, columns)
    assert rows[1] == ("default", "b", "0.500", "nothing", ("0.50 (0.25 to 0.75)",))


def test_a_class_without_cases_has_no_shares():
    rows = confusion_rows(("a", "b"), ((3, 1), (0, 0)))
    assert rows[0] == ("a", ((3, "75 %", 45), (1, "25 %", 15)), 4)
    assert rows[1] == ("b", ((0, "\N{EN DASH}", 0), (0, "\N{EN DASH}", 0)), 0)


def test_subgroups_that_name_somebody_are_left_out():
    names = ("site = A", "age below 60", "grade not known", "physician_name = Dr. Who")
    hidden = ("PatientID 5 to below 7", "seen = 2024-05-01", "chart 400000 or more")
    groups = [
        MetricGroup(name, "subgroup", 4, 4, ((1, 0), (0, 1)), ()) for name in (*names, *hidden)
    ]
    fold = MetricGroup("fold 0", "fold", 4, 4, ((1, 0), (0, 1)), ())
    cases = [Case(f"c{n}", f"p{n}", "a", covariates={"chart": f"{400123 + n}"}) for n in range(9)]
    made = without_identities(_evaluation((), (fold, *groups)), cases)
    assert [one.name for one in made.groups] == ["fold 0", *names[:3]]

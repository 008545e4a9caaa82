"""Tables beside the documents: each number in its row and column."""

from ricenet_v2.core import documents
from ricenet_v2.evaluation.write import write_comparison, write_curves, write_metrics
from ricenet_v2.records.comparison import Comparison, Pair
from ricenet_v2.records.curves import Curve, Curves
from ricenet_v2.records.metrics import Evaluation, Metric, MetricGroup, Threshold
from ricenet_v2.store.tables import read_rows


def metric(name, value, low=None, high=None):
    return Metric(name, value, low, high, 20, "by hand", "")


def test_a_curve_has_a_row_for_each_point_with_its_band_where_it_has_one(tmp_path):
    band = Curve("ROC", "model", "b", "x name", "y name", (0.0, 1.0), (0.25, 0.5), (0.1, 0.2),
                 (0.3, 0.75))  # fmt: skip
    bins = Curve("calibration", "model", "b", "said", "seen", (0.125,), (0.25,), n=(7,))
    curves = Curves("t", ("a", "b"), (band, bins))
    write_curves(tmp_path, curves)
    assert documents.read(Curves, tmp_path / "curves.json") == curves
    columns = ("curve", "series", "class", "x_name", "x", "y_name", "y", "low", "high", "n")
    assert [tuple(row[name] for name in columns) for row in read_rows(tmp_path / "curves.csv")] == [
        ("ROC", "model", "b", "x name", "0.0", "y name", "0.25", "0.1", "0.3", ""),
        ("ROC", "model", "b", "x name", "1.0", "y name", "0.5", "0.2", "0.75", ""),
        ("calibration", "model", "b", "said", "0.125", "seen", "0.25", "", "", "7"),
    ]


def test_metrics_of_all_of_parts_and_of_thresholds_stand_in_one_table(tmp_path):
    group = MetricGroup("site = A", "subgroup", 5, 5, ((1, 0), (0, 1)), (metric("MCC", 0.5),))
    threshold = Threshold("Youden", "b", 0.375, "out-of-fold", (metric("sensitivity", 1.0),))
    whole = (metric("AUROC", 0.75, 0.5, 0.875),)
    made = Evaluation("t", ("a", "b"), 20, 20, ((1, 0), (0, 1)), whole, 0.95, 10, 0,
                      groups=(group,), thresholds=(threshold,))  # fmt: skip
    write_metrics(tmp_path, made)
    assert documents.read(Evaluation, tmp_path / "metrics.json") == made
    columns = ("cases", "metric", "value", "low", "high", "n", "method")
    rows = [tuple(row[name] for name in columns) for row in read_rows(tmp_path / "metrics.csv")]
    assert rows == [
        ("all", "AUROC", "0.75", "0.5", "0.875", "20", "by hand"),
        ("site = A", "MCC", "0.5", "", "", "20", "by hand"),
        ("threshold Youden: b from 0.375", "sensitivity", "1.0", "", "", "20", "by hand"),
    ]


def test_each_pair_of_a_comparison_is_a_row(tmp_path):
    pair = Pair("AUROC", "one", "two", 0.75, 0.5, 0.25, 0.125, 0.375, "a test", 0.01, 0.02, 20)
    made = Comparison(("one", "two"), ("a", "b"), "b", 20, 20, (), (pair,), 0.95, 10, 0)
    write_comparison(tmp_path, made)
    assert documents.read(Comparison, tmp_path / "comparison.json") == made
    (row,) = read_rows(tmp_path / "comparison.csv")
    assert list(row.values()) == [
        *("AUROC", "one", "two", "0.75", "0.5", "0.25", "0.125", "0.375"),
        *("a test", "0.01", "0.02", "20", ""),
    ]

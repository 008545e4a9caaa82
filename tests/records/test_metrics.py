"""metrics.json of every version is read; the documents around it come back as they were."""

import json
from pathlib import Path

import pytest

from ricenet_v2.core import documents
from ricenet_v2.records.calibration import Calibration
from ricenet_v2.records.comparison import Comparison, Pair
from ricenet_v2.records.curves import Curve, Curves
from ricenet_v2.records.metrics import Evaluation, Metric, MetricGroup, Threshold
from ricenet_v2.records.sample_size import Development, Precision, SampleSize
from ricenet_v2.records.sanity import Sanity, SanityCheck

GOLDEN = Path(__file__).parent / "golden" / "figures_1.json"
METRIC = Metric("accuracy", 0.5, 0.1, 0.9, 4, "Clopper-Pearson", "fewer than 10 cases")


def test_metrics_of_schema_1_are_read():
    found = documents.read(Evaluation, GOLDEN)
    assert (found.source, found.positive_class, found.groups) == ("out-of-fold", "", ())
    assert found.metrics[0].high == pytest.approx(0.9978924478756998)
    assert found.metrics[1].value is None
    assert (found.missing, found.confusion) == (("c13",), ((5, 0), (1, 6)))


def test_a_title_without_out_of_fold_was_a_test_set(tmp_path):
    fields = json.loads(GOLDEN.read_text()) | {"title": "predictions.csv"}
    (tmp_path / "metrics.json").write_text(json.dumps(fields))
    assert documents.read(Evaluation, tmp_path / "metrics.json").source == "test"


@pytest.mark.parametrize(
    "made",
    [
        Evaluation(
            "t",
            ("a", "b"),
            4,
            4,
            ((2, 0), (0, 2)),
            (METRIC,),
            0.95,
            2000,
            0,
            positive_class="b",
            source="test",
            groups=(MetricGroup("site = A", "subgroup", 4, 4, ((2, 0), (0, 2)), (METRIC,), "few"),),
            thresholds=(Threshold("Youden", "b", 0.4, "out-of-fold predictions", (METRIC,)),),
            sample_sizes=(
                SampleSize(
                    "b",
                    4,
                    2,
                    0.5,
                    0.8,
                    (Precision("AUROC", 0.8, 0.4, 1.0, 0.1, 320),),
                    Development(0.49, 385, 0.28, 1.1),
                ),
            ),
        ),
        Curves("t", ("a", "b"), (Curve("ROC", "model", "b", "x", "y", (0.0, 1.0), (0.0, 1.0)),)),
        Comparison(
            ("a", "b"),
            ("x", "y"),
            "y",
            4,
            4,
            ("c5",),
            (Pair("AUROC", "a", "b", 0.9, 0.8, 0.1, -0.1, 0.3, "DeLong", 0.4, 0.8, 4),),
            0.95,
            2000,
            0,
        ),
        Calibration(1.4, 1.0, 2.0, 4, 4, "m", {"fold_0": "aa"}, (METRIC,), (METRIC,)),
        Sanity("t", (SanityCheck("label permutation", "fine", "p = 0.01", (METRIC,)),)),
    ],
    ids=lambda made: made.document,
)
def test_documents_come_back_as_they_were(tmp_path, made):
    documents.write(tmp_path / "d.json", made)
    assert documents.read(type(made), tmp_path / "d.json") == made


def test_documents_without_the_newer_fields_are_read(tmp_path):
    """Sample sizes, and warnings of curves, came later; nothing is said where they are missing."""
    assert documents.read(Evaluation, GOLDEN).sample_sizes == ()
    made = Curves("t", ("a", "b"), (Curve("ROC", "model", "b", "x", "y", (0.0,), (0.0,)),))
    fields = json.loads(documents.to_text(made))
    del fields["curves"][0]["warning"]
    (tmp_path / "curves.json").write_text(json.dumps(fields))
    assert documents.read(Curves, tmp_path / "curves.json") == made


def test_a_curve_whose_parts_do_not_fit_is_refused():
    with pytest.raises(ValueError, match="do not fit"):
        Curve("ROC", "model", "b", "x", "y", (0.0, 1.0), (0.0,))
    with pytest.raises(ValueError, match="do not fit"):
        Curve("ROC", "model", "b", "x", "y", (0.0,) * 501, (0.0,) * 501)

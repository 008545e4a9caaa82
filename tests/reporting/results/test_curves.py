"""Charts of curves.json, on the page and as files for papers."""

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from ricenet_v2.records.curves import Curve, Curves
from ricenet_v2.records.metrics import Metric
from ricenet_v2.reporting.results.curves import confusion_chart, curve_charts, file_name, file_names


def _curve(name="ROC", series="model", class_name="b", y_name="sensitivity", **more):
    return Curve(name, series, class_name, "x", y_name, (0.0, 0.5, 1.0), (0.0, 0.8, 1.0), **more)


def test_a_chart_per_kind_and_class():
    curves = (
        _curve(),
        _curve(class_name="a"),
        _curve("decision", "model"),
        _curve("decision", "treat all"),
        _curve("referral", "kept", class_name=""),
    )
    two = list(curve_charts("test", Curves("t", ("a", "b"), curves)))
    assert [chart.name for chart in two] == [
        "test_ROC",
        "test_ROC_2",
        "test_decision",
        "test_referral",
    ]
    three = list(curve_charts("test", Curves("t", ("a", "b", "c"), curves)))
    assert [chart.title for chart in three][:2] == ["ROC curve, b", "ROC curve, a"]
    assert [chart.name for chart in three][:2] == ["test_ROC_b", "test_ROC_a"]
    # Of several classes each starts a row, as does what is of all.
    assert [chart.starts_row for chart in three] == [False, True, True, True]
    assert not any(chart.starts_row for chart in two)


def test_a_roc_curve_is_square_and_holds_its_area_class_and_cases():
    metrics = [
        Metric("AUROC", 0.8, 0.6, 0.9, 40, "m"),
        Metric("AUROC of b", 0.7, None, None, 40, "m"),
    ]
    (two,) = curve_charts("t", Curves("t", ("a", "b"), (_curve(),)), metrics)
    box = two.axes.get_window_extent()
    assert box.width == pytest.approx(box.height, rel=0.01)
    assert [text.get_text() for text in two.axes.texts] == [
        "AUROC 0.800 (0.600 to 0.900)\nb, 40 cases"
    ]
    assert "AUROC 0.800 (0.600 to 0.900); b, 40 cases" in two.description
    three = Curves("t", ("a", "b", "c"), (_curve(), _curve(class_name="c")))
    b, c = curve_charts("t", three, metrics)
    assert [text.get_text() for text in b.axes.texts] == ["AUROC 0.700\n40 cases"]
    assert b.title == "ROC curve, b"
    assert not c.axes.texts  # the mean of all classes is not the area under a single curve


def test_labels_are_short_and_true():
    long = _curve(y_name="positive predictive value (precision)")
    several = (_curve("referral", y_name="accuracy"), _curve("referral", "b", y_name="macro F1"))
    charts = list(curve_charts("t", Curves("t", ("a", "b"), (long, *several))))
    assert charts[0].axes.get_ylabel() == "precision"
    assert charts[1].axes.get_ylabel() == "metric"


def test_bins_have_dots_a_flexible_curve_a_band_and_warnings_stand_below():
    bins = _curve("calibration", low=(0, 0.6, 0.9), high=(0.1, 1, 1), n=(10, 10, 10))
    smooth = _curve(
        "calibration", "flexible", low=(0, 0.7, 1), high=(0, 0.9, 1), warning="14 patients"
    )
    (made,) = curve_charts("t", Curves("t", ("a", "b"), (bins, smooth)))
    by_label = {line.get_label(): line for line in made.axes.get_lines()}
    assert (by_label["model"].get_marker(), by_label["flexible"].get_marker()) == ("o", "")
    assert len(made.axes.collections) == 2  # bars and a band
    assert made.remark == "Dotted: perfect calibration. 14 patients."
    (alone,) = curve_charts("t", Curves("t", ("a", "b"), (bins,)))
    assert alone.remark == "Dotted: perfect calibration."


def test_gains_show_what_lies_around_zero():
    rising = Curve(
        "decision difference", "model minus treat all", "b", "x", "y", (0.0, 1.0), (0.0, 70.0)
    )
    over_none = _curve("decision difference", "model minus treat none")
    (made,) = curve_charts("t", Curves("t", ("a", "b"), (rising, over_none)))
    low, high = made.axes.get_ylim()
    assert -0.5 < low < 0
    assert 1 < high < 1.2


def test_the_lines_are_those_of_the_record():
    made = next(curve_charts("t", Curves("t", ("a", "b"), (_curve(),))))
    drawn = [line.get_xydata() for line in made.axes.get_lines()]
    assert any(np.array_equal(d, [(0, 0), (0.5, 0.8), (1, 1)]) for d in drawn)
    assert "Research use only" in made.description


def test_files_have_colours_of_paper_title_and_use(tmp_path):
    made = next(
        curve_charts("t", Curves("t", ("a", "b"), (_curve(low=(0, 0.6, 1), high=(0, 1, 1)),)))
    )
    chart = made.finish(tmp_path)
    assert "var(--first)" in chart.picture
    text = (tmp_path / "t_ROC.svg").read_text(encoding="utf-8")
    root = ET.fromstring(text)
    words = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert "Research use only. Not a medical device." in words
    assert "ROC curve" in words
    assert "#3a72b0" in text
    assert not re.search(r"#0[1-7]0[1-7]0[1-7]", text)
    with Image.open(tmp_path / "t_ROC.png") as image:
        assert image.size[0] > 900
        pixels = np.asarray(image.convert("RGB"))
    assert (pixels[0, 0] == 255).all()
    # Nothing is left of the stand-ins, which are all but black.
    dark = (pixels.max(axis=2) < 12).mean()
    assert dark == 0


def test_a_confusion_matrix_is_told_in_words():
    made = confusion_chart("t", ("a", "b"), ((5, 1), (2, 4)))
    assert "of a: 5 a, 1 b; of b: 2 a, 4 b" in made.description
    texts = [text.get_text() for text in made.axes.texts]
    assert texts == ["5", "1", "2", "4"]


@pytest.mark.parametrize(
    ("text", "name"),
    [("out-of-fold ROC", "out_of_fold_ROC"), ("a/../b <c>", "a_.._b_c"), ("é", "é")],
)
def test_names_of_files_are_plain(text, name):
    assert file_name(text) == name


def test_classes_that_differ_by_signs_only_have_files_of_their_own():
    curves = tuple(_curve(class_name=name) for name in ("IDH+", "IDH-", "idh"))
    made = curve_charts("t", Curves("t", ("IDH+", "IDH-", "idh"), curves))
    assert [chart.name for chart in made] == ["t_ROC_IDH", "t_ROC_IDH_2", "t_ROC_idh_3"]
    assert file_names(["out-of-fold", "out_of_fold", "a"]) == ["out_of_fold", "out_of_fold_2", "a"]

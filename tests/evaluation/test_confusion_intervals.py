"""Where an interval of a metric of a confusion matrix is not defined."""

import dataclasses

import numpy as np
import pytest

from ricenet_v2.evaluation import confusion_intervals


@pytest.mark.parametrize("predicted", [0, 1], ids=["never predicted", "predicted"])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("metric", ["macro_f1", "balanced_accuracy", "mcc"])
def test_a_class_without_a_case_leaves_no_interval(draw, metric, n_classes, predicted):
    """The last class has no case, the others have."""
    truth = np.arange(24) % (n_classes - 1)
    calls = np.where(np.arange(24) < 4 * predicted, n_classes - 1, truth)
    labelled = dataclasses.replace(draw(n_classes, n=24), truth=truth, predicted=calls)
    interval = getattr(confusion_intervals, metric)
    assert interval(labelled, 0.95) is None
    whole = dataclasses.replace(labelled, truth=np.r_[n_classes - 1, truth[1:]])
    low, high = interval(whole, 0.95)
    assert low < high


def test_of_a_class_that_is_predicted_and_has_no_case_f1_is_0_with_a_width(draw):
    labelled = dataclasses.replace(
        draw(2, n=20), truth=np.zeros(20, dtype=int), predicted=np.arange(20) % 2
    )
    low, high = confusion_intervals.f1(labelled, 1, 0.95)
    assert low == 0
    assert 0 < high < 1
    never = dataclasses.replace(labelled, predicted=labelled.truth)
    assert confusion_intervals.f1(never, 1, 0.95) is None

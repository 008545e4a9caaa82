"""Masks whose labels mean something else in some cases."""

import numpy as np
import pytest

from ricenet_v2.fingerprinting.checks_masks import MaskLabels, check_labels
from ricenet_v2.fingerprinting.findings import Place
from ricenet_v2.fingerprinting.integrity import check
from ricenet_v2.records.dataset import Channel


def masks(**labels):
    return [MaskLabels(Place(case, case), "lesion", values) for case, values in labels.items()]


@pytest.mark.parametrize(
    ("labels", "wrong"),
    [
        ({"a": (1.0,), "b": (1.0,), "c": (255.0,)}, ["c"]),
        ({"a": (255.0,), "b": (1.0,), "c": (255.0,)}, ["b"]),
        ({"a": (255.0,), "b": (1.0,), "c": (1.0,), "d": (255.0,)}, ["a", "d"]),
        ({"a": (1.0, 2.0), "b": (50.0, 100.0), "c": (2.0,)}, ["b"]),
        ({"a": (1.0,), "b": (0.01,), "c": (1.0,)}, ["b"]),
    ],
)
def test_another_scale_is_an_error(labels, wrong):
    found = check_labels(masks(**labels))
    assert [one.case for one in found] == wrong
    assert {one.severity for one in found} == {"error"}
    assert check_labels(masks(**dict(reversed(labels.items())))) == found


def test_other_labels_of_the_same_scale_are_a_warning():
    (found,) = check_labels(masks(a=(1.0,), b=(2.0,), c=(1.0,)))
    assert (found.severity, found.case) == ("warning", "")
    assert "labels 1 (2 cases) and 2 (1, e.g. b)" in found.found


def test_labels_in_common_make_one_kind():
    assert check_labels(masks(a=(1.0,), b=(1.0, 2.0), c=(2.0, 250.0), d=(250.0,))) == []
    assert check_labels([]) == []
    other = [MaskLabels(Place("a", "b"), "brain", (255.0,))]
    assert check_labels([*masks(a=(1.0,)), *other]) == []


def test_the_check_of_a_dataset_compares_masks(planted):
    planted.channels = (*planted.channels, Channel("lesion", "mask"))
    for number, case in enumerate(planted.cases):
        mask = np.zeros((6, 8, 10), np.float32)
        mask[2, 3:5, 4:6] = 255 if case.case_id == "case3" else 1
        mask[3, 3, 1 : 2 + number] = mask.max()
        planted.put(case.case_id, 2, mask, split=case.split)
    (found,) = check(planted.load()).findings
    assert (found.severity, found.check, found.case) == ("error", "labels of masks", "case3")
    assert (found.found, found.expected) == ("labels 255", "1, as in 4 other mask(s) of lesion")

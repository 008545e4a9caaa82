"""Patients of a class and of the rest, where some have cases of both."""

import dataclasses

import numpy as np

from ricenet_v2.evaluation.class_counts import of_rarer_side, rarer, sides


def test_a_patient_with_cases_of_both_is_on_both_sides(draw):
    labelled = dataclasses.replace(
        draw(2, n=8), patients=tuple("aabbccde"), truth=np.array([1, 1, 1, 0, 0, 0, 0, 0])
    )
    assert sides(labelled, labelled.truth == 1) == (2, 4)
    assert sides(labelled, labelled.truth == 0) == (4, 2)
    assert rarer(labelled, labelled.truth == 0) == 2
    assert [of_rarer_side(n) for n in (1, 2)] == [
        "1 patient of the rarer side",
        "2 patients of the rarer side",
    ]

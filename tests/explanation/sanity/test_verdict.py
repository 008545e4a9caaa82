"""What fails a map, of one case and over the cohort."""

import dataclasses

import pytest

from ricenet_v2.explanation.sanity.verdict import Findings, faults, least_better, over_cohort
from ricenet_v2.records.explained_case import Check, PerturbationCurve

GOOD = Findings(0.1, 0.2, 1.0, 1.0, 0.9, 0.03)


def test_a_good_map_passes_with_and_without_control_and_folds():
    assert faults(GOOD) == ()
    assert faults(dataclasses.replace(GOOD, control=None, agreement=None, completeness=None)) == ()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"randomised": 0.6}, "hardly changes with random weights (correlation 0.60)"),
        (
            {"randomised": float("nan")},
            "hardly changes with random weights (correlation nan)",
        ),
        ({"control": 0.7}, "hardly changes with shuffled labels (correlation 0.70)"),
        ({"deletion_better": 18 / 19}, "deleting by the map is better than 95 % of random orders"),
        ({"insertion_better": 0.5}, "inserting by the map is better than 50 % of random orders"),
        ({"agreement": 0.1}, "the networks of the folds disagree (correlation 0.10)"),
        ({"completeness": 0.07}, "does not add up to the output (error 7 %)"),
    ],
)
def test_each_check_can_fail(changes, words):
    (told,) = faults(dataclasses.replace(GOOD, **changes))
    assert told.startswith(words)


def test_fewer_orders_are_enough_where_there_are_more_patients():
    assert 18 / 19 < least_better(1) <= 1
    assert [round(least_better(n), 2) for n in (2, 16)] == [0.85, 0.62]
    assert faults(dataclasses.replace(GOOD, deletion_better=0.7, n_patients=16)) == ()


def check(better, error=None, cascade=0.2):
    curve = PerturbationCurve((0.0, 1.0), (0.9, 0.1), 0.5, 0.6, better)
    return Check("occlusion", {"head": 0.9, "stem": cascade}, None, curve,
                 dataclasses.replace(curve, area=0.7), 0.6, (), error)  # fmt: skip


def test_over_the_cohort_means_of_patients_decide():
    made = over_cohort("occlusion", [check(0.7)] * 8, list("abcdefgh"))
    assert made.failed == ()
    assert made.randomised == pytest.approx(0.2)
    assert (made.deletion_gain, made.insertion_gain) == pytest.approx((0.1, 0.1))
    assert (made.deletion_better, made.control, made.completeness) == (0.7, None, None)
    # The same cases of two patients only prove less.
    assert len(over_cohort("occlusion", [check(0.7)] * 8, list("aaaabbbb")).failed) == 2
    uneven = over_cohort("occlusion", [check(1.0), *[check(0.4)] * 3], list("abbb"))
    assert uneven.deletion_better == pytest.approx(0.7)
    (told,) = over_cohort("occlusion", [check(1.0, cascade=0.8)] * 3, list("abc")).failed
    assert "random weights (correlation 0.80)" in told


def test_the_sum_of_integrated_gradients_fails_by_the_median():
    errors = (0.01, 0.02, 4.0)
    made = over_cohort("integrated_gradients", [check(1.0, one) for one in errors], list("abc"))
    assert (made.completeness, made.failed) == (0.02, ())
    made = over_cohort("integrated_gradients", [check(1.0, one) for one in errors[1:]], list("ab"))
    assert "does not add up" in made.failed[0]

"""The dose of a plan, whatever its files are parts of, and sums of plans."""

import numpy as np
import pytest

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.grid import Grid
from ricenet_v2.ingest.dose import read_dose
from ricenet_v2.ingest.fractions import check_maximum, choose_factor, eqd2, near_maximum
from ricenet_v2.ingest.plan_dose import GivenDoseRules, dose_of_plan, sum_of_plans
from ricenet_v2.ingest.treatment_plan import prescription_of_plan, read_plan
from tests.ingest.dicom_writer import SHARED, dose_object, plan_object, save

GY = np.full((6, 8, 9), 20.0)
GY[2:4, 2:6, 2:6] = 62.0
PLAN = SHARED / "dicompyler-core"


def _plan(tmp_path, **values):
    return read_plan(save(plan_object(**values), tmp_path / "plan"))


def _doses(tmp_path, *changes):
    doses = []
    for at, values in enumerate(changes):
        given = dict(values)
        gy = given.pop("gy", GY)
        doses.append(read_dose([save(dose_object(gy, **given), tmp_path / f"dose{at}")]))
    return doses


TWO_GROUPS = {"groups": ((25, (1.0, 1.0)), (5, (2.0,)))}
BEAMS = [
    {"gy": GY * share, "summation": "BEAM", "group": 1, "beams": [number]}
    for number, share in ((1, 0.75), (2, 0.25))
]
SESSION_BEAMS = [
    {**beam, "gy": beam["gy"] / 30, "summation": "BEAM_SESSION", "scaling": 1e-6} for beam in BEAMS
]


@pytest.mark.parametrize(
    ("doses", "plan", "times_n"),
    [
        ([{}], {}, False),
        ([{"summation": "MULTI_PLAN"}], {}, False),
        ([{}, {}], {}, False),  # a copy
        ([{}, *BEAMS], {}, False),
        (BEAMS, {}, False),
        (SESSION_BEAMS, {}, True),
        ([{"gy": GY / 30, "summation": "FRACTION_SESSION", "group": 1, "scaling": 1e-6}], {}, True),
        ([{"gy": GY * s, "summation": "CONTROL_POINT"} for s in (0.2, 0.3, 0.5)], {}, False),
        (
            [
                {"gy": GY * 5 / 6, "summation": "FRACTION", "group": 1},
                {"gy": GY / 6, "summation": "FRACTION", "group": 2},
            ],
            TWO_GROUPS,
            False,
        ),
        (
            [
                # 50 Gy in 25 fractions and 10 in 5.
                {"gy": GY / 30, "summation": "FRACTION_SESSION", "group": g, "scaling": 1e-6}
                for g in (1, 2)
            ],
            TWO_GROUPS,
            True,
        ),
        # One fraction, labelled as all of them, as some exporters do.
        ([{"gy": GY / 30, "scaling": 1e-6}], {}, True),
        ([{}], {"groups": ((1, (60.0,)),)}, False),
    ],
)
def test_the_whole_delivery_is_the_same_whatever_the_files_are_parts_of(
    tmp_path, doses, plan, times_n
):
    dose = dose_of_plan(_doses(tmp_path, *doses), _plan(tmp_path, **plan))
    assert np.allclose(dose.gy, GY, rtol=1e-3)
    assert dose.factor.times_fractions == times_n
    assert dose.prescription.gy == 60


def test_a_label_that_the_numbers_contradict_is_noted(tmp_path):
    (dose,) = _doses(tmp_path, {"gy": GY / 30, "scaling": 1e-6})
    assert (
        "the header says PLAN, the numbers say times 30"
        in dose_of_plan([dose], _plan(tmp_path)).notes
    )


@pytest.mark.parametrize(
    ("doses", "plan", "text"),
    [
        ([], {}, "has no dose"),
        ([{"plan": "9.9"}], {}, "of another plan"),
        ([{"FrameOfReferenceUID": "9.9"}], {}, "another frame of reference"),
        ([{}, {"gy": GY * 0.99}], {}, "several doses of its whole delivery"),
        ([{}, {"DoseType": "EFFECTIVE"}], {}, "of two types"),
        (BEAMS[:1], {}, "all its beams.*\n.*\n.*1, 2\n.*got: 1"),
        ([*BEAMS, BEAMS[1]], {}, "all its beams.*\n.*\n.*1, 2\n.*got: 1, 2, 2"),
        ([BEAMS[0], BEAMS[0]], {}, "all its beams.*\n.*\n.*1, 2\n.*got: 1, 1"),
        ([{"summation": "FRACTION", "group": 1}], TWO_GROUPS, "all its fraction groups"),
        ([{"gy": GY / 5}], {}, "Cannot determine whether"),
        ([{"gy": GY * 100, "scaling": 1e-2}], {}, "Cannot determine whether"),  # cGy that say Gy
        # Per cent that say Gy.
        ([{}], {"targets": (14.0,), "groups": ((7, (2.0,)),)}, "Cannot determine whether"),
        ([{}], {"targets": (300.0,), "groups": ((30, (10.0,)),)}, "Cannot determine whether"),
        ([{}], {"groups": ((2, (30.0,)),)}, "Cannot determine whether"),
        ([{}], {"targets": ()}, "no prescription"),
        ([{}], {"targets": (45.0,)}, "do not sum to its prescription"),
    ],
)
def test_what_is_not_plain_is_refused(tmp_path, doses, plan, text):
    with pytest.raises(DatasetError, match=text):
        dose_of_plan(_doses(tmp_path, *doses), _plan(tmp_path, **plan))


def test_what_a_person_gives_wins(tmp_path):
    plan = _plan(tmp_path, targets=())
    (dose,) = _doses(tmp_path, {"gy": GY / 5})
    given = GivenDoseRules(prescription_gy=12.0)
    assert not dose_of_plan([dose], plan, given).factor.times_fractions
    given = GivenDoseRules(prescription_gy=60.0, times_fractions=False)
    result = dose_of_plan([dose], plan, given)
    assert (result.factor.reason, result.prescription.reason) == ("given", "given")
    assert np.allclose(result.gy, GY / 5, rtol=1e-3)


def test_the_largest_target_is_the_prescription(tmp_path):
    plan = _plan(tmp_path, targets=(54.0, 60.0, 45.0))
    assert prescription_of_plan(plan).gy == 60
    assert plan.beams_gy == 60
    silent = _plan(tmp_path, groups=((30, (None, 1.0)),))
    assert prescription_of_plan(silent).reason.endswith("its beams have no dose")


def test_the_limit_of_an_organ_is_no_prescription(tmp_path):
    data = plan_object((60.0, 66.0))
    data.DoseReferenceSequence[1].DoseReferenceType = "ORGAN_AT_RISK"
    plan = read_plan(save(data, tmp_path / "p"))
    assert plan.targets_gy == (60.0,)
    assert prescription_of_plan(plan).gy == 60


@pytest.mark.parametrize("groups", [(), ((0, (1.0,)),)])
def test_a_plan_without_fractions_is_refused(tmp_path, groups):
    with pytest.raises(DatasetError, match="fractions"):
        _plan(tmp_path, groups=groups)


def test_fractions_and_beams_of_all_groups_are_summed(tmp_path):
    """50 Gy in 25 fractions of two beams, then a boost of 10 Gy in 5."""
    plan = _plan(tmp_path, groups=((25, (1.5, 0.5)), (5, (2.0,))))
    assert (plan.fractions, plan.beams_gy) == (30, 60.0)
    assert [group.gy_per_fraction for group in plan.groups] == [2.0, 2.0]
    assert [group.beams for group in plan.groups] == [(1, 2), (3,)]
    unknown = _plan(tmp_path / "b", groups=((25, (1.5, None)), (5, (2.0,))))
    assert (unknown.fractions, unknown.beams_gy) == (30, None)


def test_another_file_is_no_plan(tmp_path):
    with pytest.raises(DatasetError, match="holds no plan"):
        read_plan(save(dose_object(GY), tmp_path / "dose"))


def test_the_near_maximum_is_that_of_a_tenth_of_a_cubic_centimetre():
    gy = np.arange(1000, dtype=np.float32).reshape(10, 10, 10)
    assert near_maximum(gy, Grid((10, 10, 10), (1.0, 1.0, 1.0))) == 900  # of 100 voxels
    assert near_maximum(gy, Grid((10, 10, 10), (2.5, 2.0, 2.0))) == 990  # of 10 voxels
    assert near_maximum(gy, Grid((10, 10, 10), (3.0, 2.0, 2.0))) == 991  # of 9, not of 8.3
    assert near_maximum(gy, Grid((10, 10, 10), (9.0, 9.0, 9.0))) == 999
    assert near_maximum(gy, Grid((10, 10, 10), (0.1, 0.1, 0.1))) == 0


@pytest.mark.parametrize(
    ("once", "prescription", "fractions", "times_n"),
    [
        (62.0, 60.0, 30, False),
        (2.07, 60.0, 30, True),
        (40.0, 20.0, 1, False),  # radiosurgery to the 50 % isodose
        (51.0, 60.0, 30, False),
    ],
)
def test_the_numbers_decide(once, prescription, fractions, times_n):
    choice = choose_factor(once, once * fractions, prescription, fractions)
    assert choice.times_fractions == times_n


@pytest.mark.parametrize(
    ("highest", "warning"), [(8, "one fraction"), (25, "part of"), (62, None), (95, "is high")]
)
def test_limits_of_the_maximum(highest, warning):
    warnings = check_maximum(np.array([[[highest]]], dtype=np.float32))
    assert [warning in text for text in warnings] == ([True] if warning else [])
    with pytest.raises(DatasetError, match="cGy"):
        check_maximum(np.array([[[6000]]], dtype=np.float32))


def test_equal_effect_by_hand():
    def value(gy, n):
        return float(eqd2(np.array([gy], dtype=np.float32), n)[0])

    assert value(60, 30) == pytest.approx(60)
    assert value(40.05, 15) == pytest.approx(46.7, abs=0.1)
    assert value(60, 30) + value(35, 10) == pytest.approx(108.1, abs=0.05)


def _plan_doses(tmp_path, *values, plan=None):
    return [
        dose_of_plan(_doses(tmp_path / str(at), each), _plan(tmp_path, **(plan or {})))
        for at, each in enumerate(values)
    ]


def test_plans_are_summed_on_the_reference_grid(tmp_path):
    # The second dose is moved by a voxel along each axis: (z, y, x) 3, 2 and 2.5 mm.
    moved = {"origin": (-7.5, -18, -27)}
    plans = _plan_doses(tmp_path, {}, moved)
    total = sum_of_plans(plans, plans[0].grid)
    expected = GY.copy()
    expected[1:, 1:, 1:] += GY[:-1, :-1, :-1]
    assert np.allclose(total.gy, expected, rtol=1e-4)
    assert total.inside[1:, 1:, 1:].all()
    assert not total.inside[0].any()
    other_way_round = sum_of_plans(plans[::-1], plans[0].grid)
    np.testing.assert_array_equal(other_way_round.inside, total.inside)
    biological = sum_of_plans(plans, plans[0].grid, alpha_beta=2.0)
    assert biological.gy[0, 0, 0] == pytest.approx(20 * (20 / 30 + 2) / 4, rel=1e-4)


def test_each_plan_has_the_effect_of_its_fractions(tmp_path):
    """20 Gy in 30 fractions and 20 Gy in 10, alpha/beta 2 Gy: D (D / n + 2) / 4."""
    plans = [
        *_plan_doses(tmp_path / "a", {}),
        *_plan_doses(tmp_path / "b", {}, plan={"groups": ((10, (6.0,)),)}),
    ]
    assert [plan.fractions for plan in plans] == [30, 10]
    total = sum_of_plans(plans, plans[0].grid, alpha_beta=2.0)
    expected = 20 * (20 / 30 + 2) / 4 + 20 * (20 / 10 + 2) / 4
    assert total.gy[0, 0, 0] == pytest.approx(expected, rel=1e-4)


def test_a_linear_dose_stays_linear_on_a_finer_grid(tmp_path):
    gy = 20 + 2 * np.arange(6)[:, None, None] + np.arange(9.0) + np.zeros((6, 8, 9))
    gy[2:4, 2:6, 2:6] = 62
    (plan,) = _plan_doses(tmp_path, {"gy": gy})
    reference = Grid((2, 2, 4), (1.0, 1.0, 1.25), (7.5 - 10, 10 - 20, -30))
    total = sum_of_plans([plan], reference)
    expected = [[20 + 2 * z / 3 + 3 + x / 2 for x in range(4)] for z in range(2)]
    assert total.gy[:, 1] == pytest.approx(np.array(expected), abs=1e-3)


def test_doses_of_two_types_or_frames_are_not_summed(tmp_path):
    plans = _plan_doses(tmp_path, {}, {"DoseType": "EFFECTIVE"})
    with pytest.raises(DatasetError, match="one type"):
        sum_of_plans(plans, plans[0].grid)
    with pytest.raises(DatasetError, match="has no dose"):
        sum_of_plans([], plans[0].grid)
    with pytest.raises(DatasetError, match="biological effect already"):
        sum_of_plans(plans[1:], plans[1].grid, alpha_beta=2.0)


def test_the_maximum_of_the_sum_is_judged(tmp_path):
    (plan,) = _plan_doses(tmp_path, {})
    assert sum_of_plans([plan], plan.grid).notes == ()
    assert sum_of_plans([plan] * 2, plan.grid).notes == ("maximum of 124 Gy is high",)
    with pytest.raises(DatasetError, match="too high"):
        sum_of_plans([plan] * 4, plan.grid)


def test_doses_of_a_plan_lie_in_one_frame_of_reference(tmp_path):
    plan = _plan(tmp_path, FrameOfReferenceUID=None)
    frames = [
        {**BEAMS[0], "FrameOfReferenceUID": "9.1"},
        {**BEAMS[1], "FrameOfReferenceUID": "9.2"},
    ]
    with pytest.raises(DatasetError, match="another frame of reference"):
        dose_of_plan(_doses(tmp_path, *frames), plan)


@pytest.mark.skipif(not PLAN.is_dir(), reason="set RICENET_SHARED_DATA to that of dicompyler-core")
def test_the_breast_plan_is_of_14_gy_in_7_fractions():
    dose = dose_of_plan([read_dose([PLAN / "rtdose.dcm"])], read_plan(PLAN / "rtplan.dcm"))
    assert dose.prescription.gy == 14
    assert dose.fractions == 7
    assert not dose.factor.times_fractions
    assert dose.notes == ("maximum of 14.68 Gy: part of a course?",)

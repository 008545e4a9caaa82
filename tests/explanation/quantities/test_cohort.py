"""Means over the cohort, on records made by hand."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from ricenet_v2.explanation.quantities.cohort import cohort_shares
from ricenet_v2.explanation.quantities.regions import LESION, OUTSIDE
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.explained_case import ExplainedCase, MapRecord, Shares

SOURCE = PreprocessedCase(
    case_id="a", shape=(1, 4, 4, 4), source_grid_shape=(4, 4, 4), source_spacing=(1.0, 1.0, 1.0),
    source_origin=(0.0, 0.0, 0.0), source_direction=(1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0),
    crop_start=(0, 0, 0), crop_stop=(4, 4, 4), region="whole image", dose_maximum={}, warnings=(),
    inputs_hash="",
)  # fmt: skip


@pytest.fixture
def explained():
    """A function from shares in the lesion to cases of as many patients."""

    def made(shares, expected=0.1, patients=None):
        names = patients or [f"p{n:02d}" for n in range(len(shares))]
        return [_case(*each, expected) for each in zip(names, shares, strict=True)]

    return made


def _case(patient, share, expected):
    found = {LESION: share, OUTSIDE: 0.05}
    one = MapRecord(
        name="occlusion", method="occlusion", channel="all", member="ensemble", file="a.nii.gz",
        unit="log odds", words=(), maximum_mm=(0.0, 0.0, 0.0),
        shares=Shares(found, {LESION: expected}, {LESION: 0.5}),
    )  # fmt: skip
    other = MapRecord(**{**vars(one), "member": "fold_0"})
    return ExplainedCase(
        made_by="", case_id=patient, patient_id=patient, predicted="x", target="x",
        probability=0.9, isodose="", source=SOURCE, maps=(one, other),
        channel_shares={"occlusion": {"dose": share, "mri": 1 - share}}, completeness=(),
        checks=(), picture="a.png",
    )  # fmt: skip


def by_part(cases):
    return {one.part: one for one in cohort_shares(cases, 0)}


def test_means_and_the_test_of_the_excess_with_its_interval(explained):
    shares = np.random.default_rng(0).normal(0.2, 0.08, 10)
    found = by_part(explained(shares))
    lesion, channel = found[LESION], found["channel dose"]
    assert (lesion.n, lesion.expected) == (10, pytest.approx(0.1))
    assert lesion.mean == channel.mean == pytest.approx(shares.mean())
    assert lesion.excess == pytest.approx(shares.mean() - 0.1)

    def p_of(excess):
        """Of scipy, that the mean excess is another one."""
        values = shares - 0.1 - excess
        return stats.permutation_test((values,), np.mean, permutation_type="samples").pvalue

    assert lesion.p == pytest.approx(p_of(0))
    low, high = lesion.excess_interval
    assert 0 < low < lesion.excess < high
    for inside, outside in ((low + 1e-6, low - 1e-6), (high - 1e-6, high + 1e-6)):
        assert p_of(inside) >= 0.05 > p_of(outside)
    assert channel.expected is None


def test_signs_of_many_patients_are_drawn_by_the_seed(explained):
    cases = explained(np.random.default_rng(0).normal(0.12, 0.08, 30))
    first, again, other = (
        next(each for each in cohort_shares(cases, seed) if each.part == LESION)
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first.p != other.p


def test_means_over_cases_stand_beside_those_of_each_untrained_network(explained):
    shares, others = np.array([0.2, 0.4]), np.array([[0.1, 0.2, 0.15], [0.3, 0.2, 0.25]])
    cases = [
        dataclasses.replace(
            case,
            maps=tuple(
                dataclasses.replace(
                    one, shares=dataclasses.replace(one.shares, untrained={LESION: tuple(row)})
                )
                for one in case.maps
            ),
        )
        for case, row in zip(explained(shares), others, strict=True)
    ]
    lesion = by_part(cases)[LESION]
    assert lesion.untrained == pytest.approx(0.2)
    # Means of the networks are all 0.2: without a spread there is no p.
    assert lesion.p_untrained is None
    others[0, 0] = 0.2
    first = cases[0].maps[0].shares
    changed = dataclasses.replace(first, untrained={LESION: tuple(others[0])})
    maps = (dataclasses.replace(cases[0].maps[0], shares=changed), cases[0].maps[1])
    lesion = by_part([dataclasses.replace(cases[0], maps=maps), cases[1]])[LESION]
    wanted = stats.ttest_ind([0.3], [0.25, 0.2, 0.2]).pvalue
    assert lesion.p_untrained == pytest.approx(wanted)
    assert by_part(explained(shares))[LESION].p_untrained is None


def test_nothing_is_expected_outside(explained):
    outside = by_part(explained(np.linspace(0.1, 0.3, 8)))[OUTSIDE]
    assert outside.mean == pytest.approx(0.05)
    assert (outside.expected, outside.excess, outside.p) == (None, None, None)


def test_of_five_patients_nothing_is_said_but_the_mean(explained):
    shares = np.array([0.3, 0.31, 0.32, 0.33, 0.34, 0.35])
    for n in (1, 3, 5):
        lesion = by_part(explained(shares[:n]))[LESION]
        assert lesion.mean == pytest.approx(shares[:n].mean())
        assert (lesion.excess_interval, lesion.p) == (None, None)
    assert by_part(explained(shares))[LESION].p == pytest.approx(2 / 2**6)
    twice = by_part(explained(shares, patients=["a", "a", "b", "c", "d", "e"]))[LESION]
    assert (twice.n, twice.p) == (6, None)

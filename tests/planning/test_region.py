"""Which region is planned, and the margin around lesions."""

from __future__ import annotations

import pytest

from ricenet_v2.core.errors import PlanError
from ricenet_v2.planning.planner import make_plan
from ricenet_v2.planning.region import MaskCounts, RegionChoice, choose_region, with_margin
from ricenet_v2.records.dataset import Channel
from ricenet_v2.records.region import RegionPlan

MRI, DOSE, MASK = Channel("T1c", "mri"), Channel("dose", "dose"), Channel("rim", "mask")


@pytest.mark.parametrize(
    ("channels", "masks", "kind", "why"),
    [
        ((MRI,), MaskCounts(20, 20), "brain", "every training case has a brain mask"),
        ((MRI,), MaskCounts(20, 19), "head", "only 19 of 20 training cases have a brain mask"),
        ((MRI, DOSE), MaskCounts(20, 0), "head", "no training case has a brain mask"),
        ((DOSE,), MaskCounts(20, 0), "image", "no channel shows the patient"),
        ((MRI,), MaskCounts(20, 20, per_lesion=True), "lesion", "each case is one lesion"),
    ],
)
def test_the_region_follows_what_all_training_cases_have(channels, masks, kind, why):
    choice = choose_region("auto", channels, masks)
    assert choice.region.kind == kind
    assert why in choice.why


def test_what_is_asked_for_is_taken():
    for kind in ("image", "head", "brain", "lesion"):
        assert choose_region(kind, (MRI,), MaskCounts(20, 20)).region.kind == kind
    with pytest.raises(PlanError, match="no channel in which the head"):
        choose_region("head", (DOSE,), MaskCounts(20, 0))


def test_lesions_of_one_image_must_differ_to_the_networks():
    masks = MaskCounts(20, 20, per_lesion=True)
    with pytest.raises(PlanError, match="would all be the same"):
        choose_region("brain", (MRI, DOSE), masks)
    assert choose_region("brain", (MRI, MASK), masks).region == RegionPlan("brain", 0.0, True)


@pytest.mark.parametrize(
    ("extents", "margin"),
    [
        ([(10, 12, 8)] * 3, 20),
        ([(10, 12, 61)] * 3, 31),
        ([(200, 3, 3)], 40),
        ([(5, 5, 5), (50, 1, 1), (70, 1, 1)], 25),
    ],
)
def test_the_margin_is_half_of_the_median_lesion_between_20_and_40_mm(extents, margin):
    choice = with_margin(RegionChoice(RegionPlan("lesion"), "asked for"), None, extents)
    assert choice.region.margin_mm == margin
    assert f"{margin} mm around it" in choice.why


def test_a_margin_can_be_given_for_lesions_alone():
    lesion, head = (RegionChoice(RegionPlan(kind), "why") for kind in ("lesion", "head"))
    assert with_margin(lesion, 12.5, ()).region.margin_mm == 12.5
    assert with_margin(head, None, ()) is head
    with pytest.raises(PlanError, match="needs the region lesion"):
        with_margin(head, 12.5, ())


def test_the_plan_holds_the_region_and_its_reason(make_cohort, cost):
    fingerprint, dataset = make_cohort([((20, 20, 20), (2.0, 2.0, 2.0))] * 20)
    choice = RegionChoice(RegionPlan("head"), "no training case has a brain mask")
    plan = make_plan(fingerprint, dataset, cost, region=choice)
    assert plan.region == choice.region
    decision = next(each for each in plan.decisions if each.what == "region")
    assert decision.value == "head"
    assert "no training case has a brain mask; the crop leaves 100% of an image" in decision.reason
    assert "removes nothing in 20 of 20 cases" in decision.reason
    assert make_plan(fingerprint, dataset, cost).region is None

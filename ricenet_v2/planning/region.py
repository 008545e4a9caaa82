"""Region to which the cases of a dataset are cropped."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ricenet_v2.core.errors import PlanError
from ricenet_v2.core.types import Triple
from ricenet_v2.records.dataset import Channel
from ricenet_v2.records.decision import Decision
from ricenet_v2.records.fingerprint import CaseMeasurement, distinct
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.region import RegionKind, RegionPlan

AUTO = "auto"
RegionOption = Literal["auto", "image", "head", "brain", "lesion"]
MARGIN_MM, LARGEST_MARGIN_MM = 20.0, 40.0
"""Around a lesion: what is usual, and the most that large lesions make of it."""
NOTHING = 0.02
"""Share of an image up to which a crop removes nothing."""


@dataclass(frozen=True)
class RegionChoice:
    """A region and why it was chosen, in words."""

    region: RegionPlan
    why: str


@dataclass(frozen=True)
class MaskCounts:
    """Numbers of training cases with a brain mask.

    Attributes:
        cases: Number of training cases.
        brain: Cases that have a brain mask.
        per_lesion: Whether several of them are lesions of one image.
    """

    cases: int
    brain: int
    per_lesion: bool = False


def choose_region(
    asked: RegionOption, channels: Sequence[Channel], masks: MaskCounts
) -> RegionChoice:
    """The requested region; for `auto`, one that every training case can have.

    Cases that are single lesions are cropped to their lesions; else to the brain where all have a
    mask of it; else to the head, which needs no mask.

    Args:
        asked: Option of the user.
        channels: Channels of the dataset.
        masks: Masks that exist.

    Raises:
        PlanError: A head is requested where no channel shows one, or cases that share an image
            would all be the same.
    """
    images = [channel.name for channel in channels if KINDS[channel.kind].is_anatomy]
    if masks.per_lesion and asked not in (AUTO, "lesion") and not _shows_lesion(channels):
        raise PlanError(
            "Cases that are lesions of one image would all be the same to the networks.",
            expected="--region lesion, or a channel of the lesion masks",
            got=f"--region {asked}, and no channel of kind mask",
            remedy="Leave --region out, or add the channel: ricenet_convert lesions --mask_channel",
        )
    if asked != "auto":
        if asked == "head" and not images:
            raise PlanError(
                "There is no channel in which the head could be segmented.",
                expected="an mri, ct or pet channel",
                got=", ".join(f"{channel.name} ({channel.kind})" for channel in channels),
                remedy="Plan with --region image, or with masks: --region brain.",
            )
        return RegionChoice(_plan(asked, masks), "requested with --region")
    if masks.per_lesion:
        return RegionChoice(_plan("lesion", masks), "each case is one lesion of its image")
    if masks.brain == masks.cases:
        return RegionChoice(_plan("brain", masks), "every training case has a brain mask")
    if masks.brain:
        why = (
            f"only {masks.brain} of {masks.cases} training cases have a brain mask: none is used, "
            "since the region must be the same in all"
        )
    else:
        why = "no training case has a brain mask"
    if not images:
        return RegionChoice(_plan("image", masks), f"{why}, and no channel shows the patient")
    return RegionChoice(_plan("head", masks), f"{why}; everything but air in {', '.join(images)}")


def with_margin(
    choice: RegionChoice, given: float | None, extents: Sequence[Triple]
) -> RegionChoice:
    """The region with the margin around lesions; of other regions it stays as it is.

    20 mm, or half of the median lesion (its largest side) where that is more, up to 40 mm: what
    surrounds a large lesion is seen as well as what surrounds a small one.

    Args:
        choice: The region.
        given: Margin in mm that the user wants.
        extents: Extents of the lesions, mm along (z, y, x).

    Raises:
        PlanError: A margin is given for another region.
    """
    if choice.region.kind != "lesion":
        if given is not None:
            raise PlanError(
                "A lesion margin needs the region lesion.",
                expected="--region lesion beside --lesion_margin",
                got=f"the region {choice.region.label}",
            )
        return choice
    if given is not None:
        margin, why = given, f"{given:g} mm around it are given by the user"
    else:
        middle = float(np.median([max(extent) for extent in extents]))
        margin = min(max(MARGIN_MM, float(math.ceil(middle / 2))), LARGEST_MARGIN_MM)
        why = (
            f"{margin:g} mm around it: at least {MARGIN_MM:g} mm, half of the median lesion of "
            f"{middle:.3g} mm (its largest side), at most {LARGEST_MARGIN_MM:g} mm"
        )
    region = dataclasses.replace(choice.region, margin_mm=margin)
    return RegionChoice(region, f"{choice.why}; {why}")


def decision_of(choice: RegionChoice, cases: Sequence[CaseMeasurement]) -> Decision:
    """The decision with what it does to the cases."""
    left = float(np.median([share_left(case) for case in distinct(cases)]))
    reason = f"{choice.why}; the crop leaves {left:.0%} of an image (median)"
    if not_cropped(cases):
        reason += f"; it removes nothing in {len(not_cropped(cases))} of {len(cases)} cases"
    return Decision(what="region", value=choice.region.label, reason=reason)


def share_left(case: CaseMeasurement) -> float:
    """Share of the voxels of an image that its crop leaves."""
    return float(np.prod(np.divide(case.cropped_shape, case.shape)))


def not_cropped(cases: Sequence[CaseMeasurement]) -> tuple[str, ...]:
    """Cases of whose image the crop removes nothing."""
    return tuple(case.case_id for case in cases if share_left(case) >= 1 - NOTHING)


def _plan(kind: RegionKind, masks: MaskCounts) -> RegionPlan:
    return RegionPlan(kind, per_lesion=masks.per_lesion)


def _shows_lesion(channels: Sequence[Channel]) -> bool:
    return any(KINDS[channel.kind].is_mask for channel in channels)

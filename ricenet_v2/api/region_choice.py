"""Region in which the cases of a dataset are measured, and to which they are cropped."""

from __future__ import annotations

from ricenet_v2.api.planning_steps import PlanOptions
from ricenet_v2.fingerprinting.lesions import lesion_extents
from ricenet_v2.planning.region import MaskCounts, RegionChoice, choose_region, with_margin
from ricenet_v2.store.masks import check_masks
from ricenet_v2.store.raw import RawDataset


def region_for(raw: RawDataset, options: PlanOptions, seconds: float | None) -> RegionChoice:
    """The region of a new plan.

    Args:
        raw: The dataset.
        options: Options of the user.
        seconds: Time in seconds that reading a mask may take; None for no limit.

    Raises:
        PlanError: The requested region makes no sense in this dataset.
        RegionError: Training cases lack the mask that it needs, or it is empty.
    """
    cases = raw.split("train")
    masks = MaskCounts(
        len(cases),
        sum(raw.mask(case, "brain") is not None for case in cases),
        per_lesion=any(case.image_id for case in raw.cases),
    )
    choice = choose_region(options.region, raw.dataset.channels, masks)
    check_masks(raw, raw.cases, choice.region)
    needs_extents = choice.region.kind == "lesion" and options.lesion_margin is None
    extents = lesion_extents(raw, cases, seconds) if needs_extents else ()
    return with_margin(choice, options.lesion_margin, extents)

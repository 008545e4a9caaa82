"""Properties of a case outside the range of the training cases, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.grid import turned
from ricenet_v2.inference.feature_reference import Reference
from ricenet_v2.records.cases import PreprocessedCase, sizes_of_case
from ricenet_v2.records.dataset import Channel
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.lineage import Trained, identifying
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import ChannelPlan

_TURN_SLACK = 15.0
"""Degrees; as far as a dataset may be tilted without a warning."""
_SPACING_SLACK, _DOSE_SLACK, _INTENSITY_SLACK = 0.01, 0.1, 0.1


def outside(plan: Plan, record: PreprocessedCase, references: Iterable[Reference]) -> list[str]:
    """Spacing, crop, dose and intensity that training did not see.

    Args:
        plan: Plan of the model.
        record: Record of the case.
        references: References of the members; older models have none, and then neither intensities
            nor axes are compared.
    """
    references = list(references)
    return [
        *_spacing(plan, record),
        *_region(plan, record),
        *_dose(plan, record),
        *_intensity(record, references),
        *_sizes(record, references),
        *([] if plan.straighten else _axes(record, references)),
    ]


def trained_on(
    channels: Iterable[Channel], record: PreprocessedCase, trained: Mapping[int, Trained]
) -> list[str]:
    """Whether networks, or the weights that they began with, were trained on images of the case.

    Args:
        channels: Channels of the images.
        record: Record of the case.
        trained: Reference features of the training cases of each fold; older models have none.
    """
    images = identifying(record, channels)
    folds = [str(fold) for fold, cases in trained.items() if cases.has_image(images)]
    same_images = (
        "its images are among those that fold {} was trained on: no prediction of a new patient"
    )
    return [same_images.format(", ".join(folds))] if folds else []


def _spacing(plan: Plan, record: PreprocessedCase) -> list[str]:
    low, high = plan.spacing_range
    return [
        f"spacing of {have:.3g} mm along {axis} is outside the training range of "
        f"{least:.3g} to {most:.3g} mm"
        for axis, have, least, most in zip("zyx", record.source_spacing, low, high, strict=True)
        if not least * (1 - _SPACING_SLACK) <= have <= most * (1 + _SPACING_SLACK)
    ]


def check_labels(
    channels: Iterable[ChannelPlan], record: PreprocessedCase, references: Iterable[Reference]
) -> None:
    """Masks are seen as they are, so that their labels must be those of training.

    Raises:
        DatasetError: A mask has none of them.
    """
    known = list(references)
    masks = [channel.name for channel in channels if KINDS[channel.kind].is_mask]
    if faults := [*unknown_labels(record, known), *without_labels(record, masks, known)]:
        raise DatasetError(
            "A mask of this patient has other labels than the masks of training.",
            case=record.case_id,
            expected="a label that training saw, or an empty mask",
            got="; ".join(faults),
            remedy="Networks see the values of a mask as they are. Write it with the labels of "
            "training, e.g. 0 and 1 instead of 0 and 255.",
        )


def unknown_labels(record: PreprocessedCase, references: Iterable[Reference]) -> list[str]:
    """Mask channels that have labels, but none of those that training saw, such as 255 for 1.

    Args:
        record: Record of the case.
        references: References of the members; older models do not know their labels.
    """
    references = list(references)
    warnings = []
    for name, labels in record.mask_labels.items():
        known = {value for reference in references for value in reference.labels.get(name, ())}
        if all(name in reference.labels for reference in references) and known and labels:
            warning = (
                f"{name} has the labels {_listed(labels)}, training had {_listed(sorted(known))}"
            )
            warnings += [] if known & set(labels) else [warning]
    return warnings


def without_labels(
    record: PreprocessedCase, masks: Iterable[str], references: Iterable[Reference]
) -> list[str]:
    """Mask channels that have too many values for labels, where training had labels.

    Args:
        record: Record of the case, made by this version.
        masks: Names of the channels.
        references: References of the members; older models do not know their labels.
    """
    references = list(references)
    return [
        f"{name} has more than 64 different values, training had the labels "
        + _listed(sorted({value for reference in references for value in reference.labels[name]}))
        for name in masks
        if name not in record.mask_labels
        and references
        and all(reference.labels.get(name) for reference in references)
    ]


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values[:10]) + (", ..." if values[10:] else "")


def _sizes(record: PreprocessedCase, references: Iterable[Reference]) -> list[str]:
    """Extent and volume; spacing is compared separately."""
    warnings = []
    for name, value in sizes_of_case(record).items():
        ranges = [reference.sizes[name] for reference in references if name in reference.sizes]
        if name.startswith("spacing") or not ranges:
            continue
        least, most = min(low for low, _ in ranges), max(high for _, high in ranges)
        if not least <= value <= most:
            warnings.append(
                f"{name}: {value:.4g} is far from the training cases, which have {least:.3g} to "
                f"{most:.3g}"
            )
    return warnings


def _axes(record: PreprocessedCase, references: Iterable[Reference]) -> list[str]:
    """The rotation between the case and the training case nearest to it in orientation."""
    known = [direction for reference in references for direction in reference.directions]
    least = min((turned(record.source_direction, direction) for direction in known), default=0.0)
    if least <= _TURN_SLACK:
        return []
    return [
        f"its axes are turned by {least:.0f} degrees against those of any training case: its "
        "tilt differs, or its axes were exchanged, as happens from 45 degrees on"
    ]


def _region(plan: Plan, record: PreprocessedCase) -> list[str]:
    if not plan.regions or record.region in plan.regions:
        return []
    return [
        f"cropped to the {record.region}, but the training cases were cropped to the "
        f"{' or the '.join(plan.regions)}: predict with masks only as in training"
    ]


def _dose(plan: Plan, record: PreprocessedCase) -> list[str]:
    warnings = []
    for name, maximum in record.dose_maximum.items():
        least, most = plan.dose_range.get(name, (maximum, maximum))
        if not least * (1 - _DOSE_SLACK) <= maximum <= most * (1 + _DOSE_SLACK):
            warnings.append(
                f"{name}: maximum of {maximum:.1f} Gy is outside the training range of "
                f"{least:.1f} to {most:.1f} Gy"
            )
    return warnings


def _intensity(record: PreprocessedCase, references: Iterable[Reference]) -> list[str]:
    """Warnings on the intensities of images, whose scale is the scanner's."""
    ranges: dict[str, tuple[float, float]] = {}
    for reference in references:
        for name, (low, high) in reference.intensities.items():
            least, most = ranges.get(name, (low, high))
            ranges[name] = min(least, low), max(most, high)
    warnings = []
    for name, mean in record.intensity_mean.items():
        least, most = ranges.get(name, (mean, mean))
        slack = _INTENSITY_SLACK * max(most - least, abs(most), abs(least))
        if not least - slack <= mean <= most + slack:
            warnings.append(
                f"{name}: mean intensity of {mean:.4g} is outside the training range of "
                f"{least:.4g} to {most:.4g}"
            )
    return warnings

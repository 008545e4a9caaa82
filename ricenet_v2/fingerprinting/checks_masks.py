"""Do the masks of a channel mean the same in all cases?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ricenet_v2.fingerprinting.findings import DATASET, Place, error, warning
from ricenet_v2.records.integrity import Finding

LABELS = "labels of masks"
_SCALE = 10.0
"""Ratio of the largest labels from which on masks are assumed to differ only in scale."""


@dataclass(frozen=True)
class MaskLabels:
    """The labels of one mask.

    Attributes:
        place: Case and file.
        channel: Name.
        values: Values as `labels_of` returns them; none for a mask of more than 64 fractional
            values.
    """

    place: Place
    channel: str
    values: tuple[float, ...]


def check_labels(masks: Sequence[MaskLabels]) -> list[Finding]:
    """Masks of one channel that have no label in common: networks see the values as they are.

    An error where one kind has ten times the values of the other (1 and 255), else one warning,
    since cases may have lesions of different kinds. An error too for fractions where as many cases
    have labels.
    """
    by_channel: dict[str, list[MaskLabels]] = defaultdict(list)
    for mask in sorted(masks, key=lambda mask: (mask.place.case, mask.place.file)):
        by_channel[mask.channel].append(mask)
    return [finding for masks in by_channel.values() for finding in _of_channel(masks)]


def _of_channel(masks: list[MaskLabels]) -> list[Finding]:
    labelled = [mask for mask in masks if mask.values]
    fractions = [mask for mask in masks if not mask.values]
    mixed = [_among_labels(mask, len(labelled)) for mask in fractions]
    return [*(mixed if len(fractions) <= len(labelled) else []), *_of_labels(labelled)]


def _among_labels(mask: MaskLabels, n_labelled: int) -> Finding:
    return error(
        LABELS,
        mask.place,
        found="more than 64 fractions from 0 to 1",
        expected=f"labels, as in {n_labelled} other mask(s) of {mask.channel}",
        remedy="Networks see the values of a mask as they are. Set it to a label where it is above "
        "0.5, and else to 0.",
    )


def _of_labels(masks: list[MaskLabels]) -> list[Finding]:
    if not masks:
        return []
    first, *others = sorted(_kinds(masks), key=lambda kind: (-len(kind), kind[0].values))
    usual = sorted({value for mask in first for value in mask.values})
    scaled = [mask for kind in others for mask in kind if _is_scaled(_top(kind), usual[-1])]
    if scaled:
        return [
            error(
                LABELS,
                mask.place,
                found=f"labels {_text(mask.values)}",
                expected=f"{_text(usual)}, as in {len(first)} other mask(s) of {mask.channel}",
                remedy="Networks see the values of a mask as they are. Write all masks of the "
                "channel with the same labels, e.g. 0 and 1.",
            )
            for mask in scaled
        ]
    if not others:
        return []
    return [
        warning(
            LABELS,
            DATASET,
            found=f"{first[0].channel}: masks with the labels {_text(usual)} ({len(first)} cases) "
            + "".join(
                f"and {_text(sorted({v for mask in kind for v in mask.values}))} ({len(kind)}, "
                f"e.g. {kind[0].place.case}) "
                for kind in others[:3]
            )
            + "have none in common",
            expected="the same labels in all cases",
            remedy="Correct if they stand for different structures. If not, write all masks with "
            "the same labels, since networks see the values as they are.",
        )
    ]


def _kinds(masks: list[MaskLabels]) -> list[list[MaskLabels]]:
    """Masks that share labels, directly or through others, together."""
    kinds: list[tuple[set[float], list[MaskLabels]]] = []
    for mask in masks:
        labels, linked = set(mask.values), [mask]
        apart = []
        for kind in kinds:
            if kind[0] & labels:
                labels, linked = labels | kind[0], kind[1] + linked
            else:
                apart.append(kind)
        kinds = [*apart, (labels, linked)]
    return [linked for _, linked in kinds]


def _top(kind: list[MaskLabels]) -> float:
    return max(value for mask in kind for value in mask.values)


def _is_scaled(first: float, other: float) -> bool:
    low, high = sorted((abs(first), abs(other)))
    return high >= _SCALE * low


def _text(values: Sequence[float]) -> str:
    more = ", ..." if len(values) > 8 else ""
    return ", ".join(f"{value:g}" for value in values[:8]) + more

"""Do the values of an image suit its channel: labels in a mask, grey values in a picture?"""

from __future__ import annotations

from typing import Literal

import numpy as np

from ricenet_v2.core.types import Image
from ricenet_v2.fingerprinting.findings import Place, error, warning
from ricenet_v2.records.integrity import Finding
from ricenet_v2.voxels.labels import labels_of

NOT_A_MASK = "not a mask"
_NEAR = 1e-3
"""Distance from a whole number, or from 0 and 1, that scaled and stored values may have."""
_PATCHY = 0.5
"""Share of neighbouring voxels with one label, from which on many labels are those of an atlas."""
_OVERSHOOT = 0.5
"""Distance beyond 0 and 1 that smooth resampling may give a mask."""
_FEW = 8
_ORDER = (
    "Compare the order of the channels in dataset.json with the numbers of the files: this may be "
    "the image of another channel."
)

Values = Literal["labels", "many labels", "fractions", "image"]


def values_of(mask: Image) -> Values:
    """Kinds of values of a mask.

    Args:
        mask: Finite, axes (z, y, x).

    Returns:
        `labels`: at most 64 whole numbers other than 0. `many labels`: more, in patches, as of an
        atlas. `fractions`: others from 0 to 1, as of a probability. `image`: anything else.
    """
    if np.all(np.abs(mask - np.rint(mask)) <= _NEAR):
        if labels_of(mask) is not None:
            return "labels"
        return "many labels" if _is_patchy(mask) else "image"
    is_share = float(mask.min()) >= -_NEAR and float(mask.max()) <= 1 + _NEAR
    return "fractions" if is_share else "image"


def check_mask(mask: Image, place: Place) -> list[Finding]:
    """Images that are no masks, an error; fractions and very many labels, a warning.

    Networks see the values of a mask as they are, and the bands of all cases follow its largest
    value. Fractions from 0 to 1 do no harm there, so they are taken.

    Args:
        mask: Finite, not constant, axes (z, y, x).
        place: Case and file.
    """
    kind = values_of(mask)
    if kind == "labels":
        return []
    if kind == "image":
        return [_not_a_mask(mask, place)]
    return [
        warning(
            "fractions in a mask" if kind == "fractions" else "labels of masks",
            place,
            found=_range(mask),
            expected="whole numbers as labels, e.g. 0 and 1"
            if kind == "fractions"
            else "at most 64 labels",
            remedy="They are resampled by the nearest voxel and shown as they are. Set a mask to 1 "
            "from some value on, e.g. 0.5, or give the channel the kind other, which is resampled "
            "smoothly and z-scored."
            if kind == "fractions"
            else "The number of a label is shown as a value, so that the regions of an atlas are "
            "hard to tell apart. Leave the regions that matter.",
        )
    ]


def labels_to_compare(mask: Image) -> tuple[float, ...] | None:
    """Labels to compare with other masks; () for many fractions, None for nothing.

    Args:
        mask: Finite, axes (z, y, x).
    """
    labels = labels_of(mask)
    if labels is None and values_of(mask) == "fractions":
        return ()
    return labels or None


def check_brain(mask: Image, place: Place) -> list[Finding]:
    """A brain mask that is an image; of labels and probabilities, what is above 0.5 is brain.

    Args:
        mask: Axes (z, y, x).
        place: Case and file.
    """
    if float(mask.min()) >= -_OVERSHOOT and float(mask.max()) <= 1 + _OVERSHOOT:
        return []
    return [_not_a_mask(mask, place)] if values_of(mask) == "image" else []


def check_picture(image: Image, place: Place) -> list[Finding]:
    """An MRI, CT or PET that holds one value but for 0, an error; or a few labels, a warning.

    Args:
        image: Finite, not constant, axes (z, y, x).
        place: Case and file.
    """
    values = labels_of(image, _FEW)
    if values is None:
        return []
    if len(values) == 1:
        return [
            error(
                "constant image",
                place,
                found=f"every voxel is 0 or {values[0]:g}",
                expected="an image with more than one value inside the patient",
                remedy=f"It looks like a mask. {_ORDER}",
            )
        ]
    return [
        warning(
            "few values",
            place,
            found=f"no values but 0, {', '.join(f'{value:g}' for value in values)}",
            expected="an image with many grey values",
            remedy=f"It looks like a mask of several labels. {_ORDER}",
        )
    ]


def _not_a_mask(mask: Image, place: Place) -> Finding:
    return error(
        NOT_A_MASK,
        place,
        found=_range(mask),
        expected="at most 64 whole numbers as labels, e.g. 0 and 1",
        remedy=f"{_ORDER} A mask that was resampled smoothly has to be resampled again by the "
        "nearest voxel.",
    )


def _range(mask: Image) -> str:
    values = labels_of(mask)
    if values is not None:
        more = ", ..." if len(values) > _FEW else ""
        return f"values {', '.join(f'{value:g}' for value in values[:_FEW])}{more}"
    return f"more than 64 different values from {mask.min():.4g} to {mask.max():.4g}"


def _is_patchy(mask: Image) -> bool:
    """Whether most neighbours along x share their label, where both have one."""
    left, right = mask[..., :-1], mask[..., 1:]
    both = (left != 0) & (right != 0)
    n_both = int(np.count_nonzero(both))
    return n_both > 0 and int(np.count_nonzero(both & (left == right))) >= _PATCHY * n_both

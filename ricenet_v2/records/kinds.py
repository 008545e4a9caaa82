"""Specifications of the kinds of channels, in one table for everything that distinguishes them.

A new kind needs a line here and its name in `ChannelKind`; nothing else compares names of kinds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ricenet_v2.records.dataset import ChannelKind
from ricenet_v2.records.normalisation import is_absolute
from ricenet_v2.records.plan_parts import Interpolation

Filling = Literal["image", "dose", "zero"]


@dataclass(frozen=True)
class KindSpecification:
    """Properties of all channels of a kind.

    Attributes:
        label: Name in texts, e.g. `MRI`, as in "MRI blurred by 12 mm".
        interpolation: Used where a channel is resampled.
        scheme: Normalisation. `divide` sets values below 0 to 0, so it is for values from 0 up.
        values: Description of the values, for the reasons of a plan, e.g. `dose in Gy`, as in "the
            dose in Gy is divided by one number".
        unit: Unit of the values; empty where they have none that all scanners share.
        words: Words in the name of a channel that mean this kind, in small letters, where a dataset
            has the `channel_names` of nnU-Net, which has no kinds.
        divisor_step: Number whose multiples the divisor of the scheme `divide` is, in the unit;
            None takes 1, 2 or 5 times the power of ten that fits the values.
        outside: Value of a voxel in which nothing is, in the unit, such as -1000 HU of air.
        filling: Values that hide a part of it from a network that is explained: `image`, those
            around the part or the other settings for images; `dose`, the settings for doses;
            `zero`, 0, which is neutral in a mask. The reference image of integrated gradients is
            blurred where this is `image`, and else 0.
        is_anatomy: Whether it shows the patient: it decides the region where there is no brain
            mask, and a model needs it to crop.
        shows_head: Whether the head stands out of the air around it, so that the region can be the
            head where there is no brain mask.
        is_dose: Whether it is a radiotherapy dose.
        is_mask: Whether its values are labels.
        is_signed: Whether values below 0 are usual, so that 0 is no lower end of a grey scale.
        has_fixed_intensities: Whether augmentation leaves its values as they are, and what lies
            beyond the image is 0 rather than what surrounds the patient.
        is_hounsfield: Whether its values are Hounsfield units, which are looked at in the windows
            of radiologists.
    """

    label: str
    interpolation: Interpolation
    scheme: str
    values: str
    unit: str = ""
    words: tuple[str, ...] = ()
    divisor_step: float | None = None
    outside: float = 0.0
    filling: Filling = "image"
    is_anatomy: bool = False
    shows_head: bool = False
    is_dose: bool = False
    is_mask: bool = False
    is_signed: bool = False
    has_fixed_intensities: bool = False
    is_hounsfield: bool = False

    @property
    def is_absolute(self) -> bool:
        """Whether a value means the same in every case."""
        return is_absolute(self.scheme)


KINDS: Mapping[ChannelKind, KindSpecification] = {
    "mri": KindSpecification(
        "MRI",
        "cubic",
        "zscore",
        "signal",
        words=(
            *("mri", "mr", "t1", "t1c", "t1w", "t1ce", "t1gd", "t2", "t2w", "flair"),
            *("dwi", "adc", "swi", "t1n", "t2f", "t1wce", "mprage"),
        ),
        is_anatomy=True,
        shows_head=True,
    ),
    "ct": KindSpecification(
        "CT",
        "cubic",
        "clip_zscore",
        "Hounsfield units",
        unit="HU",
        words=("ct",),
        outside=-1000.0,
        is_anatomy=True,
        shows_head=True,
        is_signed=True,
        is_hounsfield=True,
    ),
    "pet": KindSpecification("PET", "cubic", "zscore", "uptake", words=("pet",), is_anatomy=True),
    "dose": KindSpecification(
        "dose",
        "linear",
        "divide",
        "dose in Gy",
        unit="Gy",
        words=("dose", "rtdose", "rd"),
        divisor_step=5.0,
        filling="dose",
        is_dose=True,
        has_fixed_intensities=True,
    ),
    "mask": KindSpecification(
        "mask",
        "nearest",
        "none",
        "label",
        words=("mask", "label", "segmentation"),
        filling="zero",
        is_mask=True,
        has_fixed_intensities=True,
    ),
    "other": KindSpecification("other", "cubic", "zscore", "value"),
}

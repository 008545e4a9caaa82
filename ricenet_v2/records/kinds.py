"""Specifications of the kinds of channels, in one table for everything that distinguishes them.

A new kind needs a line here and its name in `ChannelKind`; nothing else compares names of kinds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ricenet_v2.records.dataset import ChannelKind
from ricenet_v2.records.normalisation import is_absolute
from ricenet_v2.records.plan_parts import Interpolation


@dataclass(frozen=True)
class KindSpecification:
    """Properties of all channels of a kind.

    Attributes:
        label: Name in texts, e.g. `MRI`.
        interpolation: Used where a channel is resampled.
        scheme: Normalisation.
        values: Description of the values, for the reasons of a plan, e.g. `dose in Gy`.
        unit: Unit of the values; empty where they have none that all scanners share.
        is_anatomy: Whether it shows the patient: it decides the region where there is no brain
            mask, and a model needs it to crop.
        shows_head: Whether the head stands out of the air around it.
        is_dose: Whether it is a radiotherapy dose.
        is_mask: Whether its values are labels.
        is_signed: Whether values below 0 are usual, so that 0 is no lower end of a grey scale.
        has_fixed_intensities: Whether augmentation leaves its values as they are.
        is_hounsfield: Whether its values are Hounsfield units, which are looked at in the windows
            of radiologists.
    """

    label: str
    interpolation: Interpolation
    scheme: str
    values: str
    unit: str = ""
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
    "mri": KindSpecification("MRI", "cubic", "zscore", "signal", is_anatomy=True, shows_head=True),
    "ct": KindSpecification(
        "CT",
        "cubic",
        "clip_zscore",
        "Hounsfield units",
        unit="HU",
        is_anatomy=True,
        shows_head=True,
        is_signed=True,
        is_hounsfield=True,
    ),
    "pet": KindSpecification("PET", "cubic", "zscore", "uptake", is_anatomy=True),
    "dose": KindSpecification(
        "dose",
        "linear",
        "divide",
        "dose in Gy",
        unit="Gy",
        is_dose=True,
        has_fixed_intensities=True,
    ),
    "mask": KindSpecification(
        "mask", "nearest", "none", "label", is_mask=True, has_fixed_intensities=True
    ),
    "other": KindSpecification("other", "cubic", "zscore", "value"),
}

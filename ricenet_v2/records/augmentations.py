"""Random changes of training samples that other packages bring.

They come by entry points of the group `ricenet_v2.augmentations`, and are made behind those of
this program.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ricenet_v2.core.plugins import Door
from ricenet_v2.records.plan_parts import AugmentationPlan, ChannelPlan, FurtherChange, Setting

if TYPE_CHECKING:
    Drawing = Callable[[np.random.Generator, Mapping[str, Setting], Sequence[ChannelPlan]], Any]
    Applying = Callable[[Any, Any, Sequence[ChannelPlan]], Any]

CHANCE = "p_"
"""A change NAME has its probability in the setting `augmentation.p_NAME`."""


@dataclass(frozen=True)
class AugmentationSpecification:
    """A random change of training samples.

    Attributes:
        label: Name in texts, e.g. `a smooth bias field`.
        draw: A function, or `module:function`, from a random generator, the settings and the plans
            of the channels to what is to be done, which can be pickled. All randomness is here.
        apply: A function, or `module:function`, from images (channels, z, y, x), a float32 tensor
            on the device of the training, what was drawn, and the plans of the channels to the
            changed images of that shape. It may change them in place.
        settings: Its settings: name, and the value that is taken where the plan has none.
        is_geometric: Whether it is drawn once for a sample and given all of its channels; else it
            is drawn for each channel on its own, and never given one of a kind with fixed
            intensities, such as a dose or a mask.
    """

    label: str
    draw: Drawing | str
    apply: Applying | str
    settings: Mapping[str, Setting] = field(default_factory=dict)
    is_geometric: bool = False

    def settings_of(self, change: FurtherChange) -> dict[str, Setting]:
        """The settings of the plan, and the values taken for the others."""
        return {**self.settings, **change.settings}


AUGMENTATIONS: Door[AugmentationSpecification] = Door(
    "augmentations",
    "augmentation",
    AugmentationSpecification,
    {},
    reserved=(
        each.name.removeprefix(CHANCE)
        for each in dataclasses.fields(AugmentationPlan)
        if each.name.startswith(CHANCE)
    ),
)


def further_faults(changes: AugmentationPlan) -> list[str]:
    """Settings that a change does not have, the field's name first; nothing of missing packages."""
    faults = []
    for name, change in changes.further.items():
        specification = AUGMENTATIONS.get(name)
        known = change.settings if specification is None else specification.settings
        faults += [
            f"training.augmentation.further.{name}.settings: expected {', '.join(known) or 'none'},"
            f" got {each}"
            for each in change.settings
            if each not in known
        ]
    return faults

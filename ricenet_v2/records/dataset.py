"""Description of a raw dataset: channels, classes, cases."""

from __future__ import annotations

import operator
import re
from collections.abc import Sequence
from dataclasses import field
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field

from ricenet_v2.core.documents import NewFlag, record
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.names import Name, Title, fault_of

ChannelKind = Literal["mri", "ct", "pet", "dose", "mask", "other"]
Split = Literal["train", "test"]
ALL_CHANNELS = "all"
_MODEL_ENDING = re.compile(r"__(seed\d+|full)$")
CHANNEL_KINDS: tuple[ChannelKind, ...] = get_args(ChannelKind)


@record
class Channel:
    """One image per case.

    Attributes:
        name: Unique name, e.g. `T1c_post_op`.
        kind: Decides resampling, normalisation and augmentation.
        timepoint: When it was taken, e.g. `post_op` or `event`.
        unit: Unit of the voxels; `Gy` for dose.
        mask: Name of the mask that the channel is, e.g. `lesion` for CASE_lesion; None where it has
            an image of its own. Such channels come last.
    """

    name: Name
    kind: ChannelKind
    timepoint: str | None = None
    unit: str | None = None
    mask: Annotated[Name | None, Field(exclude_if=operator.not_)] = None


def channel_name_faults(names: Sequence[str]) -> list[str]:
    """Names of channels that would give the folders of two models the same name.

    A model's folder is called by its channels joined with `+`, or `all`, by its seed, and by `full`
    where its network was trained on all cases.
    """
    faults = []
    for name in names:
        pieces = name.split("+")
        if name == ALL_CHANNELS:
            faults.append(f"channels: {name!r} means all channels, and can be none of them")
        elif len(pieces) > 1 and set(pieces) <= set(names):
            faults.append(f"channels: {name!r} also means the channels {', '.join(pieces)}")
        elif ending := _MODEL_ENDING.search(name):
            what = "a network of all cases" if ending[1] == "full" else "a training seed"
            faults.append(f"channels: {name!r} ends like the name of {what}")
    return faults


@record
class Dataset:
    """The content of dataset.json. The order of `classes` gives the class indices.

    `allow_any_size` takes images that are no patient's by their size, such as those of specimens.
    """

    document: ClassVar[str] = "dataset"
    schema: ClassVar[int] = 1

    name: Title
    channels: tuple[Channel, ...]
    classes: tuple[Title, ...]
    file_ending: str = ".nii.gz"
    positive_class: str | None = None
    licence: str | None = None
    reference: str | None = None
    description: str | None = None
    overwrite_image_reader_writer: str | None = None
    allow_any_size: NewFlag = False

    def __post_init__(self) -> None:
        """Refuse descriptions that contradict themselves."""
        names = [channel.name for channel in self.channels]
        faults = [
            (not names, "channels: at least one is needed"),
            (
                [bool(c.mask) for c in self.channels]
                != sorted(bool(c.mask) for c in self.channels),
                "channels: those that are masks of a case come last, as they have no number",
            ),
            (len(set(names)) != len(names), f"channels: names occur twice in {names}"),
            (
                len(set(self.classes)) < 2,
                f"classes: two different ones are needed, got {self.classes}",
            ),
            (len(set(self.classes)) != len(self.classes), "classes: a name occurs twice"),
            (
                self.positive_class is not None and self.positive_class not in self.classes,
                f"positive_class: {self.positive_class!r} is not one of {self.classes}",
            ),
        ]
        faults += [(bool(fault), fault) for fault in channel_name_faults(names)]
        faults += [(bool(fault_of(f"x{self.file_ending}")), f"file_ending: {self.file_ending!r}")]
        wrong = "; ".join(text for is_wrong, text in faults if is_wrong)
        if wrong:
            raise DatasetError("dataset.json contradicts itself.", got=wrong)

    @property
    def positive_index(self) -> int:
        """Index of the positive class; the last class where none is named."""
        return self.classes.index(self.positive_class or self.classes[-1])


BOOKKEEPING = frozenset({"image_id", "lesion_centre_mm"})
"""Columns of cases.csv that say whose images a case has and where it lies: no covariates."""


@record
class Case:
    """One row of cases.csv, as it is in the file: the check of the dataset judges it.

    `image_id` is the case whose images it has, where several cases share one image; else empty.
    `channels` says which channels it has, see `records.presence`; empty where the table says
    nothing of it.
    """

    case_id: str
    patient_id: str
    label: str
    split: Split = "train"
    covariates: dict[str, str] = field(default_factory=dict)
    image_id: str = ""
    channels: str = ""

    @property
    def image(self) -> str:
        """Id that its images are called by."""
        return self.image_id or self.case_id

"""Settings of a conversion, so that a new patient is converted as its patients were."""

from __future__ import annotations

from dataclasses import field
from typing import ClassVar, Literal

from pydantic import JsonValue

from ricenet_v2.core.documents import record
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.records.dataset import Channel
from ricenet_v2.records.kinds import KINDS

Stripped = Literal["all", "none", "some"]


@record
class IngestSettings:
    """The content of ingest.json, in a raw dataset and in the models that are trained on it.

    Attributes:
        rules: Number of the rules by which files become voxels; others make other voxels.
        channels: Channels of the dataset. The first is the reference, whose image gives the grid.
        stripped: Number of cases whose head outside the brain was removed.
        brain: Where the brain masks of the cases came from: `given`, or the rule or tool.
        options: Options of the conversion, by their names.
        versions: Versions of this program and of the packages that computed the voxels.
    """

    document: ClassVar[str] = "ingest"
    schema: ClassVar[int] = 1
    has_checksum: ClassVar[bool] = True

    rules: int
    channels: tuple[Channel, ...]
    stripped: Stripped
    brain: tuple[str, ...]
    options: dict[str, JsonValue]
    versions: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse settings without a reference."""
        if not self.channels or KINDS[self.channels[0].kind].is_dose:
            raise DatasetError("ingest.json contradicts itself.", got="no channel of an image")

    @property
    def has_dose(self) -> bool:
        """Whether each case has a dose."""
        return any(KINDS[channel.kind].is_dose for channel in self.channels)

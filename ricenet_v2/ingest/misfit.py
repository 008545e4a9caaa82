"""An image that was refused since it does not fit the reference, kept so that it can be seen."""

from __future__ import annotations

from dataclasses import dataclass, field

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.types import Image, Mask
from ricenet_v2.ingest.volume import ImageVolume
from ricenet_v2.records.dataset import ChannelKind
from ricenet_v2.records.provenance import RegisteredImage


@dataclass(frozen=True)
class MisfitPair:
    """Both images on the grid of the reference.

    Attributes:
        reference: The image that the other was registered to.
        kind: Kind of the reference.
        voxels: Voxels of the other, on the grid of the reference, array axes (z, y, x).
        other_kind: Kind of the other image.
        inside: Where the checks looked.
        record: Record of its registration, with the values of the checks.
    """

    reference: ImageVolume
    kind: ChannelKind
    voxels: Image = field(repr=False)
    other_kind: ChannelKind
    inside: Mask = field(repr=False)
    record: RegisteredImage


class MisfitError(DatasetError):
    """A registered image does not fit the reference; `pair` has both where it is known."""

    pair: MisfitPair | None = None

"""Fields of a plan that decide the voxels of a preprocessed case."""

from __future__ import annotations

import operator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ricenet_v2.core import documents
from ricenet_v2.core.documents import NewFlag, record
from ricenet_v2.core.types import Shape
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import ChannelPlan, Triple
from ricenet_v2.records.region import RegionPlan


@record
class Voxels:
    """The parts of a plan that preprocessing follows.

    The schema is counted up when the same images and plan give other voxels, so that older cases
    are made again.
    """

    document: ClassVar[str] = "voxels"
    schema: ClassVar[int] = 3

    spacing: Triple
    input_size: Shape
    channels: tuple[ChannelPlan, ...]
    storage_dtype: Literal["float32", "float16"]
    straighten: NewFlag = False
    region: Annotated[RegionPlan | None, Field(exclude_if=operator.not_)] = None


def voxels_hash(plan: Plan) -> str:
    """SHA-256 over the rules of preprocessing and the parts of the plan that they follow.

    The same for a plan that was just made and for one that was read from its file.
    """
    return documents.fingerprint_of(
        Voxels(
            plan.spacing,
            plan.input_size,
            plan.channels,
            plan.storage_dtype,
            plan.straighten,
            plan.region,
        )
    )

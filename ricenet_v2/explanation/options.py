"""Options of explaining a folder."""

from __future__ import annotations

from typing import Literal, get_args

from ricenet_v2.core.options import options
from ricenet_v2.explanation.explained_case import BRAIN
from ricenet_v2.explanation.occlusion.settings import OcclusionSettings

MapKind = Literal["occlusion", "integrated_gradients", "hirescam", "gradcam"]
KINDS: tuple[MapKind, ...] = get_args(MapKind)
PREDICTED = "predicted"


@options
class ExplanationOptions:
    """All settings that determine the maps, apart from the networks and the images.

    Attributes:
        occlusion: Windows, baselines, way of computing, memory.
        kinds: Kinds of maps that are made.
        region: `brain` explains the brain, `image` all that the network sees, another name the
            mask of that name.
        target: `predicted`, or the name of the class that is explained in every case.
        sanity: Whether maps are checked.
        untrained: Networks with random weights whose maps each share is compared with; 0 for none.
        seed: Seed of random weights, orders and moves.
    """

    occlusion: OcclusionSettings = OcclusionSettings()
    kinds: tuple[MapKind, ...] = KINDS
    region: str = BRAIN
    target: str = PREDICTED
    sanity: bool = True
    untrained: int = 5
    seed: int = 0

"""Names for packages that bring something: specifications, and rules to build on.

The names of this module are public. Nothing is imported before its name is used, so that a
specification in a package costs nothing, and torch comes with `norm_of` and `nonlinearity_of` only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ricenet_v2.core.lazy_names import by_name, lazily

if TYPE_CHECKING:
    from ricenet_v2.core.grid import Grid
    from ricenet_v2.evaluation.further_metrics import MetricSpecification
    from ricenet_v2.network.layers import nonlinearity_of, norm_of
    from ricenet_v2.planning.input_size import region_extent, region_size, rounded_up, with_margin
    from ricenet_v2.planning.ladder import Candidate
    from ricenet_v2.planning.overrides import Overrides
    from ricenet_v2.planning.presets import PRESETS, Preset, Rules, searched
    from ricenet_v2.planning.schedule import auto_training
    from ricenet_v2.planning.spacing import target_spacing
    from ricenet_v2.planning.topology import Topology, topology
    from ricenet_v2.records.architectures import ArchitectureSpecification
    from ricenet_v2.records.augmentations import AugmentationSpecification
    from ricenet_v2.records.decision import Decision
    from ricenet_v2.records.fingerprint import (
        CaseMeasurement,
        ChannelFingerprint,
        ChannelMeasurement,
        Distribution,
        Fingerprint,
    )
    from ricenet_v2.records.normalisation import NormalisationSpecification
    from ricenet_v2.records.plan import Plan
    from ricenet_v2.records.plan_parts import (
        AugmentationPlan,
        ChannelPlan,
        FurtherChange,
        NetworkPlan,
        Normalisation,
        TrainingPlan,
    )
    from ricenet_v2.store.readers import ReaderSpecification

_NAMES = {
    "core.grid": "Grid",
    "evaluation.further_metrics": "MetricSpecification",
    "network.layers": "nonlinearity_of norm_of",
    "planning.input_size": "region_extent region_size rounded_up with_margin",
    "planning.ladder": "Candidate",
    "planning.overrides": "Overrides",
    "planning.presets": "PRESETS Preset Rules searched",
    "planning.schedule": "auto_training",
    "planning.spacing": "target_spacing",
    "planning.topology": "Topology topology",
    "records.architectures": "ArchitectureSpecification",
    "records.augmentations": "AugmentationSpecification",
    "records.decision": "Decision",
    "records.fingerprint": (
        "CaseMeasurement ChannelFingerprint ChannelMeasurement Distribution Fingerprint"
    ),
    "records.normalisation": "NormalisationSpecification",
    "records.plan": "Plan",
    "records.plan_parts": (
        "AugmentationPlan ChannelPlan FurtherChange NetworkPlan Normalisation TrainingPlan"
    ),
    "store.readers": "ReaderSpecification",
}
_MODULES = by_name(_NAMES)

__all__ = [
    "PRESETS",
    "ArchitectureSpecification",
    "AugmentationPlan",
    "AugmentationSpecification",
    "Candidate",
    "CaseMeasurement",
    "ChannelFingerprint",
    "ChannelMeasurement",
    "ChannelPlan",
    "Decision",
    "Distribution",
    "Fingerprint",
    "FurtherChange",
    "Grid",
    "MetricSpecification",
    "NetworkPlan",
    "Normalisation",
    "NormalisationSpecification",
    "Overrides",
    "Plan",
    "Preset",
    "ReaderSpecification",
    "Rules",
    "Topology",
    "TrainingPlan",
    "auto_training",
    "nonlinearity_of",
    "norm_of",
    "region_extent",
    "region_size",
    "rounded_up",
    "searched",
    "target_spacing",
    "topology",
    "with_margin",
]


if not TYPE_CHECKING:  # else type checkers would take any name
    __getattr__ = lazily(globals(), _MODULES)


def __dir__() -> list[str]:
    """The public names, also those that are not imported yet."""
    return sorted({*globals(), *__all__})

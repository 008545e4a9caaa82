"""Torch module of the network section of a plan."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from ricenet_v2.core.errors import PlanError, PluginError
from ricenet_v2.core.types import Shape
from ricenet_v2.network.conformity import check_maps
from ricenet_v2.network.levels import Bands, Levels, n_bands
from ricenet_v2.network.presence import filled, flags_of
from ricenet_v2.network.random_state import seeded
from ricenet_v2.records.architectures import ARCHITECTURES
from ricenet_v2.records.plan_parts import NetworkPlan


class Classifier(nn.Module):
    """Bands, an encoder, global average pool, dropout and a linear head. A batch of one works.

    Where cases may lack channels, those are NaN in the images, and the head gets a flag for each
    channel behind the pooled features.
    """

    def __init__(
        self,
        encoder: nn.Module,
        n_features: int,
        n_classes: int,
        dropout: float,
        levels: Levels = (),
        n_flags: int = 0,
        architecture: str = "",
    ) -> None:
        """Put a head on an encoder that takes the channels and a band for each of their levels.

        Args:
            encoder: Module from (B, channels + bands, Z, Y, X) to the last feature map.
            n_features: Channels of that map.
            n_classes: Classes.
            dropout: Probability before the head.
            levels: Levels of each channel, see `levels.Bands`.
            n_flags: Channels that may be missing, all of them; 0 where none may.
            architecture: Name of the encoder where another package brings it, for its errors.
        """
        super().__init__()
        self.bands = Bands(levels)
        self.encoder = encoder
        self.architecture = architecture
        self.dropout = nn.Dropout(dropout)
        self.has_flags = n_flags > 0
        self.head = nn.Linear(n_features + n_flags, n_classes)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """Last feature map (B, F, Z', Y', X') of images (B, C, Z, Y, X).

        Raises:
            PluginError: The encoder is that of another package, and fails.
        """
        feature_map: torch.Tensor
        if not self.architecture or torch.compiler.is_compiling():
            feature_map = self.encoder(self.maps(x))
            return feature_map
        with ARCHITECTURES.blamed(self.architecture, "cannot be run"):
            feature_map = self.encoder(self.maps(x))
        return feature_map

    def maps(self, x: torch.Tensor) -> torch.Tensor:
        """Input of the encoder for images (B, C, Z, Y, X): with bands, 0 for a missing channel."""
        maps: torch.Tensor = self.bands(x)
        # After the bands, so that a missing channel has none, whatever 0 means in it.
        return filled(maps) if self.has_flags else maps

    def pooled(self, x: torch.Tensor) -> torch.Tensor:
        """Means (B, F) of the last feature map of images (B, C, Z, Y, X), and the flags, if any."""
        return self.with_flags(self.features(x).mean(dim=(2, 3, 4)), x)

    def with_flags(self, means: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Input of the head: means (B, F), and flags for channels of x that may be missing."""
        if not self.has_flags:
            return means
        flags = flags_of(x).to(means.dtype)
        return torch.cat([means, flags.expand(len(means), -1)], dim=1)

    def classify(self, pooled: torch.Tensor) -> torch.Tensor:
        """Logits (B, classes) of pooled features (B, F), with the flags, if any."""
        logits: torch.Tensor = self.head(self.dropout(pooled))
        return logits

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (B, classes) of images (B, C, Z, Y, X)."""
        return self.classify(self.pooled(x))


def build_network(
    plan: NetworkPlan, n_channels: int, n_classes: int, input_size: Shape | None = None
) -> Classifier:
    """The network that a plan describes, with fresh weights from torch's generator.

    Args:
        plan: The network.
        n_channels: Input channels.
        n_classes: Classes.
        input_size: Voxels along (z, y, x); where given, it must leave enough for the norm layers.

    Raises:
        PlanError: The stages of the plan do not have the same number of entries, its levels are
            not those of the channels, the strides do not divide the input size, or the deepest
            feature map would be a single voxel, on which norm layers cannot train; or its
            architecture cannot be so.
        PluginError: The package that brings the architecture is missing, fails, builds none, or one
            whose maps are not those of the plan.
    """
    lengths = {
        "features": len(plan.features),
        "blocks": len(plan.blocks),
        "kernel_sizes": len(plan.kernel_sizes),
        "strides": len(plan.strides),
    }
    if len(set(lengths.values())) != 1 or not plan.features:
        raise PlanError(
            "The stages of the network do not fit each other.",
            expected="as many features as blocks, kernel_sizes and strides",
            got=lengths,
            remedy="Correct the network section of the plan.",
        )
    if input_size is not None:
        _check_input(plan, input_size)
    _check_levels(plan, n_channels)
    n_maps = n_channels + n_bands(plan.levels)
    encoder = _encoder(plan, n_maps)
    is_own = ARCHITECTURES.plugin(plan.architecture) is None
    if not is_own:
        # At each build: the package may be another version than the one that was planned with.
        with seeded(0, torch.device("cpu")), torch.device("meta"):
            check_maps(_encoder(plan, n_maps), plan, n_maps, input_size)
    return Classifier(
        encoder,
        plan.features[-1],
        n_classes,
        plan.dropout,
        plan.levels,
        n_flags=n_channels if plan.presence else 0,
        architecture="" if is_own else plan.architecture,
    )


def _encoder(plan: NetworkPlan, n_maps: int) -> nn.Module:
    """The encoder of a plan, whose parts are found where everything looks for them."""
    faults = ARCHITECTURES[plan.architecture].faults(plan)
    if faults:
        raise PlanError(
            "The plan is invalid for this architecture.",
            got="; ".join(faults),
            remedy="Correct the network section of the plan, or leave the setting out.",
        )
    build = ARCHITECTURES.function(plan.architecture, "build")
    with ARCHITECTURES.blamed(plan.architecture, "cannot be built"):
        encoder = build(plan, n_maps)
    parts = dict(encoder.named_children()) if isinstance(encoder, nn.Module) else {}
    n_stages = len(list(parts["stages"].children())) if "stages" in parts else 0
    if "stem" not in parts or n_stages != len(plan.features):
        plugin = ARCHITECTURES.plugin(plan.architecture)
        raise PluginError(
            f"The network {plan.architecture} of {plugin.origin if plugin else 'ricenet_v2'} is "
            "not made of the parts that are planned.",
            expected=f"a torch module with the submodules stem and stages, {len(plan.features)} "
            "stages in all",
            got=f"{type(encoder).__name__} with {', '.join(parts) or 'none'}, {n_stages} stages",
        )
    return cast("nn.Module", encoder)


def _check_levels(plan: NetworkPlan, n_channels: int) -> None:
    if plan.levels and len(plan.levels) != n_channels:
        raise PlanError(
            "The number of levels differs from that of the input channels.",
            expected=f"levels of {n_channels} channels, or none at all",
            got=f"levels of {len(plan.levels)}",
            remedy="Correct the network section of the plan.",
        )


def _check_input(plan: NetworkPlan, input_size: Shape) -> None:
    specification = ARCHITECTURES[plan.architecture]
    total = specification.stride_of(plan, len(plan.strides))
    odd = any(n % t for n, t in zip(input_size, total, strict=True))
    if odd and specification.strides_divide:
        raise PlanError(
            "The strides of the network do not divide the input size.",
            expected=f"multiples of {total} voxels (z, y, x)",
            got=input_size,
            remedy="Give such an --input_size, or leave it to the planner.",
        )
    deepest = specification.deepest_map(plan, input_size)
    if max(deepest) < 2:
        raise PlanError(
            "The input is too small for the network: its last feature map is a single voxel.",
            expected="at least 2 voxels along one axis of the last feature map",
            got=f"{deepest} from an input of {input_size} voxels (z, y, x)",
            remedy="Give a larger --input_size, a finer --spacing, or use --preset auto.",
        )

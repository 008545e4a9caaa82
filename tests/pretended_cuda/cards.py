"""Cards that a pretended machine can have."""

from __future__ import annotations

import types
from dataclasses import dataclass

GIB = 1024**3


@dataclass(frozen=True)
class Card:
    """A card: bytes of memory, bytes that other programs hold, compute capability, name."""

    name: str = "NVIDIA H100 80GB HBM3"
    memory: int = 80 * GIB
    capability: tuple[int, int] = (9, 0)
    taken: int = 0

    @property
    def properties(self) -> types.SimpleNamespace:
        """What `torch.cuda.get_device_properties` says."""
        major, minor = self.capability
        return types.SimpleNamespace(
            name=self.name,
            major=major,
            minor=minor,
            total_memory=self.memory,
            multi_processor_count=132,
            is_integrated=False,
        )


H100 = Card()
A100 = Card("NVIDIA A100-SXM4-40GB", 40 * GIB, (8, 0))
V100 = Card("Tesla V100-SXM2-16GB", 16 * GIB, (7, 0))

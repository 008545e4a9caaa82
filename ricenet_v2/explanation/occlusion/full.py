"""Every occluded image through the whole network."""

from __future__ import annotations

import torch
from torch import nn

from ricenet_v2.explanation.occlusion.batches import Numbers
from ricenet_v2.explanation.occlusion.prepared import Occlusions


class FullPass:
    """Logits of occluded images; only the windows are written and restored from pass to pass.

    Attributes: see `passes.Pass`.
    """

    is_exact = True
    words = "Each occluded image went through the whole network."

    def __init__(self, network: nn.Module, occlusions: Occlusions) -> None:
        """Bring the images to the network's device and pass them through once."""
        self.network, self.occlusions = network, occlusions
        self._device = next(network.parameters()).device
        self._images = torch.from_numpy(occlusions.array).to(self._device)
        self._copies = self._images[None][:0]
        self.whole: torch.Tensor = network(self._images[None]).cpu()
        self.kept = self._images.untyped_storage().nbytes()
        self.forward_passes = 0.0

    def logits(self, numbers: Numbers) -> torch.Tensor:
        """Logits (windows, classes) of the images with one of these windows hidden each."""
        windows, fills = self.occlusions.windows, self.occlusions.fills
        if len(self._copies) != len(numbers):
            self._copies = self._images[None][:0]  # lets the old ones go before there are new ones
            self._copies = self._images.repeat(len(numbers), 1, 1, 1, 1)
        boxes = [windows.slices(number) for number in numbers]
        for copy, box, number in zip(self._copies, boxes, numbers, strict=True):
            copy[box] = torch.from_numpy(fills.box(number, windows)).to(self._device)
        try:
            logits: torch.Tensor = self.network(self._copies)
        finally:
            for copy, box in zip(self._copies, boxes, strict=True):
                copy[box] = self._images[box]
        self.forward_passes += len(numbers)
        return logits

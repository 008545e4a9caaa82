"""Occlusion that computes only what a window can change: the box of each map, layer by layer.

The maps of the image without any window are kept. A window changes a box of the first map, that
box a larger one of the next, and so on; around it the map is as it was. So each layer is computed
on the box and a rim of kept voxels around it. Where the box has become the whole map, the rest of
the network goes its usual way, and after the last map only the change of its mean is needed. With
batch norm in evaluation mode this is the whole forward pass, to rounding. Instance norm ties every
voxel to all others: until the box is the whole map its statistics stay those of the image without
windows, which is an approximation. There the maps behind the first layer can be taken whole: that
is exact with any norm, and spares the work of the first layer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from ricenet_v2.explanation.occlusion.batches import Numbers
from ricenet_v2.explanation.occlusion.boxes import Boxes, Size, together
from ricenet_v2.explanation.occlusion.layers import Layer
from ricenet_v2.explanation.occlusion.prepared import Occlusions
from ricenet_v2.explanation.occlusion.traced_network import (
    IMAGES,
    NEIGHBOURHOOD,
    TracedStep,
    UnknownStepError,
    frozen,
    fused,
    in_place,
    steps_of,
)
from ricenet_v2.network.build import Classifier

_EXACT = (
    "For each window only what it can change in the feature maps was computed, which gives what a "
    "whole forward pass gives."
)
_BEHIND_FIRST = (
    "The first layer was computed where a window changes it; each image went through the whole "
    "network behind it."
)
_APPROXIMATE = (
    "For each window only what it can change in the feature maps was computed. This is an "
    "approximation: where a window changes only a part of a map, instance norm kept the statistics "
    "of the image without windows."
)


@dataclass(frozen=True)
class CachedActivations:
    """An image's way through the network.

    Attributes:
        steps: Steps of the encoder, with batch norms folded into the convolutions and
            nonlinearities in place.
        maps: Part of each map that later steps need, (1, C, z, y, x) by name.
        shapes: Voxels of each map.
        norms: Replacement of each instance norm, by the name of its step, while a box is not the
            whole map.
    """

    steps: tuple[TracedStep, ...]
    maps: dict[str, torch.Tensor]
    shapes: dict[str, Size]
    norms: dict[str, nn.BatchNorm3d]

    def bytes_beside(self, network: nn.Module) -> int:
        """Bytes of the maps, and of weights that are not the network's own."""
        known = {each.data_ptr() for each in network.parameters()}
        layers = (step.layer for step in self.steps if step.layer)
        weights = (each for layer in layers for each in layer.parameters())
        kept = [*self.maps.values(), *(each for each in weights if each.data_ptr() not in known)]
        return sum(each.untyped_storage().nbytes() for each in kept)


def keep(encoder: nn.Module, images: torch.Tensor, *, only_first: bool) -> CachedActivations:
    """Pass images (1, C, Z, Y, X) through and keep the maps that windows will be laid into.

    Args:
        encoder: An encoder in evaluation mode.
        images: Images of one case.
        only_first: Keep only what the first layer needs, its map, and the last map.

    Raises:
        UnknownStepError: The encoder is not made of known steps; or, with `only_first`, does not
            begin with one that looks at a neighbourhood, or has another that takes the images.
    """
    steps = steps_of(encoder)
    quick = in_place(fused(steps))
    if only_first:
        if not quick[0].looks_around or any(IMAGES in step.inputs for step in quick[1:]):
            raise UnknownStepError("it does not begin with one convolution or pool")
        needed = {IMAGES, quick[0].name}
    else:
        around = [step for step in steps if step.looks_around or not step.layer]
        needed = {name for step in around for name in step.inputs}
    needed.add(steps[-1].name)
    # On a CPU convolutions and pools are the fastest in this layout, but instance norm undoes it.
    keeps_layout = not any(isinstance(step.layer, nn.InstanceNorm3d) for step in steps)
    if images.device.type == "cpu" and keeps_layout:
        images = images.contiguous(memory_format=torch.channels_last_3d)
    maps, shapes = {IMAGES: images}, {IMAGES: tuple(images.shape[2:])}
    norms: dict[str, nn.BatchNorm3d] = {}
    for step, over in zip(steps, _over(steps), strict=True):
        inputs = [maps[name] for name in step.inputs]
        if isinstance(step.layer, nn.InstanceNorm3d) and not only_first:
            norms[step.name] = frozen(step.layer, inputs[0])
        maps[step.name] = step.layer(inputs[0]) if step.layer else inputs[0] + inputs[1]
        shapes[step.name] = tuple(maps[step.name].shape[2:])
        for name in over - needed:
            del maps[name]
    return CachedActivations(quick, maps, shapes, norms)


def _over(steps: Sequence[TracedStep]) -> Iterator[set[str]]:
    """Maps that no later step takes, after each step."""
    last = {name: index for index, step in enumerate(steps) for name in step.inputs}
    for index in range(len(steps)):
        yield {name for name, at in last.items() if at == index}


class IncrementalPass:
    """Logits of occluded images from the maps of the image that is not.

    Attributes: see `passes.Pass`.
    """

    def __init__(
        self, network: nn.Module, occlusions: Occlusions, *, only_first: bool = False
    ) -> None:
        """Pass the images through once.

        Args:
            network: A network in evaluation mode.
            occlusions: The case.
            only_first: Take whole maps behind the first layer.

        Raises:
            UnknownStepError: The network is no Classifier, or its encoder is not made of known
                steps.
        """
        if not isinstance(network, Classifier):
            raise UnknownStepError(
                f"{type(network).__name__} is not one of this program's networks"
            )
        self.network, self.occlusions = network, occlusions
        self._device = next(network.parameters()).device
        self._images = torch.from_numpy(occlusions.array)[None].to(self._device)
        self._maps = keep(network.encoder, network.maps(self._images), only_first=only_first)
        self._only_first = only_first
        steps = self._maps.steps
        self._layers = {
            step.name: Layer.of(step.layer)
            for step in steps
            if isinstance(step.layer, NEIGHBOURHOOD)
        }
        self._all = sum(
            layer.work * math.prod(self._maps.shapes[name]) for name, layer in self._layers.items()
        )
        self._last = self._maps.maps[steps[-1].name]
        self.whole = self._logits(self._last.mean(dim=(2, 3, 4))).cpu()
        self.kept = self._maps.bytes_beside(network)
        self.forward_passes = 0.0
        self.is_exact = not self._maps.norms
        exact = _BEHIND_FIRST if only_first else _EXACT
        self.words = exact if self.is_exact else _APPROXIMATE

    def logits(self, numbers: Numbers) -> torch.Tensor:
        """Logits (windows, classes) of the images with one of these windows hidden each."""
        steps = self._maps.steps
        boxes = {IMAGES: self._windows(numbers)}
        for step, over in zip(steps, _over(steps), strict=True):
            changed = self._step(step, [boxes[name] for name in step.inputs])
            if self._only_first and step is steps[0]:
                changed = changed.widened(self._maps.maps[step.name][0])
            boxes[step.name] = changed
            for name in over:
                del boxes[name]
        change = boxes[steps[-1].name].change(self._last[0])
        return self._logits(self._last.mean(dim=(2, 3, 4)) + change / self._last[0, 0].numel())

    def _logits(self, means: torch.Tensor) -> torch.Tensor:
        """Logits of the means of the last map; hiding a window makes no channel missing."""
        return self.network.classify(self.network.with_flags(means, self._images))

    def _windows(self, numbers: Numbers) -> Boxes:
        windows, fills = self.occlusions.windows, self.occlusions.fills
        values = np.stack([fills.box(number, windows) for number in numbers])
        bands = self.network.maps(torch.from_numpy(values).to(self._device))
        return Boxes(windows.starts[numbers], bands)

    def _step(self, step: TracedStep, inputs: Sequence[Boxes]) -> Boxes:
        if step.layer is None:
            return self._sum(step, *inputs)
        if step.looks_around:
            return self._around(step, inputs[0])
        is_whole = inputs[0].size == self._maps.shapes[step.name]
        layer = step.layer if is_whole else self._maps.norms.get(step.name, step.layer)
        return Boxes(inputs[0].starts, layer(inputs[0].values))

    def _around(self, step: TracedStep, boxes: Boxes) -> Boxes:
        """A layer that looks at a neighbourhood, on the boxes that it can change."""
        layer, (before,) = self._layers[step.name], step.inputs
        shape = self._maps.shapes[step.name]
        starts, size = layer.reach.touched_by(boxes.starts, boxes.size, shape)
        if boxes.size == self._maps.shapes[before]:
            values = layer.padded(boxes.values)
        else:
            around = self._maps.maps[before][0]
            seen = boxes.cut(around, *layer.reach.seen_by(starts, size), layer.beyond)
            values = layer.bare(seen)
        self.forward_passes += layer.work * values[:, 0].numel() / self._all
        return Boxes(starts, values)

    def _sum(self, step: TracedStep, first: Boxes, second: Boxes) -> Boxes:
        shape = self._maps.shapes[step.name]
        starts, size = together(
            np.minimum(first.starts, second.starts),
            np.maximum(first.starts + first.size, second.starts + second.size),
            shape,
        )
        parts = [
            each.values if each.size == size else each.cut(self._maps.maps[name][0], starts, size)
            for name, each in zip(step.inputs, (first, second), strict=True)
        ]
        return Boxes(starts, parts[0] + parts[1])

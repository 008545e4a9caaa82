"""Deletion and insertion curves (Petsiuk, Das and Saenko 2018) against random order."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import integrate, ndimage
from torch import nn

from ricenet_v2.core.progress import Progress
from ricenet_v2.core.types import Floats, Image, Images, Mask, Shape
from ricenet_v2.explanation.occlusion.batches import in_batches
from ricenet_v2.network.tf32 import float32
from ricenet_v2.records.explained_case import PerturbationCurve

STEPS, N_RANDOM = 10, 19
"""A map of chance is better than 19 random orders once in 20 times."""

Order = NDArray[np.intp]


@dataclass(frozen=True)
class Blocks:
    """The region cut into blocks, which are deleted and inserted as a whole.

    Voxel by voxel a random order would be fine noise, which no map is: its order is compared with
    random orders of the same blocks.

    Attributes:
        labels: Number of the block of each voxel, (z, y, x); -1 outside of the region.
        count: Number of blocks.
    """

    labels: NDArray[np.int64]
    count: int

    @classmethod
    def of(cls, region: Mask, size: Shape) -> Blocks:
        """Blocks of `size` voxels that hold a voxel of the region."""
        z, y, x = (np.arange(n) // s for n, s in zip(region.shape, size, strict=True))
        whole = (z[:, None, None] * (y[-1] + 1) + y[None, :, None]) * (x[-1] + 1) + x
        numbers, inverse = np.unique(whole[region], return_inverse=True)
        labels = np.full(region.shape, -1, dtype=np.int64)
        labels[region] = inverse
        return cls(labels, len(numbers))

    def order_of(self, values: Image) -> Order:
        """Blocks from the one that speaks most for the class to the one that speaks most against.

        Equal ones in the order of their numbers.
        """
        means = ndimage.mean(values, self.labels, np.arange(self.count))
        return np.argsort(-np.asarray(means), kind="stable")

    def ranks(self, order: Order) -> NDArray[np.int64]:
        """Place of each voxel in an order; -1 outside of the region."""
        place = np.full(self.count + 1, -1, dtype=np.int64)
        place[order] = np.arange(self.count)
        ranks: NDArray[np.int64] = place[self.labels]  # the last place is that of label -1
        return ranks


class PerturbationCurves:
    """Curves of one network and case; the random orders are computed once for all maps."""

    def __init__(
        self,
        network: nn.Module,
        array: Images,
        reference: Images,
        blocks: Blocks,
        target: int,
        random: np.random.Generator,
        batch: int = 4,
        description: str = "deleting and inserting",
    ) -> None:
        """Keep what the curves need, and draw the random orders.

        Args:
            network: Network in evaluation mode; images are brought to its device.
            array: Preprocessed images (channels, z, y, x).
            reference: Reference image for deleted blocks and for blocks that are not inserted yet.
            blocks: Blocks of the region.
            target: Index of the class.
            random: Draws the orders.
            batch: Images at a time.
            description: Description of their progress.
        """
        self._description = description
        self.network, self.blocks, self.target, self.batch = network, blocks, target, batch
        self._device = next(network.parameters()).device
        self._images, self._reference = (
            torch.from_numpy(image).to(self._device) for image in (array, reference)
        )
        steps = min(STEPS, blocks.count)
        # Closer to each other at the beginning, where a good map does all that it does.
        shares = np.linspace(0, 1, steps + 1) ** 2
        self.cuts = np.unique(np.ceil(blocks.count * shares - 1e-9).astype(np.int64))
        orders = [random.permutation(blocks.count) for _ in range(N_RANDOM)]
        self._random = {
            is_deleted: self._areas(self.probabilities(orders, is_deleted=is_deleted))
            for is_deleted in (True, False)
        }

    def deletion(self, values: Image) -> PerturbationCurve:
        """Blocks are deleted, the one that speaks most for the class first."""
        return self._curve(values, is_deleted=True)

    def insertion(self, values: Image) -> PerturbationCurve:
        """Blocks are inserted into the reference, the one that speaks most for the class first."""
        return self._curve(values, is_deleted=False)

    def _curve(self, values: Image, *, is_deleted: bool) -> PerturbationCurve:
        probability = self.probabilities([self.blocks.order_of(values)], is_deleted=is_deleted)
        (area,), others = self._areas(probability), self._random[is_deleted]
        return PerturbationCurve(
            shares=tuple((self.cuts / self.blocks.count).tolist()),
            probability=tuple(probability[0].tolist()),
            area=float(area),
            random_area=float(others.mean()),
            better_than=float(np.mean(area < others if is_deleted else area > others)),
        )

    def _areas(self, probability: Floats) -> Floats:
        """Area under each curve (orders, cuts), over the share of blocks."""
        areas: Floats = integrate.trapezoid(probability, self.cuts / self.blocks.count, axis=1)
        return areas

    @float32()
    @torch.inference_mode()
    def probabilities(self, orders: Sequence[Order], *, is_deleted: bool) -> Floats:
        """Probability of the class after each cut of each order of blocks, (orders, cuts)."""
        ranks = [torch.from_numpy(self.blocks.ranks(order)).to(self._device) for order in orders]
        n_cuts = len(self.cuts)

        def compute(numbers: NDArray[np.int64]) -> torch.Tensor:
            place = torch.stack([ranks[n // n_cuts] for n in numbers])
            cuts = torch.from_numpy(self.cuts[numbers % n_cuts]).to(self._device)
            done = (place >= 0) & (place < cuts[:, None, None, None])
            seen = (~done if is_deleted else done)[:, None]
            images = torch.where(seen, self._images, self._reference)
            return torch.softmax(self.network(images).cpu().double(), dim=1)[:, self.target]

        numbers = np.arange(len(orders) * n_cuts)
        with closing(Progress(self._description, len(numbers))) as progress:
            probabilities = in_batches(numbers, self.batch, compute, progress.add)
        return np.asarray(probabilities.numpy().reshape(len(orders), n_cuts), dtype=np.float64)

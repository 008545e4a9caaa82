"""Batches for training, made with batchgenerators; batch k depends on k alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from batchgenerators.dataloading.single_threaded_augmenter import SingleThreadedAugmenter

from ricenet_v2.core.errors import TrainingError
from ricenet_v2.training.augmentation.apply import augment
from ricenet_v2.training.batch_transfer import BatchTransfer
from ricenet_v2.training.data_clock import Mark, mark
from ricenet_v2.training.device_cases import DeviceCases
from ricenet_v2.training.sample_loader import SampleLoader
from ricenet_v2.training.sample_ring import SampleRing
from ricenet_v2.training.source import Source
from ricenet_v2.training.workers import Workers, samples_ahead

__all__ = ["Batch", "Source", "TrainingBatches"]

_CPU = torch.device("cpu")
# Threads that copy samples into page-locked memory; one alone is slower than a large card trains.
_COPIERS = 4


@dataclass(frozen=True)
class Batch:
    """Images (B, C, Z, Y, X), class indices (B,) and the cases they come from.

    `ready` is when the images were there, before they were augmented on the device; None where
    they are ready as they are.
    """

    images: torch.Tensor
    targets: torch.Tensor
    case_ids: tuple[str, ...]
    ready: Mark | None = None


@dataclass(frozen=True)
class _Samples:
    """A batch as it was loaded: images, and where each sample comes from; or what failed."""

    images: torch.Tensor | None
    messages: Sequence[dict[str, Any]]


class TrainingBatches(Iterator[Batch]):
    """An endless stream of batches from a given epoch on; the same for any number of workers."""

    def __init__(
        self,
        source: Source,
        first_epoch: int,
        num_workers: int,
        device: torch.device = _CPU,
        *,
        n_slots: int | None = None,
        device_cases: DeviceCases | None = None,
    ) -> None:
        """Start the workers (none: work in this process).

        Args:
            source: Cases, plan, seed and share.
            first_epoch: Epoch to begin with.
            num_workers: Processes.
            device: Where the batches are wanted. CUDA augments there, whole batches at once; for
                all others the workers do it (Metal has no three-dimensional `grid_sample` in the
                older versions of torch that are supported).
            n_slots: Samples that may lie in shared memory; as many as can be made before they are
                asked for where None.
            device_cases: All training cases on a CUDA device; then nothing is loaded and no worker
                started.
        """
        self.source, self.device, self._kept = source, device, device_cases
        self.indices = {name: i for i, name in enumerate(source.plan.classes)}
        self._transfer = BatchTransfer(device) if device.type == "cuda" else None
        self._number = first_epoch * source.steps_per_epoch * source.batch_size
        num_workers = 0 if device_cases is not None else num_workers
        self._ring: SampleRing | None = None
        self._at_a_time = 1
        if num_workers:
            slots = n_slots or samples_ahead(num_workers) + 1
            self._ring = SampleRing(slots, source.sample_shape, self._number)
            self._at_a_time = max(1, min(_COPIERS, slots - 1))
        augments = self._transfer is None
        self._loader = SampleLoader(
            source, self._number, num_workers, self._ring, augments=augments
        )
        self._workers = Workers(self._loader, num_workers) if num_workers else None
        self._stream: Iterator[dict[str, Any]] | Workers = self._workers or iter(
            SingleThreadedAugmenter(self._loader, None)
        )
        self._thread = ThreadPoolExecutor(1) if num_workers else None
        is_copied = num_workers and self._transfer is not None
        self._copiers = ThreadPoolExecutor(_COPIERS) if is_copied else None
        self._coming: Future[_Samples] | None = None
        self._on_its_way: _Samples | None = None

    def __next__(self) -> Batch:
        """The next batch.

        Raises:
            TrainingError: A case could not be loaded or augmented, with its id and the reason, or a
                traceback of an unexpected error; or a worker has died.
        """
        if self._kept is not None:
            return self._of_kept(self._kept)
        samples, self._on_its_way = self._on_its_way or self._sent(self._taken()), None
        if samples.images is None:
            raise self._error(samples.messages[0])
        images, ready = samples.images, None
        cases = [str(message["case_id"]) for message in samples.messages]
        if self._transfer is not None:
            self._transfer.finish(images)
            ready = mark(self.device)
            if self._coming is not None and self._coming.done():
                self._on_its_way = self._sent(self._taken())
            epoch = samples.messages[0]["epoch"]
            places = [message["place"] for message in samples.messages]
            images = augment(images, self.source.draws(epoch, places), self.source.plan)
        return self._batch(images, cases, ready)

    def _of_kept(self, kept: DeviceCases) -> Batch:
        """A batch of cases that lie on the device."""
        size = self.source.batch_size
        numbered = [self.source.place(self._number + offset) for offset in range(size)]
        self._number += size
        epoch, places = numbered[0][0], [place for _, place in numbered]
        drawn = self._loader.cases(epoch)
        cases, ready = [drawn[place] for place in places], mark(self.device)
        images = kept.batch(cases)
        images = augment(images, self.source.draws(epoch, places), self.source.plan)
        return self._batch(images, cases, ready)

    def _batch(self, images: torch.Tensor, cases: Sequence[str], ready: Mark | None) -> Batch:
        targets = torch.tensor([self.indices[self.source.labels[case]] for case in cases])
        return Batch(images, targets, tuple(cases), ready)

    def _error(self, message: Mapping[str, Any]) -> TrainingError:
        return TrainingError(
            "A case could not be loaded or augmented.",
            case=str(message["case_id"]),
            file=self.source.reader.folder,
            got=message["error"],
            remedy=message["remedy"],
        )

    def _sent(self, samples: _Samples) -> _Samples:
        """The batch; for CUDA, its copy to the device is under way."""
        if self._transfer is None or samples.images is None:
            return samples
        return _Samples(self._transfer.begin(samples.images), samples.messages)

    def _taken(self) -> _Samples:
        """The next of the stream; with workers a thread has it ready while the network works."""
        if self._thread is None:
            return self._received()
        coming = self._coming or self._thread.submit(self._received)
        samples = coming.result()
        self._coming = self._thread.submit(self._received)
        return samples

    def _received(self) -> _Samples:
        """The next samples of the stream in one batch; for CUDA in page-locked memory."""
        size = self.source.batch_size
        is_locked = self._transfer is not None
        images = torch.empty((size, *self.source.sample_shape), pin_memory=is_locked)
        rows, messages = images.numpy(), list[dict[str, Any]]()
        copies = deque[tuple[int, Future[None] | None]]()
        for row in rows:
            while len(copies) >= self._at_a_time:
                self._settle(*copies.popleft())
            message = next(self._stream)
            if "error" in message:
                return _Samples(None, [message])
            messages.append(message)
            number, sample = message["number"], message.pop("data")
            if sample is None and self._ring is not None:
                sample = self._ring[number]
            copies.append((number, self._copied(row, sample)))
        for copy in copies:
            self._settle(*copy)
        return _Samples(images, messages)

    def _copied(self, row: Any, sample: Any) -> Future[None] | None:
        if self._copiers is not None:
            return self._copiers.submit(np.copyto, row, sample)
        np.copyto(row, sample)
        return None

    def _settle(self, number: int, copy: Future[None] | None) -> None:
        """Wait for a copy and give its slot back."""
        if copy is not None:
            copy.result()
        if self._ring is not None:
            self._ring.take(number)

    @property
    def ahead(self) -> int:
        """Largest number of batches that can be ready before they are needed."""
        if self._workers is None:
            return 0
        # One is complete in main memory, another one on its way to the device.
        return -(-self._workers.ahead // self.source.batch_size) + 2

    def close(self) -> None:
        """End the workers."""
        if self._ring is not None:
            self._ring.close()
        if self._workers is not None:
            self._workers.close()
        for threads in (self._thread, self._copiers):
            if threads is not None:
                threads.shutdown(cancel_futures=True)
        self._kept = self._on_its_way = None  # memory of the device

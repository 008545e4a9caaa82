"""Batches for training, by the machinery of batchgenerators; batch k depends on k alone."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from batchgenerators.dataloading.data_loader import SlimDataLoaderBase
from batchgenerators.dataloading.single_threaded_augmenter import SingleThreadedAugmenter
from numpy.typing import NDArray

from ricenet_v2.core.errors import RicenetError, TrainingError
from ricenet_v2.records.plan import Plan
from ricenet_v2.training.augmentation.apply import augment
from ricenet_v2.training.augmentation.draw import Draw, draw_named
from ricenet_v2.training.batch_partition import ALONE, BatchPartition
from ricenet_v2.training.preprocessed import preprocessing_of
from ricenet_v2.training.reader import CaseReader
from ricenet_v2.training.sampler import epoch_cases
from ricenet_v2.training.shared_memory import SharedArrays
from ricenet_v2.training.workers import Workers, batches_ahead, settle_worker

_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Batch:
    """Images (B, C, Z, Y, X), class indices (B,) and the cases they come from."""

    images: torch.Tensor
    targets: torch.Tensor
    case_ids: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """What the loader needs to make any batch of a run.

    Attributes:
        reader: Reader of the cases.
        labels: Class of each training case.
        plan: Batch size, accumulation, augmentation.
        seed: Seed of sampling and augmentation.
        share: The part of each update that this process works on.
    """

    reader: CaseReader
    labels: Mapping[str, str]
    plan: Plan
    seed: int
    share: BatchPartition = ALONE

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Axes (samples, channels, z, y, x) of a step of this process."""
        return (len(self.places(0)), len(self.plan.channels), *self.plan.input_size)

    @property
    def steps_per_epoch(self) -> int:
        """Batches of this process in an epoch."""
        training = self.plan.training
        return training.iterations_per_epoch * len(self.share.positions(training))

    def places(self, step: int) -> list[int]:
        """Positions in the epoch of the samples of this process's step."""
        training = self.plan.training
        steps = self.share.positions(training)
        update, part = divmod(step, len(steps))
        start = update * training.accumulation_steps * training.batch_size
        return [start + position for position in steps[part]]

    def draws(self, epoch: int, places: Sequence[int]) -> list[Draw]:
        """The augmentation of the samples at these places of an epoch."""
        return [draw_named(self.plan, self.seed, epoch, place) for place in places]


class _Loader(SlimDataLoaderBase):  # type: ignore[misc]
    """Makes batch `start`, `start + workers`, ...; an error travels inside the batch.

    Images go to another process through `transit`, a ring of shared slots, since a pipe would
    carry a large batch slower than a GPU trains on it. Without a slot they are sent as they are.
    """

    def __init__(
        self,
        source: Source,
        start: int,
        workers: int,
        transit: SharedArrays | None = None,
        *,
        augments: bool,
    ) -> None:
        super().__init__(None, len(source.places(0)), workers)
        self.source, self.next, self.stride = source, start, max(1, workers)
        self.augments, self.transit = augments, transit
        self._drawn: tuple[int, list[str]] = (-1, [])

    def set_thread_id(self, thread_id: int) -> None:
        """Called once in each worker process."""
        super().set_thread_id(thread_id)
        self.next += thread_id
        settle_worker()

    def generate_train_batch(self) -> dict[str, Any]:
        """The next batch of this worker."""
        index, self.next = self.next, self.next + self.stride
        epoch, step = divmod(index, self.source.steps_per_epoch)
        places, drawn = self.source.places(step), self._cases(epoch)
        cases = [drawn[position] for position in places]
        arrays, case = [], ""
        try:
            for position, case in zip(places, cases, strict=True):
                images = self.source.reader(case)
                arrays.append(self._augmented(images, epoch, position) if self.augments else images)
            data = self._sent(index, np.stack(arrays))
        except RicenetError as error:
            return {"error": str(error), "remedy": None, "case_ids": [case]}
        except Exception:  # noqa: BLE001 - a dead worker would hide what happened
            return {"error": traceback.format_exc(), "remedy": self._remedy(), "case_ids": [case]}
        return {"data": data, "case_ids": cases, "epoch": epoch, "places": places}

    def _remedy(self) -> str:
        return f"Run {preprocessing_of(self.source.plan)} again, which makes damaged cases anew."

    def _sent(self, index: int, images: NDArray[np.float32]) -> NDArray[np.float32] | int:
        """The images, or the number of the slot where they lie."""
        if self.transit is None or not self.transit.n_slots:
            return images
        slot = index % self.transit.n_slots
        self.transit.put(slot, images)
        return slot

    def _augmented(self, images: Any, epoch: int, position: int) -> Any:
        draws = self.source.draws(epoch, [position])
        return augment(torch.from_numpy(images)[None], draws, self.source.plan)[0].numpy()

    def _cases(self, epoch: int) -> list[str]:
        if self._drawn[0] != epoch:
            plan = self.source.plan.training
            n = plan.iterations_per_epoch * plan.accumulation_steps * plan.batch_size
            drawn = epoch_cases(
                self.source.labels, n, self.source.seed, epoch, balanced=plan.balance == "sampler"
            )
            self._drawn = (epoch, drawn)
        return self._drawn[1]


class TrainingBatches(Iterator[Batch]):
    """An endless stream of batches from a given epoch on; the same for any number of workers."""

    def __init__(
        self, source: Source, first_epoch: int, num_workers: int, device: torch.device = _CPU
    ) -> None:
        """Start the workers (none: work in this process).

        Args:
            source: Cases, plan, seed and share.
            first_epoch: Epoch to begin with.
            num_workers: Processes.
            device: Where the batches are wanted. CUDA augments there, whole batches at once; for
                all others the workers do it (Metal has no three-dimensional `grid_sample` in the
                older versions of torch that are supported).
        """
        self.source, self.device = source, device
        self.indices = {name: i for i, name in enumerate(source.plan.classes)}
        self._augments_here = device.type == "cuda"
        self._transit: SharedArrays | None = None
        if num_workers:
            # One slot more than batches can be made and not yet taken: none is overwritten.
            self._transit = SharedArrays(batches_ahead(num_workers) + 1, source.batch_shape)
        start = first_epoch * source.steps_per_epoch
        augments = not self._augments_here
        loader = _Loader(source, start, num_workers, self._transit, augments=augments)
        self._workers = Workers(loader, num_workers) if num_workers else None
        self._stream: Iterator[dict[str, Any]] | Workers = self._workers or iter(
            SingleThreadedAugmenter(loader, None)
        )
        self._thread = ThreadPoolExecutor(max_workers=1) if num_workers else None
        self._coming: Future[dict[str, Any]] | None = None

    def __next__(self) -> Batch:
        """The next batch.

        Raises:
            TrainingError: A case could not be loaded or augmented, with its id and the reason, or a
                traceback where nobody foresaw it; or a worker has died.
        """
        message = self._taken()
        case_ids = tuple(str(case) for case in message["case_ids"])
        if "error" in message:
            raise TrainingError(
                "A case could not be loaded or augmented.",
                case=case_ids[0],
                file=self.source.reader.folder,
                got=message["error"],
                remedy=message["remedy"],
            )
        images: torch.Tensor = message["data"]
        if self._augments_here:
            images = images.to(self.device, non_blocking=True)
            draws = self.source.draws(message["epoch"], message["places"])
            images = augment(images, draws, self.source.plan)
        targets = [self.indices[self.source.labels[case]] for case in case_ids]
        return Batch(images, torch.tensor(targets), case_ids)

    def _taken(self) -> dict[str, Any]:
        """The next of the stream; with workers a thread has it ready while the network works."""
        if self._thread is None:
            return self._received()
        coming = self._coming or self._thread.submit(self._received)
        message = coming.result()
        self._coming = self._thread.submit(self._received)
        return message

    def _received(self) -> dict[str, Any]:
        """The next of the stream, its images out of the ring; for CUDA in page-locked memory."""
        message = next(self._stream)
        if "error" in message:
            return message
        sent = message["data"]
        if self._transit is not None and isinstance(sent, int):
            sent = self._transit[sent]
        images = torch.from_numpy(sent)
        message["data"] = images.pin_memory() if self._augments_here else images.clone()
        return message

    @property
    def ahead(self) -> int:
        """Most batches that can lie ready before they are asked for."""
        return 0 if self._workers is None else self._workers.ahead + 1

    def close(self) -> None:
        """End the workers."""
        if self._workers is not None:
            self._workers.close()
        if self._thread is not None:
            self._thread.shutdown(cancel_futures=True)

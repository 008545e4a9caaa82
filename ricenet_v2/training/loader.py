"""Batches for training, by the machinery of batchgenerators; batch k depends on k alone."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from batchgenerators.dataloading.data_loader import SlimDataLoaderBase
from batchgenerators.dataloading.multi_threaded_augmenter import MultiThreadedAugmenter
from batchgenerators.dataloading.single_threaded_augmenter import SingleThreadedAugmenter
from numpy.typing import NDArray

from ricenet_v2.core.errors import TrainingError
from ricenet_v2.records.plan import Plan
from ricenet_v2.store.cases import read_array
from ricenet_v2.training.augmentation import Augmentation
from ricenet_v2.training.sampler import epoch_cases
from ricenet_v2.training.share import ALONE, Share

CACHE_BYTES = 4 * 1024**3


class CaseReader:
    """Reads preprocessed cases and keeps them in memory while a budget lasts."""

    def __init__(self, folder: Path, channels: list[int], budget: int = CACHE_BYTES) -> None:
        """Read from `folder`, only the channels of these indices, keep up to `budget` bytes."""
        self.folder, self.channels, self.left = folder, channels, budget
        self._kept: dict[str, NDArray[np.float32]] = {}

    def __call__(self, case_id: str) -> NDArray[np.float32]:
        """Voxels (channels, z, y, x); not to be changed."""
        if case_id in self._kept:
            return self._kept[case_id]
        array = np.ascontiguousarray(read_array(self.folder, case_id)[self.channels])
        if array.nbytes <= self.left:
            self.left -= array.nbytes
            self._kept[case_id] = array
        return array


@dataclass(frozen=True)
class Batch:
    """Images (B, C, Z, Y, X), class indices (B,) and the cases they come from."""

    images: torch.Tensor
    targets: torch.Tensor
    case_ids: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """What the loader needs to make any batch of a run."""

    reader: CaseReader
    labels: Mapping[str, str]
    plan: Plan
    seed: int
    share: Share = ALONE

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


class _Loader(SlimDataLoaderBase):  # type: ignore[misc]
    """Makes batch `start`, `start + workers`, ...; an error travels inside the batch."""

    def __init__(self, source: Source, start: int, workers: int) -> None:
        super().__init__(None, source.plan.training.batch_size, workers)
        self.source, self.next, self.workers = source, start, workers
        self.augmentation = Augmentation(source.plan)
        self.thread_id = 0
        self._drawn: tuple[int, list[str]] = (-1, [])

    def set_thread_id(self, thread_id: int) -> None:
        """Called once in each worker process."""
        self.thread_id = thread_id
        self.next += thread_id
        torch.set_num_threads(1)

    def generate_train_batch(self) -> dict[str, Any]:
        """The next batch of this worker."""
        index, self.next = self.next, self.next + max(1, self.workers)
        epoch, step = divmod(index, self.source.steps_per_epoch)
        places, drawn = self.source.places(step), self._cases(epoch)
        cases = [drawn[position] for position in places]
        made, case = [], ""
        try:
            for position, case in zip(places, cases, strict=True):
                images = self.source.reader(case)
                made.append(self.augmentation(images, self.source.seed, epoch, position))
        except Exception:  # noqa: BLE001 - a dead worker would hide what happened
            return {"error": traceback.format_exc(), "case_ids": [case]}
        return {"data": np.stack(made), "case_ids": cases}

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

    def __init__(self, source: Source, first_epoch: int, num_workers: int) -> None:
        """Start the workers (none: work in this process)."""
        self.source = source
        self.indices = {name: i for i, name in enumerate(source.plan.classes)}
        start = first_epoch * source.steps_per_epoch
        self._workers: MultiThreadedAugmenter | None = None
        stream: Iterator[dict[str, Any]]
        loader = _Loader(source, start, num_workers)
        if num_workers > 0:
            self._workers = MultiThreadedAugmenter(loader, None, num_workers, 2, None)
            stream = iter(self._workers)
        else:
            stream = iter(SingleThreadedAugmenter(loader, None))
        self._stream = stream

    def __next__(self) -> Batch:
        """The next batch.

        Raises:
            TrainingError: A case could not be loaded or augmented; with its id and traceback.
        """
        made = next(self._stream)
        case_ids = tuple(str(case) for case in made["case_ids"])
        if "error" in made:
            raise TrainingError(
                "A case could not be loaded or augmented.",
                case=case_ids[0],
                file=self.source.reader.folder,
                got=made["error"],
                remedy="Run ricenet_plan_and_preprocess again; it repairs damaged cases.",
            )
        targets = [self.indices[self.source.labels[case]] for case in case_ids]
        images = torch.as_tensor(made["data"])
        return Batch(images, torch.tensor(targets), case_ids)

    def close(self) -> None:
        """End the workers."""
        if self._workers is not None:
            self._workers._finish()  # noqa: SLF001 - batchgenerators has no public way

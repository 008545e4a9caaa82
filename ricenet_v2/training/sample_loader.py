"""Making samples one by one, in this process or in several that take turns."""

from __future__ import annotations

import traceback
from typing import Any

import numpy as np
import torch
from batchgenerators.dataloading.data_loader import SlimDataLoaderBase
from numpy.typing import NDArray

from ricenet_v2.core.errors import RicenetError
from ricenet_v2.training.augmentation.apply import augment
from ricenet_v2.training.preprocessed import preprocessing_of
from ricenet_v2.training.sample_ring import SampleRing
from ricenet_v2.training.source import Source
from ricenet_v2.training.workers import settle_worker


class SampleLoader(SlimDataLoaderBase):  # type: ignore[misc]
    """Makes sample `start`, `start + workers`, ...; an error travels in its place.

    Images go to another process through a ring of shared slots, since a pipe would carry them
    slower than a GPU trains on them. Without a ring they are sent as they are.
    """

    def __init__(
        self,
        source: Source,
        start: int,
        workers: int,
        ring: SampleRing | None = None,
        *,
        augments: bool,
    ) -> None:
        """Prepare.

        Args:
            source: Cases, plan, seed and share.
            start: Number of the first sample.
            workers: Processes that take turns; 0 is this one alone.
            ring: Where the images go; None sends them.
            augments: Whether they are augmented here.
        """
        super().__init__(None, 1, workers)
        self.source, self.next, self.stride = source, start, max(1, workers)
        self.augments, self.ring = augments, ring
        self._drawn: tuple[int, list[str]] = (-1, [])

    def set_thread_id(self, thread_id: int) -> None:
        """Called once in each worker process."""
        super().set_thread_id(thread_id)
        self.next += thread_id
        settle_worker()

    def generate_train_batch(self) -> dict[str, Any]:
        """The next sample of this worker."""
        number, self.next = self.next, self.next + self.stride
        epoch, place = self.source.place(number)
        case = self.cases(epoch)[place]
        try:
            images = self.source.reader(case)
            if self.augments:
                images = self._augmented(images, epoch, place)
            data = self._sent(number, self._of_shape(images))
        except RicenetError as error:
            return {"error": str(error), "remedy": None, "case_id": case}
        except Exception:  # noqa: BLE001 - a dead worker would hide what happened
            return {"error": traceback.format_exc(), "remedy": self._remedy(), "case_id": case}
        return {"data": data, "number": number, "case_id": case, "epoch": epoch, "place": place}

    def _of_shape(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        if images.shape != self.source.sample_shape:
            raise ValueError(f"shape {images.shape} in place of {self.source.sample_shape}")
        return images

    def _remedy(self) -> str:
        return f"Run {preprocessing_of(self.source.plan)} again, which makes damaged cases again."

    def _sent(self, number: int, images: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """The images, or None where they lie in the ring."""
        if self.ring is None or not self.ring.is_usable:
            return images
        self.ring.put(number, images)
        return None

    def _augmented(self, images: Any, epoch: int, place: int) -> Any:
        draws = self.source.draws(epoch, [place])
        return augment(torch.from_numpy(images)[None], draws, self.source.plan)[0].numpy()

    def cases(self, epoch: int) -> list[str]:
        """The case at each position of an epoch."""
        if self._drawn[0] != epoch:
            self._drawn = (epoch, self.source.cases(epoch))
        return self._drawn[1]

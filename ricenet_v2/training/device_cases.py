"""Training cases that lie on the device: batches are put together there, and nothing is loaded."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

_MOST_THREADS = 8


class DeviceCases:
    """Preprocessed cases on a device, in the number format of their files: no value changes."""

    def __init__(
        self,
        read: Callable[[str], NDArray[np.float32]],
        case_ids: Sequence[str],
        device: torch.device,
        dtype: Literal["float32", "float16"],
        n_threads: int,
    ) -> None:
        """Read all cases, several at a time, and move them to the device.

        Args:
            read: Gives the voxels of a case, (channels, z, y, x).
            case_ids: Each once.
            device: Where they are to lie.
            dtype: Number format of the files.
            n_threads: Threads that read.

        Raises:
            DatasetError: A case is missing, damaged, or in another state than before.
        """
        self._cases: dict[str, torch.Tensor] = {}
        n_threads = max(1, min(n_threads, _MOST_THREADS))
        with ThreadPoolExecutor(n_threads) as threads:
            left, coming = deque(case_ids), deque[tuple[str, Future[NDArray[np.float32]]]]()
            while left or coming:
                # No more than the threads work at: the cohort may be larger than main memory.
                while left and len(coming) < n_threads:
                    case = left.popleft()
                    coming.append((case, threads.submit(read, case)))
                case, future = coming.popleft()
                voxels = np.ascontiguousarray(future.result(), dtype)
                self._cases[case] = torch.from_numpy(voxels).to(device)

    def batch(self, case_ids: Sequence[str]) -> torch.Tensor:
        """A new batch of these cases, float32, (cases, channels, z, y, x), on the device."""
        return torch.stack([self._cases[case] for case in case_ids]).float()

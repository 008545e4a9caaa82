"""Copies of batches to a CUDA device while it computes."""

from __future__ import annotations

import torch


class BatchTransfer:
    """Copies batches in a stream of their own: the next one comes while the network works."""

    def __init__(self, device: torch.device) -> None:
        """Prepare a stream of the device."""
        self._device = device
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def begin(self, images: torch.Tensor) -> torch.Tensor:
        """Begin to copy a batch from page-locked memory; returns at once.

        Returns:
            The batch on the device, to be read after `finish` alone.
        """
        with torch.cuda.stream(self._stream):
            return images.to(self._device, non_blocking=True)

    def finish(self, images: torch.Tensor) -> None:
        """Let all that the device is given from now on wait for the batch; returns at once."""
        working = torch.cuda.current_stream(self._device)
        working.wait_stream(self._stream)
        # Its memory belongs to the stream that copied: it must not be used again too early.
        images.record_stream(working)

"""Result of the check of one case: its findings, and the images that it read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.errors import DatasetError, MissingChannelError
from ricenet_v2.core.grid import Grid
from ricenet_v2.fingerprinting.findings import MISSING
from ricenet_v2.records.integrity import Finding
from ricenet_v2.voxels.absence import ABSENT

Voxels = NDArray[np.float32]


@dataclass(frozen=True)
class CheckedCase:
    """The findings in the files of one case, and what was read meanwhile.

    Attributes:
        findings: Errors first.
        images: Axes (channels, z, y, x), LPS, NaN in channels that the case lacks; None where
            there are errors.
        grid: Grid of the images.
        brain: Mask, axes (z, y, x), where a file of one was given.
    """

    findings: tuple[Finding, ...]
    images: Voxels | None
    grid: Grid | None
    brain: NDArray[np.bool_] | None

    def sound(
        self, case_id: str, remedy_of: Callable[[Finding], str] = attrgetter("remedy")
    ) -> tuple[Voxels, Grid]:
        """The images, axes (channels, z, y, x), and their grid.

        Args:
            case_id: Case id for messages.
            remedy_of: Function from an error to the remedy, in words.

        Raises:
            MissingChannelError: Channels are missing; the text names all errors.
            DatasetError: There are other errors, all of which are named.
        """
        errors = [finding for finding in self.findings if finding.severity == "error"]
        if errors or self.images is None or self.grid is None:
            lacks = any(finding.check == MISSING for finding in errors)
            make = MissingChannelError if lacks else DatasetError
            raise make(
                "The images of this patient cannot be used.",
                case=case_id,
                got="; ".join(f"{finding.file}: {finding.found}" for finding in errors),
                remedy=" ".join(dict.fromkeys(map(remedy_of, errors))),
            )
        return self.images, self.grid


class CaseImages:
    """The images of one case, put into one array as they are read."""

    def __init__(self, n_channels: int) -> None:
        """Wait for so many channels."""
        self._n_channels = n_channels
        self._absent: list[int] = []
        self.images: Voxels | None = None
        self.grid: Grid | None = None
        self.brain: NDArray[np.bool_] | None = None

    def add(self, index: int, voxels: Voxels, grid: Grid) -> None:
        """Keep a channel; one of another shape is left out, since it is found as a fault."""
        if self.images is None:
            self.images = np.empty((self._n_channels, *grid.shape), dtype=np.float32)
            self.images[self._absent] = ABSENT
            self.grid = grid
        if voxels.shape == self.images.shape[1:]:
            self.images[index] = voxels

    def leave_out(self, index: int) -> None:
        """A channel that the case lacks: its voxels are NaN."""
        self._absent.append(index)
        if self.images is not None:
            self.images[index] = ABSENT

    def add_brain(self, voxels: Voxels) -> None:
        """Keep the brain mask."""
        self.brain = voxels > 0.5

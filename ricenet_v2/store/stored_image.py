"""The file of an image, whose header is read once: its grid, a look at its bytes, its voxels."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ricenet_v2.core.grid import Grid
from ricenet_v2.store.axes import orientation_of
from ricenet_v2.store.held_images import itk_image, turned_to_lps
from ricenet_v2.store.image_content import VoxelScan, scan_content
from ricenet_v2.store.image_header import check_file, foreign_errors, grid_of, open_header
from ricenet_v2.store.image_sizes import checked_claim
from ricenet_v2.store.itk_messages import messages_of
from ricenet_v2.store.readers import read_place, read_voxels, reader_of


class StoredImage:
    """An image on disk, of which the header was read and checked.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        """Read the header; of a format that a package brings, nothing is read yet.

        Raises:
            DatasetError: Missing, no regular file, of a format that is not read, unreadable, not
                3D, or several components.
            GeometryError: Its header does not say without doubt where the voxels lie, or its axes
                do not stand at right angles.
        """
        self.path = path
        self._plugin = reader_of(path)
        self._header = None if self._plugin else open_header(path)

    @functools.cached_property
    def grid(self) -> Grid:
        """Grid of the voxels as they are stored, not turned to LPS."""
        if self._header is not None:
            return grid_of(self._header)
        check_file(self.path)
        with foreign_errors(self.path):
            return read_place(self.path, self._plugin)

    @property
    def axes(self) -> str:
        """Directions of the axes (x, y, z) of the file, e.g. `RAS`: right, anterior, superior."""
        return orientation_of(self.grid.direction)

    def scan(self) -> VoxelScan:
        """Stream the voxels, and look for what ITK hides.

        Raises:
            DatasetError: The reader of a package refuses the file.
            ValueError: The bytes are damaged; in words.
            OSError: A file cannot be read.
        """
        if self._header is not None:
            return scan_content(self.path, checked_claim(self.path, self._header))
        voxels, _ = self._of_plugin()
        n_nan, n_infinite = int(np.isnan(voxels).sum()), int(np.isinf(voxels).sum())
        return VoxelScan(0, n_nan, n_infinite, voxels.size)

    def read(self) -> tuple[NDArray[np.float32], Grid]:
        """The voxels, float32, axes (z, y, x) in LPS, and their grid.

        Raises:
            DatasetError: Unreadable, or shorter than its header claims.
            PluginError: The package that brings the reader of its format fails.
        """
        with foreign_errors(self.path):
            return turned_to_lps(self._image())

    def _image(self) -> sitk.Image:
        if self._header is None:
            return itk_image(*self._of_plugin())
        checked_claim(self.path, self._header)
        with messages_of(self.path):
            return self._header.Execute()

    def _of_plugin(self) -> tuple[NDArray[np.float32], Grid]:
        check_file(self.path)
        return read_voxels(self.path, self._plugin)

"""An image of a case, of any format -> voxels on a grid."""

from __future__ import annotations

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.ingest.case_inputs import ImageSource
from ricenet_v2.ingest.image_file import read_image_file
from ricenet_v2.ingest.volume import ImageVolume, read_volume


def read_source(source: ImageSource) -> ImageVolume:
    """Read an image of any format.

    Raises:
        DatasetError: It cannot be read, or is no volume.
    """
    if source.series is not None:
        return read_volume(source.series)
    if source.file is None:
        raise DatasetError("No file was given for this image.")
    voxels, grid = read_image_file(source.file)
    return ImageVolume(voxels, grid, "")

"""The images of a case lie on one grid, or the one that does not is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ricenet_v2.core.errors import DatasetError, GeometryError
from ricenet_v2.core.grid import Grid
from ricenet_v2.store.case_images import load_case
from ricenet_v2.store.images import write_image

GRID = Grid((10, 12, 11), (3.0, 2.0, 2.5), (-4.0, 5.0, 6.0))


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(5).normal(400, 60, (2, *GRID.shape)).astype(np.float32)


def write(folder: Path, images: np.ndarray) -> list[Path]:
    paths = [folder / f"c_{index:04d}.nii.gz" for index in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        write_image(path, image, GRID)
    return paths


def test_a_channel_or_mask_on_another_grid_is_named(tmp_path, images):
    paths = write(tmp_path, images)
    moved = Grid(GRID.shape, GRID.spacing, (-4.0, 5.0, 6.2))
    write_image(paths[1], images[1], moved)
    with pytest.raises(GeometryError, match="on one grid") as caught:
        load_case(paths)
    assert caught.value.file == paths[1]
    write_image(paths[1], images[1, :-1], Grid((9, 12, 11), GRID.spacing, GRID.origin))
    with pytest.raises(GeometryError, match="that of c_0000"):
        load_case(paths)
    write_image(tmp_path / "c_brain.nii.gz", images[0] > 0, moved)
    with pytest.raises(GeometryError, match="c_brain"):
        load_case(paths[:1], tmp_path / "c_brain.nii.gz")


def test_a_missing_or_broken_file_is_named(tmp_path, images):
    paths = write(tmp_path, images)
    paths[1].write_bytes(paths[1].read_bytes()[:100])
    with pytest.raises(DatasetError, match="cannot be read") as caught:
        load_case(paths)
    assert caught.value.file == paths[1]
    paths[1].unlink()
    with pytest.raises(DatasetError, match="no such image"):
        load_case(paths)

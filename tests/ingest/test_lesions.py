"""A mask for each lesion of a mask."""

import numpy as np
import pytest

from ricenet_v2.core.errors import RegionError
from ricenet_v2.core.grid import Grid
from ricenet_v2.ingest.lesions import write_lesions
from ricenet_v2.store.images import read_image, write_image

GRID = Grid((6, 7, 8), (4.0, 2.0, 1.0), (-10.0, -20.0, -30.0))


def test_each_lesion_has_its_mask_volume_and_centre(tmp_path):
    mask = np.zeros(GRID.shape, dtype=np.uint8)
    mask[0, 0, 0] = 1
    mask[3:5, 2:5, 4:8] = 1
    write_image(tmp_path / "P_lesion.nii.gz", mask, GRID)
    first, second = write_lesions(tmp_path / "P_lesion.nii.gz", tmp_path / "out", "P", ".nii.gz")
    assert (first.case_id, second.case_id) == ("P_l1", "P_l2")
    assert first.volume_ml == pytest.approx(24 * 8 / 1000)  # 24 voxels of 8 mm3
    assert first.centre == pytest.approx((-10 + 5.5, -20 + 3 * 2, -30 + 3.5 * 4))
    assert second.volume_ml == pytest.approx(0.008)
    assert second.centre == pytest.approx((-10, -20, -30))
    for each, inside in ((first, np.s_[3:5, 2:5, 4:8]), (second, np.s_[:1, :1, :1])):
        voxels, grid = read_image(each.path)
        assert grid.matches(GRID)
        assert voxels.sum() == voxels[inside].sum() == voxels[inside].size


def test_an_empty_mask_is_refused(tmp_path):
    write_image(tmp_path / "m.nii.gz", np.zeros(GRID.shape, dtype=np.uint8), GRID)
    with pytest.raises(RegionError, match="is empty"):
        write_lesions(tmp_path / "m.nii.gz", tmp_path, "P", ".nii.gz")

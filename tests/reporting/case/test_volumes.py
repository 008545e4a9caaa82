"""The script of volumes, read back as a viewer would."""

import base64
import dataclasses
import json

import numpy as np
import pytest

from ricenet_v2.records.dataset import Channel
from ricenet_v2.records.report import SectionVolume
from ricenet_v2.reporting.case.centre import find_centre
from ricenet_v2.reporting.case.isodose import isodoses
from ricenet_v2.reporting.case.scan import ShownMap
from ricenet_v2.reporting.case.volumes import FINEST_MM, volumes_of
from ricenet_v2.store.images import read_image
from tests.reporting.case.conftest import HOTTEST


def _read(script, tmp_path):
    content = json.loads(script.removeprefix("window.ricenetCase = ").rstrip(";\n"))
    read = {}
    for one in content["volumes"]:
        path = tmp_path / "volume.nii.gz"
        path.write_bytes(base64.b64decode(one["data"]))
        voxels, grid = read_image(path)
        read[one["name"]] = (one["offset"] + one["step"] * voxels, grid, one)
    return content, read


def test_values_and_places_survive(scan, tmp_path):
    made = volumes_of("A", scan, find_centre(scan), {}, 1e9)
    content, read = _read(made.script, tmp_path)
    assert list(read) == ["T1c_event", "dose", "lesion mask"]
    assert made.spacing == (2.0, 2.0, 2.5)  # no axis finer than 2 mm, none finer than it was
    dose, grid, told = read["dose"]
    assert told["unit"] == "Gy"
    hottest = np.unravel_index(dose.argmax(), dose.shape)
    assert np.linalg.norm(grid.world(hottest) - scan.grid.world(HOTTEST)) < 2
    assert dose.max() == pytest.approx(60, abs=2.5)  # a voxel of 2 mm averages over the peak
    # RAS, as the viewer has it, is LPS with two signs turned.
    x, y, z = scan.grid.world(HOTTEST)
    assert content["centre"] == pytest.approx([-x, -y, z], abs=0.01)


def test_extent_is_kept_when_the_voxels_grow(scan, tmp_path):
    made = volumes_of("A", scan, find_centre(scan), {}, 9_000)
    _, read = _read(made.script, tmp_path)
    grid = read["dose"][1]
    assert grid.extent == pytest.approx(scan.grid.extent, abs=0.1)
    first = [(step / mm - 1) / 2 for step, mm in zip(grid.spacing, scan.grid.spacing, strict=True)]
    np.testing.assert_allclose(grid.world((0, 0, 0)), scan.grid.world(tuple(first)), atol=0.01)


def test_the_lesion_is_as_fine_as_its_mask_whatever_the_images_are(scan, tmp_path):
    made = volumes_of("A", scan, find_centre(scan), {}, 9_000)
    _, read = _read(made.script, tmp_path)
    lesion, grid, _ = read["lesion mask"]
    assert grid.spacing == scan.grid.spacing
    assert lesion.size < 0.1 * scan.lesion.size
    rim = [lesion.take(side, axis) for axis in range(3) for side in (0, -1)]
    assert not any(part.any() for part in rim)  # so its outline is closed
    stored = {tuple(np.round(grid.world(tuple(at)), 3)) for at in np.argwhere(lesion > 0.5)}
    assert stored == {
        tuple(np.round(scan.grid.world(tuple(at)), 3)) for at in np.argwhere(scan.lesion)
    }


def test_a_dose_carries_the_lines_that_it_reaches(scan):
    lines = isodoses({"prescription_gy": "70"}, scan.dose)
    made = volumes_of("A", scan, find_centre(scan), {1: lines}, 1e9)
    content = json.loads(made.script.removeprefix("window.ricenetCase = ").rstrip(";\n"))
    mri, dose = content["volumes"][:2]
    assert (mri["lines"], mri["anatomy"], mri["empty"]) == ([], True, False)
    assert [line["short"] for line in dose["lines"]] == ["56", "35", "14"]  # of at most 60 Gy
    assert dose["lines"][0]["label"] == "80 % (56 Gy)"
    cold = dataclasses.replace(scan, voxels=(scan.voxels[0], np.zeros_like(scan.voxels[1])))
    made = volumes_of("A", cold, find_centre(cold), {}, 1e9)
    content = json.loads(made.script.removeprefix("window.ricenetCase = ").rstrip(";\n"))
    assert content["volumes"][1]["empty"] is True


def test_of_a_ct_all_is_stored_that_its_windows_may_show(scan, tmp_path):
    shape = scan.grid.shape
    ct = np.linspace(-1500, 3500, np.prod(shape), dtype=np.float32).reshape(shape)
    scanned = dataclasses.replace(scan, channels=(Channel("CT", "ct"),), voxels=(ct,), lesion=None)
    # As fine as it is, so that nothing is a mean of neighbours.
    grid = dataclasses.replace(scan.grid, spacing=(2.0, 2.0, 2.0))
    scanned = dataclasses.replace(scanned, grid=grid)
    made = volumes_of("A", scanned, find_centre(scanned), {}, 1e9)
    _, read = _read(made.script, tmp_path)
    stored, _, told = read["CT"]
    assert (told["unit"], told["window"]) == ("HU", [-160, 240])
    np.testing.assert_allclose(stored, np.clip(ct, -1024, 3071), atol=1.01)


@pytest.mark.parametrize("n_bytes", [5_000, 12_000, 40_000])
def test_the_script_is_as_small_as_asked(n_bytes):
    from ricenet_v2.core.grid import Grid
    from ricenet_v2.reporting.case.scan import DisplayedCase

    noise = np.random.default_rng(0).uniform(0, 900, (50, 60, 50)).astype(np.float32)
    channels = (Channel("a", "mri"), Channel("b", "mri"))
    noisy = DisplayedCase(
        channels, (noise, noise[::-1].copy()), Grid(noise.shape, (3.0, 3.0, 3.0)), None
    )
    made = volumes_of("A", noisy, find_centre(noisy), {}, n_bytes)
    assert len(made.script) <= 1.03 * n_bytes
    assert min(made.spacing) > FINEST_MM


def test_no_name_ends_the_script_early(scan):
    # A channel's name has no slash, that of a map of another program may.
    channels = (Channel("<!--<script>alert(1)", "mri"), scan.channels[1])
    text = "</script><script>alert(1)</script>"
    shown = ShownMap(
        SectionVolume("m.nii.gz", text, text, text), np.ones(scan.grid.shape, np.float32)
    )
    hostile = dataclasses.replace(scan, channels=channels, maps=(shown,))
    script = volumes_of("A", hostile, find_centre(hostile), {}, 1e9).script
    assert "</script" not in script
    assert "alert(1)" in script
    assert "<!--" not in script


def test_a_map_keeps_its_sign_and_its_place(scan, tmp_path):
    values = np.zeros(scan.grid.shape, dtype=np.float32)
    values[8:14, 16:24, 14:20], values[20:26, 8:14, 4:10] = 2.0, -1.0
    shown = ShownMap(SectionVolume("m.nii.gz", "occlusion", "log odds", "Orange for."), values)
    mapped = dataclasses.replace(scan, maps=(shown,))
    made = volumes_of("A", mapped, find_centre(scan), {}, 1e9)
    _, read = _read(made.script, tmp_path)
    found, grid, told = read["occlusion"]
    assert (told["kind"], told["words"], told["unit"]) == ("map", "Orange for.", "log odds")
    assert (found.max(), found.min()) == pytest.approx((2.0, -1.0), abs=0.02)
    assert found[0, 0, 0] == pytest.approx(0, abs=1e-6)
    lowest = grid.world(np.unravel_index(found.argmin(), found.shape))
    corners = (scan.grid.world((19.5, 7.5, 3.5)), scan.grid.world((25.5, 13.5, 9.5)))
    assert all(np.min(corners, axis=0) <= lowest)
    assert all(lowest <= np.max(corners, axis=0))

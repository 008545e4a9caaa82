"""Measurements that are kept: the same values, and only what changed is opened again."""

from __future__ import annotations

import dataclasses
import gzip
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.fingerprinting import cache as module
from ricenet_v2.fingerprinting.fingerprint import measure
from ricenet_v2.fingerprinting.measure import CaseFiles, MeasuredCase
from ricenet_v2.records.fingerprint import CaseMeasurement
from ricenet_v2.records.region import RegionPlan
from ricenet_v2.store.images import read_image, write_image
from ricenet_v2.store.measurements import read_measurement, write_measurement

if TYPE_CHECKING:
    from conftest import Planted


MEASUREMENT = CaseMeasurement("c", (9, 9, 9), (9, 9, 9), (1.0, 1.0, 1.0), 0.5, (), "", "v")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the cases that were opened, in order."""
    seen: list[str] = []
    real = module.measure_case

    def watched(files: CaseFiles) -> MeasuredCase:
        seen.append(files.case_id)
        return real(files)

    monkeypatch.setattr(module, "measure_case", watched)
    return seen


def test_a_second_run_opens_nothing_and_finds_the_same(
    planted: Planted, tmp_path: Path, opened: list[str]
) -> None:
    plain = measure(planted.load())
    first = measure(planted.load(), cache=tmp_path / "kept")
    assert opened == ["case0", "case1", "case2", "case3"]
    second = measure(planted.load(), cache=tmp_path / "kept")
    assert len(opened) == 4
    assert plain == first == second
    assert len(list((tmp_path / "kept").iterdir())) == 4


def test_only_new_and_changed_cases_are_opened(
    planted: Planted, tmp_path: Path, opened: list[str]
) -> None:
    measure(planted.load(), cache=tmp_path)
    opened.clear()
    voxels, grid = read_image(planted.path("case2", 0))
    write_image(planted.path("case2", 0), 2 * voxels, grid)
    planted.add("case9", "p9", "RICE")
    found = measure(planted.load(), cache=tmp_path)
    assert opened == ["case2", "case9"]
    assert found == measure(planted.load())


def test_other_voxels_of_the_same_size_and_time_are_measured_again(
    planted: Planted, tmp_path: Path, opened: list[str]
) -> None:
    """The dose of a case is halved, and the file looks the same from outside."""
    path = planted.path("case1", 1)
    voxels, grid = read_image(path)
    plain = tmp_path / "plain.nii"
    write_image(plain, voxels, grid)
    # Stored, so that the number of bytes does not depend on the voxels.
    path.write_bytes(gzip.compress(plain.read_bytes(), 0, mtime=0))
    first = measure(planted.load(), cache=tmp_path / "kept")
    before = path.stat()
    write_image(plain, voxels / 2, grid)
    path.write_bytes(gzip.compress(plain.read_bytes(), 0, mtime=0))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    opened.clear()
    second = measure(planted.load(), cache=tmp_path / "kept")
    assert opened == ["case1"]
    assert second == measure(planted.load())
    old, new = (each.cases[1].channels[1].maximum for each in (first, second))
    assert new == pytest.approx(old / 2)


def test_another_time_alone_changes_nothing(
    planted: Planted, tmp_path: Path, opened: list[str]
) -> None:
    measure(planted.load(), cache=tmp_path)
    opened.clear()
    os.utime(planted.path("case0", 1), ns=(1, 1))
    measure(planted.load(), cache=tmp_path)
    assert opened == []


def test_a_new_mask_or_another_kind_is_measured_again(
    planted: Planted, tmp_path: Path, opened: list[str]
) -> None:
    measure(planted.load(), cache=tmp_path)
    opened.clear()
    _, grid = read_image(planted.path("case1", 0))
    brain = np.zeros(grid.shape, dtype=np.uint8)
    brain[2:4, 3:5, 4:8] = 1
    write_image(planted.folder / "masksTr" / "case1_brain.nii.gz", brain, grid)
    assert measure(planted.load(), cache=tmp_path).cases[1].cropped_shape == (2, 2, 4)
    assert opened == ["case1"]
    first, second = planted.channels
    planted.channels = (dataclasses.replace(first, kind="pet"), second)
    measure(planted.load(), cache=tmp_path)
    assert len(opened) == 1 + 4


@pytest.mark.parametrize("damage", [b"", b"no zip", None])
def test_a_damaged_file_is_made_anew(
    planted: Planted, tmp_path: Path, opened: list[str], damage: bytes | None
) -> None:
    measure(planted.load(), cache=tmp_path)
    path = tmp_path / "case1.npz"
    path.write_bytes(path.read_bytes()[:200] if damage is None else damage)
    opened.clear()
    assert measure(planted.load(), cache=tmp_path) == measure(planted.load())
    assert opened == ["case1"]


def test_other_rules_measure_again(
    planted: Planted, tmp_path: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(planted.load(), cache=tmp_path)
    monkeypatch.setattr(module, "RULES", module.RULES + 1)
    measure(planted.load(), cache=tmp_path)
    assert len(opened) == 8


HEAD, LESION = RegionPlan("head"), RegionPlan("lesion", 10.0)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"straighten": True}),
        ({}, {"region": HEAD}),
        ({"region": HEAD}, {"region": RegionPlan("brain")}),
        ({"region": LESION}, {"region": RegionPlan("lesion", 20.0)}),
        ({"region": LESION}, {"region": RegionPlan("lesion", 10.0, per_lesion=True)}),
        ({}, {"absent": (1,)}),
        ({}, {"kinds": ("mri", "pet")}),
        ({}, {"mask": "mask"}),
    ],
    ids=str,
)
def test_all_that_a_measurement_depends_on_decides_whether_it_is_kept(tmp_path, before, after):
    """Whatever else is as it was: what was measured before is not what would be measured now."""
    paths = {name: tmp_path / f"{name}.nii.gz" for name in ("a", "b", "mask")}
    for name, path in paths.items():
        path.write_text(name)

    def case(changes):
        files = CaseFiles("c", (paths["a"], paths["b"]), ("mri", "dose"), None)
        changes = {**changes, **({"mask": paths["mask"]} if "mask" in changes else {})}
        return module.kept(dataclasses.replace(files, **changes), tmp_path)

    random = np.random.default_rng(0).random((2, 5), dtype=np.float32)
    measured = MeasuredCase(MEASUREMENT, tuple(random))
    module.keep(case(before), measured)
    assert module.load(case(before)).measurement == MEASUREMENT
    assert module.load(case({**before, **after})) is None


def test_more_samples_are_measured_again(planted, tmp_path, opened, monkeypatch):
    measure(planted.load(), cache=tmp_path)
    monkeypatch.setattr(module, "N_SAMPLES", module.N_SAMPLES + 1)
    measure(planted.load(), cache=tmp_path)
    assert len(opened) == 8


def test_a_missing_image_is_the_error_of_its_case(planted: Planted, tmp_path: Path) -> None:
    planted.path("case2", 0).unlink()
    with pytest.raises(DatasetError, match="case2"):
        measure(planted.load(), cache=tmp_path)


def test_what_was_measured_of_cases_that_are_gone_is_deleted(
    planted: Planted, tmp_path: Path, opened: list[str]
) -> None:
    """A file that another command is writing, and what is no measurement, stay."""
    kept = tmp_path / "kept"
    measure(planted.load(), cache=kept)
    for name in ("case9.npz", ".case8.77.partial.npz", "note.txt"):
        (kept / name).write_bytes(b"")
    planted.cases = [case for case in planted.cases if case.case_id != "case1"]
    opened.clear()
    found = measure(planted.load(), cache=kept)
    assert opened == []
    assert [case.case_id for case in found.cases] == ["case0", "case2", "case3"]
    assert {path.name for path in kept.iterdir()} == {
        *("case0.npz", "case2.npz", "case3.npz"),
        *(".case8.77.partial.npz", "note.txt"),
    }


@pytest.mark.usefixtures("processes_for_little_work")
def test_workers_keep_the_same(planted: Planted, tmp_path: Path) -> None:
    two = measure(planted.load(), num_workers=2, cache=tmp_path / "two")
    one = measure(planted.load(), cache=tmp_path / "one")
    assert one == two == measure(planted.load(), cache=tmp_path / "two")
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes()[:4] == b"PK\x03\x04"
        with np.load(path) as a, np.load(tmp_path / "two" / path.name) as b:
            assert all(np.array_equal(a[name], b[name]) for name in a.files)


def test_a_damaged_measurement_is_none_whichever_bit_it_is(tmp_path: Path) -> None:
    """Two bytes of the list of members name a compression or a feature that zipfile lacks."""
    path = tmp_path / "m.npz"
    write_measurement(path, "key", "{}", np.ones((1, 2)))
    whole = path.read_bytes()
    right = read_measurement(path, "key")
    assert right is not None
    for bit in range(0, 8 * len(whole), 3):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        found = read_measurement(path, "key")
        assert found is None or (found[0], found[1].tolist()) == (right[0], right[1].tolist())

"""All cases of a dataset: once each, each for itself, the same however many workers."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.preprocessing import cohort
from ricenet_v2.preprocessing.cohort import CohortResult, inputs_hash, preprocess_dataset
from ricenet_v2.preprocessing.pipeline import preprocess
from ricenet_v2.records.dataset import Case
from ricenet_v2.store import cases as store
from ricenet_v2.store.case_images import load_case
from ricenet_v2.store.images import read_image, write_image
from ricenet_v2.store.raw import RawDataset, mask_path, masks_folder
from tests.hostile_case import deadly, endless_file, read_endless

ALL = ("c0", "c1", "c2", "t0")


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def case(raw: RawDataset, case_id: str) -> Case:
    return next(each for each in raw.cases if each.case_id == case_id)


def break_channel(raw: RawDataset, case_id: str) -> Path:
    path = raw.images(case(raw, case_id))[1]
    path.write_bytes(path.read_bytes()[:100])
    return path


def test_every_case_of_both_splits_is_what_prediction_makes(raw, make_plan, tmp_path):
    plan = make_plan()
    result = preprocess_dataset(raw, plan, tmp_path / "out")
    assert result == CohortResult(done=ALL, skipped=(), failed={})
    for each in raw.cases:
        images, grid, brain = load_case(raw.images(each))
        expected, record = preprocess(images, grid, plan, each.case_id, brain)
        np.testing.assert_array_equal(store.read_array(tmp_path / "out", each.case_id), expected)
        written = store.read_record(tmp_path / "out", each.case_id)
        assert dataclasses.replace(written, inputs_hash="", content_hash="") == record
        assert len(written.inputs_hash) == len(written.content_hash) == 64


@pytest.mark.usefixtures("processes_for_little_work")
def test_two_workers_write_the_bytes_of_one(raw, make_plan, tmp_path):
    plan = make_plan()
    broken = break_channel(raw, "c1")
    results = [
        preprocess_dataset(raw, plan, tmp_path / str(workers), workers) for workers in (1, 2)
    ]
    assert files(tmp_path / "1") == files(tmp_path / "2")
    for result in results:
        assert result.done == ("c0", "c2", "t0")
        assert list(result.failed) == ["c1"]
        assert result.failed["c1"].startswith("c1: ")
        assert str(broken) in result.failed["c1"]


def test_a_second_run_does_nothing(raw, make_plan, tmp_path):
    preprocess_dataset(raw, make_plan(), tmp_path / "out")
    before = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out").iterdir()}
    result = preprocess_dataset(raw, make_plan(), tmp_path / "out")
    assert result == CohortResult(done=(), skipped=ALL, failed={})
    assert before == {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out").iterdir()}
    assert preprocess_dataset(raw, make_plan(), tmp_path / "out", overwrite=True).done == ALL


def test_cases_of_an_older_version_get_the_hashes_of_their_voxels(raw, make_plan, tmp_path):
    preprocess_dataset(raw, make_plan(), tmp_path / "out")
    whole = store.read_record(tmp_path / "out", "c0")
    documents.write(tmp_path / "out" / "c0.json", dataclasses.replace(whole, voxel_hashes={}))
    assert preprocess_dataset(raw, make_plan(), tmp_path / "out").done == ("c0",)
    assert store.read_record(tmp_path / "out", "c0") == whole


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def _flip(path: Path) -> None:
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 1
    path.write_bytes(whole)


def _of_another_case(path: Path) -> None:
    path.write_bytes(path.with_name(f"c0{path.suffix}").read_bytes())


@pytest.mark.parametrize("ending", [".b2nd", ".json"])
@pytest.mark.parametrize("damage", [_cut, _flip, _of_another_case])
def test_a_case_that_is_there_and_damaged_is_made_anew(raw, make_plan, tmp_path, ending, damage):
    preprocess_dataset(raw, make_plan(), tmp_path / "out")
    before = files(tmp_path / "out")
    damage(tmp_path / "out" / f"c1{ending}")
    result = preprocess_dataset(raw, make_plan(), tmp_path / "out")
    assert (result.done, result.skipped) == (("c1",), ("c0", "c2", "t0"))
    assert list(result.damaged) == ["c1"]
    assert files(tmp_path / "out") == before
    assert preprocess_dataset(raw, make_plan(), tmp_path / "out").skipped == ALL


def test_an_older_case_without_a_hash_is_read_instead(raw, make_plan, tmp_path):
    preprocess_dataset(raw, make_plan(), tmp_path / "out")
    whole = store.read_record(tmp_path / "out", "c1")
    documents.write(tmp_path / "out" / "c1.json", dataclasses.replace(whole, content_hash=""))
    assert preprocess_dataset(raw, make_plan(), tmp_path / "out").skipped == ALL
    _cut(tmp_path / "out" / "c1.b2nd")
    assert list(preprocess_dataset(raw, make_plan(), tmp_path / "out").damaged) == ["c1"]


def test_what_was_only_half_written_is_no_damage(raw, make_plan, tmp_path):
    preprocess_dataset(raw, make_plan(), tmp_path / "out")
    (tmp_path / "out" / "c1.json").unlink()
    result = preprocess_dataset(raw, make_plan(), tmp_path / "out")
    assert (result.done, result.damaged) == (("c1",), {})


@pytest.mark.parametrize(
    "change",
    [{"spacing": (2.0, 2.0, 2.5)}, {"input_size": (16, 12, 16)}, {"storage_dtype": "float16"}],
)
def test_another_plan_makes_every_case_anew(raw, make_plan, tmp_path, change):
    preprocess_dataset(raw, make_plan(), tmp_path / "out")
    plan = make_plan(**change)
    assert preprocess_dataset(raw, plan, tmp_path / "out").done == ALL
    assert store.read_array(tmp_path / "out", "c0").shape == (2, *plan.input_size)
    assert preprocess_dataset(raw, plan, tmp_path / "out").skipped == ALL


def test_what_does_not_touch_voxels_makes_nothing_anew(raw, make_plan, tmp_path):
    preprocess_dataset(raw, make_plan(), tmp_path / "out")
    plan = dataclasses.replace(make_plan(), memory_budget_gb=9.0, classes=("a", "b"))
    assert preprocess_dataset(raw, plan, tmp_path / "out").skipped == ALL


def test_only_a_case_whose_files_changed_is_made_anew(raw, make_plan, tmp_path):
    preprocess_dataset(raw, make_plan(), tmp_path / "out")
    path = raw.images(case(raw, "c1"))[0]
    voxels, grid = read_image(path)
    write_image(path, voxels * 2 + 1, grid)
    result = preprocess_dataset(raw, make_plan(), tmp_path / "out")
    assert (result.done, result.skipped) == (("c1",), ("c0", "c2", "t0"))
    brain = mask_path(masks_folder(raw.folder, "test"), "t0", "brain", ".nii.gz")
    write_image(brain, voxels > 0, grid)
    assert preprocess_dataset(raw, make_plan(), tmp_path / "out").done == ("t0",)
    assert store.read_record(tmp_path / "out", "t0").region == "brain mask"


def test_a_channel_is_no_brain_mask_and_the_order_of_files_counts(raw, make_plan):
    first, second = raw.images(raw.cases[0])
    hashes = {
        inputs_hash((first, second), None, make_plan()),
        inputs_hash((second, first), None, make_plan()),
        inputs_hash((first,), second, make_plan()),
    }
    assert len(hashes) == 3


@pytest.mark.parametrize("ending", [".json", ".b2nd"])
def test_half_a_case_is_made_anew(raw, make_plan, tmp_path, ending):
    preprocess_dataset(raw, make_plan(), tmp_path / "out")
    before = files(tmp_path / "out")
    (tmp_path / "out" / f"c1{ending}").unlink()
    assert preprocess_dataset(raw, make_plan(), tmp_path / "out").done == ("c1",)
    assert files(tmp_path / "out") == before


def test_a_damaged_case_is_made_anew(raw, make_plan, tmp_path):
    preprocess_dataset(raw, make_plan(), tmp_path / "out")
    before = files(tmp_path / "out")
    path = tmp_path / "out" / "c1.b2nd"
    changed = bytearray(path.read_bytes())
    changed[len(changed) // 2] ^= 1
    path.write_bytes(changed)
    with pytest.raises(DatasetError, match=r"makes what is missing or damaged"):
        store.read_array(tmp_path / "out", "c1")
    assert preprocess_dataset(raw, make_plan(), tmp_path / "out").done == ("c1",)
    assert files(tmp_path / "out") == before


def test_a_record_that_cannot_be_read_is_written_anew(raw, make_plan, tmp_path):
    preprocess_dataset(raw, make_plan(), tmp_path / "out")
    (tmp_path / "out" / "c2.json").write_text("{", encoding="utf-8")
    assert preprocess_dataset(raw, make_plan(), tmp_path / "out").done == ("c2",)


def test_a_case_that_fails_leaves_nothing_that_looks_whole(raw, make_plan, tmp_path):
    preprocess_dataset(raw, make_plan(), tmp_path / "out")
    break_channel(raw, "c0")
    result = preprocess_dataset(raw, make_plan(), tmp_path / "out")
    assert list(result.failed) == ["c0"]
    assert result.skipped == ("c1", "c2", "t0")


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to(path.name)])
def test_a_file_that_cannot_be_opened_costs_its_own_case(raw, make_plan, tmp_path, make):
    path = raw.images(case(raw, "c1"))[1]
    path.unlink()
    make(path)
    result = preprocess_dataset(raw, make_plan(), tmp_path / "out")
    assert result.done == ("c0", "c2", "t0")
    assert list(result.failed) == ["c1"]
    assert path.name in result.failed["c1"]


def test_any_error_and_endless_work_cost_their_own_case(raw, make_plan, tmp_path, monkeypatch):
    real = cohort.load_case

    def broken(images, *rest):
        if images[0].name.startswith("c0"):
            raise OverflowError("far away")
        if images[0].name.startswith("c1"):
            read_endless(pipe)
        return real(images, *rest)

    monkeypatch.setattr(cohort, "load_case", broken)
    with endless_file(tmp_path) as pipe:
        result = preprocess_dataset(raw, make_plan(), tmp_path / "out", seconds=2.0)
    assert result.done == ("c2", "t0")
    assert "OverflowError: far away" in result.failed["c0"]
    assert "longer than 2 s" in result.failed["c1"]


@pytest.mark.usefixtures("processes_for_little_work")
@pytest.mark.parametrize("times", [1, 2])
def test_a_killed_worker_costs_its_own_case_at_most(raw, make_plan, tmp_path, times):
    """Killed once, the case is made at the second try; killed twice, it is named."""
    bad, *others = raw.cases
    hostile = dataclasses.replace(raw, cases=(deadly(bad, tmp_path / "kills", times), *others))
    result = preprocess_dataset(hostile, make_plan(), tmp_path / "out", 2)
    assert len(list((tmp_path / "kills").iterdir())) == 2
    assert set(result.done) | set(result.failed) == set(ALL)
    assert list(result.failed) == ([bad.case_id] if times == 2 else [])
    for text in result.failed.values():
        assert text.startswith(f"{bad.case_id}: its process was killed twice")
        assert "SIGKILL" in text
        assert "--num_workers 1" in text
    preprocess_dataset(raw, make_plan(), tmp_path / "alone")
    made = files(tmp_path / "out")
    assert made == {name: files(tmp_path / "alone")[name] for name in made}


@pytest.mark.parametrize("ending", [".mhd", ".nhdr", ".hdr"])
def test_a_case_whose_detached_voxels_changed_is_made_anew(raw, make_plan, tmp_path, ending):
    folder = tmp_path / "raw"
    dataset = dataclasses.replace(raw.dataset, file_ending=ending)
    cases = raw.cases[:2]
    detached = dataclasses.replace(raw, folder=folder, dataset=dataset, cases=cases)
    for each in cases:
        for old, new in zip(raw.images(each), detached.images(each), strict=True):
            new.parent.mkdir(parents=True, exist_ok=True)
            sitk.WriteImage(sitk.ReadImage(str(old)), str(new))
    plan, out = make_plan(), tmp_path / "out"
    ids = tuple(each.case_id for each in cases)
    assert preprocess_dataset(detached, plan, out).done == ids
    assert preprocess_dataset(detached, plan, out).skipped == ids
    header = detached.images(cases[0])[0]
    (voxels,) = (file for file in header.parent.glob(f"{header.stem}.*") if file != header)
    whole = voxels.read_bytes()
    voxels.write_bytes(whole[: len(whole) // 2])
    result = preprocess_dataset(detached, plan, out)
    assert (tuple(result.failed), result.skipped) == (ids[:1], ids[1:])

"""A tree of files of any names becomes rows, and is read again only where it changed."""

import os
import shutil
import stat
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.grid import Grid
from ricenet_v2.ingest.dose import read_dose
from ricenet_v2.ingest.header import read_header
from ricenet_v2.ingest.header_cache import NAME, ReadFile, load_headers
from ricenet_v2.ingest.scan import scan
from ricenet_v2.ingest.scan_tables import write_series
from ricenet_v2.ingest.volume import read_volume
from ricenet_v2.store.images import write_image
from ricenet_v2.store.tables import read_rows
from tests.ingest.dicom_writer import (
    FRAME,
    INGEST,
    dose_object,
    plan_object,
    save,
    structures_object,
)
from tests.ingest.dicom_writer import write_series as write_series_of_slices

VOXELS = np.random.default_rng(0).integers(0, 900, (4, 5, 6)).astype(np.uint16)
GY = np.full((3, 4, 5), 61.0)
IMAGE = str(Path("bids") / "anat_T1w.nii.gz")


def _tree(folder):
    """A patient with an MR, a CT of which a slice is missing, a plan and its dose."""
    mr = {"SeriesInstanceUID": f"{FRAME}.1", "SeriesDescription": "t1 km", "StudyDate": "20200102"}
    write_series_of_slices(folder / "IMG" / "A", VOXELS, ContrastBolusAgent="x", **mr)
    ct = {"SeriesInstanceUID": f"{FRAME}.2", "modality": "CT", "StudyDate": "20200101"}
    files = write_series_of_slices(folder / "IMG" / "B", VOXELS, **ct)
    files[1].unlink()
    save(plan_object(SeriesInstanceUID=f"{FRAME}.3"), folder / "RT1")
    for beam in (1, 2):
        dose = dose_object(GY / 2, summation="BEAM", group=1, beams=[beam])
        dose.SeriesInstanceUID = f"{FRAME}.4"
        save(dose, folder / f"dose of beam {beam}.x.y")
    save(structures_object({"GTV": []}), folder / "RT2")
    write_image(folder / "bids" / "anat_T1w.nii.gz", VOXELS, Grid((4, 5, 6), (3.0, 2.0, 1.0)))
    (folder / "README.txt").write_text("about this export")
    (folder / "empty").touch()
    return folder


@pytest.fixture
def tree(tmp_path):
    return _tree(tmp_path / "tree")


def _rows(result):
    return {row.modality or row.description: row for row in result.rows}


def test_each_series_is_a_row(tree):
    result = scan(tree)
    rows = _rows(result)
    assert {name: row.verdict for name, row in rows.items()} == {
        "MR": "volume",
        "CT": "no volume: gap, 4 mm after slice 1",
        "RTPLAN": "plan",
        "RTDOSE": "dose",
        "RTSTRUCT": "structures",
        IMAGE: "volume",
    }
    mr, dose, plan = rows["MR"], rows["RTDOSE"], rows["RTPLAN"]
    assert (mr.files, mr.slices, mr.spacing) == (4, 4, "2 x 1 x 1")
    assert (mr.date, mr.description, mr.contrast_agent) == ("20200102", "t1 km", True)
    assert mr.folder == str(Path("IMG") / "A")
    assert (dose.files, dose.plan) == (2, plan.plan)
    assert plan.fractions == 30
    assert rows[IMAGE].spacing == "3 x 2 x 1"
    assert (result.n_others, result.unread) == (2, ())
    assert all(row.key[0] == "s" for row in result.rows)


def test_what_a_row_names_can_be_read(tree):
    result = scan(tree)
    rows = _rows(result)
    assert np.array_equal(read_volume(result.series[rows["MR"].key]).voxels, VOXELS)
    for header in result.series[rows["RTDOSE"].key].headers:
        assert np.allclose(read_dose([header.file]).gy, GY / 2)
    (image,) = result.images.values()
    assert image.name == "anat_T1w.nii.gz"


def test_names_and_places_of_files_do_not_matter(tree, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    files = sorted(path for path in tree.rglob("*") if path.is_file())
    for number, file in enumerate(files):
        if file.suffix != ".gz":
            shutil.copy(file, other / f"{number * 7919 % 100:02d}")

    def named(result):
        return {replace(row, folder=".") for row in result.rows if row.modality}

    assert named(scan(other)) == named(scan(tree))


def test_a_second_scan_reads_what_changed_and_nothing_else(tree, tmp_path):
    work = tmp_path / "work"
    first = scan(tree, work)
    assert first.n_read == len(load_headers(work)) == 14
    second = scan(tree, work)
    assert second.n_read == 0
    assert (second.rows, second.series) == (first.rows, first.series)
    (tree / "RT2").unlink()
    save(plan_object(groups=((5, (12.0,)),)), tree / "RT1")
    third = scan(tree, work)
    assert third.n_read == 1
    assert _rows(third)["RTPLAN"].fractions == 5
    assert "RTSTRUCT" not in _rows(third)


def test_a_file_is_the_same_where_both_size_and_time_are(tmp_path):
    path = tmp_path / "a.dcm"
    path.write_bytes(b"12")
    status = path.stat()
    known = ReadFile(status.st_size, status.st_mtime_ns, "dicom")
    assert known.is_of(status)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1000))
    assert not known.is_of(path.stat())
    path.write_bytes(b"123")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert not known.is_of(path.stat())


def test_a_file_that_may_be_read_now_is_read(tree, tmp_path, monkeypatch):
    real = "ricenet_v2.ingest.scan.fault_of_file"
    with monkeypatch.context() as denied:
        denied.setattr(real, lambda path: "may not read" if path.name == "RT1" else "")
        assert "RTPLAN" not in _rows(scan(tree, tmp_path / "work"))
    assert "RTPLAN" in _rows(scan(tree, tmp_path / "work"))
    assert scan(tree, tmp_path / "work").n_read == 0


def test_what_did_not_change_is_not_written_again(tree, tmp_path):
    scan(tree, tmp_path / "work")
    kept = tmp_path / "work" / NAME
    os.utime(kept, ns=(0, 0))
    scan(tree, tmp_path / "work")
    assert kept.stat().st_mtime_ns == 0
    (tree / "RT2").unlink()
    scan(tree, tmp_path / "work")
    assert "RT2" not in load_headers(tmp_path / "work")


def test_what_is_kept_is_readable_by_its_owner_alone(tree, tmp_path):
    scan(tree, tmp_path / "work")
    assert stat.S_IMODE((tmp_path / "work").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "work" / NAME).stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"no json", b"[1]", b'{"format": 99, "files": {}}'])
def test_a_damaged_cache_counts_as_none(tree, tmp_path, content):
    work = tmp_path / "work"
    rows = scan(tree, work).rows
    (work / NAME).write_bytes(content)
    assert scan(tree, work).rows == rows
    assert scan(tree, work).n_read == 0


def test_what_cannot_be_read_is_listed_and_the_rest_goes_on(tree):
    rows = scan(tree).rows
    os.mkfifo(tree / "pipe")
    (tree / "nowhere").symlink_to(tree / "missing")
    (tree / "loop").symlink_to(tree, target_is_directory=True)
    (tree / "cut.nii.gz").write_bytes(b"\x1f\x8b nothing")
    whole = (tree / "RT1").read_bytes()
    (tree / "cut").write_bytes(whole[:200])
    result = scan(tree)
    assert [row for row in result.rows if row.description != "cut.nii.gz"] == list(rows)
    faults = {each.file: each.fault for each in result.unread}
    assert set(faults) == {"pipe", "nowhere", "loop", "cut.nii.gz", "cut"}
    assert faults["loop"].startswith("this is a link to a folder, which is not followed")
    assert "named pipe" in faults["pipe"]


def test_texts_of_headers_are_no_formulas_in_the_table(tree, tmp_path):
    write_series_of_slices(
        tree / "evil", VOXELS, SeriesDescription="=cmd|' /C calc'!A0", SeriesInstanceUID="1.2.9"
    )
    rows = scan(tree).rows
    write_series(tmp_path / "series.csv", rows)
    assert stat.S_IMODE((tmp_path / "series.csv").stat().st_mode) == 0o600
    text = (tmp_path / "series.csv").read_text()
    assert "'=cmd" in text
    assert ",=cmd" not in text
    table = read_rows(tmp_path / "series.csv")
    assert [row["key"] for row in table] == [row.key for row in rows]
    assert {row["description"] for row in table} == {row.description for row in rows}


def test_an_error_that_nobody_foresaw_is_that_of_one_file(tree, monkeypatch):
    def read(file):
        if file.name == "RT1":
            raise ZeroDivisionError("SECRET")
        return read_header(file)

    monkeypatch.setattr("ricenet_v2.ingest.scan.read_header", read)
    result = scan(tree)
    assert [(each.file, each.fault) for each in result.unread] == [
        ("RT1", "This file cannot be read.")
    ]
    assert len(result.rows) == 5


def test_copies_of_doses_count_once(tree):
    shutil.copy(tree / "dose of beam 1.x.y", tree / "copy")
    (dose,) = [row for row in scan(tree).rows if row.modality == "RTDOSE"]
    assert dose.files == 2


def test_a_directory_of_dicom_is_no_series(tree):
    directory = Dataset()
    directory.DirectoryRecordSequence = []
    directory.file_meta = FileMetaDataset()
    directory.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    directory.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    directory.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    directory.save_as(tree / "DICOMDIR", enforce_file_format=True)
    result = scan(tree)
    assert len(result.rows) == 6
    assert result.unread == ()


def test_folders_without_any_image_are_refused(tmp_path):
    with pytest.raises(DatasetError, match="no such folder"):
        scan(tmp_path / "missing")
    (tmp_path / "notes.txt").write_text("notes")
    with pytest.raises(DatasetError, match=r"holds no DICOM files.*\n.*\n.*\n.*1 other"):
        scan(tmp_path)
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr("a", "b")
    with pytest.raises(DatasetError, match="Unpack the archives"):
        scan(tmp_path)


@pytest.mark.skipif(not INGEST.is_dir(), reason="set RICENET_SHARED_DATA to the folder of ingest")
def test_a_tree_of_files_of_scanners(tmp_path):
    result = scan(INGEST, tmp_path)
    verdicts = [row.verdict.partition(",")[0] for row in result.rows]
    # As test_series.py has them, by folder.
    assert verdicts.count("volume") == 11
    assert sorted(v for v in verdicts if v != "volume") == [
        "dose",
        "no volume: gap",
        "no volume: spacing",  # and a copy of it in another compression
        "no volume: tilt",
        "not used",
    ]
    # Two series lie in archives, which are named and not unpacked.
    assert [(Path(each.file).suffix, each.fault) for each in result.unread] == [
        (".zip", "This is an archive: unpack it.")
    ] * 2
    assert scan(INGEST, tmp_path).n_read == 0

"""The command ricenet_convert."""

import stat

import numpy as np
import pytest

from ricenet_v2.cli import convert
from ricenet_v2.store.raw import load_raw_dataset
from ricenet_v2.store.tables import read_rows
from tests.ingest.dicom_writer import write_series


def _file(folder):
    arrays = {}
    for part in ("train", "val", "test"):
        arrays[f"{part}_images"] = np.eye(4, dtype=np.uint8)[None, None].repeat(4, axis=1)
        arrays[f"{part}_images"] = arrays[f"{part}_images"].repeat(2, axis=0)
        arrays[f"{part}_labels"] = np.array([[0], [1]])
    np.savez(folder / "set.npz", **arrays)
    return str(folder / "set.npz")


def test_a_medmnist_file_becomes_a_dataset(tmp_path, capsys):
    out = tmp_path / "raw" / "Dataset010_Set"
    assert convert.main(["medmnist3d", _file(tmp_path), str(out), "--channel_kind", "ct"]) == 0
    assert str(out) in capsys.readouterr().out
    raw = load_raw_dataset(out)
    assert len(raw.cases) == 6
    assert raw.dataset.channels[0].kind == "ct"


def test_unusable_input_ends_with_2_and_a_text(tmp_path, capsys):
    assert convert.main(["medmnist3d", str(tmp_path / "none.npz"), str(tmp_path / "out")]) == 2
    assert "none.npz" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stopped:
        convert.main(["nothing"])
    assert stopped.value.code == 2


def test_a_scan_writes_series_and_manifest_for_their_owner_alone(tmp_path, capsys):
    studies, work = tmp_path / "studies", tmp_path / "work"
    write_series(studies / "a", np.ones((4, 5, 6), np.uint16), PatientID="Doe^Jane")
    assert convert.main(["scan", str(studies), "-o", str(work)]) == 0
    told = capsys.readouterr()
    assert "identifies patients" in told.out
    assert "chmod" not in told.out
    assert "Doe" not in told.out + told.err
    assert stat.S_IMODE(work.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in work.iterdir()} == {0o600}
    (row,) = read_rows(work / "manifest.csv")
    assert row["patient"] == "Doe^Jane"
    (series,) = read_rows(work / "series.csv")
    assert series["verdict"] == "volume"


def test_a_second_scan_keeps_what_a_person_wrote(tmp_path, capsys):
    studies, work = tmp_path / "studies", tmp_path / "work"
    write_series(studies / "a", np.ones((4, 5, 6), np.uint16))
    assert convert.main(["scan", str(studies), "-o", str(work)]) == 0
    manifest = work / "manifest.csv"
    written = manifest.read_text().replace("p1,1,,train", "p1,1,recurrence,test")
    manifest.write_text(written)
    write_series(studies / "b", np.ones((4, 5, 6), np.uint16), PatientID="q")
    (studies / "c").write_bytes(bytes(128) + b"DICM" + b"\2\0\0\0")
    assert convert.main(["scan", str(studies), "-o", str(work)]) == 1
    assert "1 file or folder cannot be read" in capsys.readouterr().out
    rows = read_rows(manifest)
    assert [(row["patient"], row["label"], row["split"]) for row in rows] == [
        ("p1", "recurrence", "test"),
        ("q", "", "train"),
    ]


def test_a_scan_of_nothing_ends_with_2(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert convert.main(["scan", str(tmp_path / "empty"), "-o", str(tmp_path / "work")]) == 2
    assert "no DICOM files and no images" in capsys.readouterr().err
    assert not (tmp_path / "work").exists()

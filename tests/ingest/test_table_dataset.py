"""Datasets as labs have them: layouts of folders, and tables as people save them."""

from __future__ import annotations

import errno
import json
import os
import shutil
import unicodedata
from pathlib import Path

import numpy as np
import pytest

import ricenet_v2 as rn
from ricenet_v2.cli.convert import main
from ricenet_v2.core.errors import DatasetError, RicenetError
from ricenet_v2.core.grid import Grid
from ricenet_v2.fingerprinting.integrity import check
from ricenet_v2.store.images import write_image
from ricenet_v2.store.raw import load_raw_dataset

GRID = Grid((8, 8, 8), (20.0, 20.0, 20.0))
KINDS = ("t1=mri", "rtdose=dose")


def image(path: Path, seed: int = 0, *, is_dose: bool = False) -> None:
    random = np.random.default_rng([seed, *path.name.encode()])
    voxels = random.uniform(1, 60 if is_dose else 900, GRID.shape).astype(np.float32)
    write_image(path, voxels, GRID)


def mask(path: Path) -> None:
    voxels = np.zeros(GRID.shape, np.uint8)
    voxels[2:6, 2:6, 2:6] = 1
    write_image(path, voxels, GRID)


def by_patient(folder: Path, ids: list[str]) -> Path:
    for case in ids:
        image(folder / case / "T1.nii.gz", int(case[1:]))
        image(folder / case / f"{case}_RTDose.nii.gz", is_dose=True)
        mask(folder / case / f"{case}-brain-mask.nii.gz")
        mask(folder / case / "Tumor.nii.gz")
    return folder


def in_one_folder(folder: Path, ids: list[str]) -> Path:
    for case in ids:
        image(folder / f"{case}_T1.nii.gz")
        image(folder / f"{case}.rtdose.nii.gz", is_dose=True)
        mask(folder / f"{case}_brain_mask.nii.gz")
        mask(folder / f"{case}_tumor.nii.gz")
    return folder


def of_nnunet(folder: Path, ids: list[str]) -> Path:
    for case in ids:
        image(folder / "imagesTr" / f"{case}_0000.nii.gz")
        image(folder / "imagesTr" / f"{case}_0001.nii.gz", is_dose=True)
        mask(folder / "labelsTr" / f"{case}.nii.gz")
        mask(folder / "masksTr" / f"{case}_brain.nii.gz")
    fields = {"channel_names": {"0": "t1", "1": "rtdose"}, "labels": {"background": 0, "t": 1}}
    (folder / "dataset.json").write_text(json.dumps({**fields, "file_ending": ".nii.gz"}))
    return folder


def _content(folder: Path) -> dict[Path, bytes]:
    return {
        path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


IDS = ["P1", "P10", "P2", "P20"]
LABELS = "ID,Diagnosis,Age\nP1,rice,50\nP10,tumour,51\np2,Tumour,52\nP20,rice,53\n"


@pytest.mark.parametrize("layout", [by_patient, in_one_folder, of_nnunet])
def test_layouts_of_folders(layout, tmp_path):
    source = layout(tmp_path / "lab", IDS)
    (source / "labels.csv").write_text(LABELS)
    before = sorted(path.name for path in source.rglob("*"))
    made = rn.convert_table(source, tmp_path / "Dataset031_Lab")
    assert [channel.kind for channel in made.dataset.channels].count("dose") == 1
    assert sorted(made.dataset.classes) == ["rice", "tumour"]
    raw = load_raw_dataset(made.folder)
    assert [case.case_id for case in raw.cases] == ["P1", "P10", "p2", "P20"]
    integrity = check(raw, 1)
    assert integrity.errors == ()
    for case in raw.cases:
        assert raw.mask(case, "brain") is not None
        assert raw.mask(case, "lesion") is not None
    assert before == sorted(path.name for path in source.rglob("*"))
    assert (made.left_out, made.unmatched) == ({}, ())


@pytest.mark.parametrize(
    ("encoding", "separator", "decimals"),
    [
        ("utf-8-sig", ",", "."),
        ("utf-16", "\t", "."),
        ("latin-1", ";", ","),
        ("utf-16-le", ";", ","),
    ],
)
def test_tables_as_programs_save_them(encoding, separator, decimals, tmp_path):
    """Names of files are decomposed, as macOS writes them."""
    ids = ["Müller 1", "Größe 2"]
    source = in_one_folder(tmp_path / "lab", [unicodedata.normalize("NFD", name) for name in ids])
    lines = [("Patient", "LABEL", "Dose"), (ids[0], "a", "60.5"), (ids[1], "b", "59.25")]
    text = "\r\n".join(separator.join(line) for line in lines).replace(".", decimals) + "\r\n"
    (source / "labels.txt").write_bytes(text.encode(encoding))
    made = rn.convert_table(source, tmp_path / "Dataset031_Lab")
    assert [(c.case_id, c.label, c.covariates["Dose"]) for c in made.cases] == [
        (ids[0], "a", "60.5"),
        (ids[1], "b", "59.25"),
    ]
    notes = " ".join(made.notes)
    assert ("commas in Dose" in notes) == (decimals == ",")
    assert ("separated by" in notes) == (separator != ",")
    assert load_raw_dataset(made.folder).cases == made.cases


def test_splits_and_the_cases_that_are_validated(tmp_path):
    source = in_one_folder(tmp_path / "lab", IDS)
    table = "case,class,set\nP1,x,train\nP10,y,Val\nP2,x,TEST\nP20,y,train\n"
    (source / "l.csv").write_text(table)
    cases = rn.convert_table(source, tmp_path / "Dataset031_Lab").cases
    assert [case.split for case in cases] == ["train", "train", "test", "train"]
    assert [case.covariates["partition"] for case in cases] == ["train", "validation", "", "train"]


def test_what_a_case_lacks_is_told_and_the_others_are_taken(tmp_path, capsys):
    source = in_one_folder(tmp_path / "lab", IDS)
    (source / "P20_T1.nii.gz").unlink()
    image(source / "stranger_T1.nii.gz")
    (source / "l.csv").write_text("case,label\nP1,x\nP10,y\nP2,\nP20,x\nP3,y\n")
    assert main(["table", str(source), str(tmp_path / "Dataset031_Lab")]) == 1
    shown = " ".join(capsys.readouterr().out.split())
    for words in ("P2 │ no label", "P20 │ no image of t1", "P3 │ no images", "stranger_T1.nii.gz"):
        assert words in shown
    assert "--verify_only" in shown


def test_cases_that_lack_a_channel_are_taken_where_that_is_asked_for(tmp_path):
    source = in_one_folder(tmp_path / "lab", IDS)
    (source / "P20.rtdose.nii.gz").unlink()
    (source / "P2_T1.nii.gz").unlink()
    (source / "l.csv").write_text("case,label\nP1,x\nP10,y\nP2,x\nP20,x\n")
    options = rn.TableOptions(channels=KINDS, allow_missing_channels=True)
    made = rn.convert_table(source, tmp_path / "Dataset031_Lab", options)
    assert {case.case_id: case.channels for case in made.cases} == {
        "P1": "all", "P10": "all", "P20": "t1",
    }  # fmt: skip
    assert made.left_out == {"P2": "no image that shows the patient: none of t1"}
    raw = load_raw_dataset(made.folder)
    assert raw.cases == made.cases
    assert [raw.absent(case) for case in raw.cases] == [(), (), (1,)]
    assert [one.severity for one in check(raw, allow_missing=True).errors] == []


def test_the_advice_on_kinds_is_right_when_it_is_typed(tmp_path):
    source = tmp_path / "lab"
    for case in IDS:
        image(source / f"{case}_contrast.nii.gz")
        image(source / f"{case}_dose.nii.gz", is_dose=True)
    (source / "l.csv").write_text(LABELS)
    output = tmp_path / "Dataset031_Lab"
    with pytest.raises(DatasetError, match="kind of a channel") as caught:
        rn.convert_table(source, output)
    assert "Add --channels contrast=KIND dose=dose," in caught.value.remedy
    named = caught.value.remedy.split("--channels ")[1].split(",")[0].replace("KIND", "mri")
    assert main(["table", str(source), str(output), "--channels", *named.split()]) == 0
    names = [(c.name, c.kind, c.unit) for c in load_raw_dataset(output).dataset.channels]
    assert names == [("contrast", "mri", None), ("dose", "dose", "Gy")]


def test_channels_are_named_as_the_files_are_and_known_by_their_words(tmp_path):
    source = tmp_path / "lab"
    for case in IDS:
        image(source / case / "T1 post-GD.nii.gz")
        image(source / case / "RTDOSE_sum.nii.gz", is_dose=True)
        image(source / case / "planning ct.nii.gz")
    (source / "l.csv").write_text(LABELS)
    rn.convert_table(source, tmp_path / "Dataset031_Lab")
    named = ["--channels", "T1 post-GD=mri", "RTDOSE_sum=dose", "planning ct=ct"]
    assert main(["table", str(source), str(tmp_path / "Dataset032_Lab"), *named]) == 0
    kinds = [
        [(c.kind, c.unit) for c in load_raw_dataset(tmp_path / name).dataset.channels]
        for name in ("Dataset031_Lab", "Dataset032_Lab")
    ]
    mri, dose, ct = ("mri", None), ("dose", "Gy"), ("ct", "HU")
    assert kinds == [[ct, dose, mri], [mri, dose, ct]]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("x,label\nP1,a\nP2,b\n", "the column of the case"),
        ("case,value\nP1,a\nP2,b\n", "the column of the label"),
        ("case,label\nP1,a\nP2,a\n", "fewer than two classes"),
        ("case,label\nP1,a\np1,b\n", "each case exactly once"),
        ("case,label\nX1,a\nX2,b\n", "No image matches"),
        ("case,label,split\nP1,a,train\nP2,b,perhaps\n", "contradicts the case's split"),
        ("", "empty"),
    ],
)
def test_tables_that_do_not_say_enough(table, words, tmp_path):
    source = in_one_folder(tmp_path / "lab", ["P1", "P2"])
    (source / "l.csv").write_text(table)
    with pytest.raises(DatasetError, match=words):
        rn.convert_table(source, tmp_path / "Dataset031_Lab")


def test_nothing_is_overwritten(tmp_path):
    source = in_one_folder(tmp_path / "lab", ["P1", "P2"])
    (source / "l.csv").write_text("case,label\nP1,a\nP2,b\n")
    output = tmp_path / "Dataset031_Lab"
    rn.convert_table(source, output)
    for target, words in ((output, "not empty"), (source / "inside", "lies in the folder")):
        with pytest.raises(DatasetError, match=words):
            rn.convert_table(source, target)


def test_two_files_of_one_channel_are_refused(tmp_path):
    source = in_one_folder(tmp_path / "lab", ["P1", "P2"])
    image(source / "more" / "P1-t1.nii.gz")
    (source / "l.csv").write_text("case,label\nP1,a\nP2,b\n")
    with pytest.raises(DatasetError, match="as they are") as caught:
        rn.convert_table(source, tmp_path / "Dataset031_Lab")
    assert "P1, t1" in str(caught.value.got)


@pytest.mark.parametrize("fault", [errno.EPERM, errno.ENOTSUP, errno.EXDEV])
def test_a_disk_without_hard_links_gets_copies(fault, tmp_path, monkeypatch):
    source = in_one_folder(tmp_path / "lab", IDS)
    (source / "labels.csv").write_text(LABELS)
    linked = rn.convert_table(source, tmp_path / "a" / "Dataset031_Lab").folder
    assert (linked / "imagesTr" / "P1_0000.nii.gz").stat().st_nlink == 2

    def link(*places, **options):
        raise OSError(fault, "no other names of files here")

    monkeypatch.setattr(os, "link", link)
    copied = rn.convert_table(source, tmp_path / "b" / "Dataset031_Lab").folder
    assert (copied / "imagesTr" / "P1_0000.nii.gz").stat().st_nlink == 1
    assert _content(copied) == _content(linked)

    def copyfile(place, target):
        target.write_bytes(place.read_bytes()[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", copyfile)
    full = tmp_path / "c" / "Dataset031_Lab"
    with pytest.raises(RicenetError, match="No space for this file"):
        rn.convert_table(source, full)
    assert not _content(full)

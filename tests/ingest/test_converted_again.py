"""What a second conversion does again, leaves alone and refuses."""

import shutil
import stat
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from ricenet_v2.api.conversion import convert_cases
from ricenet_v2.core import documents
from ricenet_v2.ingest import case_cohort
from ricenet_v2.records.provenance import CaseProvenance
from ricenet_v2.store.images import read_image, write_image
from ricenet_v2.store.tables import read_rows, write_rows
from tests.hostile_case import until_none_is_left_behind
from tests.ingest.conversions import NAMES, command, corrected, page_of, pictures_of, says, state_of
from tests.ingest.dicom_patient import write_patient
from tests.ingest.dicom_writer import save


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Two patients who need no registration, converted."""
    folder = tmp_path_factory.mktemp("two")
    for seed, name in enumerate(NAMES[:2]):
        write_patient(folder / "studies" / name[0], name, seed=seed, is_still=True)
    assert command("scan", folder / "studies", "-o", folder / "work")[0] == 0
    corrected(folder / "work", {NAMES[0]: "recurrence", NAMES[1]: "RICE"})
    assert command("cases", folder / "work" / "manifest.csv", folder / "raw")[0] == 0
    return folder


@pytest.fixture
def again(two, tmp_path):
    """A copy of work and dataset, and the function that converts again."""
    for name in ("work", "raw"):
        shutil.copytree(two / name, tmp_path / name)
    work, raw = tmp_path / "work", tmp_path / "raw"

    def run(change=lambda rows: rows, *words):
        rows = change(read_rows(work / "manifest.csv"))
        write_rows(work / "manifest.csv", rows)
        return command("cases", work / "manifest.csv", raw, *words)

    return raw, run


def test_what_did_not_change_is_not_done_again(again):
    raw, run = again
    before = state_of(raw)
    code, said = run()
    assert code == 0
    assert "0 cases converted, 2 unchanged, 0 failed" in said
    assert state_of(raw) == before


def _changed(patient, **cells):
    def change(rows):
        return [row | cells if row["patient"] == patient else row for row in rows]

    return change


def test_another_label_is_written_without_touching_images(again):
    raw, run = again
    images = state_of(raw / "imagesTr")
    code, said = run(_changed(NAMES[0], label="RICE"))
    assert code == 0
    assert "1 case converted, 1 unchanged" in said
    assert [row["label"] for row in read_rows(raw / "cases.csv")] == ["RICE", "RICE"]
    assert state_of(raw / "imagesTr") == images


def test_a_changed_row_is_done_again_and_its_old_files_go(again):
    raw, run = again
    assert len(list((raw / "masksTr").iterdir())) == 4
    code, said = run(_changed(NAMES[0], lesion_roi="", split="test"))
    assert code == 0
    assert "1 case converted, 1 unchanged" in said
    assert len(list((raw / "imagesTr").iterdir())) == len(list((raw / "imagesTs").iterdir())) == 3
    assert [path.name[14:] for path in (raw / "masksTs").iterdir()] == ["brain.nii.gz"]
    assert sorted(row["split"] for row in read_rows(raw / "cases.csv")) == ["test", "train"]


def test_a_case_that_was_given_up_writes_nothing_later(again, monkeypatch):
    raw, _ = again
    manifest = raw.parent / "work" / "manifest.csv"
    write_rows(manifest, _changed(NAMES[0], split="test")(read_rows(manifest)))
    may_go_on = threading.Event()

    def late(*words):
        may_go_on.wait(60)
        write_image(*words)

    monkeypatch.setattr("ricenet_v2.ingest.case_writing.write_image", late)
    result = convert_cases(manifest, raw, case_timeout=2)
    assert [fault.what for fault in result.cohort.failed] == [
        "This took longer than 2 s and was stopped."
    ]
    before = state_of(raw)
    may_go_on.set()
    until_none_is_left_behind()
    assert state_of(raw) == before
    assert not (raw / "imagesTs").exists()


def test_a_damaged_image_is_written_again(again):
    raw, run = again
    before = state_of(raw)
    image = next((raw / "imagesTr").iterdir())
    image.write_bytes(b"")
    assert "1 case converted, 1 unchanged" in run()[1]
    assert state_of(raw).keys() == before.keys()
    assert np.array_equal(read_image(image)[0] > 0, _voxels(before[image], image) > 0)


def test_a_picture_that_is_gone_is_drawn_again_and_the_others_stay(again):
    raw, run = again
    before = state_of(raw)
    next((raw / "qc").glob("*.png")).unlink()
    assert "1 case converted, 1 unchanged" in run()[1]
    pictures = {path: before[path] for path in before if path.suffix in {".png", ".html"}}
    assert {path: path.read_bytes() for path in pictures} == pictures


def test_other_options_convert_again_only_where_voxels_depend_on_them(again):
    _, run = again
    assert "0 cases converted, 2 unchanged" in run(lambda rows: rows, "--brain_timeout", "9")[1]
    command = f"{sys.executable} {{input}} {{output}}"  # each row names a mask
    assert "0 cases converted, 2 unchanged" in run(lambda rows: rows, "--brain_command", command)[1]
    assert "2 cases converted, 0 unchanged" in run(lambda rows: rows, "--keep_head")[1]


def test_masks_of_a_command_stand_on_the_page_and_in_the_provenance(again, tmp_path):
    raw, run = again
    program = tmp_path / "strip"
    program.write_text(
        f"#!{sys.executable}\n"
        "import sys, SimpleITK as sitk\n"
        "image = sitk.ReadImage(sys.argv[1])\n"
        "head = sitk.BinaryThreshold(image, 60, 1e9)\n"
        "sitk.WriteImage(sitk.BinaryErode(head, [2, 2, 2]), sys.argv[2])\n"
    )
    program.chmod(0o700)
    words = ("--brain_command", f"'{program}' {{input}} {{output}}")
    code, said = run(_changed(NAMES[0], brain=""), *words)
    assert code == 0, said
    assert "1 case converted, 1 unchanged" in said
    assert "Brain masks: 1 command strip, 1 given." in said
    assert "command strip" in page_of(raw)
    found = [documents.read(CaseProvenance, path) for path in (raw / "provenance").iterdir()]
    assert sorted(case.brain for case in found) == ["command strip", "given"]
    assert all(case.is_stripped for case in found)
    for path in raw.rglob("*"):
        assert not path.is_file() or str(tmp_path).encode() not in path.read_bytes()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--brain_command", "nothing-like-it {input} {output}"), "not on this machine"),
        (("--brain_command", "true {input}"), "cannot be used"),
    ],
)
def test_a_command_that_cannot_run_ends_before_anything_is_done(again, words, text):
    raw, run = again
    before = state_of(raw)
    code, said = run(lambda rows: rows, *words)
    assert code == 2
    assert text in said
    assert state_of(raw) == before


def _voxels(content, image):
    image.with_name("other.nii.gz").write_bytes(content)
    return read_image(image.with_name("other.nii.gz"))[0]


def test_a_vanished_row_is_reported_and_its_case_stays(again):
    raw, run = again
    before = state_of(raw)
    code, said = run(lambda rows: rows[:1])
    assert code == 0
    assert "In no row of the manifest" in said
    page = page_of(raw)
    assert state_of(raw) == before | {raw / "qc" / "index.html": page.encode()}
    assert "It is in no row of the manifest." in page
    assert len(pictures_of(page)) == 2


WRONG = {
    "another patient's image": ({"mri:T1c_event": "other"}, "another patient"),
    "another patient's mask": ({"brain": "mask"}, "another patient"),
    "a key that is not there": ({"mri:T1c_event": "s0"}, "does not exist"),
    "a key of another kind": ({"dose": "mri"}, "another kind"),
    "an empty cell": ({"mri:T1c_event": ""}, "is empty"),
    "no dose": ({"dose": ""}, "no dose"),
    "an unknown region": ({"lesion_roi": "Smith"}, "no such region"),
    "an empty region": ({"lesion_roi": "empty"}, "is empty"),
    "structures without a key": ({"structures": ""}, "without structures"),
    "too many fractions": ({"fractions": "30 30"}, "not given for each plan"),
    "a factor that the numbers contradict": ({"factor": "n"}, "too high"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_with_a_row_is_in_the_table(again, name):
    raw, run = again
    cells, text = WRONG[name]
    before = state_of(raw)

    def change(rows):
        keys = {"other": rows[1]["mri:T1c_event"], "mri": rows[0]["mri:T1c_event"]}
        keys["mask"] = rows[1]["brain"]
        given = {column: keys.get(cell, cell) for column, cell in cells.items()}
        return [rows[0] | given, *rows[1:]]

    code, said = run(change)
    assert code == 1
    assert "0 cases converted, 1 unchanged, 1 failed" in said
    assert says(said, text), said
    page = page_of(raw)
    assert state_of(raw) == before | {raw / "qc" / "index.html": page.encode()}
    assert page.count("its row failed now") == 1
    assert len(pictures_of(page)) == 2
    assert not [word for word in (*NAMES, "Smith", "Doe", "empty.nii") if word in page]
    assert not [word for word in (*NAMES, "Smith", "Doe", "empty.nii") if word in said]


def test_a_check_writes_nothing(two, tmp_path):
    shutil.copytree(two / "work", tmp_path / "work")
    before = state_of(tmp_path)
    code, said = command("cases", tmp_path / "work" / "manifest.csv", tmp_path / "raw", "--check")
    assert code == 0
    assert "2 cases can be converted" in said
    assert state_of(tmp_path) == before


def test_processes_give_the_same_as_one(two, tmp_path, monkeypatch):
    shutil.copytree(two / "work", tmp_path / "work")
    monkeypatch.setattr(case_cohort, "allowed_workers", lambda requested, *_: requested)
    raw, words = tmp_path / "raw", ("--num_workers", "2")
    assert command("cases", tmp_path / "work" / "manifest.csv", raw, *words)[0] == 0
    names = {path.relative_to(raw): path.read_bytes() for path in state_of(raw)}
    expected = {path.relative_to(two / "raw"): path.read_bytes() for path in state_of(two / "raw")}
    assert names == {**expected, Path("dataset.json"): names[Path("dataset.json")]}


APART = {
    "around the folder of the manifest": ".",
    "the folder of the manifest": "work",
    "inside of it": "work/raw",
    "a link into it": "link/raw",
    "the studies": "studies",
    "inside of them": "studies/M/raw",
}


@pytest.mark.parametrize("name", APART)
def test_an_output_in_or_around_what_identifies_is_refused(two, tmp_path, name):
    for place in ("work", "studies"):
        (tmp_path / place).symlink_to(two / place)
    (tmp_path / "link").symlink_to(two / "work")
    output = two if APART[name] == "." else tmp_path / APART[name]
    before = {path for path in two.rglob("*") if path.name != ".ricenet.lock"}
    code, said = command("cases", two / "work" / "manifest.csv", output)
    assert code == 2
    assert "lie in each other" in said
    assert {path for path in two.rglob("*") if path.name != ".ricenet.lock"} == before


def test_a_folder_of_something_else_is_left_alone(two, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    code, said = command("cases", two / "work" / "manifest.csv", tmp_path)
    assert code == 2
    assert "contains other files" in said
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_images_that_do_not_fit_are_drawn_where_the_studies_are_and_nowhere_else(again, two):
    """The event is that of another head in the same frame of reference; then it is right again."""
    raw, run = again
    work = raw.with_name("work")
    studies = raw.with_name("studies")
    shutil.copytree(two / "studies", studies)
    (work / "studies.txt").write_text(f"{studies}\n")
    own, other = (studies / NAMES[n][0] / "B" for n in (0, 1))
    kept = {file.name: dcmread(file) for file in own.iterdir()}
    for name in kept:
        wrong = dcmread(own / name)
        wrong.PixelData = dcmread(other / name).PixelData
        save(wrong, own / name)
    before = state_of(raw)
    code, said = run()
    assert code == 1
    assert says(said, "does not fit the reference")
    (picture,) = (work / "refused").iterdir()
    assert picture.stem in {row["case_id"] for row in read_rows(raw / "cases.csv")}
    assert stat.S_IMODE(picture.parent.stat().st_mode) == 0o700
    assert "refused/" in said.replace("\n", "")
    assert set(state_of(raw)) == set(before)
    for name, data in kept.items():
        save(data, own / name)
    assert run()[0] == 0
    assert list((work / "refused").iterdir()) == []

"""Whole simulated patients from DICOM to a raw dataset, and what a conversion leaves alone."""

import contextlib
import gzip
import io
import re
import shutil
import stat
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from ricenet_v2.api.conversion import convert_cases
from ricenet_v2.cli import convert
from ricenet_v2.core import documents
from ricenet_v2.fingerprinting.integrity import check
from ricenet_v2.ingest import case_cohort
from ricenet_v2.ingest.rigid import RigidTransform
from ricenet_v2.records.provenance import CaseProvenance
from ricenet_v2.store.images import read_image, write_image
from ricenet_v2.store.raw import load_raw_dataset
from ricenet_v2.store.tables import read_rows, write_rows
from tests.hostile_case import until_none_is_left_behind
from tests.ingest.dicom_patient import HOT, LESION, gy_at, write_patient
from tests.ingest.dicom_writer import save
from tests.ingest.picture_texts import without_pixels

NAMES = ("Muster-4711", "Beispiel-0815", "Niemand-1")
PLANTED = (*NAMES, "Jane", "Doe", "GTV", "1.2.826.0.1", "20200102", "20210601", "agent", "studies")


def _run(*words):
    """Exit code, and all that was printed."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out):
        code = convert.main([str(word) for word in words])
    return code, out.getvalue()


def _corrected(work, labels, **cells):
    """Write labels by patient, and what is the same for all patients."""
    series = read_rows(work / "series.csv")
    folders = {row["patient"]: Path(row["folder"]).parts[0] for row in series if row["modality"]}
    masks = {row["folder"]: row["key"] for row in series if not row["modality"]}
    rows = read_rows(work / "manifest.csv")
    for row in rows:
        row["brain"] = masks[folders[row["patient"]]]
        row |= {"label": labels[row["patient"]], "lesion_roi": "GTV Doe", **cells}
    write_rows(work / "manifest.csv", rows)
    return rows


@dataclass(frozen=True)
class Conversion:
    folder: Path
    work: Path
    raw: Path
    truths: tuple
    code: int
    said: str

    def case(self, name):
        """Provenance of the case with this label."""
        (row,) = [row for row in read_rows(self.raw / "cases.csv") if row["label"] == name]
        return documents.read(CaseProvenance, self.raw / "provenance" / f"{row['case_id']}.json")

    def voxels(self, case, ending):
        (name,) = [name for name in case.outputs if name.endswith(f"_{ending}.nii.gz")]
        return read_image(self.raw / name)[0]


@pytest.fixture(scope="module")
def conversion(tmp_path_factory):
    """Three patients: one with a registration object, one without it whose dose is of one fraction
    in a label that says so, and one without label."""
    folder = tmp_path_factory.mktemp("whole")
    truths = (
        write_patient(folder / "studies" / "a", NAMES[0]),
        write_patient(
            folder / "studies" / "b",
            NAMES[1],
            seed=1,
            has_registration=False,
            summation="FRACTION_SESSION",
            n=30,
        ),
        write_patient(folder / "studies" / "c", NAMES[2], seed=2),
    )
    work, raw = folder / "work", folder / "Dataset020_RICE"
    assert _run("scan", folder / "studies", "-o", work)[0] == 0
    _corrected(work, dict(zip(NAMES, ("recurrence", "RICE", ""), strict=True)))
    code, said = _run("cases", work / "manifest.csv", raw, "--num_workers", "2")
    return Conversion(folder, work, raw, truths, code, said)


def _transform(case, name):
    (each,) = [each for each in case.registered if each.name == name]
    return RigidTransform(each.rotation, each.translation), each.method


@pytest.mark.parametrize(("label", "at"), [("recurrence", 0), ("RICE", 1)])
def test_landmarks_dose_and_lesion_are_where_they_were_written(conversion, label, at):
    truth, case = conversion.truths[at], conversion.case(label)
    points = truth.grid.positions(np.argwhere(truth.brain)[::97].astype(float))
    for name, expected in (("T1c_event", truth.to_event), ("dose", truth.to_ct)):
        transform, _ = _transform(case, name)
        errors = np.linalg.norm(transform.points(points) - expected.points(points), axis=1)
        assert errors.mean() < 1
    every = truth.grid.positions(np.moveaxis(np.indices(truth.grid.shape, dtype=float), 0, -1))
    gy = conversion.voxels(case, "0002")
    assert np.abs(gy - gy_at(every))[truth.brain].max() < max(0.5, 0.01 * gy.max())
    assert np.array_equal(conversion.voxels(case, "brain") > 0, truth.brain)
    lesion = conversion.voxels(case, "lesion") > 0
    middle = truth.grid.positions(np.argwhere(lesion).astype(float)).mean(axis=0)
    assert np.linalg.norm(middle - HOT) < 1.5
    assert lesion.sum() * 5**3 == pytest.approx(4 / 3 * np.pi * LESION**3, rel=0.15)


def test_both_images_show_the_same_brain_and_nothing_outside(conversion):
    case = conversion.case("recurrence")
    post_op, event = (conversion.voxels(case, number) for number in ("0000", "0001"))
    brain = conversion.truths[0].brain
    assert not post_op[~brain].any()
    assert not event[~brain].any()
    assert np.corrcoef(post_op[brain], event[brain])[0, 1] > 0.7


def test_the_way_and_the_factor_are_recorded(conversion):
    first, second = conversion.case("recurrence"), conversion.case("RICE")
    assert _transform(first, "dose")[1] == "registration object"
    assert _transform(second, "dose")[1] == "image registration"
    assert _transform(first, "T1c_event")[1] == "image registration"
    assert [case.plans[0].times_fractions for case in (first, second)] == [False, True]
    expected = {"fractions": "30", "prescription_gy": "60", "days_T1c_event": "516"}
    assert expected.items() <= first.covariates.items()
    assert first.covariates["days_since_rt"] == "503"
    names = {row["name"] for row in read_rows(conversion.raw / "registration.csv")}
    assert names == {"T1c_event", "planning CT", "dose", "lesion"}


def test_the_dataset_is_one_that_is_trained_with(conversion):
    integrity = check(load_raw_dataset(conversion.raw), 1)
    assert [f for f in integrity.errors if "training" not in str(f)] == []


def test_one_failing_patient_does_not_stop_the_others(conversion):
    assert conversion.code == 1
    assert "2 cases converted, 0 unchanged, 1 failed" in conversion.said
    assert _says(conversion.said, "This case has no label.")


def _says(printed, text):
    """Whether a table whose cells wrap has all words of a text."""
    words = printed.replace("│", " ").split()
    return all(word in words or f"{word}." in words for word in text.split())


def test_nothing_that_identifies_is_written_or_printed(conversion):
    files = [path for path in conversion.raw.rglob("*") if path.is_file()]
    assert len(files) > 10
    for path in files:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
            # descrip and aux_file, intent_name, and no extension behind the header.
            assert content[148:252].strip(b"\0") == content[328:344].strip(b"\0") == b""
            assert content[348:352] == bytes(4)
        if path.suffix == ".png":
            content = without_pixels(content)
            assert content.startswith(b"IHDR")
        for word in PLANTED:
            assert word.encode() not in content
            assert word not in str(path.relative_to(conversion.raw))
    assert not [word for word in PLANTED if word in conversion.said]


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Two patients who need no registration, converted."""
    folder = tmp_path_factory.mktemp("two")
    for seed, name in enumerate(NAMES[:2]):
        write_patient(folder / "studies" / name[0], name, seed=seed, is_still=True)
    assert _run("scan", folder / "studies", "-o", folder / "work")[0] == 0
    _corrected(folder / "work", {NAMES[0]: "recurrence", NAMES[1]: "RICE"})
    assert _run("cases", folder / "work" / "manifest.csv", folder / "raw")[0] == 0
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
        return _run("cases", work / "manifest.csv", raw, *words)

    return raw, run


def _state(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_did_not_change_is_not_done_again(again):
    raw, run = again
    before = _state(raw)
    code, said = run()
    assert code == 0
    assert "0 cases converted, 2 unchanged, 0 failed" in said
    assert _state(raw) == before


def _changed(patient, **cells):
    def change(rows):
        return [row | cells if row["patient"] == patient else row for row in rows]

    return change


def test_another_label_is_written_without_touching_images(again):
    raw, run = again
    images = _state(raw / "imagesTr")
    code, said = run(_changed(NAMES[0], label="RICE"))
    assert code == 0
    assert "1 case converted, 1 unchanged" in said
    assert [row["label"] for row in read_rows(raw / "cases.csv")] == ["RICE", "RICE"]
    assert _state(raw / "imagesTr") == images


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
    before = _state(raw)
    may_go_on.set()
    until_none_is_left_behind()
    assert _state(raw) == before
    assert not (raw / "imagesTs").exists()


def test_a_damaged_image_is_written_again(again):
    raw, run = again
    before = _state(raw)
    image = next((raw / "imagesTr").iterdir())
    image.write_bytes(b"")
    assert "1 case converted, 1 unchanged" in run()[1]
    assert _state(raw).keys() == before.keys()
    assert np.array_equal(read_image(image)[0] > 0, _voxels(before[image], image) > 0)


def _page(raw):
    return (raw / "qc" / "index.html").read_text(encoding="utf-8")


def _pictures(page):
    return re.findall(r'<img src="(\w+\.png)"', page)


def test_each_case_has_a_picture_and_all_are_on_the_page(conversion):
    cases = {row["case_id"] for row in read_rows(conversion.raw / "cases.csv")}
    page = _page(conversion.raw)
    assert {f"{case}.png" for case in cases} == set(_pictures(page))
    assert {path.name for path in (conversion.raw / "qc").iterdir()} == {
        *_pictures(page), "index.html",
    }  # fmt: skip
    assert "This case has no label." in page
    assert "qc/index.html" in conversion.said.replace("\n", "")
    # Only the case whose dose came over a registered CT, and that of the registration object.
    assert page.count("<td>planning CT</td>") == 2
    assert "Brain masks: 2 given." in conversion.said


def test_a_picture_that_is_gone_is_drawn_again_and_the_others_stay(again):
    raw, run = again
    before = _state(raw)
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
    assert "command strip" in _page(raw)
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
    before = _state(raw)
    code, said = run(lambda rows: rows, *words)
    assert code == 2
    assert text in said
    assert _state(raw) == before


def _voxels(content, image):
    image.with_name("other.nii.gz").write_bytes(content)
    return read_image(image.with_name("other.nii.gz"))[0]


def test_a_vanished_row_is_reported_and_its_case_stays(again):
    raw, run = again
    before = _state(raw)
    code, said = run(lambda rows: rows[:1])
    assert code == 0
    assert "In no row of the manifest" in said
    page = _page(raw)
    assert _state(raw) == before | {raw / "qc" / "index.html": page.encode()}
    assert "It is in no row of the manifest." in page
    assert len(_pictures(page)) == 2


WRONG = {
    "another patient's image": ({"mri:T1c_event": "other"}, "another patient"),
    "another patient's mask": ({"brain": "mask"}, "another patient"),
    "a key that is not there": ({"mri:T1c_event": "s0"}, "is not there"),
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
    before = _state(raw)

    def change(rows):
        keys = {"other": rows[1]["mri:T1c_event"], "mri": rows[0]["mri:T1c_event"]}
        keys["mask"] = rows[1]["brain"]
        given = {column: keys.get(cell, cell) for column, cell in cells.items()}
        return [rows[0] | given, *rows[1:]]

    code, said = run(change)
    assert code == 1
    assert "0 cases converted, 1 unchanged, 1 failed" in said
    assert _says(said, text), said
    page = _page(raw)
    assert _state(raw) == before | {raw / "qc" / "index.html": page.encode()}
    assert page.count("its row failed now") == 1
    assert len(_pictures(page)) == 2
    assert not [word for word in (*NAMES, "Smith", "Doe", "empty.nii") if word in page]
    assert not [word for word in (*NAMES, "Smith", "Doe", "empty.nii") if word in said]


def test_a_check_writes_nothing(two, tmp_path):
    shutil.copytree(two / "work", tmp_path / "work")
    before = _state(tmp_path)
    code, said = _run("cases", tmp_path / "work" / "manifest.csv", tmp_path / "raw", "--check")
    assert code == 0
    assert "2 cases can be converted" in said
    assert _state(tmp_path) == before


def test_processes_give_the_same_as_one(two, tmp_path, monkeypatch):
    shutil.copytree(two / "work", tmp_path / "work")
    monkeypatch.setattr(case_cohort, "allowed_workers", lambda requested, *_: requested)
    raw, words = tmp_path / "raw", ("--num_workers", "2")
    assert _run("cases", tmp_path / "work" / "manifest.csv", raw, *words)[0] == 0
    names = {path.relative_to(raw): path.read_bytes() for path in _state(raw)}
    expected = {path.relative_to(two / "raw"): path.read_bytes() for path in _state(two / "raw")}
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
    code, said = _run("cases", two / "work" / "manifest.csv", output)
    assert code == 2
    assert "lie in each other" in said
    assert {path for path in two.rglob("*") if path.name != ".ricenet.lock"} == before


def test_a_folder_of_something_else_is_left_alone(two, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    code, said = _run("cases", two / "work" / "manifest.csv", tmp_path)
    assert code == 2
    assert "holds something else" in said
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
    before = _state(raw)
    code, said = run()
    assert code == 1
    assert _says(said, "does not fit the reference")
    (picture,) = (work / "refused").iterdir()
    assert picture.stem in {row["case_id"] for row in read_rows(raw / "cases.csv")}
    assert stat.S_IMODE(picture.parent.stat().st_mode) == 0o700
    assert "refused/" in said.replace("\n", "")
    assert set(_state(raw)) == set(before)
    for name, data in kept.items():
        save(data, own / name)
    assert run()[0] == 0
    assert list((work / "refused").iterdir()) == []

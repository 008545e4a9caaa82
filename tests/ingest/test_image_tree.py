"""Trees of NIfTI: patients and sessions by names and folders, sidecars, and what is proposed."""

import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest

from ricenet_v2.core.grid import Grid
from ricenet_v2.ingest.image_proposals import is_contrast_t1_image
from ricenet_v2.ingest.image_tree import (
    BY_FOLDERS,
    BY_NAMES,
    ImagePlace,
    Sidecar,
    places_of,
    read_sidecar,
)
from ricenet_v2.ingest.manifest import EVENT, POST_OP
from ricenet_v2.ingest.proposals import propose
from ricenet_v2.ingest.scan import scan
from ricenet_v2.ingest.series_owners import owners
from ricenet_v2.records.manifest import Manifest
from ricenet_v2.records.scanned import ScannedSeries
from ricenet_v2.store.images import write_image
from tests.ingest.dicom_writer import write_series

GRID = Grid((4, 5, 6), (3.0, 2.0, 1.0))


def _tree(folder, *names, **sidecars):
    for name in names:
        path = folder / f"{name}.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_image(path, np.ones((4, 5, 6), np.float32), GRID)
    return folder


PLACES = {
    # Path: patient, by, session.
    "sub-01/ses-02/anat/sub-01_ses-02_ce-gad_T1w.nii.gz": ("sub-01", BY_NAMES, "ses-02"),
    "sub-02/anat/sub-02_T1w.nii.gz": ("sub-02", BY_NAMES, ""),
    "sub-03/ses-1/sub-03_ses-2_T1w.nii.gz": ("sub-03", BY_NAMES, ""),  # which session?
    "sub-03/sub-04_T1w.nii.gz": ("", "", ""),  # of whom?
    "notsub-05/a.nii.gz": ("notsub-05", BY_FOLDERS, ""),
}


def test_names_of_bids_are_taken_where_they_agree():
    assert places_of(PLACES) == {name: ImagePlace(*place) for name, place in PLACES.items()}


@pytest.mark.parametrize(
    ("names", "places"),
    [
        (
            ["Imaging/Patient-001/week-000-1/CT1.nii.gz", "Imaging/Patient-002/week-044/CT1.nii"],
            [("Patient-001", "week-000-1"), ("Patient-002", "week-044")],
        ),
        # A single patient: folders that are times are not patients.
        (["export/Doe/t0/a.nii", "export/Doe/t1/a.nii"], [("Doe", "t0"), ("Doe", "t1")]),
        (["p1/a.nii", "p2/b.nii"], [("p1", ""), ("p2", "")]),
        (["a.nii", "b.nii"], [("", ""), ("", "")]),
        (["all/a.nii", "all/b.nii"], [("all", ""), ("all", "")]),
        (["Doe/20200102/a.nii"], [("Doe", "20200102")]),
    ],
)
def test_folders_tell_patients_apart(names, places):
    assert [(place.patient, place.session) for place in places_of(names).values()] == places


def test_folders_with_dicom_are_left_to_their_headers():
    names = ["p1/mask.nii.gz", "p2/mask.nii.gz"]
    places = places_of(names, {("p1",)})
    assert [place.patient for place in places.values()] == ["", "p2"]


def test_three_fields_of_a_sidecar_are_read(tmp_path):
    image = tmp_path / "a_T1w.nii.gz"
    fields = {"Modality": "mr", "ContrastBolusIngredient": "GADOLINIUM",
              "SeriesDescription": "t1 \n mprage", "PatientName": "Doe"}  # fmt: skip
    (tmp_path / "a_T1w.json").write_text(json.dumps(fields))
    assert read_sidecar(image) == Sidecar("MR", "t1 mprage", contrast_agent=True)
    fields |= {"ContrastBolusIngredient": "NONE", "Modality": 3}
    (tmp_path / "a_T1w.json").write_text(json.dumps(fields))
    assert read_sidecar(image) == Sidecar("", "t1 mprage")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b"\xff\xfe", b"[" * 200_000, b'{"a": ' + b"9" * 9000 + b"}"]
)
def test_a_damaged_sidecar_counts_as_none(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    assert read_sidecar(tmp_path / "a.nii") == Sidecar()


def test_a_sidecar_that_is_no_file_counts_as_none(tmp_path):
    os.mkfifo(tmp_path / "a.json")
    assert read_sidecar(tmp_path / "a.nii") == Sidecar()


@pytest.mark.parametrize(
    ("name", "sidecar", "agent", "is_one"),
    [
        ("sub-1_ce-gadolinium_T1w", "", False, True),
        ("15_t0_t1gd", "", False, True),
        ("CT1", "", False, True),
        ("x_T1post", "", False, True),
        ("x_t1ce", "MR", False, True),
        ("sub-1_T1w", "", False, False),
        ("sub-1_T1w", "MR t1", True, True),
        ("x_T1post", "CT", False, False),
        ("x_T1pre", "", False, False),
        ("x_t1c_brain_mask", "", False, False),
        ("x_T1post_seg", "", False, False),
        ("segmentation_CT1_origspace", "", False, False),
        ("sub-1_FLAIR", "MR", True, False),
        ("dose_on_t1c", "", False, False),
        ("ct1234", "", False, False),
    ],
)
def test_a_t1_with_contrast_agent_is_told_by_name_and_sidecar(name, sidecar, agent, is_one):
    row = ScannedSeries("s", "volume", description=f"CT1/{name}.nii.gz", sidecar=sidecar,
                        contrast_agent=agent)  # fmt: skip
    assert is_contrast_t1_image(row) == is_one


def test_a_tree_of_bids_is_proposed_by_its_sessions(tmp_path):
    anat = "sub-{0}/ses-{1:02d}/anat/sub-{0}_ses-{1:02d}_"
    names = [anat.format("a", n) + kind for n in (1, 2) for kind in ("ce-gad_T1w", "T1w")]
    names += [anat.format("a", 1) + "desc-brain_mask", anat.format("a", 1) + "rtdose"]
    names += [anat.format("b", n) + "ce-gad_T1w" for n in (1, 2, 3)]
    names += [anat.format("c", 1) + "T1w", anat.format("c", 2) + "ce-gad_T1w"]
    _tree(tmp_path, *names)
    sidecar = tmp_path / f"{anat.format('c', 1)}T1w.json"
    sidecar.write_text(json.dumps({"Modality": "MR", "ContrastBolusIngredient": "GADOLINIUM"}))
    result = scan(tmp_path)
    keys = {path.name.removesuffix(".nii.gz"): key for key, path in result.images.items()}
    a, b, c = propose(result.rows, {})
    assert a.images == {POST_OP.title: keys["sub-a_ses-01_ce-gad_T1w"],
                        EVENT.title: keys["sub-a_ses-02_ce-gad_T1w"]}  # fmt: skip
    for words in ("no date confirms the order", "patient by sub- in names, which nothing",
                  f"brain: if it lies in the coordinates of the reference: "
                  f"{keys['sub-a_ses-01_desc-brain_mask']}",
                  f"dose: with dose_unit, fractions and prescription_gy, if this is it: "
                  f"{keys['sub-a_ses-01_rtdose']}"):  # fmt: skip
        assert words in a.reason
    assert (a.dose, a.brain) == ((), "")
    assert set(b.images.values()) == {""}
    assert "3 session(s) whose order is not plain" in b.reason
    assert c.images[POST_OP.title] == keys["sub-c_ses-01_T1w"]
    assert "by sidecar" in c.reason
    assert owners(result.rows)[keys["sub-c_ses-01_T1w"]] == "sub-c"


def _table(path, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join("\t".join(row) + "\r\n" for row in rows))


def test_images_are_of_the_patient_of_the_nearest_dicom_files(tmp_path):
    """Whatever folders lie around those of the patients."""
    at = tmp_path / "export 2024" / "all"
    _tree(at, "x/mask", "x/mr/mask", "y/deep/er/mask", "both", "none/mask")
    for n, (name, patient) in enumerate((("x/mr", "Doe"), ("x/ct", "Doe"), ("y/mr", "Roe"))):
        uid = {"PatientID": patient, "SeriesInstanceUID": f"1.2.{n}"}
        write_series(at / name, np.ones((4, 5, 6), np.uint16), **uid)
    result = scan(tmp_path)
    known = owners(result.rows)
    images = {path.relative_to(at).as_posix(): known.get(k) for k, path in result.images.items()}
    assert images == {
        "x/mask.nii.gz": "Doe",
        "x/mr/mask.nii.gz": "Doe",
        "y/deep/er/mask.nii.gz": "Roe",
        "both.nii.gz": None,
        "none/mask.nii.gz": None,
    }


def test_tables_of_bids_give_dates(tmp_path):
    anat = "sub-{0}/ses-{1}/anat/sub-{0}_ses-{1}_ce-gad_T1w"
    names = [anat.format("a", n) for n in "12"] + [anat.format("b", n) for n in ("x", "y", "z")]
    _tree(tmp_path, *names, "sub-c/sub-c_ce-gad_run-1_T1w", "sub-c/sub-c_ce-gad_run-2_T1w")
    # The first session is the later one.
    for session, day in (("1", "1889-06-01T10:00:00.000Z"), ("2", "1889-01-20")):
        _table(
            tmp_path / f"sub-a/ses-{session}/sub-a_ses-{session}_scans.tsv",
            ("acq_time", "filename", "operator"),
            (day, f"anat/sub-a_ses-{session}_ce-gad_T1w.nii.gz", "Jane"),
            ("n/a", "anat/other.nii.gz", ""),
        )
    _table(
        tmp_path / "sub-b/sub-b_sessions.tsv",
        ("session_id", "acq_time"),
        *((f"ses-{name}", f"2020-0{n}-05T00:00:00") for n, name in enumerate("zyx", 1)),
    )
    files = [f"sub-c_ce-gad_run-{run}_T1w.nii.gz" for run in "12"]
    _table(tmp_path / "sub-c/sub-c_scans.tsv", ("filename", "acq_time"),
           (files[0], "2020-02-03"), *((files[1], f"2021-02-0{n}") for n in (3, 4)))  # fmt: skip
    result = scan(tmp_path)
    keys = {path.name.removesuffix(".nii.gz"): key for key, path in result.images.items()}
    dates = {row.key: row.date for row in result.rows}
    a1, a2 = (keys[f"sub-a_ses-{n}_ce-gad_T1w"] for n in "12")
    assert (dates[a1], dates[a2]) == ("18890601", "18890120")
    a, b, c = propose(result.rows, {})
    assert (a.images[POST_OP.title], a.images[EVENT.title]) == (a2, a1)
    assert "of the second of two days by the tables of BIDS" in a.reason
    x, y, z = (keys[f"sub-b_ses-{n}_ce-gad_T1w"] for n in "xyz")
    assert [dates[key] for key in (x, y, z)] == ["20200305", "20200205", "20200105"]
    assert set(b.images.values()) == {""}
    assert "3 day(s) by the tables of BIDS; write event_date" in b.reason
    again = Manifest((POST_OP, EVENT), (replace(b, event_date="20200301"),))
    kept = propose(result.rows, {}, again)[0]
    assert (kept.images[POST_OP.title], kept.images[EVENT.title]) == ("", x)
    # Two dates of one image tell nothing.
    assert [dates[keys[name.removesuffix(".nii.gz")]] for name in files] == ["20200203", ""]
    assert set(c.images.values()) == {""}
    assert "1 session(s) whose order is not plain" in c.reason


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\0", b"filename\nx\ty\tz\n", b"a\tb\n" * 9, b"\t\t\n\t\n"]
)
def test_a_damaged_table_of_bids_counts_as_none(tmp_path, content):
    _tree(tmp_path, "sub-a/sub-a_T1w")
    (tmp_path / "sub-a" / "sub-a_scans.tsv").write_bytes(content)
    (tmp_path / "sub-a" / "sub-a_sessions.tsv").mkdir()
    assert [row.date for row in scan(tmp_path).rows] == [""]


def test_patients_by_folders_are_a_guess_that_refuses_nothing(tmp_path):
    _tree(tmp_path, "A/t0/t1gd", "A/t1/t1gd", "B/t0/t1gd")
    result = scan(tmp_path)
    assert {row.patient for row in result.rows} == {"A", "B"}
    assert owners(result.rows) == {}
    a, b = propose(result.rows, {})
    assert all(a.images.values())
    assert "patient by folders" in b.reason
    assert set(b.images.values()) == {""}


def test_images_beside_dicom_are_of_its_patient(tmp_path):
    _tree(tmp_path, "x/sub-9_mask")
    write_series(tmp_path / "x" / "mr", np.ones((4, 5, 6), np.uint16), PatientID="Doe")
    result = scan(tmp_path)
    assert set(owners(result.rows).values()) == {"Doe"}
    assert [row.patient for row in propose(result.rows, {})] == ["Doe"]


BESIDE = "no DICOM, beside DICOM of other patients"


def _of(patient, number):
    return {"PatientID": patient, "SeriesInstanceUID": f"1.2.{number}"}


def test_images_of_a_folder_of_their_own_say_that_they_may_be_of_a_patient_with_dicom(tmp_path):
    """As converters write them: the folder is no patient, and nothing says of whom they are."""
    _tree(tmp_path, "converted/Doe_t1c", "converted/Doe_brain_mask")
    for n, patient in enumerate(("Doe", "Roe")):
        write_series(tmp_path / patient / "MR", np.ones((4, 5, 6), np.uint16), **_of(patient, n))
    result = scan(tmp_path)
    doe, roe, other = propose(result.rows, {})
    assert (doe.patient, roe.patient, other.patient) == ("Doe", "Roe", "converted")
    assert other.reason.startswith(BESIDE)
    assert BESIDE not in doe.reason + roe.reason
    mask = next(key for key, path in result.images.items() if "mask" in path.name)
    # As the reason says: in the row of the patient, from where it does not come back.
    again = propose(result.rows, {}, Manifest((POST_OP, EVENT), (replace(doe, brain=mask), roe)))
    assert [row.patient for row in again] == ["Doe", "Roe"]
    # Without DICOM there is nobody else of whom they could be.
    shutil.rmtree(tmp_path / "Doe")
    shutil.rmtree(tmp_path / "Roe")
    assert not any(BESIDE in row.reason for row in propose(scan(tmp_path).rows, {}))


def test_images_of_bids_are_of_the_patient_whose_dicom_lies_under_their_subject(tmp_path):
    anat = "sub-{0}/ses-{1}/anat/sub-{0}_ses-{1}_ce-gad_T1w"
    names = [anat.format(subject, n) for subject in "123" for n in "12"]
    _tree(tmp_path, *names)
    source = tmp_path / "sourcedata"
    for n, (subject, patient) in enumerate(
        (("sub-1", "Doe"), ("sub-2", "Roe"), ("sub-3", "Poe"), ("sub-3", "Moe"))
    ):
        write_series(source / subject / f"CT{n}", np.ones((4, 5, 6), np.int16), modality="CT",
                     **_of(patient, n))  # fmt: skip
    result = scan(tmp_path)
    known = owners(result.rows)
    of_images = {path.name[:5]: known[key] for key, path in result.images.items()}
    # The DICOM files under the third are of two.
    assert of_images == {"sub-1": "Doe", "sub-2": "Roe", "sub-3": "sub-3"}
    rows = {row.patient: row for row in propose(result.rows, {})}
    assert set(rows) == {"Doe", "Roe", "Poe", "Moe", "sub-3"}
    # No MR of theirs is DICOM.
    assert all(rows["Doe"].images.values())
    assert "no date confirms the order" in rows["Doe"].reason
    assert not any(rows["Poe"].images.values())

"""Whole simulated patients from DICOM to a raw dataset."""

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from ricenet_v2.core import documents
from ricenet_v2.fingerprinting.integrity import check
from ricenet_v2.ingest.rigid import RigidTransform
from ricenet_v2.records.provenance import CaseProvenance
from ricenet_v2.store.images import read_image
from ricenet_v2.store.raw import load_raw_dataset
from ricenet_v2.store.tables import read_rows
from tests.ingest.conversions import NAMES, command, corrected, page_of, pictures_of, says
from tests.ingest.dicom_patient import HOT, LESION, gy_at, write_patient
from tests.ingest.picture_texts import without_pixels

PLANTED = (*NAMES, "Jane", "Doe", "GTV", "1.2.826.0.1", "20200102", "20210601", "agent", "studies")


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
    assert command("scan", folder / "studies", "-o", work)[0] == 0
    corrected(work, dict(zip(NAMES, ("recurrence", "RICE", ""), strict=True)))
    code, said = command("cases", work / "manifest.csv", raw, "--num_workers", "2")
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
    assert says(conversion.said, "This case has no label.")


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


def test_each_case_has_a_picture_and_all_are_on_the_page(conversion):
    cases = {row["case_id"] for row in read_rows(conversion.raw / "cases.csv")}
    page = page_of(conversion.raw)
    assert {f"{case}.png" for case in cases} == set(pictures_of(page))
    assert {path.name for path in (conversion.raw / "qc").iterdir()} == {
        *pictures_of(page), "index.html",
    }  # fmt: skip
    assert "This case has no label." in page
    assert "qc/index.html" in conversion.said.replace("\n", "")
    # Only the case whose dose came over a registered CT, and that of the registration object.
    assert page.count("<td>planning CT</td>") == 2
    assert "Brain masks: 2 given." in conversion.said

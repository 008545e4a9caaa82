"""Going on with a folder of other patients, and patients whose files never answer."""

from __future__ import annotations

import logging
import shutil
import unicodedata

import pytest

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.explanation.finished import case_file
from ricenet_v2.explanation.folder import explain_folder
from ricenet_v2.explanation.options import ExplanationOptions
from ricenet_v2.inference import patient
from ricenet_v2.records.explained_case import ExplainedCase
from ricenet_v2.records.explanation import Explanation
from ricenet_v2.records.report import ReportSection
from ricenet_v2.store.tables import read_rows
from tests.hostile_case import endless_file, read_endless

FAST = ExplanationOptions(kinds=("hirescam",), sanity=False)


@pytest.fixture
def explain(patients, ensemble, tmp_path):
    """A function that explains the images of some cases, and goes on where there are others."""

    def made(*cases, out="out"):
        folder = tmp_path / f"images of {'+'.join(cases)}"
        folder.mkdir(exist_ok=True)
        for case in cases:
            for path in (patients / "imagesTs").glob(f"{case}_*"):
                shutil.copy(path, folder)
        masks = patients / "masksTs"
        return explain_folder(ensemble, folder, tmp_path / out, FAST, resume=True, masks=masks)

    return made


def test_other_patients_are_kept_as_if_all_were_explained_at_once(explain, tmp_path, caplog):
    both = explain("p0", "p1", out="both")
    explain("p1")
    with caplog.at_level(logging.WARNING, logger="ricenet_v2"):
        found = explain("p0")
    assert found == both == documents.read(Explanation, tmp_path / "out" / "explanation.json")
    rows = [read_rows(tmp_path / name / "explanation.csv") for name in ("out", "both")]
    assert rows[0] == rows[1]
    part = documents.read(ReportSection, tmp_path / "out" / "report_part.json")
    assert set(part.cases) == {"p0", "p1"}
    assert [line for line in caplog.messages if "kept from earlier commands: p1." in line]


def test_a_patient_whose_maps_are_gone_and_one_that_failed_are_listed(explain, patients, tmp_path):
    explain("p1")
    (tmp_path / "out" / "p1" / "panels.png").unlink()
    found = explain("p0")
    assert found.cases == ("p0",)
    assert "gone" in found.failed["p1"]
    assert explain("p1").cases == ("p0", "p1")
    (patients / "imagesTs" / "p0_0001.nii.gz").write_bytes(b"")
    explain("p0")
    found = explain("p1")
    assert found.cases == ("p1",)
    assert "p0_0001.nii.gz" in found.failed["p0"]


def test_rows_that_could_not_be_made_again_are_not_overwritten(explain, tmp_path):
    explain("p0", "p1")
    shutil.rmtree(tmp_path / "out" / "cases")
    table = tmp_path / "out" / "explanation.csv"
    before = table.read_bytes()
    with pytest.raises(DatasetError, match="would be lost"):
        explain("p0")
    assert table.read_bytes() == before


def test_a_row_of_cases_csv_is_known_in_another_unicode_normal_form(patients, ensemble, tmp_path):
    composed, decomposed = (unicodedata.normalize(form, "pä") for form in ("NFC", "NFD"))
    table = patients / "cases.csv"
    table.write_text(table.read_text().replace("p0,p0", f"{composed},somebody"), encoding="utf-8")
    for folder in ("imagesTs", "masksTs"):
        for path in (patients / folder).iterdir():
            if path.name.startswith("p0"):
                path.rename(path.with_name(path.name.replace("p0", decomposed)))
            else:
                path.unlink()
    explain_folder(ensemble, patients / "imagesTs", tmp_path / "out", FAST)
    case = documents.read(ExplainedCase, case_file(tmp_path / "out", decomposed))
    assert case.patient_id == "somebody"
    assert case.isodose.endswith("60 Gy")


def test_a_case_that_never_ends_is_given_up_and_the_others_are_explained(
    patients, ensemble, tmp_path, monkeypatch
):
    """All that ITK does later in this process would wait too, writing the maps as well."""
    images, real = patients / "imagesTs", patient.check_case
    alone = explain_folder(ensemble, images, tmp_path / "alone", FAST)

    def slow(case, *files, **more):
        if case.case_id == "p0":
            read_endless(pipe)
        return real(case, *files, **more)

    monkeypatch.setattr(patient, "check_case", slow)
    with endless_file(tmp_path) as pipe:
        found = explain_folder(ensemble, images, tmp_path / "out", FAST, seconds=2.0)
    assert (alone.cases, found.cases) == (("p0", "p1"), ("p1",))
    assert "longer than 2 s" in found.failed["p0"]
    cases = [
        documents.read(ExplainedCase, case_file(tmp_path / name, "p1")) for name in ("out", "alone")
    ]
    assert cases[0] == cases[1]
    for one in cases[0].maps:
        maps = [(tmp_path / name / one.file).read_bytes() for name in ("out", "alone")]
        assert maps[0] == maps[1]

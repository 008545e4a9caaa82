"""What a dataset says of its conversion, and what other options make of it."""

import json
from pathlib import Path

import numpy as np
import pytest

import ricenet_v2 as rn
from ricenet_v2.core import documents
from ricenet_v2.ingest.case_conversion import convert_case
from ricenet_v2.ingest.case_inputs import CaseSources
from ricenet_v2.ingest.convert_options import RULES
from ricenet_v2.ingest.manifest import read_manifest
from ricenet_v2.ingest.pseudonyms import Pseudonyms
from ricenet_v2.ingest.settings import fault_of_head, notes_of
from ricenet_v2.ingest.work_folder import scan_again
from ricenet_v2.phantom.dicom import write_studies
from ricenet_v2.records.ingest import IngestSettings
from ricenet_v2.records.provenance import CaseProvenance
from ricenet_v2.store.tables import read_rows, write_rows


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """The folder of the scan of two patients who need no registration."""
    folder = tmp_path_factory.mktemp("settings")
    labels = write_studies(
        folder / "studies", shape=(24, 30, 24), spacing=(7.0, 7.0, 7.0), is_still=True
    )
    rn.scan_studies(folder / "studies", folder / "work")
    _change(folder / "work", lambda row: {"label": labels[row["patient"]]})
    return folder / "work"


def _change(work, cells_of):
    rows = read_rows(work / "manifest.csv")
    write_rows(work / "manifest.csv", [row | cells_of(row) for row in rows])


def _settings(raw):
    return documents.read(IngestSettings, raw / "ingest.json")


@pytest.mark.usefixtures("no_case_pictures")
def test_other_options_convert_all_again_and_what_is_left_behind_is_not_mixed(work, tmp_path):
    raw, manifest = tmp_path / "raw", work / "manifest.csv"
    assert len(rn.convert_cases(manifest, raw).cohort.done) == 2
    first = _settings(raw)
    assert (first.rules, first.stripped, first.brain) == (RULES, "all", ("given",))
    assert [channel.kind for channel in first.channels] == ["mri", "mri", "dose"]
    assert first.options["keep_head"] is False
    assert "check" not in first.options
    table = {row["case_id"]: row["patient"] for row in read_rows(work / "patients.csv")}
    assert set(table) == {row["case_id"] for row in read_rows(raw / "cases.csv")}
    # One of them fails now, so that what was converted of it before has other options.
    written = manifest.read_text()
    lost, kept = sorted(table)
    _change(work, lambda row: {"label": ""} if row["patient"] == table[lost] else {})
    options = rn.ConvertOptions(keep_head=True, eqd2=2)
    result = rn.convert_cases(manifest, raw, options)
    assert result.cohort.done == (kept,)
    assert result.outdated == (lost,)
    assert [row["case_id"] for row in read_rows(raw / "cases.csv")] == [kept]
    assert len(list((raw / "imagesTr").glob(f"{lost}_*"))) == 3
    second = _settings(raw)
    assert second.stripped == "none"
    assert second.options == first.options | {"keep_head": True, "eqd2": 2.0}
    manifest.write_text(written)
    result = rn.convert_cases(manifest, raw, options)
    assert (result.cohort.done, result.outdated) == ((lost,), ())
    assert len(read_rows(raw / "cases.csv")) == 2
    before = (raw / "ingest.json").read_bytes()
    assert rn.convert_cases(manifest, raw, options).cohort.skipped == tuple(table)
    assert (raw / "ingest.json").read_bytes() == before
    assert "Doe" not in json.dumps(second.options)


def _inputs(work, **cells):
    table = read_manifest(work / "manifest.csv")
    (row,) = [row for row in table.rows if row.label == "recurrence"]
    for name, value in cells.items():
        object.__setattr__(row, name, value)
    sources = CaseSources(scan_again(work), table.columns, Pseudonyms(bytes(32)))
    return sources.inputs(row)


def test_eqd2_is_that_of_the_formula_in_the_dose_and_in_the_prescription(work):
    given = {"fractions": (20,), "factor": ("1",), "prescription_gy": (60.0,)}
    physical = convert_case(_inputs(work, **given))
    changed = convert_case(_inputs(work, **given), rn.ConvertOptions(eqd2=2))
    gy = physical.channels[2].astype(np.float64)
    expected = gy * (gy / 20 + 2) / (2 + 2)
    assert gy.max() > 50
    np.testing.assert_allclose(changed.channels[2], expected, rtol=1e-4, atol=1e-3)
    assert np.array_equal(changed.channels[0], physical.channels[0])
    prescribed = float(physical.provenance.covariates["prescription_gy"])
    by_hand = prescribed * (prescribed / 20 + 2) / 4
    assert float(changed.provenance.covariates["prescription_gy"]) == pytest.approx(by_hand)
    assert changed.provenance.plans[0].prescription_gy == prescribed
    assert any("EQD2 (alpha/beta 2 Gy)" in note for note in changed.provenance.warnings)
    # A hypofractionated plan goes far beyond 200 Gy, which a physical dose must not.
    few = convert_case(_inputs(work, **given | {"fractions": (3,)}), rn.ConvertOptions(eqd2=2))
    assert few.channels[2].max() > 200


@pytest.mark.parametrize("eqd2", [0, -1, 1e9, float("nan")])
def test_an_alpha_beta_that_cannot_be_is_refused(eqd2):
    with pytest.raises(rn.OptionError, match="eqd2"):
        rn.ConvertOptions(eqd2=eqd2)


GOLDEN = Path(__file__).parents[1] / "records" / "golden"


@pytest.mark.parametrize(
    ("trained", "is_stripped", "text"),
    [
        ("all", True, ""),
        ("all", False, "could not be removed"),
        ("none", True, "was removed"),
        ("none", False, ""),
        ("some", True, ""),
        ("some", False, ""),
    ],
)
def test_a_new_patient_has_a_head_as_those_of_training(trained, is_stripped, text):
    fields = json.loads((GOLDEN / "ingest_1.json").read_text())
    fields = {name: fields[name] for name in fields if name not in ("document", "schema", "seal")}
    settings = documents.from_fields(IngestSettings, fields | {"stripped": trained})
    stored = json.loads((GOLDEN / "case_provenance_1.json").read_text())
    del stored["document"], stored["schema"]
    case = documents.from_fields(CaseProvenance, stored | {"is_stripped": is_stripped})
    fault = fault_of_head(settings, case)
    assert text in (str(fault) if fault else "")
    assert bool(fault) == bool(text)


def test_another_source_of_the_mask_is_said():
    settings = documents.read(IngestSettings, GOLDEN / "ingest_1.json")
    stored = json.loads((GOLDEN / "case_provenance_1.json").read_text())
    del stored["document"], stored["schema"]
    same = documents.from_fields(CaseProvenance, stored)
    assert notes_of(settings, same) == same.warnings
    other = documents.from_fields(CaseProvenance, stored | {"brain": "deepbet 1.0.2"})
    assert "brain by deepbet 1.0.2, in training by given" in notes_of(settings, other)

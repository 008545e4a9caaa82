"""Finished explanations, maps and pictures that something damaged since: none is taken over."""

import json
import logging
import shutil

import pytest

from ricenet_v2.core import documents
from ricenet_v2.explanation.finished import case_file, out_of_range, read_case
from ricenet_v2.explanation.folder import explain_folder
from ricenet_v2.explanation.occlusion.settings import OcclusionSettings
from ricenet_v2.explanation.options import ExplanationOptions

FAST = ExplanationOptions(
    occlusion=OcclusionSettings(window_mm=12, stride_mm=10), kinds=("hirescam",), sanity=False
)


@pytest.fixture
def explain(patients, ensemble, tmp_path, caplog):
    """A function that goes on with a folder of images, and gives what is said."""

    def made(images=patients / "imagesTs"):
        caplog.clear()
        with caplog.at_level(logging.WARNING, logger="ricenet_v2"):
            found = explain_folder(ensemble, images, tmp_path / "out", FAST, resume=True)
        return found, [line for line in caplog.messages if "again" in line]

    return made


def _without_checksum(fields):
    return {name: value for name, value in fields.items() if name != "seal"}


def _spoil_record(out):
    file = case_file(out, "p1")
    fields = json.loads(file.read_text())
    fields["probability"] = 0.123
    file.write_text(json.dumps(fields, indent=2, ensure_ascii=False) + "\n")


def _cut_record(out):
    file = case_file(out, "p1")
    file.write_bytes(file.read_bytes()[:500])


def _spoil_earlier_record(out):
    file = case_file(out, "p1")
    fields = _without_checksum(json.loads(file.read_text()))
    fields["maps"][0]["shares"]["found"]["lesion"] = 1.3
    file.write_text(json.dumps(fields))


def _cut_map(out):
    file = out / read_case(case_file(out, "p1")).maps[0].file
    file.write_bytes(file.read_bytes()[:-10])


def _cut_picture(out):
    file = out / read_case(case_file(out, "p1")).picture
    file.write_bytes(file.read_bytes()[:-10])


def test_what_is_damaged_is_explained_again(explain, patients, tmp_path):
    out = tmp_path / "out"
    before, told = explain()
    assert (before.cases, told) == (("p0", "p1"), [])
    whole, other = case_file(out, "p1").read_text(), case_file(out, "p0").stat().st_mtime_ns
    for spoil in (_spoil_record, _cut_record, _spoil_earlier_record, _cut_map, _cut_picture):
        spoil(out)
        found, (line,) = explain()
        assert line.startswith("p1 is explained again: "), spoil
        assert found == before, spoil
        assert case_file(out, "p1").read_text() == whole, spoil
    assert case_file(out, "p0").stat().st_mtime_ns == other
    alone = tmp_path / "alone"
    alone.mkdir()
    for path in (patients / "imagesTs").glob("p0_*"):
        shutil.copy(path, alone)
    _cut_record(out)
    found, _ = explain(alone)
    assert found.cases == ("p0",)
    assert list(found.failed) == ["p1"]
    assert "--continue" in found.failed["p1"]


def test_an_explanation_of_an_earlier_version_is_kept_with_a_word(explain, tmp_path, caplog):
    before, _ = explain()
    file = case_file(tmp_path / "out", "p1")
    file.write_text(json.dumps(_without_checksum(json.loads(file.read_text()))))
    earlier = file.read_text()
    assert not documents.holds_checksum(file)
    found, told = explain()
    assert (found, told) == (before, [])
    assert "have no checksum" in caplog.text
    assert "of p1." in caplog.text
    assert file.read_text() == earlier
    assert out_of_range(read_case(file)) == ""

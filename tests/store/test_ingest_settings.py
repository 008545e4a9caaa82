"""ingest.json on its way from a raw dataset into models."""

import dataclasses
import shutil
from pathlib import Path

import pytest

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DocumentError
from ricenet_v2.records.ingest import IngestSettings
from ricenet_v2.store.ingest_settings import carry_settings, drop_other_settings, read_settings

GOLDEN = Path(__file__).parents[1] / "records" / "golden" / "ingest_1.json"


@pytest.fixture
def target(tmp_path):
    return tmp_path / "target.json"


def test_settings_are_carried_once(target):
    carry_settings(GOLDEN, target)
    assert read_settings(target) == read_settings(GOLDEN)
    before = target.stat().st_mtime_ns
    carry_settings(GOLDEN, target)
    assert target.stat().st_mtime_ns == before


def test_without_a_source_the_target_stays(tmp_path, target):
    shutil.copy(GOLDEN, target)
    carry_settings(tmp_path / "none.json", target)
    assert read_settings(target) is not None


@pytest.mark.parametrize("text", [None, "{}"])
def test_other_settings_are_replaced(target, text):
    settings = documents.read(IngestSettings, GOLDEN)
    documents.write(target, dataclasses.replace(settings, stripped="none"))
    if text is not None:
        target.write_text(text)
    carry_settings(GOLDEN, target)
    assert read_settings(target) == settings


def test_settings_of_other_cases_are_dropped(tmp_path, target):
    settings = documents.read(IngestSettings, GOLDEN)
    shutil.copy(GOLDEN, target)
    drop_other_settings(GOLDEN, target)
    assert target.exists()
    documents.write(target, dataclasses.replace(settings, rules=1))
    drop_other_settings(GOLDEN, target)
    assert not target.exists()
    shutil.copy(GOLDEN, target)
    drop_other_settings(tmp_path / "none.json", target)
    assert not target.exists()


def test_a_damaged_source_is_told(tmp_path, target):
    source = tmp_path / "ingest.json"
    source.write_text(GOLDEN.read_text().replace('"all"', '"none"'))
    with pytest.raises(DocumentError, match="damaged or was edited"):
        carry_settings(source, target)
    assert not target.exists()

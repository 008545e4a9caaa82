"""ingest.json and provenance of every version are read, and say how cases were converted."""

from pathlib import Path

import pytest

from ricenet_v2.core import documents
from ricenet_v2.records.dataset import Channel
from ricenet_v2.records.ingest import IngestSettings
from ricenet_v2.records.provenance import CaseProvenance

GOLDEN = Path(__file__).parent / "golden"


def test_settings_of_schema_1_are_read():
    settings = documents.read(IngestSettings, GOLDEN / "ingest_1.json")
    assert [channel.name for channel in settings.channels] == ["T1c_post_op", "T1c_event", "dose"]
    assert settings.has_dose
    assert (settings.rules, settings.stripped, settings.brain) == (2, "all", ("given",))
    assert settings.options["registration"] == "simpleitk"


def test_provenance_of_schema_1_is_read():
    case = documents.read(CaseProvenance, GOLDEN / "case_provenance_1.json")
    assert (case.label, case.brain, case.is_stripped) == ("radiation_effect", "given", True)
    names = [image.name for image in case.registered]
    assert names == ["T1c_event", "planning CT", "dose", "lesion"]
    assert case.registered[0].correlation == pytest.approx(0.9177199676862582)
    assert case.plans[0].fractions == 30
    # What later versions keep.
    assert (case.settings, case.brain_ml, case.dose_max_gy) == ("", None, None)


def test_settings_come_back_and_need_an_image(tmp_path):
    channels = (Channel("T1c", "mri"), Channel("dose", "dose", unit="Gy"))
    made = IngestSettings(1, channels, "some", ("deepbet 1",), {"eqd2": 2.0, "command": "a b"})
    documents.write(tmp_path / "ingest.json", made)
    assert documents.read(IngestSettings, tmp_path / "ingest.json") == made
    with pytest.raises(ValueError, match="contradicts itself"):
        IngestSettings(1, channels[1:], "all", (), {})

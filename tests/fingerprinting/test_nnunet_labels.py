"""A dataset.json of nnU-Net, whose labels name voxels and not cases."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from ricenet_v2.cli.plan_tables import show_integrity
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.fingerprinting.checks_tables import check_tables
from ricenet_v2.records.integrity import Integrity
from ricenet_v2.store.raw import RawDataset, load_raw_dataset

if TYPE_CHECKING:
    from conftest import Planted

CHANNELS = {"0": "T1", "1": "dose"}


def _load(planted: Planted, labels: object, **more: object) -> RawDataset:
    planted.load()
    fields = {"channel_names": CHANNELS, "labels": labels, "file_ending": ".nii.gz", **more}
    (planted.folder / "dataset.json").write_text(json.dumps(fields))
    return load_raw_dataset(planted.folder)


def _about_labels(raw: RawDataset) -> list[tuple[str, str, str]]:
    found = [one for one in check_tables(raw) if one.check == "nnU-Net's labels"]
    return [(one.severity, one.found, one.remedy) for one in found]


def test_labels_that_fit_the_cases_are_taken_with_a_warning(planted: Planted) -> None:
    raw = _load(planted, {"RICE": 1, "tumour": 0})
    assert raw.dataset.classes == ("tumour", "RICE")
    ((severity, found, remedy),) = _about_labels(raw)
    assert severity == "warning"
    assert "tumour, RICE" in found
    assert '"classes": ["tumour", "RICE"]' in remedy
    assert not [one for one in check_tables(raw) if one.severity == "error"]


def test_labels_of_voxels_are_an_error_that_says_what_to_write(planted: Planted) -> None:
    raw = _load(planted, {"background": 0, "enhancing": 1})
    ((severity, found, remedy),) = _about_labels(raw)
    assert severity == "error"
    assert "background, enhancing" in found
    assert '"classes": ["RICE", "tumour"]' in remedy


def test_classes_win_over_labels(planted: Planted) -> None:
    raw = _load(planted, {"background": 0}, classes=["tumour", "RICE"])
    assert raw.dataset.classes == ("tumour", "RICE")
    assert _about_labels(raw) == []


@pytest.mark.parametrize("labels", [{"background": 0, "whole": [1, 2]}, {"0": "background"}])
def test_regions_and_old_forms_are_refused(planted: Planted, labels: dict[str, object]) -> None:
    with pytest.raises(DatasetError, match="no classes, and its labels"):
        _load(planted, labels)


def test_the_console_tells_a_fault_of_many_cases_once(
    planted: Planted, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = _load(planted, {"background": 0, "enhancing": 1})
    findings = tuple(check_tables(raw))
    assert sum(one.check == "label" for one in findings) == 5
    show_integrity(Integrity("D", 5, 0, findings), planted.folder / "integrity.json")
    out = capsys.readouterr().out
    assert "3 cases:" in out
    assert "2 cases:" in out
    assert out.count("'RICE'") == out.count("'tumour'") == 1

"""Rows of words, from numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace

from ricenet_v2.cli.common import table
from ricenet_v2.fingerprinting import summary
from ricenet_v2.fingerprinting.findings import in_order
from ricenet_v2.records.fingerprint import (
    CaseMeasurement,
    ChannelFingerprint,
    Distribution,
    Fingerprint,
)
from ricenet_v2.records.integrity import Finding

FLAT = Distribution(50.0, 51.0, 60.0, 69.0, 70.0, 60.0, 5.0)


def _fingerprint() -> Fingerprint:
    cases = (
        CaseMeasurement("a", (10, 20, 30), (8, 18, 28), (3.0, 1.0, 1.0), 0.5, ()),
        CaseMeasurement("b", (12, 16, 30), (9, 10, 28), (2.0, 1.5, 1.0), 0.5, ()),
        CaseMeasurement("c", (11, 18, 33), (7, 14, 29), (2.5, 1.2, 0.5), 0.5, ()),
    )
    channels = (
        ChannelFingerprint("T1c", "mri", 100.0, 10.0, 70.0, 130.0, FLAT, FLAT, FLAT, 0.0123),
        ChannelFingerprint("dose", "dose", 20.0, 15.0, 0.0, 60.0, FLAT, FLAT, FLAT, 0.0),
    )
    return Fingerprint("D", 3, 3, {"x": 2, "y": 1}, channels, cases)


def test_sizes_axis_by_axis() -> None:
    assert summary.size_rows(_fingerprint()) == [
        ("spacing, mm", "2 x 1 x 0.5", "2.5 x 1.2 x 1", "3 x 1.5 x 1"),
        ("image, voxels", "10 x 16 x 30", "11 x 18 x 30", "12 x 20 x 33"),
        ("cropped, voxels", "7 x 10 x 28", "8 x 14 x 28", "9 x 18 x 29"),
        ("image, mm", "24 x 20 x 16", "28 x 22 x 30", "30 x 24 x 30"),
        ("cropped, mm", "18 x 15 x 14", "18 x 17 x 28", "24 x 18 x 28"),
    ]


def test_channels_and_doses() -> None:
    rows = summary.channel_rows(_fingerprint())
    assert rows[0] == ("T1c", "mri", "100 ± 10", "70 to 130", "70", "1.2 %")
    doses = summary.dose_rows(_fingerprint())
    assert [row[0] for row in doses] == ["dose: maximum", "dose: 99.9 percentile", "dose: mean"]
    assert doses[0][1:] == ("50", "51", "60", "69", "70")


def test_findings() -> None:
    findings = [
        Finding("error", "label", "a", "imagesTr/a_0000.nii", "'z'", "x", "Correct it."),
        Finding("warning", "dose unit", "", "", "no unit", "Gy", "Write it."),
    ]
    rows = summary.finding_rows(summary.grouped(findings))
    assert rows[0] == (
        "error",
        "label",
        "a\nimagesTr/\na_0000.nii",
        "'z'",
        "x",
        "Correct it.",
    )
    assert rows[1][2] == "dataset"
    assert {len(row) for row in rows} == {len(summary.FINDING_COLUMNS)}


def test_findings_that_differ_by_their_case_alone_share_a_row() -> None:
    findings = [
        Finding("error", "label", f"c{n}", f"imagesTr/c{n}_0001.nii", "'z'", "x", "Correct it.")
        for n in range(5)
    ]
    other = Finding("error", "label", "c9", "imagesTr/c9_0000.nii", "'z'", "x", "Correct it.")
    far = Finding("error", "label", "c8", "imagesTr/c8_0001.nii", "'y'", "x", "Correct it.")
    groups = summary.grouped([*findings, other, far])
    assert groups == [tuple(findings), (other,), (far,)]
    rows = summary.finding_rows(groups)
    assert rows[0][2] == "5 cases:\nc0\nc1\nc2\n...\nimagesTr/\nCASE_0001.nii"
    assert [row[3] for row in rows] == ["'z'", "'z'", "'y'"]


def test_faults_of_the_dataset_itself_stay_apart() -> None:
    same = Finding("error", "patient in train and test", "", "cases.csv", "p1", "one", "Move it.")
    assert [len(group) for group in summary.grouped([same, replace(same, found="p2")])] == [1, 1]


def test_names_of_files_are_whole(capsys) -> None:
    name = "SITE-03_PATIENT-0042_SESSION-20240117_0001.nii.gz"
    found = f"the same voxels as imagesTr/{name} (case a, patient b), 3/4 of them"
    finding = Finding("error", "same image in two cases", "a", "imagesTr/a.nii", found, "x", "y")
    (row,) = summary.finding_rows([(finding,)])
    assert row[3] == found.replace("imagesTr/", "imagesTr/\n")
    table("Integrity", summary.FINDING_COLUMNS, [row])
    printed = capsys.readouterr().out
    cells = [line.split("│")[4].strip() for line in printed.splitlines() if line.startswith("│")]
    assert name in "".join(cells)


def test_causes_stand_before_what_follows() -> None:
    checks = ["same image in two cases", "not a mask", "geometry", "missing channel"]
    findings = [Finding("error", check, "c", "c_0000.nii", "", "", "") for check in checks]
    findings.append(Finding("error", "unusual label", "c", "cases.csv", "", "", ""))
    findings.append(Finding("warning", "missing channel", "c", "c_0000.nii", "", "", ""))
    found = [(one.severity, one.check) for one in in_order(findings)]
    assert found == [
        ("error", "unusual label"),
        *(("error", check) for check in reversed(checks)),
        ("warning", "missing channel"),
    ]

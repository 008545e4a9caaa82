"""What changed between two fingerprints."""

import dataclasses

from ricenet_v2.core import documents
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.fingerprint import (
    CaseMeasurement,
    ChannelFingerprint,
    Distribution,
    Fingerprint,
)
from ricenet_v2.records.fingerprint_difference import differences, relabelled

FLAT = Distribution(1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0)
CHANNEL = ChannelFingerprint("T1c", "mri", 1.0, 1.0, 0.0, 1.0, FLAT, FLAT, FLAT, 0.0)
TABLE = [Case(f"c{n}", f"p{n}", ("a", "b")[n % 2]) for n in range(8)]


def fingerprint(table=TABLE, **voxels):
    train = [case for case in table if case.split == "train"]
    cases = tuple(
        CaseMeasurement(
            case.case_id,
            (9, 9, 9),
            (8, 8, 8),
            (1.0, 1.0, 1.0),
            0.5,
            (),
            region="brain mask",
            voxels=voxels.get(case.case_id, case.case_id),
        )
        for case in train
    )
    labels = {case.case_id: case.label for case in train}
    counts = {name: list(labels.values()).count(name) for name in ("a", "b")}
    patients = {case.case_id: case.patient_id for case in train}
    return Fingerprint("D", len(train), len(train), counts, (CHANNEL,), cases, labels, patients)


def edited(case_id, **fields):
    return [dataclasses.replace(c, **fields) if c.case_id == case_id else c for c in TABLE]


def test_labels_and_patients_are_named_and_are_no_part_of_the_hash():
    then = fingerprint()
    assert differences(then, fingerprint(), TABLE) == ()
    table = edited("c0", label="b")
    assert differences(then, fingerprint(table), table) == (
        "1 case(s) with another label: c0: a then, b now",
    )
    table = [dataclasses.replace(case, label="b") for case in TABLE]
    (told,) = relabelled(then, table)
    assert told.startswith("4 case(s) with another label: c0: a then, b now; c2")
    (told,) = relabelled(then, edited("c3", patient_id="p1"))
    assert told == "1 case(s) of another patient: c3: p3 then, p1 now"
    (told,) = relabelled(then, edited("c3", patient_id="p31"))
    assert told == "1 other patient ids: patient of c3: p3 then, p31 now"
    bare = dataclasses.replace(then, labels={}, patients={})
    assert documents.fingerprint_of(bare) == documents.fingerprint_of(then)
    assert relabelled(bare, table) == ()


def test_cases_that_come_and_go():
    then = fingerprint(TABLE[:7])
    table = [dataclasses.replace(TABLE[0], split="test"), *TABLE[2:]]
    assert differences(then, fingerprint(table), table) == (
        "1 new training case(s): c7",
        "1 case(s) that are of the split test now: c0",
        "1 case(s) that are not in cases.csv any more: c1",
    )


def test_images_masks_channels_and_classes():
    then = fingerprint()
    now = fingerprint(c2="other")
    assert differences(then, now, TABLE) == ("1 case(s) with other images: c2",)
    cases = tuple(
        dataclasses.replace(c, cropped_shape=(7, 7, 7), region="non-zero voxels")
        for c in then.cases
    )
    (told,) = differences(then, dataclasses.replace(then, cases=cases), TABLE)
    assert told == (
        "8 case(s) with the same images and another brain mask, or measured otherwise: "
        "c0, c1, c2, c3, c4 and 3 more"
    )
    channel = dataclasses.replace(CHANNEL, name="T2")
    assert differences(then, dataclasses.replace(then, channels=(channel,)), TABLE) == (
        "channels T1c (mri) then, T2 (mri) now",
    )
    assert differences(then, dataclasses.replace(then, class_counts={"b": 4, "a": 4}), TABLE) == (
        "classes a, b then, b, a now",
    )
    old = dataclasses.replace(then, labels={}, patients={}, class_counts={"a": 5, "b": 3})
    assert differences(old, then, TABLE) == ("classes: a 5, b 3 then, a 4, b 4 now",)

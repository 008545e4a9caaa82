"""What is proposed, with its reason, and what is left open."""

from dataclasses import replace

import pytest

from ricenet_v2.ingest.manifest import EVENT, POST_OP
from ricenet_v2.ingest.proposals import is_contrast_t1, propose
from ricenet_v2.ingest.series_owners import owners
from ricenet_v2.records.manifest import Manifest
from ricenet_v2.records.scanned import ScannedSeries


def _mr(key, date, description="t1 mprage km", spacing="1 x 1 x 1", **values):
    row = ScannedSeries(key, "volume", "p", "MR", description, date, spacing=spacing)
    return replace(row, **values)


DOSE = ScannedSeries("sd", "dose", "p", "RTDOSE", date="20200301", files=1, plan="1.2")
PLAN = ScannedSeries("sp", "plan", "p", "RTPLAN", date="20200228", plan="1.2", fractions=30)
BEFORE, EARLIER, AFTER = _mr("s1", "20200220"), _mr("s0", "20200101"), _mr("s2", "20210101")


@pytest.mark.parametrize(
    ("row", "is_one"),
    [
        (_mr("s", ""), True),
        (_mr("s", "", "t1_se_tra"), False),
        (_mr("s", "", "t1_se_tra", contrast_agent=True), True),
        (_mr("s", "", "AX 3D", contrast_agent=True), True),
        (_mr("s", "", "t2_flair post Gd", contrast_agent=True), False),
        (_mr("s", "", "localizer", contrast_agent=True), False),
        (_mr("s", "", "t1 SUB post-pre", contrast_agent=True), False),
        (_mr("s", "", contrast_agent=True, image_type="DERIVED\\SECONDARY\\MPR"), False),
        (_mr("s", "", image_type="ORIGINAL\\PRIMARY\\LOCALIZER"), False),
        (_mr("s", "", verdict="no volume: gap"), False),
        (_mr("s", "", modality="CT"), False),
        (_mr("s", "", "T1 +C"), True),
        (_mr("s", "", "T1c"), True),
        (_mr("s", "", "Ax T1 FSPGR POST"), True),
    ],
)
def test_a_t1_with_contrast_agent_is_told_from_others(row, is_one):
    assert is_contrast_t1(row) == is_one


def _row(*rows, earlier=None):
    return propose([DOSE, PLAN, *rows], {}, earlier)[0]


def test_the_nearest_before_radiotherapy_and_the_day_after_are_proposed():
    row = _row(BEFORE, EARLIER, AFTER)
    assert row.images == {POST_OP.title: "s1", EVENT.title: "s2"}
    assert row.dose == ("sd",)
    assert "nearest before radiotherapy, 10 days" in row.reason
    assert (row.label, row.split) == ("", "train")


def test_the_thinnest_slices_are_proposed():
    thick = _mr("s9", "20200220", "t1 tra km", "5 x 1 x 1")
    assert _row(BEFORE, thick).images[POST_OP.title] == "s1"
    assert "thinnest of 2 (1 mm)" in _row(thick, BEFORE).reason


def test_where_two_would_do_the_cell_is_empty_and_both_are_named():
    twin = _mr("s9", "20200220", "t1 vibe km")
    row = _row(BEFORE, twin, AFTER, _mr("s3", "20210601"))
    assert row.images == {POST_OP.title: "", EVENT.title: ""}
    for name in ("s1 (t1 mprage km) or s9 (t1 vibe km)", "s2 (t1 mprage km) or s3"):
        assert name in row.reason
    other = replace(DOSE, key="se", plan="1.3")
    row = _row(other)
    assert row.dose == ()
    assert "sd" in row.reason
    assert "se" in row.reason


def test_the_date_of_the_event_decides_when_it_is_written():
    later = _mr("s3", "20210601")
    rows = [DOSE, PLAN, BEFORE, AFTER, later]
    (draft,) = propose(rows, {})
    corrected = replace(draft, label="recurrence", event_date="20210520")
    earlier = Manifest((POST_OP, EVENT), (corrected,))
    (row,) = propose(rows, {}, earlier)
    assert row.images == {POST_OP.title: "s1", EVENT.title: "s3"}
    assert row.label == "recurrence"
    assert "nearest to the event, 12 days" in row.reason


def test_rows_of_a_person_stay_and_new_patients_come_behind():
    (draft,) = propose([DOSE, PLAN, BEFORE, AFTER], {})
    mine = replace(draft, patient="P", images={POST_OP.title: "s7", EVENT.title: ""}, dose=())
    rows = propose(
        [DOSE, BEFORE, replace(AFTER, patient="q")], {}, Manifest((POST_OP, EVENT), (mine,))
    )
    assert rows[0] == mine
    assert [row.patient for row in rows] == ["P", "q"]


def test_a_number_without_its_zeros_is_the_same_patient():
    rows = [replace(row, patient="00123") for row in (DOSE, BEFORE)]
    (draft,) = propose(rows, {})
    as_number = replace(draft, patient="123", label="recurrence")
    assert propose(rows, {}, Manifest((POST_OP, EVENT), (as_number,))) == (as_number,)


def test_regions_of_structures_are_named():
    structures = ScannedSeries("ss", "structures", "p", "RTSTRUCT")
    (row,) = propose([structures], {"ss": ("Brain", "GTV")})
    assert row.structures == "ss"
    assert "ss has Brain, GTV" in row.reason
    assert row.lesion_roi == ""


def test_what_would_do_is_kept_beside_a_cell_that_is_open():
    twin = _mr("s9", "20200220", "t1 vibe km")
    rows = [DOSE, replace(DOSE, key="se", plan="1.3"), PLAN, BEFORE, twin, AFTER]
    (draft,) = propose(rows, {})
    assert draft.candidates == {POST_OP.title: ("s1", "s9"), "dose": ("sd", "se")}
    assert draft.named_for(POST_OP.title) == "nothing; s1 or s9 would do"
    assert draft.named_for(EVENT.title) == "nothing; the column reason may name what would do"
    assert replace(draft, reason="").named_for(EVENT.title) == "nothing"
    chosen = replace(draft, dose=("se",), candidates={})
    (row,) = propose(rows, {}, Manifest((POST_OP, EVENT), (chosen,)))
    assert row == chosen
    assert row.candidates == {POST_OP.title: ("s1", "s9")}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("p/brain.nii.gz",), "s0"),
        (("p/t1_brain_mask.nii.gz", "p/t1_brain.nii.gz"), "s0"),
        (("p/mask_of_brain.nrrd",), "s0"),
        (("p/t1_brain.nii.gz",), ""),
        (("p/brainstem.nii.gz",), ""),
        (("p/tumour_mask.nii.gz",), ""),
        (("p/a_brain_mask.nii.gz", "p/b_brain_mask.nii.gz"), ""),
    ],
)
def test_the_only_mask_of_the_brain_by_its_name_is_proposed(names, expected):
    masks = [
        ScannedSeries(f"s{at}", "volume", description=name, folder="p")
        for at, name in enumerate(names)
    ]
    (row,) = propose([replace(BEFORE, folder="p"), *masks], {})
    assert row.brain == expected
    assert ("brain: " in row.reason) == (bool(expected) or len(names) > 1)


def test_without_a_date_of_radiotherapy_nothing_is_guessed():
    (row,) = propose([BEFORE, AFTER], {})
    assert set(row.images.values()) == {""}
    assert "date of the radiotherapy is not known: s1" in row.reason


def test_headers_without_patient_are_told_apart_by_their_folders():
    rows = [replace(r, patient="", folder=f"{top}/x") for top in "ab" for r in (DOSE, BEFORE)]
    rows = [replace(row, key=f"{row.key}{row.folder[0]}") for row in rows]
    first, second = propose(rows, {})
    assert (first.patient, second.patient) == ("a", "b")
    assert first.images[POST_OP.title] == "s1a"
    assert second.dose == ("sdb",)


def test_an_image_is_of_the_patient_whose_files_lie_in_its_first_folder():
    image = ScannedSeries("si", "volume", folder="a/nii")
    alone = ScannedSeries("sj", "volume", "c", folder="c", patient_by="folders")
    rows = [replace(BEFORE, folder="a/x"), replace(AFTER, patient="q", folder="b"), image, alone]
    assert owners(rows) == {"s1": "p", "s2": "q", "si": "p"}
    assert [row.patient for row in propose(rows, {})] == ["c", "p", "q"]
    mixed = [*rows, replace(AFTER, key="s5", patient="q", folder="a/y")]
    assert "si" not in owners(mixed)

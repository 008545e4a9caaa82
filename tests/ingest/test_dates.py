"""Days between studies: of what, in which direction, and where they are not known."""

from types import SimpleNamespace

from ricenet_v2.ingest.dates import days_between, days_of, radiotherapy_date


def series(modality, date):
    return SimpleNamespace(modality=modality, date=date)


CT, PLAN, DOSE = (
    series("CT", "20230110"),
    series("RTPLAN", "20230120"),
    series("RTDOSE", "20230118"),
)
BEFORE, AFTER = series("MR", "20230101"), series("MR", "20230301")


def test_radiotherapy_is_of_the_latest_plan_or_dose_else_of_the_ct():
    assert radiotherapy_date([CT, PLAN, DOSE, AFTER]) == "20230120"
    assert radiotherapy_date([CT, DOSE, AFTER]) == "20230118"
    assert radiotherapy_date([BEFORE, CT, AFTER, series("RTPLAN", "")]) == "20230110"
    assert radiotherapy_date([BEFORE, AFTER, series("RTDOSE", "20231345")]) == ""


def test_days_run_forward_and_over_the_end_of_february():
    assert days_between("20230101", "20230301") == 59
    assert days_between("20240101", "20240301") == 60
    assert days_between("20230301", "20230101") == -59
    for unknown in ("", "2023-1-1", "20230230", "202301011"):
        assert days_between("20230101", unknown) is days_between(unknown, "20230101") is None


def test_images_count_from_the_first_study_and_the_last_one_from_radiotherapy():
    patient = [CT, PLAN, DOSE, BEFORE, AFTER]
    assert days_of({"post": BEFORE, "event": AFTER}, patient) == {
        "days_post": "0",
        "days_event": "59",
        "days_since_rt": "40",
    }
    assert days_of({"event": AFTER}, [AFTER]) == {"days_event": "0"}
    assert days_of({"event": series("MR", "")}, patient) == {}

"""Columns that tell who a patient is."""

import pytest

from ricenet_v2.records.identity import is_identity


@pytest.mark.parametrize(
    "column",
    [
        *("PatientID", "patientid", "pid", "PID", "study_uid", "caseId", "accession"),
        *("AccessionNumber", "geburtsdatum", "Fallnummer", "initials", "hospital_number"),
        *("insurance_no", "postcode", "PostalCode", "PLZ", "zip", "physician_name", "DOB"),
        *("BirthDate", "scan date", "e-mail", "Comment", "MRN"),
    ],
)
def test_names_of_columns_that_tell_who_it_is(column):
    assert is_identity(column)


@pytest.mark.parametrize(
    "column",
    [
        *("age", "sex", "site", "KPS", "steroid", "lipid", "post_op_volume", "IDH", "MGMT"),
        *("number_of_fractions", "prescription_gy", "initial_volume", "patient_age", "thyroid"),
    ],
)
def test_names_of_properties_do_not(column):
    assert not is_identity(column, ["50", "60", "NA"])


def test_long_numbers_that_hardly_occur_twice_are_identifiers():
    assert is_identity("code", [str(1_000_000 + i) for i in range(20)])
    assert is_identity("code", ["1234567.0", "7654321.0", ""])
    assert not is_identity("dose_rate", ["600000"] * 10 + ["400000"] * 10)
    assert not is_identity("volume", [f"{i}.25" for i in range(100_000, 100_020)])
    assert is_identity("seen", ["2020-01-31", ""])
    assert is_identity("seen", ["31.1.2020"])

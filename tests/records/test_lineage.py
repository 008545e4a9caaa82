from ricenet_v2.records.lineage import Trained, TrainedCase, digest


def trained(case, patient):
    return Trained([TrainedCase("Dataset001_A", digest(case), digest(patient))])


def test_a_case_and_a_patient_of_one_number_are_not_the_same():
    known = trained("5", "2")
    assert known.how("Dataset001_A", "9", "5", ()) == ""
    assert known.how("Dataset001_A", "2", "9", ()) == ""
    assert not known.has_id("9", "5")
    assert not known.has_id("2", "9")


def test_the_case_itself_and_another_case_of_its_patient_are_recognised():
    known = trained("5", "2")
    assert known.how("Dataset001_A", "5", "9", ()) == "same patient"
    assert known.how("Dataset001_A", "9", "2", ()) == "same patient"
    assert known.how("Dataset002_B", "5", "2", ()) == ""
    assert known.has_id("5", "9")
    assert known.has_id("9", "2")

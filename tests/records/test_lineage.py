from ricenet_v2.records.lineage import Trained, TrainedCase, digest, distinguishing


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


def test_an_image_that_several_patients_have_tells_nobody_from_another():
    images = {"1": ("own", "atlas"), "2": ("atlas", "other"), "3": ("atlas",)}
    people = {"1": "p", "2": "q", "3": "r"}
    assert distinguishing(images, people) == {"1": ("own",), "2": ("other",), "3": ("atlas",)}
    assert distinguishing({"1": ()}, people) == {"1": ()}


def test_an_image_of_two_cases_of_one_patient_tells_who_it_is():
    images = {"before": ("planning CT", "first"), "after": ("planning CT", "second")}
    assert distinguishing(images, {"before": "p", "after": "p"}) == images


def test_a_patient_who_is_there_under_two_ids_is_still_known_by_the_images():
    images = {"1": ("scan", "atlas"), "2": ("scan", "atlas"), "3": ("other", "atlas")}
    found = distinguishing(images, {"1": "p", "2": "again p", "3": "q"})
    assert found == {"1": ("scan",), "2": ("scan",), "3": ("other",)}


def test_a_template_of_all_trained_cases_recognises_nobody():
    cases = [TrainedCase("A", f"c{n}", f"p{n}", (f"scan {n}", "template")) for n in range(3)]
    known = Trained(cases)
    assert not known.has_image(("template", "scan of a new patient"))
    assert known.has_image(("template", "scan 1"))
    # One person in two datasets, under two ids, is no template.
    twice = [*cases, TrainedCase("B", "c", "q", ("scan 1", "dose"))]
    assert Trained(twice).has_image(("scan 1",))

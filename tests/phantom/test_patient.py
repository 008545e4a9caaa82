"""The stated model of the label: what the hidden values tell, without images."""

import numpy as np
import pytest
from scipy import special
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict

from ricenet_v2.core.seeds import generator
from ricenet_v2.phantom.images import BATH_MM, BATH_SHARE, PENUMBRA_MM
from ricenet_v2.phantom.patient import (
    BY_DOSE_ALONE,
    draw_patient,
    draw_recurrence,
    log_odds_of_recurrence,
)

N = 3000


@pytest.fixture(scope="module")
def latents():
    """Rows of relative dose, target margin, solidity, growth; and the labels."""
    rows, labels = [], []
    for number in range(N):
        random = generator(11, number)
        patient = draw_patient(random)
        beyond = np.linalg.norm(np.subtract(patient.lesion, patient.cavity))
        beyond -= patient.target_radius
        bath = BATH_SHARE * np.exp(-max(beyond, 0) / BATH_MM)
        # Dose at the middle of the lesion by the normal distribution's own tail function.
        dose = bath + (1 - bath) * special.ndtr(1 - beyond / PENUMBRA_MM)
        margin = patient.target_radius - patient.cavity_radius
        rows.append((dose, margin, patient.solidity, patient.growth))
        labels.append(draw_recurrence(log_odds_of_recurrence(patient, dose), random))
    return np.array(rows), np.array(labels)


def _auroc(latents, columns):
    rows, labels = latents
    used = rows[:, columns] / rows[:, columns].std(axis=0)
    model = LogisticRegression()
    scores = cross_val_predict(model, used, labels, cv=5, method="predict_proba")[:, 1]
    return roc_auc_score(labels, scores)


def test_dose_tells_most_and_mri_adds_to_it(latents):
    dose, mri, both = (_auroc(latents, columns) for columns in ([0, 1], [2, 3], [0, 1, 2, 3]))
    assert mri > 0.6
    assert dose > mri + 0.05
    assert both > dose + 0.03
    assert both < 0.97


def test_about_six_in_ten_are_recurrences(latents):
    assert 0.52 < latents[1].mean() < 0.68


def test_each_part_of_the_model_works_in_its_direction(latents):
    rows, labels = latents
    weights = LogisticRegression().fit(rows / rows.std(axis=0), labels).coef_[0]
    assert weights[0] < 0
    assert weights[1] < 0
    assert weights[2] > 0
    assert weights[3] > 0


def test_one_patient_in_five_has_the_short_course():
    patients = [draw_patient(generator(3, number)) for number in range(1000)]
    courses = {(patient.prescription, patient.fractions) for patient in patients}
    assert courses == {(60.0, 30), (40.05, 15)}
    assert 0.15 < np.mean([patient.fractions == 15 for patient in patients]) < 0.25


def test_dose_alone_decides_where_the_model_says_so():
    patients = [draw_patient(generator(5, number)) for number in range(50)]
    odds = {log_odds_of_recurrence(patient, 0.9, BY_DOSE_ALONE) for patient in patients}
    assert len(odds) == 1
    assert odds.pop() == pytest.approx(-3.0)
    drawn = [draw_recurrence(6.0, generator(6, n), BY_DOSE_ALONE) for n in range(300)]
    assert np.mean(drawn) > 0.98

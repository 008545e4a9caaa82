"""Entropy and disagreement against scipy and scikit-learn; temperature; distance."""

import dataclasses
import json

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import mahalanobis
from scipy.spatial.transform import Rotation
from sklearn.covariance import ledoit_wolf

from ricenet_v2.core import documents
from ricenet_v2.core.errors import CheckpointError
from ricenet_v2.inference.distribution_shift import outside
from ricenet_v2.inference.feature_reference import (
    Reference,
    distance_of,
    fit_reference,
    read_reference,
    write_reference,
)
from ricenet_v2.inference.temperature import scaled
from ricenet_v2.inference.uncertainty import disagreement, entropy
from ricenet_v2.store import checkpoints


def test_entropy_is_that_of_scipy():
    p = np.random.default_rng(0).dirichlet(np.ones(4), 20)
    np.testing.assert_allclose(entropy(p), stats.entropy(p, axis=1))
    assert entropy(np.array([1.0, 0.0])) == 0
    assert entropy(np.array([0.5, 0.5])) == pytest.approx(np.log(2))


def test_disagreement_is_the_mean_divergence_from_the_mean():
    members = np.random.default_rng(1).dirichlet(np.ones(3), (5, 20))
    mean = members.mean(axis=0)
    expected = np.mean([stats.entropy(each, mean, axis=1) for each in members], axis=0)
    np.testing.assert_allclose(disagreement(members), expected)
    assert disagreement(np.array([[1.0, 0.0], [0.0, 1.0]])) == pytest.approx(np.log(2))
    assert disagreement(np.array([[0.3, 0.7], [0.3, 0.7]])) == pytest.approx(0, abs=1e-15)


def test_a_temperature_divides_the_logits():
    logits = np.random.default_rng(2).normal(size=(10, 3))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    halved = np.exp(logits / 2) / np.exp(logits / 2).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(scaled(p, 2.0), halved)
    assert np.isfinite(scaled(np.array([0.0, 1.0]), 0.5)).all()


@pytest.fixture
def reference():
    random = np.random.default_rng(3)
    return fit_reference(
        random.normal(size=(40, 6)) * np.arange(1, 7),
        random.normal(size=(60, 6)) * np.arange(1, 7),
        {"T1c": (100.0, 200.0)},
    )


def test_distances_are_mahalanobis_with_shrunk_covariance(reference):
    random = np.random.default_rng(3)
    training = random.normal(size=(40, 6)) * np.arange(1, 7)
    covariance, _ = ledoit_wolf(training)
    new = random.normal(size=(3, 6))
    expected = [mahalanobis(x, training.mean(axis=0), np.linalg.inv(covariance)) for x in new]
    np.testing.assert_allclose(reference.distances(new), expected)


def test_a_reference_comes_back_as_it_was_and_is_small(reference, tmp_path):
    path = tmp_path / "feature_reference.pth"
    assert read_reference(path) is None
    write_reference(path, reference)
    found = read_reference(path)
    for name in ("mean", "precision", "held_out"):
        np.testing.assert_array_equal(getattr(found, name), getattr(reference, name))
    assert found.intensities == reference.intensities
    assert path.stat().st_size < 10_000
    checkpoints.save(path, {"mean": 3})
    with pytest.raises(CheckpointError, match="incomplete"):
        read_reference(path)


def test_far_cases_are_flagged_and_near_ones_are_not(reference):
    scale = np.arange(1, 7)
    references = {0: reference, 1: reference}

    def flag(features):
        return distance_of(references, {0: features, 1: features})

    near, far = np.zeros(6), 10.0 * scale
    assert flag(near) == (0.0, "like the training cases")
    assert flag(far) == (1.0, "unlike the training cases")
    edge = reference.relative(np.zeros((1, 6)))[0]
    assert edge < 1
    direction = scale / np.linalg.norm(scale)
    at = np.quantile(reference.held_out, 0.97)
    step = at / reference.distances(reference.mean[None] + direction)[0]
    share, text = flag(reference.mean + step * direction)
    assert (text, 0.95 <= share < 0.99) == ("unusual", True)
    assert distance_of({}, {0: near}) == (None, "not available")
    assert distance_of(references, {0: None, 1: None}) == (None, "not available")


@pytest.mark.parametrize(
    ("held_out", "text"),
    [
        *((18, "not available"), (19, "unusual"), (98, "unusual")),
        *((99, "unlike the training cases"), (199, "unlike the training cases")),
    ],
)
def test_a_flag_needs_enough_held_out_cases(reference, held_out, text):
    distances = 1 + np.arange(held_out) / held_out
    few = Reference(reference.mean, reference.precision, distances, {})
    assert distance_of({0: few}, {0: np.full(6, 99.0)}) == (1.0, text)


def test_flags_are_as_frequent_as_they_say():
    """Of cases drawn as 20 held-out ones are, no more than 1 in 20 or so is the farthest."""
    random, flagged = np.random.default_rng(7), 0
    mean, precision = np.zeros(4), np.eye(4)
    for _ in range(2000):
        distances = np.linalg.norm(random.normal(size=(20, 4)), axis=1)
        flag = distance_of(
            {0: Reference(mean, precision, distances, {})}, {0: random.normal(size=4)}
        )
        assert flag[1] != "unlike the training cases"
        flagged += flag[1] == "unusual"
    assert flagged / 2000 == pytest.approx(1 / 21, abs=0.015)


def test_new_cases_like_the_held_out_ones_are_seldom_flagged():
    """Of cases from the same distribution about 5 % or less are called unusual or unlike."""
    random, flagged = np.random.default_rng(5), 0
    for _ in range(20):
        references = {
            fold: fit_reference(random.normal(size=(64, 20)), random.normal(size=(16, 20)), {})
            for fold in range(5)
        }
        for _ in range(50):
            features = {fold: random.normal(size=20) for fold in range(5)}
            flagged += distance_of(references, features)[1] != "like the training cases"
    assert flagged / 1000 < 0.05


def test_intensities_outside_of_training_are_told(make_plan, reference, make_record):
    def told(mean):
        return outside(make_plan(), make_record(intensity_mean={"T1c": mean}), [reference])

    assert told(150.0) == told(90.0) == []
    (text,) = told(500.0)
    assert "mean intensity of 500 is outside the training range of 100 to 200" in text
    assert outside(make_plan(), make_record(intensity_mean={"T1c": 500.0}), []) == []


def test_older_predictions_are_read():
    from ricenet_v2.records.prediction import CasePrediction

    fields = {
        "case_id": "a",
        "predicted": "x",
        "probabilities": [0.4, 0.6],
        "members": [],
        "entropy": 0.6,
        "agreement": 1.0,
        "warnings": [],
    }
    found = documents.from_fields(CasePrediction, json.loads(json.dumps(fields)))
    assert (found.disagreement, found.distance, found.distance_flag) == (
        *(None, None),
        "not available",
    )


def _direction(degrees, axis="x"):
    return tuple(Rotation.from_euler(axis, degrees, degrees=True).as_matrix().ravel())


def test_a_case_that_is_turned_against_all_training_cases_is_told(
    make_plan, make_record, reference, tmp_path
):
    random = np.random.default_rng(0)
    features = random.normal(size=(9, 3))
    trained = [_direction(0), _direction(44), _direction(44)]
    made = fit_reference(features, features, {}, trained)
    assert made.directions.shape == (2, 9)
    write_reference(tmp_path / "reference.pth", made)
    kept = read_reference(tmp_path / "reference.pth")
    plan = make_plan()

    def told(degrees, used=plan, axis="x"):
        record = make_record(source_direction=_direction(degrees, axis))
        return "; ".join(outside(used, record, [kept]))

    assert told(0) == told(10) == told(35) == told(58) == ""
    assert "turned by 44 degrees against those of any training case" in told(-44)
    assert "turned by 20 degrees" in told(20, axis="z")
    assert told(-44, dataclasses.replace(plan, straighten=True)) == ""
    # Older models do not know how their cases lay.
    assert outside(plan, make_record(source_direction=_direction(40)), [reference]) == []

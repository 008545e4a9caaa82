"""Weights of bootstrap samples and of parts, patient by patient."""

import numpy as np

from ricenet_v2.evaluation.resampling import Patients

NAMES = [f"p{case // 2:02d}" for case in range(16)] + ["p99"] * 3
"""Eight patients of two cases and one of three."""


def weights_of(patients, n=2000):
    return np.concatenate(list(patients.samples(n, np.random.default_rng(0))), axis=1)


def test_a_sample_draws_as_many_patients_each_with_all_cases():
    patients = Patients.of(NAMES)
    weights = weights_of(patients)
    assert (len(weights), patients.count, patients.is_clustered) == (19, 9, True)
    first = np.unique(patients.owner, return_index=True)[1]
    np.testing.assert_array_equal(weights, weights[first][patients.owner])
    np.testing.assert_array_equal(weights[first].sum(axis=0), 9)
    assert np.array_equal(weights, weights.astype(int))


def test_all_patients_are_drawn_equally_often():
    """9 draws with 1 in 9: mean 1, variance 8/9 (multinomial)."""
    weights = weights_of(Patients.of([str(n) for n in range(9)]))
    np.testing.assert_allclose(weights.mean(axis=1), 1, atol=5 * np.sqrt(8 / 9 / 2000))
    np.testing.assert_allclose(weights.var(axis=1), 8 / 9, rtol=0.2)


def test_a_part_has_its_own_patients_counted_anew():
    part = Patients.of(NAMES).part(np.array([3, 2, 17, 18, 16, 5]))
    assert part.count == 3
    assert part.owner.tolist() == [0, 0, 2, 2, 2, 1]
    assert part.is_clustered
    alone = Patients.of(NAMES).part(np.array([0, 4, 18]))
    assert (alone.count, alone.is_clustered) == (3, False)

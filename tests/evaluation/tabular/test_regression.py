"""The regression against scikit-learn and statsmodels; coding of covariates."""

import numpy as np
import pytest
import statsmodels.api as sm
from sklearn.model_selection import StratifiedGroupKFold

from ricenet_v2.evaluation.tabular.regression import fit
from ricenet_v2.evaluation.tabular.table import CovariateTable, coded


def drawn(n=150, seed=0, noise=5):
    random = np.random.default_rng(seed)
    values = random.normal(size=(n, 2 + noise)) * 3 + 1
    odds = 0.8 * (values[:, 0] - 1) - 0.5 * (values[:, 1] - 1)
    truth = (random.random(n) < 1 / (1 + np.exp(-odds))).astype(int)
    return values, truth, [f"p{i}" for i in range(n)]


def test_without_shrinkage_it_is_the_regression_of_statsmodels(monkeypatch):
    values, truth, patients = drawn(noise=0)
    monkeypatch.setattr("ricenet_v2.evaluation.tabular.regression.PENALTIES", (1e9,))
    found = fit(values, truth, patients, 2)
    peer = sm.Logit(truth, sm.add_constant(values)).fit(disp=0)
    expected = peer.predict(sm.add_constant(values))
    np.testing.assert_allclose(found.probabilities(values)[:, 1], expected, atol=1e-4)
    weights, classes = found.coefficients
    assert weights[0] == pytest.approx(peer.params[1:] * values.std(axis=0), rel=1e-3)
    assert list(classes) == [1]


def test_noise_is_shrunk_and_signal_is_not():
    values, truth, patients = drawn(noise=0)
    assert fit(values, truth, patients, 2).penalty >= 0.1
    random = np.random.default_rng(1)
    noise = random.normal(size=(40, 30))
    found = fit(noise, np.arange(40) % 2, [f"p{i}" for i in range(40)], 2)
    assert found.penalty <= 0.01


def test_what_is_not_known_is_the_median_of_training():
    values, truth, patients = drawn(noise=1)
    values[::7, 0] = np.nan
    values[:, 2] = np.nan  # never known
    found = fit(values, truth, patients, 2)
    new = np.array([[np.nan, 1.0, np.nan]])
    same = np.array([[np.nanmedian(values[:, 0]), 1.0, 5.0]])
    np.testing.assert_allclose(
        found.probabilities(new)[0, 0],
        found.probabilities(np.array([[np.nanmedian(values[:, 0]), 1.0, np.nan]]))[0, 0],
    )
    assert found.probabilities(same).sum() == pytest.approx(1)


def test_a_class_that_training_lacks_gets_nothing_and_few_patients_no_search():
    values = np.arange(12.0)[:, None]
    truth = np.array([0] * 6 + [2] * 6)
    found = fit(values, truth, [f"p{i}" for i in range(12)], 3)
    assert (found.probabilities(values)[:, 1] == 0).all()
    alone = fit(values, truth, ["a"] * 6 + ["b"] * 6, 3)
    assert alone.penalty == 1.0


def test_one_class_of_three_with_a_single_patient_is_enough_to_do_without_a_search():
    truth = np.repeat([0, 1, 2], 6)
    patients = [f"p{min(i, 12)}" for i in range(18)]
    assert fit(np.arange(18.0)[:, None], truth, patients, 3).penalty == 1.0


def test_inner_folds_keep_patients_together_and_are_drawn_by_the_seed(monkeypatch):
    seen = []

    class Watched(StratifiedGroupKFold):
        def split(self, values, truth, groups):
            seen.append((self.random_state, self.shuffle, list(groups)))
            return super().split(values, truth, groups)

    monkeypatch.setattr("ricenet_v2.evaluation.tabular.regression.StratifiedGroupKFold", Watched)
    values, truth, _ = drawn(n=24)
    patients = [f"p{i // 2}" for i in range(24)]
    fit(values, truth, patients, 2, seed=7)
    assert seen == [(7, True, patients)]


def test_covariates_become_numbers():
    covariates = {
        "a": {"age": "50", "sex": "f", "site": "X", "const": "1", "group": "i1"},
        "b": {"age": "", "sex": "m", "site": "Y", "const": "1", "group": "i2"},
        "c": {"age": "70", "sex": "f", "site": "Z", "const": "1", "group": "i3"},
        "t": {"age": "60", "sex": "", "site": "new", "const": "2", "group": "i4"},
    }
    made = coded(covariates, ["a", "b", "c"])
    assert made.columns[:2] == ("age", "group = i1")
    assert {"sex = m", "site = X", "site = Y", "site = Z"} <= set(made.columns)
    assert "const" not in made.columns
    row = dict(zip(made.columns, made.rows(["t"])[0], strict=True))
    assert row["age"] == 60
    assert row["site = X"] == row["site = Y"] == 0
    assert np.isnan(row["sex = m"])
    assert np.isnan(made.rows(["b"])[0][0])
    many = {str(i): {"name": f"n{i}"} for i in range(11)}
    assert coded(many, list(many)).columns == ()


def test_tables_stand_side_by_side_by_case():
    first = CovariateTable(("a", "b"), ("x",), np.array([[1.0], [2.0]]))
    second = CovariateTable(("b", "a"), ("y",), np.array([[20.0], [10.0]]))
    made = first.beside(second)
    assert made.columns == ("x", "y")
    np.testing.assert_array_equal(made.values, [[1, 10], [2, 20]])


def test_columns_that_tell_who_it_is_are_left_out_and_told(caplog):
    covariates = {
        str(i): {"age": str(40 + i), "PatientID": str(i), "code": str(1_000_000 + i), "one": "x"}
        for i in range(20)
    }
    assert coded(covariates, list(covariates)).columns == ("age",)
    told = [record.getMessage().split()[0] for record in caplog.records]
    assert told == ["PatientID", "code", "one"]


def test_a_word_that_is_not_known_is_no_other_word() -> None:
    """As 0, a sex that is not known would be that which comes first in the alphabet."""
    covariates = {
        case: {"sex": sex} for case, sex in zip("abcd", ("f", "m", "m", "n/a"), strict=True)
    }
    made = coded(covariates, list(covariates))
    assert made.columns == ("sex = m",)
    np.testing.assert_array_equal(made.values[:, 0], [0, 1, 1, np.nan])


def test_a_word_for_nothing_among_numbers_is_not_known():
    covariates = {"a": {"age": "50"}, "b": {"age": "NA"}, "c": {"age": "60"}}
    made = coded(covariates, ["a", "b", "c"])
    assert made.columns == ("age",)
    np.testing.assert_array_equal(made.values[:, 0], [50, np.nan, 60])


def test_training_cases_of_one_class_give_that_class():
    values = np.arange(8.0)[:, None]
    found = fit(values, np.ones(8, dtype=int), [f"p{i}" for i in range(8)], 2)
    np.testing.assert_array_equal(found.probabilities(values), [[0, 1]] * 8)
    assert len(found.coefficients[0]) == 0
    assert np.isnan(found.penalty)


def test_a_covariate_with_decimal_commas_is_the_same_predictor():
    points = {f"c{n}": {"age": f"{50 + n}.5"} for n in range(9)}
    commas = {case: {"age": cells["age"].replace(".", ",")} for case, cells in points.items()}
    expected, read = coded(points, list(points)), coded(commas, list(commas))
    assert read.columns == expected.columns == ("age",)
    assert read.values.tolist() == expected.values.tolist()


def test_of_many_columns_few_are_kept_and_those_that_are_always_used_stay():
    random = np.random.default_rng(3)
    truth = np.arange(60) % 2
    values = random.normal(size=(60, 102))
    values[:, 0] += truth  # always used
    values[:, 50] += 3 * truth
    values[:, 51] = np.nan  # never known
    many = np.ones(102, dtype=bool)
    many[:2] = False
    found = fit(values, truth, [f"p{i}" for i in range(60)], 2, many=many)
    weights = found.coefficients[0][0]
    assert found.choice.kept == 4
    assert np.flatnonzero(weights[2:]).size == 4
    assert weights[0] != 0
    assert weights[1] != 0
    assert abs(weights[50]) == max(abs(weights[2:]))
    # Of what is kept, the fit is that of these columns alone.
    used = weights != 0
    alone = fit(values[:, used], truth, [f"p{i}" for i in range(60)], 2)
    if alone.penalty == found.penalty:
        np.testing.assert_allclose(
            alone.probabilities(values[:, used]), found.probabilities(values), atol=1e-6
        )


def test_selection_never_sees_what_is_held_out():
    """Chosen on all cases, the best of 400 columns of noise would seem to know the labels."""
    random = np.random.default_rng(0)
    truth, values = np.arange(40) % 2, random.normal(size=(40, 400))
    right = []
    for fold in range(5):
        held = np.arange(40) % 5 == fold
        patients = [f"p{i}" for i in np.flatnonzero(~held)]
        many = np.ones(400, dtype=bool)
        found = fit(values[~held], truth[~held], patients, 2, many=many)
        right += list(found.probabilities(values[held]).argmax(axis=1) == truth[held])
    assert 0.25 < np.mean(right) < 0.75


def test_without_columns_to_leave_out_nothing_changes():
    values, truth, patients = drawn()
    plain = fit(values, truth, patients, 2)
    none = fit(values, truth, patients, 2, many=np.zeros(values.shape[1], dtype=bool))
    np.testing.assert_array_equal(plain.weights, none.weights)
    assert plain.choice == none.choice
    assert plain.choice.kept is None

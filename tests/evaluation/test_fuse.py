"""Late fusion: nested metrics, a model in plain numbers, covariates that cannot be used."""

import dataclasses

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from ricenet_v2.core import documents
from ricenet_v2.core.errors import CheckpointError, DatasetError
from ricenet_v2.evaluation.evaluate import EvaluationOptions
from ricenet_v2.evaluation.fusion.covariates import named_covariates
from ricenet_v2.evaluation.fusion.fuse import BOTH, COVARIATES, IMAGE, fuse
from ricenet_v2.evaluation.fusion.write import weight_rows, weighted_classes, write_fusion
from ricenet_v2.evaluation.pooling import finished_repeats, pool
from ricenet_v2.evaluation.tabular import regression
from ricenet_v2.inference.fusion import covariates_of, fused, fusion_of
from ricenet_v2.records.prior import Prior
from ricenet_v2.records.run import Run
from ricenet_v2.store.paths import ModelPaths
from ricenet_v2.store.tables import write_rows

CLASSES, FOLDS, N, OPTIONS = ("other", "event"), 3, 40, EvaluationOptions(1, n_bootstrap=20)


@pytest.fixture
def make_model(tmp_path, monkeypatch):
    """A function that writes FOLDS folds, and cells of covariates by case; few penalties."""
    monkeypatch.setattr(regression, "PENALTIES", (0.1, 1.0))

    def make(use=1.0, known=0.9, repeats=1):
        model, random = ModelPaths(tmp_path / "auto__all"), np.random.default_rng(0)
        cells = {"marker": [], "kind": [], "noise": []}
        for fold in range(FOLDS * repeats):
            truth = (np.arange(N) % 2 == 0).astype(int)
            odds = random.normal(size=N) + 1.0 * (2 * truth - 1)
            p = expit(odds)
            rows = [
                {"case_id": f"c{fold % FOLDS}_{n}", "patient_id": f"p{fold % FOLDS}_{n}",
                 "label": CLASSES[label], "predicted": CLASSES[int(p[n] > 0.5)],
                 "prob_other": 1 - p[n], "prob_event": p[n]}
                for n, label in enumerate(truth)
            ]  # fmt: skip
            marker = 50 + 10 * (random.normal(size=N) + use * (2 * truth - 1))
            kind = np.where(random.random(N) < 0.5 + 0.3 * use * (2 * truth - 1), "yes", "no")
            is_known = random.random(N) < known
            cells["marker"] += [f"{value:.2f}" for value in marker]
            cells["kind"] += [
                str(k) if there else "" for k, there in zip(kind, is_known, strict=True)
            ]
            cells["noise"] += [f"{value:.3f}" for value in random.normal(size=N)]
            write_rows(model.fold(fold).validation, rows)
            run = Run("D", "auto", "", fold, ("mri",), 0, "cpu", 1, "finished", 0, (), {})
            prior = Prior((0.5, 0.5), (100, 100))
            run = dataclasses.replace(run, prior=prior, n_folds=FOLDS * repeats, repeats=repeats)
            documents.write(model.fold(fold).run, run)
        labelled = pool(model, "1")
        covariates = {name: tuple(values[: FOLDS * N]) for name, values in cells.items()}
        return model, dataclasses.replace(labelled, covariates=covariates)

    return make


def of(model, labelled, *names, options=OPTIONS):
    chosen = named_covariates(names, labelled.covariates, model.folder)
    return fuse(labelled, chosen, model, options)


def auroc(side):
    return roc_auc_score(side.truth, side.probabilities[:, 1])


def test_both_do_better_than_each_alone_and_all_folds_are_held_out(make_model):
    model, labelled = make_model()
    result = of(model, labelled, "marker", "kind")
    assert list(result.sides) == [BOTH, IMAGE, COVARIATES]
    assert auroc(result.sides[BOTH]) > max(
        auroc(result.sides[IMAGE]), auroc(result.sides[COVARIATES])
    )
    # The AUROC of each side is that of scikit-learn.
    for side in result.fusion.compared:
        assert side.metrics[0].value == pytest.approx(auroc(result.sides[side.name]))
    pair = next(p for p in result.comparison.pairs if (p.metric, p.b) == ("AUROC", IMAGE))
    assert pair.difference == pytest.approx(auroc(result.sides[BOTH]) - auroc(result.sides[IMAGE]))
    assert pair.p < 0.01
    assert result.fusion.prior == (0.5, 0.5)
    assert not result.fusion.warning


def test_the_page_has_a_weight_for_each_class_that_has_some_and_counts_what_is_not_known(
    make_model,
):
    model, labelled = make_model()
    fusion = of(model, labelled, "marker", "kind").fusion
    assert weighted_classes(fusion) == ("event",)
    unknown = labelled.covariates["kind"].count("")
    assert unknown > 0
    rows = [tuple(row) for row in weight_rows(fusion)]
    names, counts = ("log odds of event", "marker", "kind = yes"), ("0", "0", str(unknown))
    assert rows == [
        (name, f"{weight:+.3f}", count)
        for name, weight, count in zip(names, fusion.weights[0], counts, strict=True)
    ]
    three = dataclasses.replace(fusion, classes=("a", "b", "c"), weights=fusion.weights * 3)
    assert weighted_classes(three) == ("a", "b", "c")
    assert [len(row) for row in weight_rows(three)] == [5, 5, 5]


def test_each_fold_is_that_of_the_others_as_scikit_learn_fits_them(make_model, monkeypatch):
    monkeypatch.setattr(regression, "PENALTIES", (0.3,))
    model, labelled = make_model()
    result = of(model, labelled, "marker")
    values = np.column_stack(
        [logit(labelled.probabilities[:, 1]), np.array(labelled.covariates["marker"], float)]
    )
    folds = np.array(labelled.folds)
    for fold in range(FOLDS):
        others = folds != fold
        scaler = StandardScaler().fit(values[others])
        peer = LogisticRegression(C=0.3, tol=1e-8).fit(
            scaler.transform(values[others]), labelled.truth[others]
        )
        expected = peer.predict_proba(scaler.transform(values[~others]))
        np.testing.assert_allclose(result.sides[BOTH].probabilities[~others], expected, atol=1e-6)


def test_labels_of_a_fold_do_not_reach_its_own_predictions(make_model):
    """Turned labels of one fold change the regressions of the others alone."""
    model, labelled = make_model()
    of_fold = np.array(labelled.folds) == 2
    turned = np.where(of_fold, 1 - labelled.truth, labelled.truth)
    before = of(model, labelled, "marker", "kind").sides[BOTH].probabilities
    after = of(model, dataclasses.replace(labelled, truth=turned), "marker", "kind")
    np.testing.assert_array_equal(after.sides[BOTH].probabilities[of_fold], before[of_fold])
    assert not np.allclose(after.sides[BOTH].probabilities[~of_fold], before[~of_fold])


def test_cells_of_a_fold_do_not_reach_the_predictions_of_others_fitted_without_it(make_model):
    """Scales and imputed values are of the folds that a regression is fitted on."""
    model, labelled = make_model()
    of_fold = np.array(labelled.folds) == 2
    cells = [
        "9999" if is_one else cell
        for cell, is_one in zip(labelled.covariates["marker"], of_fold, strict=True)
    ]
    odd = dataclasses.replace(labelled, covariates={**labelled.covariates, "marker": tuple(cells)})
    fitted = of(model, odd, "marker").sides[COVARIATES].probabilities
    usual = of(model, labelled, "marker").sides[COVARIATES].probabilities
    assert (fitted[of_fold][:, 1] > 0.99).all()  # by weights that never saw 9999
    assert not np.allclose(fitted[~of_fold], usual[~of_fold])


def test_noise_adds_nothing_and_takes_little(make_model):
    model, labelled = make_model(use=0.0)
    result = of(model, labelled, "noise", "marker", "kind")
    assert abs(auroc(result.sides[BOTH]) - auroc(result.sides[IMAGE])) < 0.03
    assert abs(auroc(result.sides[COVARIATES]) - 0.5) < 0.12


def test_what_is_stored_predicts_as_what_was_fitted(make_model):
    model, labelled = make_model()
    result = of(model, labelled, "marker", "kind")
    write_fusion(result, model, OPTIONS, ())
    stored, _ = fusion_of(model)
    assert dataclasses.replace(stored, command=()) == result.fusion
    assert stored.columns == ("log odds of event", "marker", "kind = yes")
    values = np.array(
        [
            [logit(labelled.probabilities[n, 1]), float(labelled.covariates["marker"][n]),
             {"yes": 1.0, "no": 0.0, "": np.nan}[labelled.covariates["kind"][n]]]
            for n in range(len(labelled))
        ]
    )  # fmt: skip
    share, known = np.nanmean(values[:, 2]), ~np.isnan(values[:, 2])
    assert stored.covariates[1].unknown == (~known).sum() > 0
    assert stored.fill[2] == pytest.approx(share)
    filled = np.where(np.isnan(values), share, values)
    peer = LogisticRegression(C=stored.penalty, tol=1e-10).fit(
        StandardScaler().fit_transform(filled), labelled.truth
    )
    expected = peer.predict_proba(StandardScaler().fit_transform(filled))[:, 1]
    for n in (0, 1, int(np.flatnonzero(~known)[0])):
        cells = {name: labelled.covariates[name][n] for name in ("marker", "kind")}
        patient = covariates_of(stored, cells, "c")
        given = fused(stored, labelled.probabilities[n], patient.values)
        assert given[1] == pytest.approx(expected[n], abs=1e-6)
        assert ("kind is not known and is imputed" in patient.warnings) == (not cells["kind"])


def test_of_repeated_folds_the_first_repeat_is_used_and_a_note_says_so(make_model):
    model, labelled = make_model(repeats=2)
    assert finished_repeats(model) == (0, 1)
    chosen = named_covariates(("marker",), labelled.covariates, model.folder)
    result = fuse(labelled, chosen, model, OPTIONS, n_repeats=2)
    assert "the first of 2 repeats of the folds" in result.fusion.warning
    assert list(result.fusion.fitted_on) == [f"fold_{n}/validation.csv" for n in range(FOLDS)]
    assert result.fusion.n_cases == FOLDS * N
    alone, of_one = make_model()
    assert result.fusion.weights == of(alone, of_one, "marker").fusion.weights


def test_of_three_classes_each_probability_counts(make_model):
    model, labelled = make_model()
    third = np.arange(len(labelled)) % 3
    random = np.random.default_rng(1)
    probabilities = random.dirichlet((1, 1, 1), len(labelled)) + 2 * np.eye(3)[third]
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    three = dataclasses.replace(
        labelled, truth=third, predicted=third, probabilities=probabilities,
        classes=("a", "b", "c"), prior=(),
    )  # fmt: skip
    result = of(model, three, "marker")
    assert result.fusion.columns[:3] == tuple(f"log probability of {name}" for name in "abc")
    assert np.shape(result.fusion.weights) == (3, 4)
    patient = covariates_of(result.fusion, {"marker": "50"}, "c")
    given = fused(result.fusion, probabilities[:5], patient.values)
    assert given.shape == (5, 3)
    np.testing.assert_allclose(given.sum(axis=1), 1)
    assert (given.argmax(axis=1) == third[:5]).all()


def test_cells_of_a_new_patient(make_model):
    model, labelled = make_model()
    fusion = of(model, labelled, "marker", "kind").fusion
    usual = covariates_of(fusion, {"marker": "50", "kind": "yes"}, "c")
    assert usual.warnings == ()
    other = covariates_of(fusion, {"marker": "5000", "kind": "perhaps"}, "c")
    assert "marker 5000 lies outside of the training cases" in other.warnings[0]
    assert "kind 'perhaps' was not among the training cases (no, yes)" in other.warnings[1]
    assert other.cells == {"marker": "5000", "kind": ""}
    nothing = covariates_of(fusion, {"marker": "", "kind": "?"}, "c")
    assert np.isnan(nothing.values).all()
    assert "the image alone decides" in nothing.warnings[-1]
    with pytest.raises(DatasetError, match="got: marker 'fifty'"):
        covariates_of(fusion, {"marker": "fifty", "kind": "yes"}, "c")
    with pytest.raises(DatasetError, match="no kind"):
        covariates_of(fusion, {"marker": "50"}, "c")


def test_covariates_that_cannot_be_used_are_named_together(make_model):
    model, labelled = make_model()
    cells = {
        **labelled.covariates,
        "patient_name": labelled.covariates["kind"],
        "same": ("1",) * len(labelled),
    }
    with pytest.raises(DatasetError) as caught:
        named_covariates(("Marker", "patient_name", "same", "gone"), cells, model.folder)
    text = str(caught.value)
    assert "Marker: there is no such column; 'marker' differs in capitals" in text
    assert "patient_name: it may identify a patient" in text
    assert "same: it has a single value" in text
    assert "gone: no such column" in text


def test_one_fold_or_a_class_without_cases_is_refused(make_model):
    model, labelled = make_model()
    alone = labelled.part(np.flatnonzero(np.array(labelled.folds) == 0))
    with pytest.raises(DatasetError, match="got: 1 fold"):
        of(model, alone, "marker")
    events = labelled.part(np.flatnonzero(labelled.truth == 1))
    with pytest.raises(DatasetError, match="no case of other"):
        of(model, events, "marker")


def test_a_fold_that_is_trained_again_or_no_fusion_is_refused(make_model):
    model, labelled = make_model()
    with pytest.raises(CheckpointError, match="No covariates were fused"):
        fusion_of(model)
    write_fusion(of(model, labelled, "marker"), model, OPTIONS, ())
    file = model.fold(2).validation
    file.write_text(file.read_text() + "\n", encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"fold_2/validation\.csv"):
        fusion_of(model)

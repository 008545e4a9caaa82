"""Logistic regression whose penalty is chosen inside the training cases (nested)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from ricenet_v2.core.types import Floats, Indices

PENALTIES = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0)
"""Values of scikit-learn's C that are tried; a smaller one shrinks more."""
_INNER_FOLDS, _LEAST = 5, 1e-12


@dataclass(frozen=True)
class Regression:
    """A fitted model.

    Attributes:
        model: Imputation by the median, scaling, regression.
        n_classes: Classes.
        penalty: C that was chosen; NaN where the training cases are of one class.
    """

    model: Pipeline
    n_classes: int
    penalty: float

    def probabilities(self, values: Floats) -> Floats:
        """Probabilities, axes (cases, classes); 0 for a class that the training cases lacked."""
        probabilities = np.zeros((len(values), self.n_classes))
        probabilities[:, self.model[-1].classes_] = self.model.predict_proba(values)
        return probabilities

    @property
    def coefficients(self) -> tuple[Floats, Indices]:
        """Coefficients per standard deviation, axes (rows, columns), and the class of each row.

        No rows where the training cases are of one class.
        """
        last = self.model[-1]
        if isinstance(last, DummyClassifier):
            return np.empty((0, 0)), np.empty(0, dtype=np.intp)
        classes = last.classes_[1:] if len(last.coef_) == 1 else last.classes_
        return last.coef_, classes


def fit(
    values: Floats, truth: Indices, patients: Sequence[str], n_classes: int, seed: int = 0
) -> Regression:
    """Fit; the penalty is that of the best log loss in inner folds that keep patients together.

    Training cases of one class teach nothing: that class is then given to every case.

    Args:
        values: Axes (cases, columns); NaN where not known.
        truth: Class of each case.
        patients: Patient of each case.
        n_classes: Classes.
        seed: Random seed of the inner folds.
    """
    if len(np.unique(truth)) == 1:
        constant = Pipeline([("constant", DummyClassifier(strategy="prior"))])
        return Regression(constant.fit(values, truth), n_classes, np.nan)
    pipeline = Pipeline(
        [
            ("known", SimpleImputer(strategy="median", keep_empty_features=True)),
            ("scaled", StandardScaler()),
            ("regression", LogisticRegression(max_iter=10_000, tol=1e-8)),
        ]
    )
    of_class = [{patients[int(i)] for i in np.flatnonzero(truth == k)} for k in np.unique(truth)]
    n_inner = min(_INNER_FOLDS, *(len(members) for members in of_class))
    if n_inner < 2:
        return Regression(pipeline.fit(values, truth), n_classes, 1.0)
    inner = StratifiedGroupKFold(n_inner, shuffle=True, random_state=seed)
    search = GridSearchCV(
        pipeline,
        {"regression__C": list(PENALTIES)},
        scoring=_log_likelihood,
        cv=list(inner.split(values, truth, np.asarray(patients))),
    )
    search.fit(values, truth)
    chosen = float(search.best_params_["regression__C"])
    return Regression(search.best_estimator_, n_classes, chosen)


def _log_likelihood(model: Any, values: Floats, truth: Indices) -> float:
    """Mean log of what the right class was given; a class that training lacked is given nothing."""
    probabilities = model.predict_proba(values)
    column = {int(name): index for index, name in enumerate(model.classes_)}
    given = [
        probabilities[row, column[int(label)]] if int(label) in column else 0.0
        for row, label in enumerate(truth)
    ]
    return float(np.mean(np.log(np.maximum(given, _LEAST))))

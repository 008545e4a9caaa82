"""Logistic regression whose penalty is chosen inside the training cases (nested)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import softmax
from sklearn.feature_selection import f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from ricenet_v2.core.types import Flags, Floats, Indices

PENALTIES = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0)
"""Values of scikit-learn's C that are tried; a smaller one shrinks more."""
NUMBERS_KEPT: tuple[int | None, ...] = (4, 16, 64, None)
"""Numbers of optional columns to keep that are tried; None for all."""
_INNER_FOLDS, _LEAST = 5, 1e-12


@dataclass(frozen=True)
class RegressionChoice:
    """Choices made inside the training cases.

    Attributes:
        penalty: C of scikit-learn; NaN where the training cases are of one class.
        kept: Columns that are kept of those that may be left out; None for all.
    """

    penalty: float
    kept: int | None = None


@dataclass(frozen=True)
class Standardisation:
    """Standardisation of columns by the training cases.

    Attributes:
        fill: Imputed value for unknown values, shape (columns,): the mean of a column of 0 and 1,
            which is the share of its word, and the median of any other.
        mean: Mean of the filled columns, shape (columns,).
        scale: Standard deviation of the filled columns; 1 where they are constant.
    """

    fill: Floats
    mean: Floats
    scale: Floats

    @classmethod
    def of(cls, values: Floats) -> Standardisation:
        """Fit to values, axes (cases, columns), NaN where not known."""
        fill = _typical(values)
        filled = np.where(np.isnan(values), fill, values)
        scale = filled.std(axis=0)
        tiny = 10 * np.finfo(np.float64).eps * np.abs(filled).max(axis=0, initial=0.0)
        return cls(fill, filled.mean(axis=0), np.where(scale > tiny, scale, 1.0))

    def __call__(self, values: Floats) -> Floats:
        """Standardised values, the same axes."""
        standardised: Floats = (
            np.where(np.isnan(values), self.fill, values) - self.mean
        ) / self.scale
        return standardised


def _typical(values: Floats) -> Floats:
    """The mean of each column of only 0 and 1, else its median; 0 if none is known."""
    unknown = np.isnan(values)
    is_word = (unknown | (values == 0) | (values == 1)).all(axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a column of which nothing is known
        fill = np.where(is_word, np.nanmean(values, axis=0), np.nanmedian(values, axis=0))
    return np.where(unknown.all(axis=0), 0.0, fill)


@dataclass(frozen=True)
class Regression:
    """A fitted model, in plain numbers.

    Attributes:
        standardisation: Standardisation of the columns.
        weights: Weights per standard deviation of a column, axes (rows, columns): one row where the
            training cases are of two classes, one for each class if there are more, none for a
            single class. They are 0 for a column that was left out.
        intercepts: Shape (rows,).
        classes: Indices of the classes that the training cases have, ascending.
        n_classes: Classes.
        choice: Penalty and number of columns that were chosen.
    """

    standardisation: Standardisation
    weights: Floats
    intercepts: Floats
    classes: Indices
    n_classes: int
    choice: RegressionChoice

    @property
    def penalty(self) -> float:
        """C that was chosen; NaN where the training cases are of one class."""
        return self.choice.penalty

    def probabilities(self, values: Floats) -> Floats:
        """Probabilities, axes (cases, classes); 0 for a class that the training cases lacked."""
        odds = log_odds(self.standardisation(values), self.weights, self.intercepts)
        probabilities = np.zeros((len(values), self.n_classes))
        probabilities[:, self.classes] = softmax(odds, axis=1)
        return probabilities

    @property
    def coefficients(self) -> tuple[Floats, Indices]:
        """Coefficients per standard deviation, axes (rows, columns), and the class of each row.

        No rows where the training cases are of one class.
        """
        return self.weights, self.classes[1:] if len(self.weights) == 1 else self.classes


def log_odds(standardised: Floats, weights: Floats, intercepts: Floats) -> Floats:
    """Logits, axes (cases, classes): of one row those of the second class, the first having 0."""
    if not len(weights):
        return np.zeros((len(standardised), 1))
    logits: Floats = standardised @ weights.T + intercepts
    return np.hstack([np.zeros_like(logits), logits]) if len(weights) == 1 else logits


def fit(
    values: Floats,
    truth: Indices,
    patients: Sequence[str],
    n_classes: int,
    seed: int = 0,
    many: Flags | None = None,
) -> Regression:
    """Fit; the penalty is that of the best log loss in inner folds that keep patients together.

    Of columns that are many for the cases, those of the largest F statistic of an analysis of
    variance are kept. Their number is chosen together with the penalty, and in each inner fold they
    are selected again, as are medians, means and standard deviations.

    Training cases of one class teach nothing: that class is then given to every case.

    Args:
        values: Axes (cases, columns); NaN where not known.
        truth: Class of each case.
        patients: Patient of each case.
        n_classes: Classes.
        seed: Random seed of the inner folds.
        many: Columns that may be left out, shape (columns,); none where None.
    """
    columns = np.zeros(values.shape[1], dtype=np.bool_) if many is None else many
    if len(np.unique(truth)) == 1:
        return _fitted(values, truth, n_classes, RegressionChoice(np.nan), columns)
    of_class = [{patients[int(i)] for i in np.flatnonzero(truth == k)} for k in np.unique(truth)]
    n_inner = min(_INNER_FOLDS, *(len(members) for members in of_class))
    choices = _choices(int(columns.sum()))
    if n_inner < 2:
        return _fitted(values, truth, n_classes, RegressionChoice(1.0, choices[0].kept), columns)
    inner = StratifiedGroupKFold(n_inner, shuffle=True, random_state=seed)
    of_parts = [
        list(_log_likelihoods(values, truth, n_classes, choices, columns, part))
        for part in inner.split(values, truth, np.asarray(patients))
    ]
    scores = [np.mean(of_choice) for of_choice in zip(*of_parts, strict=True)]
    return _fitted(values, truth, n_classes, choices[int(np.argmax(scores))], columns)


def _choices(n_many: int) -> list[RegressionChoice]:
    """All that are tried, the simplest first: it wins where several are as good."""
    numbers = [kept for kept in NUMBERS_KEPT if kept is None or kept < n_many]
    return [RegressionChoice(penalty, kept) for kept in numbers for penalty in PENALTIES]


@dataclass(frozen=True)
class _Prepared:
    """Training cases with what all choices share, which is computed once.

    Attributes:
        standardisation: Standardisation of the columns.
        standardised: Axes (cases, columns).
        truth: Class of each case.
        many: Columns that may be left out, shape (columns,).
    """

    standardisation: Standardisation
    standardised: Floats
    truth: Indices
    many: Flags

    @classmethod
    def of(cls, values: Floats, truth: Indices, many: Flags) -> _Prepared:
        standardisation = Standardisation.of(values)
        return cls(standardisation, standardisation(values), truth, many)

    @cached_property
    def _strongest_first(self) -> Indices:
        """Columns that may be left out, by F statistic; of equals, the first is first."""
        places = np.flatnonzero(self.many)
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a constant column has no F statistic
            statistic, _ = f_classif(self.standardised[:, places], self.truth)
        order = np.argsort(-np.nan_to_num(statistic, nan=-1.0, posinf=np.inf), kind="stable")
        strongest: Indices = places[order]
        return strongest

    def used(self, kept: int | None) -> Flags:
        """Columns of which a model is made, shape (columns,)."""
        chosen = ~self.many
        chosen[np.flatnonzero(self.many) if kept is None else self._strongest_first[:kept]] = True
        return chosen

    def regression(self, n_classes: int, choice: RegressionChoice) -> Regression:
        """The model of a choice."""
        columns, classes = self.standardised.shape[1], np.unique(self.truth)
        if len(classes) == 1:
            nothing = np.empty((0, columns)), np.empty(0)
            return Regression(self.standardisation, *nothing, classes, n_classes, choice)
        used = self.used(choice.kept)
        model = LogisticRegression(C=choice.penalty, max_iter=10_000, tol=1e-8)
        model.fit(self.standardised[:, used], self.truth)
        weights = np.zeros((len(model.coef_), columns))
        weights[:, used] = model.coef_
        return Regression(
            self.standardisation, weights, model.intercept_, model.classes_, n_classes, choice
        )


def _fitted(
    values: Floats, truth: Indices, n_classes: int, choice: RegressionChoice, many: Flags
) -> Regression:
    return _Prepared.of(values, truth, many).regression(n_classes, choice)


def _log_likelihoods(
    values: Floats,
    truth: Indices,
    n_classes: int,
    choices: Sequence[RegressionChoice],
    many: Flags,
    part: tuple[Indices, Indices],
) -> Iterator[float]:
    """Mean log probability of the true class in an inner fold, for each choice."""
    train, held = part
    prepared = _Prepared.of(values[train], truth[train], many)
    for choice in choices:
        probabilities = prepared.regression(n_classes, choice).probabilities(values[held])
        given = probabilities[np.arange(len(held)), truth[held]]
        yield float(np.mean(np.log(np.maximum(given, _LEAST))))

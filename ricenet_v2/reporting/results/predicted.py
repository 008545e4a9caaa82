"""One set of predictions, and those of a folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from ricenet_v2.core import documents
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.curves import Curves
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.metrics import Evaluation
from ricenet_v2.records.prediction import CasePrediction, Predictions
from ricenet_v2.records.sanity import Sanity
from ricenet_v2.records.splits import Splits
from ricenet_v2.reporting.formatting import percent
from ricenet_v2.reporting.results.metric_tables import without_identities
from ricenet_v2.store.metrics_files import metrics_file
from ricenet_v2.store.paths import CURVES_JSON, PREDICTIONS_JSON, SANITY_JSON

Joined = Literal["same", "other", "unknown"]

_USUAL = ("like the training cases", "not available", "")
_OTHER = (
    "cases.csv has a case with the same id that may be another patient: "
    "its label and images are not shown here"
)
_UNVERIFIED = (
    "label and images are those of the case with this id in cases.csv: whether the same images "
    "were predicted is not recorded"
)


@dataclass(frozen=True)
class PredictedCase:
    """Prediction of one case.

    Attributes:
        case_id: The case.
        truth: Name of its class; None where it is not known.
        predicted: Name of the predicted class.
        probabilities: Probabilities in the order of the classes.
        members: Name of each member and its probabilities.
        entropy: Entropy of the probabilities in nats.
        agreement: Share of members that predict the same class; None with one member.
        disagreement: Mutual information of members and class, nats.
        distance: Distance from the training cases, 0 to 1.
        flags: Remarks for the reader, in words.
        part: `fold 0`, or the name of the prediction folder.
        source: Facts of its images.
        is_other: Whether a case of the dataset that has the same id is, or may be, another one.
        learned_by: Folds whose training cases it is one of, of those that predicted it; of a
            validation case none.
        is_vote: Whether the probabilities are shares of votes.
    """

    case_id: str
    truth: str | None
    predicted: str
    probabilities: tuple[float, ...]
    members: tuple[tuple[str, tuple[float, ...]], ...]
    entropy: float
    agreement: float | None
    disagreement: float | None
    distance: float | None
    flags: tuple[str, ...]
    part: str
    source: PreprocessedCase | None
    is_other: bool = False
    learned_by: tuple[int, ...] = ()
    is_vote: bool = False

    @property
    def page(self) -> str:
        """Name of its page: its id, unless the dataset's case of that id is another one."""
        return f"{self.case_id} in {self.part}" if self.is_other else self.case_id

    @property
    def is_right(self) -> bool | None:
        """Whether the predicted class is the truth; None where that is not known."""
        return None if self.truth is None else self.truth == self.predicted


@dataclass(frozen=True)
class Result:
    """One set of predictions with all that was written about it.

    Attributes:
        name: `out-of-fold`, or the name of the folder.
        folder: Folder of the predictions.
        cases: Sorted by case id.
        failed: Case id and reason of those that could not be predicted.
        evaluation: metrics.json, if it exists, without subgroups that may identify a patient.
        curves: curves.json, if it exists.
        sanity: sanity.json, if it exists.
        predictions: predictions.json of a folder.
    """

    name: str
    folder: Path
    cases: tuple[PredictedCase, ...]
    failed: tuple[tuple[str, str], ...]
    evaluation: Evaluation | None
    curves: Curves | None
    sanity: Sanity | None
    predictions: Predictions | None

    @property
    def title(self) -> str:
        """`out-of-fold`, or `folder` and its name."""
        return self.name if self.is_out_of_fold else f"folder {self.name}"

    @property
    def is_out_of_fold(self) -> bool:
        """Whether these are the validation cases of the folds."""
        return self.predictions is None

    @property
    def kind(self) -> str:
        """Kind of the members: models without checkpoints are not networks."""
        return "network" if self.predictions and self.predictions.checkpoint_hashes else "model"


def of_folder(
    folder: Path,
    known: Mapping[str, Case],
    preprocessed: Mapping[str, PreprocessedCase],
    cases_hash: str = "",
    splits: Splits | None = None,
) -> Result:
    """The predictions of a folder that ricenet_predict wrote.

    Args:
        folder: Holds predictions.json.
        known: Cases of the dataset, whose labels are the truths.
        preprocessed: Records of them, which show whether the predicted images are theirs.
        cases_hash: SHA-256 of cases.csv; predictions that name it are of its cases.
        splits: The folds, which show which networks learned from a case.

    Raises:
        DocumentError: No predictions, or not readable.
    """
    predictions = documents.read(Predictions, folder / PREDICTIONS_JSON)
    name = folder.resolve().name
    are_known = bool(cases_hash) and predictions.cases_hash == cases_hash
    cases: list[PredictedCase] = []
    for case in sorted(predictions.cases, key=lambda case: case.case_id):
        listed_case, record = known.get(case.case_id), preprocessed.get(case.case_id)
        joined = "same" if are_known or listed_case is None else _joined(case, listed_case, record)
        learned = () if joined == "other" else _learned_by(case, listed_case, splits)
        prediction = _of_prediction(case, listed_case, joined, predictions.classes, name, learned)
        cases.append(replace(prediction, is_vote=predictions.combine == "vote"))
    failed = tuple((failure.case_id, failure.error) for failure in predictions.failed)
    return result_of(name, folder, tuple(cases), known.values(), failed, predictions)


def result_of(
    name: str,
    folder: Path,
    cases: tuple[PredictedCase, ...],
    known: Iterable[Case],
    failed: tuple[tuple[str, str], ...] = (),
    predictions: Predictions | None = None,
) -> Result:
    """Predictions with the documents beside them.

    Args:
        name: `out-of-fold`, or that of the folder.
        folder: Folder of metrics, curves and checks.
        cases: Predicted cases.
        known: Cases of the dataset.
        failed: Case id and reason of those that could not be predicted.
        predictions: predictions.json of a folder; None for out-of-fold predictions.
    """
    metrics, curves = metrics_file(folder), folder / CURVES_JSON
    sanity = folder / SANITY_JSON
    evaluation = None
    if metrics.is_file():
        evaluation = without_identities(documents.read(Evaluation, metrics), known)
    return Result(
        name=name,
        folder=folder,
        cases=cases,
        failed=failed,
        evaluation=evaluation,
        curves=documents.read(Curves, curves) if curves.is_file() else None,
        sanity=documents.read(Sanity, sanity) if sanity.is_file() else None,
        predictions=predictions,
    )


def _of_prediction(
    case: CasePrediction,
    known: Case | None,
    joined: Joined,
    classes: Sequence[str],
    part: str,
    learned_by: tuple[int, ...],
) -> PredictedCase:
    is_other = joined == "other"
    flags = [_OTHER] if is_other else [_UNVERIFIED] if joined == "unknown" else []
    if learned_by:
        flags.append(_learned_text(len(learned_by), len(case.members)))
    flags += case.warnings
    if case.distance_flag not in _USUAL:
        flags.append(case.distance_flag)
    if case.agreement < 1:
        flags.append(f"{percent(case.agreement)} of the members agree")
    return PredictedCase(
        case_id=case.case_id,
        truth=known.label if known and known.label in classes and not is_other else None,
        predicted=case.predicted,
        probabilities=case.probabilities,
        members=tuple((f"fold {member.fold}", member.probabilities) for member in case.members),
        entropy=case.entropy,
        agreement=case.agreement if len(case.members) > 1 else None,
        disagreement=case.disagreement,
        distance=case.distance,
        flags=tuple(flags),
        part=part,
        source=case.source,
        is_other=is_other,
        learned_by=learned_by,
    )


def _learned_by(case: CasePrediction, known: Case | None, splits: Splits | None) -> tuple[int, ...]:
    """Folds that predicted a case and were trained on it; all of its folds if not known."""
    if known is None:
        return ()
    folds = tuple(member.fold for member in case.members) or (0,)
    if splits is None:
        return folds if known.split == "train" else ()
    n, of_splits = len(splits.folds), {*splits.folds[0].train, *splits.folds[0].validation}
    # Also where it was moved to the test cases since.
    if known.split != "train" and case.case_id not in of_splits:
        return ()
    return tuple(fold for fold in folds if fold >= n or case.case_id in splits.folds[fold].train)


def _learned_text(n: int, n_members: int) -> str:
    if n >= n_members:
        return "a training case: every member that predicted it was trained on it"
    return f"a training case: {n} of {n_members} members that predicted it were trained on it"


def _joined(case: CasePrediction, known: Case, record: PreprocessedCase | None) -> Joined:
    """Whether the images of a known case were predicted, by their hashes.

    Without hashes, a training case counts as another one, and a test case as the same.
    """
    source = case.source
    unverified: Joined = "other" if known.split == "train" else "unknown"
    if source is None or record is None or "" in (source.inputs_hash, record.inputs_hash):
        return unverified
    if source.plan_hash != record.plan_hash:  # which the hash of the inputs depends on
        return unverified
    return "same" if source.inputs_hash == record.inputs_hash else "other"


def entropy_of(probabilities: Sequence[float]) -> float:
    """Entropy in nats, as in predictions.json."""
    p = np.asarray(probabilities)
    return float(-(p[p > 0] * np.log(p[p > 0])).sum())

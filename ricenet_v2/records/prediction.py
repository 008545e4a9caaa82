"""Predictions of single cases and of folders."""

from __future__ import annotations

from typing import ClassVar

from ricenet_v2.core.documents import record
from ricenet_v2.records.cases import PreprocessedCase


@record
class MemberPrediction:
    """Class probabilities of one network, in the order of the classes."""

    fold: int
    probabilities: tuple[float, ...]


@record
class CasePrediction:
    """One case.

    Attributes:
        case_id: The case.
        predicted: Name of the class.
        probabilities: Combined, in the order of the classes; they sum to 1.
        members: Of each network.
        entropy: Of the combined probabilities, in nats.
        agreement: Share of members whose most probable class is `predicted`.
        warnings: In words, e.g. spacing outside the range of the training data.
        source: Facts of the input's grid.
        disagreement: Mutual information of members and class in nats: entropy of the mean of the
            members' probabilities less the mean of their entropies; None with a single member or
            in older files.
        distance: Share of the cases held out in training that lie nearer to the training cases,
            in the space of the networks' features (0 to 1); None where a model has no file of
            its training features.
        distance_flag: `like the training cases`, `unusual`, `unlike the training cases`, or
            `not available`.
    """

    case_id: str
    predicted: str
    probabilities: tuple[float, ...]
    members: tuple[MemberPrediction, ...]
    entropy: float
    agreement: float
    warnings: tuple[str, ...]
    source: PreprocessedCase | None = None
    disagreement: float | None = None
    distance: float | None = None
    distance_flag: str = "not available"


@record
class FailedCase:
    """A case that could not be predicted, and why."""

    case_id: str
    error: str


@record
class Predictions:
    """The content of predictions.json.

    `temperature` is that of ricenet_calibrate where the probabilities were calibrated; `command` is
    as typed, with `~` for the home folder, empty in older files; `cases_hash` is the SHA-256 of the
    cases.csv that names the cases, where they are those of a dataset and not of a folder of images.
    """

    document: ClassVar[str] = "predictions"
    schema: ClassVar[int] = 1

    dataset: str
    plan: str
    plan_hash: str
    checkpoint_hashes: dict[str, str]
    classes: tuple[str, ...]
    combine: str
    mirrored: bool
    cases: tuple[CasePrediction, ...]
    failed: tuple[FailedCase, ...]
    note: str = "Research use only. Not a medical device."
    temperature: float | None = None
    command: tuple[str, ...] = ()
    cases_hash: str = ""

"""Predictions of single cases and of folders."""

from __future__ import annotations

import operator
import re
from dataclasses import field
from typing import Annotated, ClassVar

from pydantic import Field

from ricenet_v2.core import html
from ricenet_v2.core.documents import record
from ricenet_v2.core.names import Name, RelativePath, Title, number
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.prior import Decide, MemberPrior, Recalibration

_OF_FOLD = re.compile(r"fold_(\d+)/")


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
        predicted: Name of the class, by the rule that `decide` of the predictions names.
        probabilities: Combined, in the order of the classes; they sum to 1.
        members: Predictions of each network.
        entropy: Entropy of the combined probabilities, in nats.
        agreement: Share of members that by the same rule call `predicted`.
        warnings: Warnings in words, e.g. spacing outside the range of the training data.
        source: Facts of the input's grid.
        disagreement: Mutual information of members and class in nats: entropy of the mean of the
            members' probabilities less the mean of their entropies; None with a single member or
            in older files.
        distance: Share of the cases held out in training that lie nearer to the training cases,
            in the space of the networks' features (0 to 1); None where a model has no file of
            its training features.
        distance_flag: `like the training cases`, `unusual`, `unlike the training cases`, or
            `not available`.
        image_probabilities: Probabilities by the image alone, combined by the same rule, if
            covariates were added by ricenet_fuse; else empty.
        covariates: Covariates that were added, by name, as written in the table; empty where not
            known.
    """

    case_id: Name
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
    image_probabilities: tuple[float, ...] = ()
    covariates: dict[str, str] = field(default_factory=dict)

    def _repr_html_(self) -> str:
        """The class, and what each network says of it, for notebooks."""
        combined = [html.number(value) for value in self.probabilities]
        rows = [("combined", *combined)]
        rows += [
            (f"fold {each.fold}", *(html.number(value) for value in each.probabilities))
            for each in self.members
        ]
        columns = ("network", *(f"class {index}" for index in range(len(combined))))
        return html.table(
            f"{self.case_id}: {self.predicted}",
            columns,
            rows,
            f"Agreement {self.agreement:.2f}; features: {self.distance_flag}.",
            *self.warnings,
        )


@record
class FailedCase:
    """A case that could not be predicted, and why."""

    case_id: str
    error: str


@record
class Predictions:
    """The content of predictions.json.

    Attributes:
        dataset: Name of the dataset that the model was trained on.
        plan: Name of its plan.
        plan_hash: SHA-256 of it.
        checkpoint_hashes: SHA-256 of each checkpoint.
        classes: Names, in the order of the probabilities.
        combine: `mean` of probabilities or `vote`.
        mirrored: Whether the networks' outputs are averaged over mirrorings.
        cases: Predicted.
        failed: Cases that were not predicted.
        note: Intended use.
        temperature: Temperature of ricenet_calibrate, if the probabilities are scaled by one.
        command: Command as typed, with `~` for the home folder; empty in older files.
        cases_hash: SHA-256 of the cases.csv that names the cases, where they are those of a dataset
            and not of a folder of images.
        priors: Priors of the members; empty if a checkpoint does not store them (older models).
        prior: Class shares that the combined probabilities are right for; empty where the outputs
            of the networks were not corrected, and in older files.
        prior_named: Whether the user named them (--prior); else they are those of the training
            cases, of each member its own.
        decide: Rule for the class `predicted`; None in older files and if nothing was corrected:
            then the class of the largest output (without offsets of a calibration).
        recalibration: Recalibration of ricenet_calibrate; None if it was not applied, changes
            nothing, or in older files, which have `temperature` alone.
        calibrated: Whether a calibration was requested, even if it changes nothing.
        warnings: Warnings of all cases, in words.
        covariates: Names of those that ricenet_fuse fitted and that were added; empty for the image
            alone.
        fusion_hash: SHA-256 of the fusion.json that was applied; empty for the image alone.
        channels: Channels that the networks see, if cases may lack some of them (`missing` of their
            source); else empty, and not written.
    """

    document: ClassVar[str] = "predictions"
    schema: ClassVar[int] = 1
    has_checksum: ClassVar[bool] = True

    dataset: Title
    plan: Name
    plan_hash: str
    checkpoint_hashes: dict[RelativePath, str]
    classes: tuple[Title, ...]
    combine: str
    mirrored: bool
    cases: tuple[CasePrediction, ...]
    failed: tuple[FailedCase, ...]
    note: str = "Research use only. Not a medical device."
    temperature: float | None = None
    command: tuple[str, ...] = ()
    cases_hash: str = ""
    priors: tuple[MemberPrior, ...] = ()
    prior: tuple[float, ...] = ()
    prior_named: bool = False
    decide: Decide | None = None
    recalibration: Recalibration | None = None
    calibrated: bool = False
    warnings: tuple[str, ...] = ()
    covariates: tuple[Title, ...] = ()
    fusion_hash: str = ""
    channels: Annotated[tuple[Name, ...], Field(exclude_if=operator.not_)] = ()

    def _repr_html_(self) -> str:
        """The cases with their probabilities, for notebooks."""
        rows = [
            (
                case.case_id,
                case.predicted,
                *(html.number(value) for value in case.probabilities),
                f"{case.agreement:.2f}",
                case.distance_flag,
                "; ".join(case.warnings),
            )
            for case in self.cases
        ]
        columns = ("case", "predicted", *self.classes, "agreement", "distance", "warnings")
        failed = [f"{case.case_id} failed: {case.error}" for case in self.failed]
        title = f"Predictions by plan {self.plan} of {self.dataset}"
        return html.table(title, columns, rows, *self.warnings, *failed, self.note)

    @property
    def applied(self) -> Recalibration | None:
        """Applied calibration of ricenet_calibrate, for newer and older files alike."""
        if self.recalibration is None and self.temperature is not None:
            return Recalibration(1 / self.temperature)
        return self.recalibration

    @property
    def folds(self) -> tuple[int, ...]:
        """Folds whose networks predicted; empty where neither checkpoints nor members show them."""
        matches = (_OF_FOLD.match(name) for name in self.checkpoint_hashes)
        numbers = {number(match[1]) for match in matches if match}
        named = {number for number in numbers if number is not None}
        return tuple(
            sorted(named or {member.fold for case in self.cases for member in case.members})
        )

"""Probabilities and predicted class of an ensemble, computed from the outputs of networks."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ricenet_v2.core.errors import CheckpointError
from ricenet_v2.core.types import Floats
from ricenet_v2.inference.combining import Combine, Combined, classes_of, combine_members
from ricenet_v2.inference.fusion import fused
from ricenet_v2.inference.prior import BALANCED, corrected, mean_shares, ratios
from ricenet_v2.inference.recalibration import applied_by, recalibrated
from ricenet_v2.records.calibration import Calibration
from ricenet_v2.records.fusion import Fusion
from ricenet_v2.records.prior import Decide, MemberPrior, Prior, Recalibration

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Odds:
    """Conversion of outputs to probabilities: corrected for the prior, and calibrated.

    Attributes:
        priors: Priors of each member by fold, if all are known; else empty, and nothing is
            corrected.
        taught: Class shares that each member was taught, by fold; also of older models where a
            prior is named and their plan says that the classes were balanced.
        named: Class shares that the user names; empty for those of the training cases.
        recalibration: Recalibration of ricenet_calibrate; None changes nothing.
        form: Form of the calibration, in words; empty if none was requested.
        decide: Rule for the predicted class.
        warnings: Warnings in words.
        fusion: Fusion of ricenet_fuse, of each member with the covariates of a patient; None for
            the image alone.
        fusion_hash: SHA-256 of its file.
    """

    priors: Mapping[int, Prior] = field(default_factory=dict)
    taught: Mapping[int, tuple[float, ...]] = field(default_factory=dict)
    named: tuple[float, ...] = ()
    recalibration: Recalibration | None = None
    form: str = ""
    decide: Decide = BALANCED
    warnings: tuple[str, ...] = ()
    fusion: Fusion | None = None
    fusion_hash: str = ""

    @classmethod
    def of(
        cls,
        priors: Mapping[int, Prior | None],
        *,
        balance: str,
        named: tuple[float, ...] = (),
        decide: Decide = BALANCED,
        calibration: Calibration | None = None,
        file: Path | None = None,
    ) -> Odds:
        """Put together what the checkpoints say and what the user asks for.

        Args:
            priors: Priors of each fold; None if its checkpoint is of a version that stored none.
            balance: Class balancing of the plan by which they were trained.
            named: Class shares that the user names.
            decide: Rule for the predicted class.
            calibration: Calibration of ricenet_calibrate, if requested.
            file: File for messages.

        Raises:
            CheckpointError: A prior is named and nothing says what the networks were taught, or a
                calibration was fitted on what these checkpoints cannot give.
        """
        known = {fold: prior for fold, prior in priors.items() if prior is not None}
        unknown = [fold for fold in priors if fold not in known]
        taught = {fold: prior.trained for fold, prior in known.items()}
        warnings: tuple[str, ...] = ()
        if unknown:
            known = {}
            taught = _taught_of_old(priors, balance, named, file) if named else {}
            warnings = (_old(unknown, named=bool(named)),)
            logger.warning("%s", warnings[0])
        if calibration is not None:
            _check_calibration(calibration, is_corrected=bool(known), named=named, file=file)
        return cls(
            priors=known,
            taught=taught,
            named=named,
            recalibration=None if calibration is None else applied_by(calibration),
            form="" if calibration is None else calibration.form,
            decide=decide,
            warnings=warnings,
        )

    @property
    def calibrated(self) -> bool:
        """Whether a calibration was requested."""
        return bool(self.form)

    @property
    def is_corrected(self) -> bool:
        """Whether the outputs of the networks are corrected for a prior."""
        return bool(self.taught) or self.fusion is not None

    @property
    def described(self) -> list[str]:
        """Properties by which predictions of the same checkpoints differ; none of older models."""
        facts = {
            "calibration": self.recalibration if self.calibrated else None,
            "prior": self.prior or None,
            "decide": self.rule,
            "fusion": self.fusion_hash or None,
        }
        return [f"{name}={value!r}" for name, value in facts.items() if value is not None]

    @property
    def rule(self) -> Decide | None:
        """The rule for the predicted class; None where it is that of the largest output."""
        return self.decide if self.is_corrected or self.decide != BALANCED else None

    @property
    def recorded(self) -> tuple[MemberPrior, ...]:
        """The priors of the members, as predictions.json has them."""
        return tuple(MemberPrior(fold, prior) for fold, prior in self.priors.items())

    @property
    def prior(self) -> tuple[float, ...]:
        """Class shares that the mean of all members is right for; empty where not corrected."""
        if self.fusion is not None:
            return self.named or self.fusion.prior
        return mean_shares([self._prior_of(fold) for fold in self.taught]) if self.taught else ()

    def _prior_of(self, fold: int) -> tuple[float, ...]:
        """Class shares that a member's probabilities are right for."""
        if self.named:
            return self.named
        if self.fusion is not None:
            return self.fusion.prior
        return self.priors[fold].shares if fold in self.priors else ()

    def _divisor_of(self, fold: int) -> tuple[float, ...]:
        """Divisor of a member's probabilities for a balanced decision.

        Empty for nothing. The offsets of a calibration stand for the prior of an older model, whose
        predicted classes would otherwise change silently: those of its outputs are kept.
        """
        if self.is_corrected:
            return self._prior_of(fold)
        return () if self.recalibration is None else self.recalibration.shares

    def probabilities(self, fold: int, outputs: Floats, covariates: Floats | None = None) -> Floats:
        """Corrected and calibrated probabilities of a member's outputs (..., classes).

        Args:
            fold: Fold of the member.
            outputs: Outputs of its network.
            covariates: Covariates of the patient, as in `inference.fusion`, if there is a fusion.
        """
        if self.fusion is not None and covariates is not None:
            said = self.as_fused.probabilities(fold, outputs)
            both = fused(self.fusion, said, covariates)
            return corrected(both, self.fusion.prior, self.named) if self.named else both
        if fold not in self.taught:
            return recalibrated(outputs, self.recalibration)
        prior = self._prior_of(fold)
        return recalibrated(corrected(outputs, self.taught[fold], prior), self.recalibration, prior)

    @property
    def image_alone(self) -> Odds:
        """The same without covariates."""
        return replace(self, fusion=None, fusion_hash="")

    @property
    def as_fused(self) -> Odds:
        """Image alone for the class shares of the training cases, as a fusion is fitted on it."""
        known = {fold: shares for fold, shares in self.taught.items() if fold in self.priors}
        return replace(self.image_alone, named=(), taught=known)

    def added(self, fold: int) -> Floats | None:
        """Prior correction added to a member's logits (classes,); None for nothing.

        Raises:
            CheckpointError: A calibration is applied too, which is more than an addition.
        """
        if self.recalibration is not None:
            raise CheckpointError("A calibration cannot be built into networks.")
        if fold not in self.taught:
            return None
        shift: Floats = np.log(ratios(self.taught[fold], self._prior_of(fold)))
        return shift

    def combined(
        self, outputs: Mapping[int, Floats], how: Combine, covariates: Floats | None = None
    ) -> Combined:
        """Put the outputs (classes,) of the members of a case together, by fold.

        Args:
            outputs: Outputs of the networks.
            how: Mean or vote.
            covariates: Covariates of the patient, if there is a fusion.
        """
        members = np.stack(
            [self.probabilities(fold, logits, covariates) for fold, logits in outputs.items()]
        )
        return self.joined(members, tuple(outputs), how)

    def joined(self, members: Floats, folds: Sequence[int], how: Combine) -> Combined:
        """Put probabilities (members, classes), corrected and calibrated, of the folds together."""
        divisors = [self._divisor_of(fold) for fold in folds]
        divisor = mean_shares(divisors) if all(divisors) else ()
        predicted, probabilities = combine_members(members, how, divisor, self.decide, divisors)
        agreement = float((classes_of(members, divisors, self.decide) == predicted).mean())
        return Combined(members, predicted, probabilities, agreement)


def _old(unknown: Sequence[int], *, named: bool) -> str:
    folds = f"the checkpoints of the folds {', '.join(map(str, unknown))} do not say"
    if len(unknown) == 1:
        folds = f"the checkpoint of fold {unknown[0]} does not say"
    warning = f"{folds} how frequent the classes were in training (they are of an older version)"
    if named:
        return f"{warning}; equally frequent ones are assumed, as the plan balances them"
    return (
        f"{warning}, so probabilities are not corrected for the prior: where the plan balances the "
        "classes they are those of equally frequent classes. Specify the class shares with "
        "--prior, or train the folds again"
    )


def _taught_of_old(
    priors: Mapping[int, Prior | None], balance: str, named: Sequence[float], file: Path | None
) -> dict[int, tuple[float, ...]]:
    """The class shares that a plan with balanced classes trains with."""
    if balance == "none":
        raise CheckpointError(
            "These checkpoints do not say how frequent the classes were in training, so that no "
            "other prior can be taken.",
            file=file,
            expected="checkpoints of this version, or a plan that balances the classes",
            got=f"balance {balance!r}",
            remedy="Leave out --prior, or train the folds again.",
        )
    return {fold: (1 / len(named),) * len(named) for fold in priors}


def _check_calibration(
    calibration: Calibration, *, is_corrected: bool, named: Sequence[float], file: Path | None
) -> None:
    """Refuse to calibrate other probabilities than those that the calibration was fitted on."""
    if bool(calibration.prior) != is_corrected:
        descriptions = {True: "corrected for the prior", False: "not corrected for the prior"}
        raise CheckpointError(
            "The calibration was fitted on other probabilities than these checkpoints give.",
            file=file,
            expected=f"probabilities {descriptions[bool(calibration.prior)]}",
            got=f"probabilities {descriptions[is_corrected]}",
            remedy="Run ricenet_calibrate again, or leave out --calibrated.",
        )
    if named and not is_corrected:
        raise CheckpointError(
            "The probabilities of this model cannot be calibrated for another prior.",
            file=file,
            expected="checkpoints that say how frequent the classes were in training",
            got=f"checkpoints of an older version, and a calibration of form {calibration.form}",
            remedy="Leave out --calibrated or --prior, or train the folds again.",
        )

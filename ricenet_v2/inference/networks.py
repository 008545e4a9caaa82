"""The networks of the trained folds of one model, and their joint prediction of a case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ricenet_v2.core import documents, html
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.grid import Grid
from ricenet_v2.core.options import check_choice
from ricenet_v2.core.types import Floats
from ricenet_v2.inference.combining import Combine
from ricenet_v2.inference.distribution_shift import check_labels, outside, trained_on
from ricenet_v2.inference.feature_reference import UNLIKE_FLAG, Reference, distance_of
from ricenet_v2.inference.fusion import PatientCovariates, covariates_of
from ricenet_v2.inference.given_channels import ChannelChoice
from ricenet_v2.inference.given_images import Given, GivenImages, GivenPatient
from ricenet_v2.inference.odds import Odds
from ricenet_v2.inference.recalibration import TEMPERATURE, check_as_fitted
from ricenet_v2.inference.test_time_augmentation import check_finite, seen
from ricenet_v2.inference.uncertainty import disagreement, entropy
from ricenet_v2.preprocessing.pipeline import preprocess
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.dataset import Dataset
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.lineage import Trained
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.prediction import (
    CasePrediction,
    FailedCase,
    MemberPrediction,
    Predictions,
)
from ricenet_v2.records.region import follows_images, mask_name


@dataclass(frozen=True)
class Ensemble:
    """Networks of several folds with the plan they were trained by.

    Attributes:
        plan: Restricted to the channels that the networks see.
        dataset: Channels of a case's files.
        members: Network of each fold, in evaluation mode.
        device: Device on which they compute.
        hashes: SHA-256 of each checkpoint, by file name relative to the model folder.
        odds: Rules by which the networks' outputs become probabilities and predicted classes.
        references: Reference features of the training cases of each fold; older models have none.
        trained: The cases behind the weights of each fold, where they are known.
        warnings: Warnings about the networks themselves.
    """

    plan: Plan
    dataset: Dataset
    members: Mapping[int, nn.Module]
    device: torch.device
    hashes: dict[str, str]
    odds: Odds = field(default_factory=Odds)
    references: Mapping[int, Reference] = field(default_factory=dict)
    trained: Mapping[int, Trained] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def _repr_html_(self) -> str:
        """Table of the folds that predict, for notebooks."""
        rows = (
            ("folds", ", ".join(map(str, self.members))),
            ("channels", ", ".join(channel.name for channel in self.plan.channels)),
            ("classes", ", ".join(self.plan.classes)),
            ("spacing, mm (z, y, x)", " x ".join(f"{mm:g}" for mm in self.plan.spacing)),
            ("device", self.device),
        )
        title = f"Networks of {self.dataset.name}, plan {self.plan.name}"
        return html.table(title, ("what", "value"), rows, *self.warnings)

    def needed(self, *, has_mask: bool) -> list[int]:
        """Channels of the dataset that a prediction needs, in the order of the dataset.

        Those that the networks see and, where the region follows the images, all that show anatomy:
        the training cases were cropped by them, whichever channels the networks see.
        """
        by_images = follows_images(self.plan.region, has_mask=has_mask)
        seen = {channel.name for channel in self.plan.channels}
        return [
            index
            for index, channel in enumerate(self.dataset.channels)
            if channel.name in seen or (by_images and KINDS[channel.kind].is_anatomy)
        ]

    def check(self, *, mirror: bool) -> None:
        """Refuse what was fitted on mirrored predictions where these are not mirrored."""
        is_fused = self.odds.fusion is not None
        if (self.odds.calibrated or is_fused) and self.plan.training.augmentation.mirror_axes:
            check_as_fitted(mirror=mirror, fused=is_fused)

    def check_labels(self, record: PreprocessedCase) -> None:
        """Refuse a case whose masks have labels, but none of those of training."""
        check_labels(self.plan.channels, record, self.references.values())

    def predict(
        self,
        array: NDArray[np.float32],
        record: PreprocessedCase,
        *,
        combine: Combine = "mean",
        mirror: bool = True,
        covariates: PatientCovariates | None = None,
    ) -> CasePrediction:
        """Predict a preprocessed case, array (channels, z, y, x).

        Covariates are those that the fusion of the networks takes, where there is one.

        Raises:
            DatasetError: Outputs of a network are not finite, or covariates are missing.
            OptionError: There is no such way to combine them.
        """
        check_choice(get_args(Combine), combine=combine)
        self.check(mirror=mirror)
        if covariates is None and self.odds.fusion is not None:
            covariates = covariates_of(self.odds.fusion, {}, record.case_id)
        batch = torch.from_numpy(np.ascontiguousarray(array))[None].to(self.device)
        axes = self.plan.training.augmentation.mirror_axes if mirror else ()
        outputs = {fold: seen(member, batch, axes) for fold, member in self.members.items()}
        seen_by = {fold: each.probabilities[0].double().numpy() for fold, each in outputs.items()}
        check_finite(seen_by, record.case_id)
        facts = None if covariates is None else covariates.values
        joint = self.odds.combined(seen_by, combine, facts)
        stacked, combined = joint.members, joint.probabilities
        features = {
            fold: None if each.features is None else each.features[0].double().numpy()
            for fold, each in outputs.items()
        }
        distance, flag = distance_of(self.references, features)
        warnings = [] if covariates is None else list(covariates.warnings)
        warnings += self._missing(record)
        warnings += outside(self.plan, record, self.references.values())
        warnings += trained_on(self.dataset.channels, record, self.trained)
        if flag == UNLIKE_FLAG:
            warnings.append("its features are unlike those of the training cases")
        return CasePrediction(
            case_id=record.case_id,
            predicted=self.plan.classes[joint.predicted],
            probabilities=tuple(combined.tolist()),
            members=tuple(
                MemberPrediction(fold, tuple(values.tolist()))
                for fold, values in zip(outputs, stacked, strict=True)
            ),
            entropy=float(entropy(combined)),
            agreement=joint.agreement,
            warnings=(*record.warnings, *warnings),
            source=record,
            disagreement=float(disagreement(stacked)) if len(stacked) > 1 else None,
            distance=distance,
            distance_flag=flag,
            **self._image_alone(seen_by, combine, covariates),
        )

    def _missing(self, record: PreprocessedCase) -> list[str]:
        """Missing channels of a case, and those that it is predicted from, in words."""
        if not record.missing:
            return []
        names = [channel.name for channel in self.plan.channels]
        there = [name for name in names if name not in record.missing]
        are = "is" if len(record.missing) == 1 else "are"
        return [f"{', '.join(record.missing)} {are} missing: predicted from {', '.join(there)}"]

    def _image_alone(
        self,
        outputs: Mapping[int, Floats],
        combine: Combine,
        covariates: PatientCovariates | None,
    ) -> dict[str, Any]:
        """Fields of a prediction that covariates were added to; none without them."""
        if covariates is None:
            return {}
        alone = self.odds.image_alone.combined(outputs, combine).probabilities
        cells = dict(covariates.cells)
        return {"image_probabilities": tuple(alone.tolist()), "covariates": cells}

    def predictions(
        self,
        cases: Sequence[CasePrediction],
        failed: Sequence[FailedCase] = (),
        *,
        combine: Combine = "mean",
        mirror: bool = True,
        command: tuple[str, ...] = (),
    ) -> Predictions:
        """Predictions of cases with all that says how they were made."""
        recalibration = self.odds.recalibration
        temperature = None
        if recalibration is not None and self.odds.form == TEMPERATURE:
            temperature = 1 / recalibration.slope
        return Predictions(
            dataset=self.dataset.name,
            plan=self.plan.name,
            plan_hash=documents.fingerprint_of(self.plan),
            checkpoint_hashes=self.hashes,
            classes=self.plan.classes,
            combine=combine,
            mirrored=mirror,
            cases=tuple(cases),
            failed=tuple(failed),
            temperature=temperature,
            command=command,
            priors=self.odds.recorded,
            prior=self.odds.prior,
            prior_named=bool(self.odds.named),
            decide=self.odds.rule,
            recalibration=recalibration,
            calibrated=self.odds.calibrated,
            warnings=(*self.odds.warnings, *self.warnings),
            covariates=() if self.odds.fusion is None else self.odds.fusion.names,
            fusion_hash=self.odds.fusion_hash,
            channels=tuple(channel.name for channel in self.plan.channels)
            if self.plan.allows_missing
            else (),
        )

    def predict_case(
        self,
        images: GivenImages,
        grid: Grid | None = None,
        *,
        brain: Given | None = None,
        lesion: Given | None = None,
        case_id: str = "case",
        combine: Combine = "mean",
        mirror: bool = True,
        covariates: Mapping[str, str] | None = None,
    ) -> CasePrediction:
        """Predict a case from files, from images of SimpleITK or nibabel, or from arrays.

        Axes that run another way than to left, posterior, superior (LPS) are flipped and swapped,
        never interpolated, as those of files are: the prediction is the same.

        Args:
            images: All channels of the dataset in its order, or only those that the networks see
                where the others do not decide the crop. A list of paths or of images of SimpleITK
                or nibabel; or the same by name of the channel; or an array with axes
                (channels, z, y, x), and `grid`. In the units of the channels, dose in Gy. None in
                the place of a channel that the patient lacks, where the networks were trained for
                that.
            grid: Grid of arrays: shape and spacing (mm) along their axes (z, y, x), origin and
                direction in LPS. None for other images, which carry their own geometry.
            brain: Mask where the region of the plan follows it, on the grid of the images; a path
                or an image as these, or beside arrays an array with axes (z, y, x). Values above
                0.5 are inside.
            lesion: The same of the lesion.
            case_id: Case id for messages.
            combine: `mean` of probabilities or majority `vote`.
            mirror: Average over mirrorings.
            covariates: Covariates by name, as text, empty where not known; for an ensemble that was
                loaded with `fused`.

        Returns:
            Probabilities of the classes, the predicted one, what each network says, and warnings.

        Raises:
            RegionError: There is no mask that the region of the plan needs, or it is empty.
            MissingChannelError: A channel is None for which the networks were not trained, or none
                is left that shows the patient.
            DatasetError: The images cannot be used, as such with four axes; or a channel is missing
                that decides the crop; or covariates are missing or no numbers, or are given to
                networks without a fusion; or a mask has other labels than those of training.
            GeometryError: Channels or masks lie on different grids, an array has no grid, or it is
                in doubt where an image lies.
        """
        facts = self._covariates(covariates, case_id)
        name = mask_name(self.plan.region)
        marked = {"brain": brain, "lesion": lesion}.get(name)
        given = GivenPatient.of(images, grid, case_id)
        needed = self.needed(has_mask=marked is not None)
        seen = tuple(channel.name for channel in self.plan.channels)
        choice = ChannelChoice(self.dataset.channels, seen, needed, self.plan.region)
        channels, chosen = choice.of(given)
        voxels, lying = given.read(chosen, [channel.name for channel in channels])
        mask = None if marked is None else given.mask(marked, name, lying)
        array, record = preprocess(voxels, lying, self.plan, case_id, mask, channels=channels)
        self.check_labels(record)
        return self.predict(array, record, combine=combine, mirror=mirror, covariates=facts)

    def _covariates(
        self, cells: Mapping[str, str] | None, case_id: str
    ) -> PatientCovariates | None:
        """Covariates that the fusion uses; None without a fusion."""
        fusion = self.odds.fusion
        if fusion is None and cells is not None:
            raise DatasetError(
                "These networks were loaded without the covariate model.",
                case=case_id,
                remedy="Load them with PredictOptions(fused=True), or leave out the covariates.",
            )
        return None if fusion is None else covariates_of(fusion, cells or {}, case_id)

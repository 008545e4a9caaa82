"""The trained folds of one model, together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ricenet_v2.core.errors import CheckpointError, DatasetError
from ricenet_v2.core.files import sha256_of_file
from ricenet_v2.core.grid import Grid
from ricenet_v2.fingerprinting.region import ANATOMY
from ricenet_v2.inference.member import seen
from ricenet_v2.inference.outside import outside, trained_on
from ricenet_v2.inference.reference import (
    UNLIKE_FLAG,
    Reference,
    distance_of,
    read_reference,
)
from ricenet_v2.inference.same_plan import plan_and_dataset
from ricenet_v2.inference.temperature import check_as_fitted, scaled, temperature_of
from ricenet_v2.inference.uncertainty import disagreement, entropy
from ricenet_v2.network.build import build_network
from ricenet_v2.network.device import resolve_device
from ricenet_v2.network.lineage import lineage_in
from ricenet_v2.preprocessing.pipeline import preprocess
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.dataset import Channel, Dataset
from ricenet_v2.records.lineage import Trained
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.prediction import CasePrediction, MemberPrediction
from ricenet_v2.store import checkpoints
from ricenet_v2.store.paths import ModelPaths

Combine = Literal["mean", "vote"]


def combine_members(members: NDArray[np.float64], how: Combine) -> tuple[int, NDArray[np.float64]]:
    """The predicted class and the combined probabilities.

    Args:
        members: Probabilities (members, classes).
        how: `mean` of probabilities, or majority `vote`: the share of members for each class;
            a tie goes to the higher mean probability.
    """
    mean = members.mean(axis=0)
    if how == "mean":
        return int(mean.argmax()), mean / mean.sum()
    votes = np.bincount(members.argmax(axis=1), minlength=members.shape[1])
    leaders = np.flatnonzero(votes == votes.max())
    return int(leaders[mean[leaders].argmax()]), votes / votes.sum()


def crop_error(case_id: str, needed: Sequence[str], got: str, remedy: str) -> DatasetError:
    """The error for a case whose crop cannot be found as that of the training cases was."""
    return DatasetError(
        "The crop of this patient cannot be found: without a brain mask it follows all channels "
        "that show anatomy, as in training, also those that the networks do not see.",
        case=case_id,
        expected=f"a brain mask, or the channels {', '.join(needed)}",
        got=got,
        remedy=remedy,
    )


@dataclass(frozen=True)
class Ensemble:
    """Networks of several folds with the plan they were trained by.

    Attributes:
        plan: Restricted to the channels that the networks see.
        dataset: Channels of a case's files.
        members: Network of each fold, in evaluation mode.
        device: Where they compute.
        hashes: SHA-256 of each checkpoint, by file name relative to the model folder.
        temperature: That each member's logits are divided by; None for none.
        references: What each fold was trained on; older models have none.
        trained: The cases behind the weights of each fold, where they are known.
    """

    plan: Plan
    dataset: Dataset
    members: Mapping[int, nn.Module]
    device: torch.device
    hashes: dict[str, str]
    temperature: float | None = None
    references: Mapping[int, Reference] = field(default_factory=dict)
    trained: Mapping[int, Trained] = field(default_factory=dict)

    def needed(self, *, has_brain: bool) -> list[int]:
        """Which of the dataset's channels a prediction rests on, in the order of the dataset.

        Those that the networks see and, without a brain mask, all that show anatomy: the training
        cases were cropped by them, whichever channels the networks see.
        """
        seen = {channel.name for channel in self.plan.channels}
        return [
            index
            for index, channel in enumerate(self.dataset.channels)
            if channel.name in seen or (not has_brain and channel.kind in ANATOMY)
        ]

    def check(self, *, mirror: bool) -> None:
        """Refuse a temperature where predictions are not mirrored as those it was fitted on."""
        if self.temperature is not None and self.plan.training.augmentation.mirror_axes:
            check_as_fitted(mirror=mirror)

    def predict(
        self,
        array: NDArray[np.float32],
        record: PreprocessedCase,
        *,
        combine: Combine = "mean",
        mirror: bool = True,
    ) -> CasePrediction:
        """Predict a preprocessed case, array (channels, z, y, x)."""
        self.check(mirror=mirror)
        batch = torch.from_numpy(np.ascontiguousarray(array))[None].to(self.device)
        axes = self.plan.training.augmentation.mirror_axes if mirror else ()
        found = {fold: seen(member, batch, axes) for fold, member in self.members.items()}
        stacked = np.stack([each.probabilities[0].double().numpy() for each in found.values()])
        if self.temperature is not None:
            stacked = scaled(stacked, self.temperature)
        predicted, combined = combine_members(stacked, combine)
        features = {
            fold: None if each.features is None else each.features[0].double().numpy()
            for fold, each in found.items()
        }
        distance, flag = distance_of(self.references, features)
        warnings = outside(self.plan, record, self.references.values())
        warnings += trained_on(self.dataset.channels, record, self.trained)
        if flag == UNLIKE_FLAG:
            warnings.append("its features are unlike those of the training cases")
        return CasePrediction(
            case_id=record.case_id,
            predicted=self.plan.classes[predicted],
            probabilities=tuple(combined.tolist()),
            members=tuple(
                MemberPrediction(fold, tuple(values.tolist()))
                for fold, values in zip(found, stacked, strict=True)
            ),
            entropy=float(entropy(combined)),
            agreement=float((stacked.argmax(axis=1) == predicted).mean()),
            warnings=(*record.warnings, *warnings),
            source=record,
            disagreement=float(disagreement(stacked)) if len(stacked) > 1 else None,
            distance=distance,
            distance_flag=flag,
        )

    def predict_case(
        self,
        images: NDArray[np.float32],
        grid: Grid,
        *,
        brain: NDArray[np.bool_] | None = None,
        case_id: str = "case",
        combine: Combine = "mean",
        mirror: bool = True,
    ) -> CasePrediction:
        """Predict a case from arrays.

        Args:
            images: All channels of the dataset, or only those that the networks see where the
                others do not decide the crop; axes (channels, z, y, x), LPS; dose in Gy.
            grid: Of the images.
            brain: Mask, axes (z, y, x).
            case_id: For messages.
            combine: `mean` of probabilities or majority `vote`.
            mirror: Average over mirrorings.

        Raises:
            DatasetError: The images cannot be used, or there is neither a brain mask nor every
                channel that decides the crop.
        """
        channels, needed = self.dataset.channels, self.needed(has_brain=brain is not None)
        if images.shape[0] == len(channels):
            channels = tuple(channels[index] for index in needed)
            images = images if len(needed) == images.shape[0] else images[needed]
        elif images.shape[0] == len(self.plan.channels):
            channels = self._seen(needed, case_id)
        array, record = preprocess(images, grid, self.plan, case_id, brain, channels=channels)
        return self.predict(array, record, combine=combine, mirror=mirror)

    def _seen(self, needed: list[int], case_id: str) -> tuple[Channel, ...]:
        """The channels that the networks see; they must do."""
        by_name = {channel.name: channel for channel in self.dataset.channels}
        if len(needed) > len(self.plan.channels):
            raise crop_error(
                case_id,
                [self.dataset.channels[index].name for index in needed],
                got=f"only {', '.join(channel.name for channel in self.plan.channels)}",
                remedy="Give all channels of the dataset, or a brain mask.",
            )
        return tuple(by_name[channel.name] for channel in self.plan.channels)


def load_ensemble(
    model_folder: Path,
    folds: Sequence[int] | None = None,
    checkpoint: str = "final",
    device: str | None = None,
    *,
    calibrated: bool = False,
) -> Ensemble:
    """Load trained folds.

    Args:
        model_folder: results/<dataset>/<plan>__<channels>.
        folds: Which; all that exist where None.
        checkpoint: `final`, `best` or `latest`.
        device: `cuda`, `mps` or `cpu`; the best there is where None.
        calibrated: Divide the logits by the temperature of ricenet_calibrate.

    Raises:
        CheckpointError: No fold, a named fold or its checkpoint is missing, or there
            is no temperature that fits.
        DatasetError: `calibrated`, and another checkpoint than that the temperature is for.
    """
    if calibrated:
        check_as_fitted(checkpoint)
    paths, where = ModelPaths(model_folder), resolve_device(device)
    there = [fold for fold in paths.folds() if paths.fold(fold).checkpoint(checkpoint).is_file()]
    chosen = list(folds) if folds is not None else there
    missing = [fold for fold in chosen if fold not in there]
    if missing or not chosen:
        raise CheckpointError(
            f"Folds have no checkpoint_{checkpoint}.pth.",
            file=model_folder,
            expected=f"folds {chosen or '0 1 2 3 4'}",
            got=f"finished: {there or 'none'}",
            remedy="Train them with ricenet_train, or name the finished ones with -f.",
        )
    states = {
        fold: checkpoints.load(paths.fold(fold).checkpoint(checkpoint), where) for fold in chosen
    }
    plan, dataset = plan_and_dataset(states, model_folder)
    members = {}
    for fold, state in states.items():
        network = build_network(plan.network, len(plan.channels), len(plan.classes))
        network.load_state_dict(state["inference_weights"])
        members[fold] = network.to(where).eval()
    hashes = {
        f"fold_{fold}/checkpoint_{checkpoint}.pth": sha256_of_file(
            paths.fold(fold).checkpoint(checkpoint)
        )
        for fold in chosen
    }
    references = {fold: read_reference(paths.fold(fold).reference) for fold in chosen}
    return Ensemble(
        plan,
        dataset,
        members,
        where,
        hashes,
        temperature=temperature_of(paths) if calibrated else None,
        references={fold: one for fold, one in references.items() if one is not None},
        trained={fold: Trained(lineage_in(one, "", "").cases) for fold, one in states.items()},
    )

"""Predictions of the full model with a group of channels permuted, or left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ricenet_v2.core.types import Floats
from ricenet_v2.inference.ensemble import Ensemble
from ricenet_v2.inference.test_time_augmentation import check_finite, probabilities
from ricenet_v2.voxels.absence import ABSENT

Voxels = NDArray[np.float32]
Read = Callable[[str], Voxels]


@dataclass(frozen=True)
class PerturbationStage:
    """Cases that are predicted together, and by which networks.

    Attributes:
        ensemble: The full model; of all its networks or of the one that had not seen the cases.
        cases: Case ids.
        patients: Patient of each.
    """

    ensemble: Ensemble
    cases: tuple[str, ...]
    patients: tuple[str, ...]


def donors(patients: Sequence[str], random: np.random.Generator) -> NDArray[np.intp]:
    """Donor of the images of each case: a random order without donors of the same patient.

    A random order first; then cases that met their own patient swap with the first other with whom
    both meet another patient. Where that cannot be (one patient has more than half of the cases)
    some keep their own.

    Args:
        patients: Patient of each case.
        random: Random number generator.

    Returns:
        Index of the donor of each case, every case once; shape (cases,).
    """
    names, n = np.asarray(patients, dtype=str), len(patients)
    order = random.permutation(n)
    for case in range(n):
        if names[order[case]] != names[case]:
            continue
        for other in random.permutation(n):
            if names[order[other]] != names[case] and names[order[case]] != names[other]:
                order[case], order[other] = order[other], order[case]
                break
    return order


def perturbed(
    stages: Sequence[PerturbationStage],
    channels: Sequence[int],
    read: Read,
    random: np.random.Generator | None,
) -> Iterator[tuple[str, int, Floats]]:
    """Case, call and probabilities with the channels of another patient, or with zeros.

    Args:
        stages: Donors are sought within a stage, so no network sees a case that it learned from.
        channels: Indices of the group's channels; all come from the same donor.
        read: Voxels (channels, z, y, x) of a case.
        random: Generator for the donors; None makes the channels missing where the networks learnt
            to do without, else it writes zeros, which after normalisation is the mean of an image
            (z-score) or 0 Gy.
    """
    chosen = list(channels)
    for stage in stages:
        sources = None if random is None else donors(stage.patients, random)
        for index, case in enumerate(stage.cases):
            array = read(case).copy()
            if sources is not None:
                array[chosen] = read(stage.cases[sources[index]])[chosen]
            else:
                array[chosen] = ABSENT if stage.ensemble.plan.allows_missing else 0
            yield case, *_predicted(stage.ensemble, case, array)


def untouched(stages: Sequence[PerturbationStage], read: Read) -> Iterator[tuple[str, int, Floats]]:
    """Case, call and probabilities of the images as they are."""
    for stage in stages:
        for case in stage.cases:
            yield case, *_predicted(stage.ensemble, case, read(case))


def _predicted(ensemble: Ensemble, case: str, array: Voxels) -> tuple[int, Floats]:
    batch = torch.from_numpy(np.ascontiguousarray(array))[None].to(ensemble.device)
    axes = ensemble.plan.training.augmentation.mirror_axes
    outputs = {
        fold: probabilities(member, batch, axes)[0].double().numpy()
        for fold, member in ensemble.members.items()
    }
    check_finite(outputs, case)
    combined = ensemble.odds.combined(outputs, "mean")
    return combined.predicted, combined.probabilities

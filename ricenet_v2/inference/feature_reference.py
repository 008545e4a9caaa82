"""Distance of a case from the training cases, in the feature space of the networks."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from ricenet_v2.core.errors import CheckpointError
from ricenet_v2.core.regular import is_missing
from ricenet_v2.core.types import Floats
from ricenet_v2.inference.shrinkage import shrunk_covariance
from ricenet_v2.store import checkpoints
from ricenet_v2.store.fold_remedy import remedy_of

UNUSUAL, UNLIKE = 0.05, 0.01
"""p-values from which down a case is flagged: reached with 19 and with 99 held-out cases."""
FEWEST = 19
"""Held-out cases; the p-value of fewer cannot be as small as `UNUSUAL`."""
LIKE_FLAG, UNUSUAL_FLAG = "like the training cases", "unusual"
UNLIKE_FLAG, NO_FLAG = "unlike the training cases", "not available"


@dataclass(frozen=True)
class Reference:
    """The training cases as one network sees them.

    Attributes:
        mean: Mean of the pooled features, shape (features,).
        precision: Inverse of their shrunk covariance, axes (features, features).
        held_out: Mahalanobis distances of the cases that the network was not trained on.
        intensities: Smallest and largest mean inside the patient, by channel.
        directions: Nine direction cosines of the images of each case, as far as they differ, axes
            (cases, 9); empty in older files.
        sizes: Usual range of each quantity of `records.typical.sizes_of`; none of few cases, and
            empty in older files.
        labels: Labels of the masks of each channel, by its name, if all are known; empty in older
            files.
    """

    mean: Floats
    precision: Floats
    held_out: Floats
    intensities: Mapping[str, tuple[float, float]]
    directions: Floats = field(default_factory=lambda: np.empty((0, 9)))
    sizes: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    labels: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def distances(self, features: Floats) -> Floats:
        """Mahalanobis distances of features (cases, features), shape (cases,)."""
        rest = features - self.mean
        squared = np.einsum("ij,jk,ik->i", rest, self.precision, rest)
        distances: Floats = np.sqrt(np.maximum(0.0, squared))
        return distances

    def relative(self, features: Floats) -> Floats:
        """Distances divided by the median of the held-out cases'."""
        return self.distances(features) / float(np.median(self.held_out))


def fit_reference(
    training: Floats,
    held_out: Floats,
    intensities: Mapping[str, tuple[float, float]],
    directions: Iterable[Sequence[float]] = (),
    sizes: Mapping[str, tuple[float, float]] | None = None,
    labels: Mapping[str, tuple[float, ...]] | None = None,
) -> Reference:
    """Fit mean and covariance, shrunk as Ledoit and Wolf (2004) since there are few cases.

    The scale of distances comes from cases that the network was not trained on: it knows its own
    training cases too well, so that every new case would seem far.

    Args:
        training: Pooled features of the training cases, axes (cases, features).
        held_out: The same of the validation cases.
        intensities: Range of each channel over the training cases.
        directions: Directions of the images of the training cases.
        sizes: Sizes as in `Reference`.
        labels: Labels as in `Reference`.
    """
    mean = training.mean(axis=0)
    precision = np.asarray(np.linalg.pinv(shrunk_covariance(training), hermitian=True), np.float64)
    bare = Reference(mean, precision, np.ones(1), dict(intensities))
    differing = np.array(sorted(set(map(tuple, directions)))).reshape(-1, 9)
    return dataclasses.replace(
        bare,
        held_out=bare.distances(held_out),
        directions=differing,
        sizes=dict(sizes or {}),
        labels=dict(labels or {}),
    )


def write_reference(path: Path, reference: Reference) -> None:
    """Write plain tensors."""
    checkpoints.save(
        path,
        {
            "mean": torch.from_numpy(reference.mean),
            "precision": torch.from_numpy(reference.precision),
            "held_out": torch.from_numpy(reference.held_out),
            "intensities": {name: list(ends) for name, ends in reference.intensities.items()},
            "directions": torch.from_numpy(reference.directions),
            "sizes": {name: list(ends) for name, ends in reference.sizes.items()},
            "labels": {name: list(values) for name, values in reference.labels.items()},
        },
    )


def read_reference(path: Path, n_features: int | None = None) -> Reference | None:
    """Read one; None where there is none: older models have no such file.

    Args:
        path: Path of the file.
        n_features: Number of features of the network; any where None.

    Raises:
        CheckpointError: The file is damaged, lacks a part, is of a network of another width, or
            holds numbers that are not finite.
    """
    if is_missing(path):
        return None
    state = checkpoints.load(path, what="file of training features")
    try:
        arrays = [state[name].double().numpy() for name in ("mean", "precision", "held_out")]
        directions = state.get("directions", torch.empty(0, 9)).double().numpy()
        intensities = {n: (float(a), float(b)) for n, (a, b) in state["intensities"].items()}
        sizes = {n: (float(a), float(b)) for n, (a, b) in state.get("sizes", {}).items()}
        labels = {n: tuple(map(float, values)) for n, values in state.get("labels", {}).items()}
        mean, precision, held_out = arrays
        reference = Reference(mean, precision, held_out, intensities, directions, sizes, labels)
        _check(reference, n_features)
    except Exception as error:
        raise CheckpointError(
            "This file of training features is incomplete, or not that of this network.",
            file=path,
            expected="mean, precision, held_out and intensities, as ricenet_train writes them",
            got=f"{error!r} in {checkpoints.described(state)}",
            remedy=remedy_of(path),
        ) from error
    return reference


def _check(reference: Reference, n_features: int | None) -> None:
    """Raises: ValueError: Wrong shapes, or numbers that are not finite."""
    width = reference.mean.size if n_features is None else n_features
    shapes = [reference.mean.shape, reference.precision.shape, reference.directions.shape[1:]]
    if shapes != [(width,), (width, width), (9,)] or reference.held_out.ndim != 1:
        raise ValueError(f"shapes {shapes} of mean and precision, expected {width} features")
    ends = [end for pair in reference.intensities.values() for end in pair]
    arrays = (
        reference.mean,
        reference.precision,
        reference.held_out,
        reference.directions,
        np.array(ends),
    )
    if not all(np.isfinite(array).all() for array in arrays):
        raise ValueError("numbers that are not finite")


def why_no_distance(references: Iterable[Reference]) -> str:
    """Why cases have no flag of `distance_of`, in words; empty where they have.

    Args:
        references: References of the members.
    """
    existing = list(references)
    n = sum(len(reference.held_out) for reference in existing)
    if existing and not n:
        return "a network of all training cases held none out by which distances could be assessed"
    if not n:
        return "the folds have no file feature_reference.pth of their training features"
    if 1 / (n + 1) > UNUSUAL:
        return (
            f"the folds that predict held out {n} case{'' if n == 1 else 's'} in training, and "
            f"at least {FEWEST} are needed to assess what is unusual"
        )
    return ""


def distance_of(
    references: Mapping[int, Reference], features: Mapping[int, Floats | None]
) -> tuple[float | None, str]:
    """Distance of a case, and its flag in words.

    Each member's distance is divided by the median distance of its own held-out cases; the mean
    over the members is compared with the held-out cases of all members. The flag goes by the
    p-value (1 + as far or farther) / (1 + held-out cases), so that few cases cannot give a small
    p-value. As a mean, the distance varies less than theirs, so the flag is raised too seldom
    rather than too often.

    Args:
        references: References by fold.
        features: Pooled features (features,) of the case, by fold.

    Returns:
        The share of held-out cases that lie nearer, and `like the training cases`, `unusual` (p at
        most 0.05), `unlike the training cases` (p at most 0.01), or `not available` with fewer than
        19 held-out cases; None and `not available` without any.
    """
    known = {
        fold: values
        for fold, values in features.items()
        if values is not None and fold in references and len(references[fold].held_out)
    }
    if not known:
        return None, NO_FLAG
    distance = float(np.mean([references[fold].relative(v[None])[0] for fold, v in known.items()]))
    others = np.concatenate(
        [references[fold].held_out / float(np.median(references[fold].held_out)) for fold in known]
    )
    share = float(np.mean(others < distance))
    least, p = 1 / (len(others) + 1), (np.sum(others >= distance) + 1) / (len(others) + 1)
    if least > UNUSUAL:
        return share, NO_FLAG
    if p <= UNLIKE:
        return share, UNLIKE_FLAG
    return share, UNUSUAL_FLAG if p <= UNUSUAL else LIKE_FLAG

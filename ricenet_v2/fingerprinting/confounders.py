"""Properties of images that are no part of the patient and yet tell the classes apart.

A network learns whatever tells them apart: a mask that only cases of one class have, another
spacing, another scale of intensities. Each property is tested against the labels by permuting these
between patients (statistic: between-class sum of squares of ranks, or of categories, each divided
by its variance, which are Kruskal and Wallis' H and Pearson's chi-squared up to a factor), and the
p-values are adjusted for the number of properties (Holm 1979).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ricenet_v2.core.seeds import generator
from ricenet_v2.records.dataset import Channel
from ricenet_v2.records.fingerprint import CaseMeasurement, ChannelFingerprint
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.presence import presence_text
from ricenet_v2.records.region import WHOLE_IMAGE
from ricenet_v2.records.typical import volume_of

N_PERMUTATIONS, LEVEL = 9999, 0.05
INTENSITY, THERE, VOLUME = "intensity scale", "channels that are there", "volume of the"
LESION_MASK = "lesion mask"
FEWEST_OF_CLASS = 4
"""Patients of a class; with fewer no property can be told from chance."""
_AT_ONCE = 500_000
Value = float | str | None
Traits = Mapping[str, Mapping[str, Value]]
"""Value of each case, by the name of the property; None where the case has none."""


@dataclass(frozen=True)
class Confounder:
    """A property that differs between the classes.

    Attributes:
        name: Name of the property.
        p: p-value of the permutation test, adjusted for the number of properties.
        n_tested: Properties that were tested.
        described: Its values in each class, in words.
    """

    name: str
    p: float
    n_tested: int
    described: str

    def is_said_by(self, text: str) -> bool:
        """Whether a text, such as one of the check of the dataset, is of this property."""
        return text.startswith(f"{self.name}: ")

    @property
    def text(self) -> str:
        """All of it in words."""
        return f"{self.name}: {self.described} (p = {self.p:.2g}, Holm, {self.n_tested} tested)"


def measured_traits(
    cases: Sequence[CaseMeasurement], channels: Sequence[Channel | ChannelFingerprint]
) -> Traits:
    """Acquisition properties of the images in a fingerprint; without doses and masks.

    Args:
        cases: Measurements.
        channels: Channels of the dataset, in their order.
    """
    traits: dict[str, dict[str, Value]] = defaultdict(dict)
    names = [channel.name for channel in channels]
    volume = _name_of_volume({case.region for case in cases})
    for case in cases:
        pairs = list(zip(names, case.channels, strict=False))
        lacking = [name for name, of_case in pairs if of_case is None]
        traits[THERE][case.case_id] = presence_text(names, lacking)
        traits["region"][case.case_id] = case.region
        if volume:
            whole = math.prod(case.shape) * math.prod(case.spacing) / 1000
            traits[volume][case.case_id] = round(case.foreground_share * whole, 3)
        if any(each.lesion_ml is not None for each in cases):
            traits[volume_of(LESION_MASK)][case.case_id] = case.lesion_ml
        for axis, mm, n in zip("zyx", case.spacing, case.shape, strict=True):
            traits[f"spacing along {axis}, mm"][case.case_id] = round(mm, 4)
            traits[f"voxels along {axis}"][case.case_id] = float(n)
        for channel, of_case in zip(channels, case.channels, strict=False):
            if KINDS[channel.kind].is_anatomy:
                name = f"{INTENSITY} of {channel.name} (99.5th percentile)"
                value = None if of_case is None else float(of_case.percentile_99_5)
                traits[name][case.case_id] = value
    return traits


def _name_of_volume(regions: Collection[str]) -> str:
    """Name of the volume of the region; empty if all cases are whole images."""
    if not set(regions) - {WHOLE_IMAGE}:
        return ""
    return volume_of(next(iter(regions)) if len(regions) == 1 else "region")


def confounders(
    traits: Traits, labels: Mapping[str, str], patients: Mapping[str, str]
) -> tuple[Confounder, ...]:
    """The properties whose adjusted p-value is below 0.05, the smallest first.

    A patient counts once, by the first of the cases. Patients of several classes, properties that
    do not differ, and classes of fewer than 4 patients take no part.

    Args:
        traits: Properties of cases; only cases that have all of them take part.
        labels: Class of each case.
        patients: Patient of each case.
    """
    chosen = _one_of_each_patient(traits, labels, patients)
    truth = np.array([labels[case] for case in chosen])
    names, index = np.unique(truth, return_inverse=True)
    varying = {
        name: [values[case] for case in chosen]
        for name, values in traits.items()
        if len({values[case] for case in chosen} - {None}) > 1
    }
    if len(names) < 2 or not varying:
        return ()
    drawn = _permuted(index)
    p = {name: _p_value(_columns(values), drawn, len(names)) for name, values in varying.items()}
    adjusted = _holm(p)
    return tuple(
        Confounder(name, value, len(varying), _described(varying[name], truth))
        for name, value in sorted(adjusted.items(), key=lambda item: (item[1], item[0]))
        if value < LEVEL
    )


def _one_of_each_patient(
    traits: Traits, labels: Mapping[str, str], patients: Mapping[str, str]
) -> list[str]:
    complete = [case for case in sorted(labels) if all(case in each for each in traits.values())]
    classes = defaultdict(set)
    for case in complete:
        classes[patients[case]].add(labels[case])
    first: dict[str, str] = {}
    for case in complete:
        if len(classes[patients[case]]) == 1:
            first.setdefault(patients[case], case)
    counts = Counter(labels[case] for case in first.values())
    return [case for case in first.values() if counts[labels[case]] >= FEWEST_OF_CLASS]


def _permuted(truth: NDArray[np.intp]) -> NDArray[np.intp]:
    """Labels as they are, then permuted, axes (draws, patients)."""
    random = generator(0, "confounders")
    drawn = random.permuted(np.tile(truth, (N_PERMUTATIONS, 1)), axis=1)
    return np.concatenate([truth[None], drawn])


def _columns(values: Sequence[Value]) -> NDArray[np.float64]:
    """Ranks of numbers, or one column for each word, of variance 1; axes (patients, columns).

    A patient without a value has the mean, which is 0, so that it takes no side.
    """
    known = np.array([value is not None for value in values])
    there = [value for value in values if value is not None]
    if all(isinstance(value, float) for value in there):
        columns = stats.rankdata(np.array(there, dtype=float))[:, None]
    else:
        words = np.array([str(value) for value in there])
        columns = (words[:, None] == np.unique(words)[None]).astype(float)
    standardised = np.zeros((len(values), columns.shape[1]))
    standardised[known] = (columns - columns.mean(axis=0)) / columns.std(axis=0)
    return standardised


def _p_value(columns: NDArray[np.float64], drawn: NDArray[np.intp], n_classes: int) -> float:
    """Share of the permutations that separate the classes as far, the labels themselves counted."""
    n = drawn.shape[1]
    step = max(1, _AT_ONCE // (n * columns.shape[1]))
    separation = np.zeros(len(drawn))
    for at in range(0, len(drawn), step):
        part = drawn[at : at + step]
        for k in range(n_classes):
            inside = part == k
            sums = inside.astype(float) @ columns
            separation[at : at + step] += (sums**2).sum(axis=1) / inside[0].sum()
    return float(np.mean(separation >= separation[0] * (1 - 1e-9)))


def _holm(p: Mapping[str, float]) -> dict[str, float]:
    """p-values adjusted by Holm's step-down method."""
    adjusted, largest = {}, 0.0
    for rank, (name, value) in enumerate(sorted(p.items(), key=lambda item: item[1])):
        largest = max(largest, min(1.0, (len(p) - rank) * value))
        adjusted[name] = largest
    return adjusted


def _described(values: Sequence[Value], truth: NDArray[np.str_]) -> str:
    """Medians, or counts of the most frequent word of each class."""
    parts = []
    for name in np.unique(truth):
        of_class = [
            value
            for value, label in zip(values, truth, strict=True)
            if label == name and value is not None
        ]
        if not of_class:
            parts.append(f"none of {name}")
            continue
        if all(isinstance(value, float) for value in of_class):
            parts.append(f"median {np.median(np.array(of_class, dtype=float)):.4g} of {name}")
        else:
            word, n = Counter(map(str, of_class)).most_common(1)[0]
            parts.append(f"{word or 'none'} in {n} of {len(of_class)} {name}")
    return ", ".join(parts)

"""Cases of an epoch: a pure function of seed and epoch, so that a resume is exact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ricenet_v2.core.seeds import generator


def epoch_cases(
    labels: Mapping[str, str], n_samples: int, seed: int, epoch: int, *, balanced: bool = True
) -> list[str]:
    """Case ids of an epoch in order; within a class, or without balance in all, cases in turn.

    Args:
        labels: Class of each training case.
        n_samples: Number of samples to draw.
        seed: Seed of the run.
        epoch: Number of the epoch.
        balanced: Show every class equally often (to within one), else as often as it is there.
    """
    random = generator(seed, "sampler", epoch)
    if not balanced:
        return _turns(sorted(labels), n_samples, random)
    classes = sorted(set(labels.values()))
    drawn: list[str] = []
    for position, label in enumerate(random.permutation(classes)):
        count = n_samples // len(classes) + (position < n_samples % len(classes))
        members = sorted(case for case, case_label in labels.items() if case_label == label)
        drawn.extend(_turns(members, count, random))
    return [str(case) for case in random.permutation(drawn)]


def _turns(cases: Sequence[str], count: int, random: np.random.Generator) -> list[str]:
    turns: list[str] = []
    while len(turns) < count:
        turns.extend(str(case) for case in random.permutation(cases))
    return turns[:count]

"""Which cases an epoch shows: a pure function of seed and epoch, so that a resume is exact."""

from __future__ import annotations

from collections.abc import Mapping

from ricenet_v2.core.seeds import generator


def epoch_cases(labels: Mapping[str, str], n_samples: int, seed: int, epoch: int) -> list[str]:
    """Case ids of an epoch in order: every class equally often, cases of a class in turn.

    Args:
        labels: Class of each training case.
        n_samples: How many to draw.
        seed: Of the run.
        epoch: Number of the epoch.
    """
    random = generator(seed, "sampler", epoch)
    classes = sorted(set(labels.values()))
    drawn: list[str] = []
    for position, label in enumerate(random.permutation(classes)):
        wanted = n_samples // len(classes) + (position < n_samples % len(classes))
        members = sorted(case for case, own in labels.items() if own == label)
        turns: list[str] = []
        while len(turns) < wanted:
            turns.extend(random.permutation(members).tolist())
        drawn.extend(turns[:wanted])
    return [str(case) for case in random.permutation(drawn)]

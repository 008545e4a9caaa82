"""Whether the weights that a fold starts from have seen cases that should be held out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from ricenet_v2.core.errors import CheckpointError
from ricenet_v2.core.listing import first_of
from ricenet_v2.records.lineage import Lineage, Trained, TrainedCase, digest
from ricenet_v2.records.weights import WeightsReport
from ricenet_v2.training.earlier_fold import EarlierFold, earlier_fold
from ricenet_v2.training.job import Job

_SHOWN = 6
_BY_FOLD = "another fold of this dataset"
_BY_SPLITS = "not held out by the earlier fold of this number"


@dataclass(frozen=True)
class Leaks:
    """Held-out cases that weights were trained on.

    Attributes:
        validation: Validation cases of the fold, and how each was recognised.
        test: Test cases of the dataset, likewise.
        doubts: Doubts that may be chance, in words.
    """

    validation: Mapping[str, str]
    test: Mapping[str, str]
    doubts: tuple[str, ...] = ()

    @property
    def cases(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.validation, *self.test)


def judged(job: Job, report: WeightsReport) -> WeightsReport:
    """The record of a file of weights, with the held-out cases that it has seen.

    Raises:
        CheckpointError: It has seen some, and the user does not allow that.
    """
    lineage, file = report.lineage or Lineage(), job.options.pretrained_weights
    earlier = earlier_fold(file, lineage) if file is not None and not lineage.cases else None
    leaks = find_leaks(job, lineage, earlier)
    refuse_leaks(job, leaks, lineage, report.file)
    return dataclasses.replace(report, leaked=leaks.cases, doubts=leaks.doubts)


def find_leaks(job: Job, lineage: Lineage, earlier: EarlierFold | None = None) -> Leaks:
    """Compare the held-out cases of a fold with what weights were trained on.

    A case is recognised by any of its images and, within a dataset of the same name, by its own or
    its patient's id. Of a checkpoint that keeps no list, another fold of this dataset is known to
    have been trained on all validation cases of this one; the fold of this number has been where
    the folds were made again since.

    Args:
        job: The fold.
        lineage: Training cases by the record of the weights.
        earlier: The fold of weights that keep no list, where it is known.
    """
    if not lineage.cases and lineage.dataset == job.dataset.name and lineage.fold is not None:
        return _by_fold(job, lineage.fold, earlier)
    trained = Trained(lineage.cases)

    def seen(case_ids: tuple[str, ...]) -> dict[str, str]:
        ways = {
            case: trained.how(job.dataset.name, case, job.patients[case], job.images.get(case, ()))
            for case in case_ids
        }
        return {case: how for case, how in ways.items() if how}

    leaks = Leaks(seen(job.validation), seen(job.test))
    left = [case for case in (*job.validation, *job.test) if case not in leaks.cases]
    return dataclasses.replace(leaks, doubts=_doubts(job, left, lineage, trained))


def _by_fold(job: Job, fold: int, earlier: EarlierFold | None) -> Leaks:
    """Cases that weights without a list, from a fold of this same dataset, have seen."""
    if fold != job.fold:
        return Leaks(dict.fromkeys(job.validation, _BY_FOLD), {})
    if earlier is None:
        doubt = (
            f"the weights are of fold {fold} of {job.dataset.name} by a version that kept no list "
            "of training cases, and no run.json beside the file says whether that fold held out "
            "the cases that it holds out now"
        )
        return Leaks({}, {}, (doubt,))
    if earlier.fold_hash == job.fold_hash:
        return Leaks({}, {})
    learned = [c for c in job.validation if (c, job.patients[c]) not in earlier.held_out]
    return Leaks(dict.fromkeys(learned, _BY_SPLITS), {})


def _doubts(job: Job, left: list[str], lineage: Lineage, trained: Trained) -> tuple[str, ...]:
    """Possible coincidences, for held-out cases that were not recognised."""
    known = [case for case in left if trained.has_id(case, job.patients[case])]
    unhashed = [case for case in left if lineage.cases and not job.images.get(case)]
    doubts = []
    if known:
        doubts.append(
            f"{len(known)} held-out case(s) have ids of cases of another dataset that the weights "
            f"were trained on ({first_of(known, _SHOWN)}), with other images: make sure that they "
            "are other patients"
        )
    if unhashed:
        doubts.append(
            f"{len(unhashed)} held-out case(s) can be recognised only by their ids "
            f"({first_of(unhashed, _SHOWN)}): ricenet_plan_and_preprocess {job.dataset.name} adds "
            "hashes of their images"
        )
    return tuple(doubts)


def refuse_leaks(job: Job, leaks: Leaks, lineage: Lineage, file: str) -> None:
    """Refuse weights that were trained on held-out cases, unless the user allows it.

    Raises:
        CheckpointError: The text names the cases.
    """
    if not leaks.cases or job.options.allow_leak:
        return
    counts = [
        f"{len(leaked)} of {total} {what} ({first_of([*map(': '.join, leaked.items())], _SHOWN)})"
        for leaked, total, what in (
            (leaks.validation, len(job.validation), "validation cases"),
            (leaks.test, len(job.test), "test cases"),
        )
        if leaked
    ]
    among = f" among the {len(lineage.cases)} cases they come from" if lineage.cases else ""
    raise CheckpointError(
        "These weights were trained on cases that should be held out.",
        file=file,
        expected=f"weights that have seen no validation case of fold {job.fold} and no test case, "
        "neither themselves nor through the weights that they began with",
        got=" and ".join(counts) + among,
        remedy="Metrics of such a network are too good. Begin with weights of other patients or of "
        f"fold {job.fold} itself, or without. With --allow_leak it is trained all the same, and "
        "run.json and the checks of ricenet_evaluate say so.",
    )


def lineage_of(job: Job, before: Lineage | None) -> Lineage:
    """Lineage of the weights of a fold, for its checkpoints.

    Args:
        job: The fold.
        before: Lineage of the initial weights; None if there were none.
    """
    known = before or Lineage()
    whole = dict.fromkeys((*_trained(job), *known.cases))
    unhashed = sum(not job.images.get(case) for case in job.train)
    untold = known.untold
    if unhashed:
        untold += (
            f"{unhashed} training case(s) of {job.dataset.name}, fold {job.fold}, were "
            "preprocessed by an older version and can be recognised only by their ids",
        )
    return Lineage(job.dataset.name, job.fold, tuple(whole), tuple(dict.fromkeys(untold)))


def _trained(job: Job) -> list[TrainedCase]:
    name = job.dataset.name
    return [
        TrainedCase(name, digest(case), digest(job.patients[case]), job.images.get(case, ()))
        for case in job.train
    ]

"""The records beside the preprocessed cases of a plan."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ricenet_v2.core.errors import MissingChannelError, PlanError
from ricenet_v2.core.listing import first_of
from ricenet_v2.records.cases import PreprocessedCase, sizes_of_case
from ricenet_v2.records.dataset import Dataset
from ricenet_v2.records.described import other_than_planned
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.presence import lacks_anatomy
from ricenet_v2.records.typical import factor_of, usual_range
from ricenet_v2.records.voxels import voxels_hash
from ricenet_v2.store import cases as store

_MOST_NAMED = 5


def records_of_plan(folder: Path, case_ids: Sequence[str], plan: Plan) -> list[PreprocessedCase]:
    """The records beside the cases, all made by this plan, which may have been edited since.

    Args:
        folder: Folder of the plan's preprocessed cases.
        case_ids: Identifiers of the cases.
        plan: Plan as stored for the dataset, with all channels.

    Raises:
        PlanError: Some are made by another state of the plan, or not made.
    """
    there = [case for case in case_ids if store.has_case(folder, case)]
    records = [store.read_record(folder, case) for case in there]
    expected = voxels_hash(plan)
    others = [record.case_id for record in records if record.plan_hash != expected]
    others += sorted(set(case_ids) - set(there))
    if others:
        raise PlanError(
            "The preprocessed cases are not those of this plan.",
            file=folder,
            expected=f"{len(case_ids)} cases made by plan {plan.name!r} as it stands now",
            got=f"{len(others)} made by another plan, by an older version, or not made: "
            + ", ".join(others[:5])
            + (", ..." if len(others) > 5 else ""),
            remedy=f"Run {preprocessing_of(plan)} again.",
        )
    return records


def preprocessing_of(plan: Plan) -> str:
    """The command that makes the preprocessed cases of a plan."""
    preset = "" if plan.name == "auto" else f" --preset {plan.name}"
    return f"ricenet_plan_and_preprocess {plan.dataset}{preset}"


def check_described(plan: Plan, dataset: Dataset, file: Path) -> None:
    """Refuse a description of a dataset whose channels or classes are not those of its plan.

    Training would be shown the channels of the plan, and prediction would read those of the
    description: images would be confused.

    Args:
        plan: Plan as stored for the dataset, with all channels.
        dataset: Dataset as described now.
        file: dataset.json, for the message.

    Raises:
        PlanError: They differ, or are in another order.
    """
    if differing := other_than_planned(plan, dataset):
        raise PlanError(
            "dataset.json is not the one that this plan was made for.",
            file=file,
            expected=f"the channels and classes of the plan {plan.name!r}, in its order",
            got="; ".join(differing),
            remedy="Undo the change. Or, if dataset.json is right now, run "
            f"{preprocessing_of(plan)} --overwrite.",
        )


def unseen_cases(plan: Plan, records: Sequence[PreprocessedCase]) -> list[str]:
    """Identifiers of the cases that have no channel of a plan that shows the patient.

    Args:
        plan: Restricted to the channels that the network is to see.
        records: Records of the cases, which may have further channels.
    """
    return [
        each.case_id
        for each in records
        if each.missing and lacks_anatomy(plan.channels, each.missing)
    ]


def check_seen(plan: Plan, records: Sequence[PreprocessedCase]) -> None:
    """Refuse channels of which some cases have none that shows the patient.

    Args:
        plan: Restricted to the channels that the network is to see.
        records: Records of the cases of a fold.

    Raises:
        MissingChannelError: There are such cases; the first are named.
    """
    blind = unseen_cases(plan, records)
    if not blind:
        return
    names = ", ".join(channel.name for channel in plan.channels)
    raise MissingChannelError(
        "Cases have none of the channels that the network is to see and that show the patient.",
        expected=f"one of {names} in each case",
        got=f"none in {len(blind)} of {len(records)} cases: {first_of(blind, _MOST_NAMED)}",
        remedy="Name channels of which each case has one, or take these cases out of cases.csv and "
        "plan again.",
    )


def intensities(
    records: Sequence[PreprocessedCase], train: Sequence[str]
) -> dict[str, tuple[float, float]]:
    """Smallest and largest mean of each channel over the training cases."""
    by_channel: dict[str, list[float]] = {}
    for each in records:
        if each.case_id in train:
            for name, mean in each.intensity_mean.items():
                by_channel.setdefault(name, []).append(mean)
    return {name: (min(means), max(means)) for name, means in by_channel.items()}


def sizes(
    records: Sequence[PreprocessedCase], train: Sequence[str]
) -> dict[str, tuple[float, float]]:
    """Usual range of extent, spacing and volume over the training cases; of few there is none."""
    chosen, by_name = set(train), dict[str, list[float]]()
    for each in records:
        if each.case_id in chosen:
            for name, value in sizes_of_case(each).items():
                by_name.setdefault(name, []).append(value)
    ranges = {name: usual_range(values, factor_of(name)) for name, values in by_name.items()}
    return {name: ends for name, ends in ranges.items() if ends is not None}


def mask_labels(
    records: Sequence[PreprocessedCase], train: Sequence[str]
) -> dict[str, tuple[float, ...]]:
    """Labels of each mask channel over the training cases, where those of every case are known."""
    chosen = set(train)
    known = [each.mask_labels for each in records if each.case_id in chosen]
    names = {name for labels in known for name in labels}
    return {
        name: tuple(sorted({value for labels in known for value in labels[name]}))
        for name in sorted(names)
        if all(name in labels for labels in known)
    }

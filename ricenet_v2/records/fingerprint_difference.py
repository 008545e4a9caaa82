"""Differences of the training cases between two fingerprints, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ricenet_v2.core.listing import first_of
from ricenet_v2.records.case_table_snapshot import UsedCase, changes_since
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.fingerprint import CaseMeasurement, Fingerprint

_MOST_NAMED = 5


def relabelled(then: Fingerprint, cases: Sequence[Case]) -> tuple[str, ...]:
    """Cases of another label or another patient now; older fingerprints do not know theirs.

    Args:
        then: Measurements of the training cases before.
        cases: Rows of cases.csv now.
    """
    used = [
        UsedCase(name, then.patients.get(name, ""), label) for name, label in then.labels.items()
    ]
    changes = changes_since(used, {case.case_id: case for case in cases})
    renamed = [f"patient of {each}" for each in changes.renamed]
    return (*changes.wrong, *([_several("other patient ids", renamed)] if renamed else []))


def differences(then: Fingerprint, now: Fingerprint, cases: Sequence[Case]) -> tuple[str, ...]:
    """Differences, each kind with the number of cases and the first of them.

    Args:
        then: Former measurement.
        now: Current measurement.
        cases: Rows of cases.csv now.
    """
    before = {case.case_id: case for case in then.cases}
    after = {case.case_id: case for case in now.cases}
    changes = list(relabelled(then, cases))
    changes += _moved(before, after, {case.case_id: case.split for case in cases})
    kept = [name for name in after if name in before]
    changes += _measured(before, after, kept)
    if not then.labels and then.class_counts != now.class_counts:
        changes.append(f"classes: {_counts(then)} then, {_counts(now)} now")
    elif list(then.class_counts) != list(now.class_counts):
        changes.append(f"classes {_names(then.class_counts)} then, {_names(now.class_counts)} now")
    channels = [
        [f"{channel.name} ({channel.kind})" for channel in each.channels] for each in (then, now)
    ]
    if channels[0] != channels[1]:
        changes.append(f"channels {_names(channels[0])} then, {_names(channels[1])} now")
    if then.dataset != now.dataset:
        changes.append(f"dataset {then.dataset} then, {now.dataset} now")
    return tuple(changes)


def _moved(
    before: Mapping[str, CaseMeasurement],
    after: Mapping[str, CaseMeasurement],
    splits: Mapping[str, str],
) -> list[str]:
    new = [name for name in after if name not in before]
    removed = [name for name in before if name not in after]
    held_back = [name for name in removed if name in splits]
    removed = [name for name in removed if name not in splits]
    kinds = (
        ("new training case(s)", new),
        ("case(s) that are of the split test now", held_back),
        ("case(s) that are not in cases.csv any more", removed),
    )
    return [_several(what, names) for what, names in kinds if names]


def _measured(
    before: Mapping[str, CaseMeasurement], after: Mapping[str, CaseMeasurement], kept: list[str]
) -> list[str]:
    """Cases that are there in both, and of which other values were measured."""
    changed = [name for name in kept if before[name] != after[name]]
    # Older versions kept no hash of the voxels.
    images = [
        name
        for name in changed
        if before[name].spacing != after[name].spacing
        or before[name].voxels not in ("", after[name].voxels)
    ]
    regions = [name for name in changed if name not in images]
    kinds = (
        ("case(s) with other images", images),
        ("case(s) with the same images and another brain mask, or measured otherwise", regions),
    )
    return [_several(what, names) for what, names in kinds if names]


def _several(what: str, names: Sequence[str]) -> str:
    return f"{len(names)} {what}: {first_of(names, _MOST_NAMED)}"


def _counts(fingerprint: Fingerprint) -> str:
    return ", ".join(f"{name} {count}" for name, count in fingerprint.class_counts.items())


def _names(names: Iterable[str]) -> str:
    return ", ".join(names)

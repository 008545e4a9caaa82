"""Channels that cases lack: what cases.csv says of them, and how many cases each is missing in."""

from __future__ import annotations

from collections.abc import Sequence

from ricenet_v2.core.listing import first_of
from ricenet_v2.fingerprinting.checks_rows import TABLE
from ricenet_v2.fingerprinting.findings import DATASET, MISSING, Place, error, warning
from ricenet_v2.records.dataset import Case, Channel
from ricenet_v2.records.integrity import Finding
from ricenet_v2.records.presence import PRESENT, lacks_anatomy, missing_by
from ricenet_v2.store.raw import RawDataset

__all__ = ["ALLOW", "check_presence", "no_anatomy"]

ALLOW = "--allow_missing_channels"
_MOST_NAMED = 5


def check_presence(raw: RawDataset, cases: Sequence[Case], *, allow_missing: bool) -> list[Finding]:
    """Cells of the column `channels` that say nothing, and each channel that cases lack.

    Where missing channels are allowed, those are warnings with the number of cases, else errors
    that say how to allow them.

    Args:
        raw: The dataset.
        cases: Cases with a name that files can have.
        allow_missing: Whether cases may lack channels.
    """
    channels = raw.dataset.channels
    names = [channel.name for channel in channels]
    findings = [
        error(
            PRESENT,
            Place(case.case_id, TABLE),
            found=repr(case.channels),
            expected=f"`all`, names joined with `+` out of {', '.join(names)}, or an empty cell",
            remedy=f"Correct the cell. If the column {PRESENT!r} means something else, rename it.",
        )
        for case in cases
        if case.channels and missing_by(case.channels, names) is None
    ]
    absent = {case.case_id: raw.absent(case) for case in cases}
    for index, channel in enumerate(channels):
        lacking = [case for case in cases if index in absent[case.case_id]]
        is_in_column = any(case.channels for case in lacking)
        if lacking and (allow_missing or is_in_column):
            findings.append(_of_channel(channel, lacking, cases, allow_missing=allow_missing))
    return findings


def _of_channel(
    channel: Channel, lacking: Sequence[Case], cases: Sequence[Case], *, allow_missing: bool
) -> Finding:
    counts = [
        f"{sum(case.split == split for case in lacking)} of {n} {name} cases"
        for split, name in (("train", "training"), ("test", "test"))
        if (n := sum(case.split == split for case in cases))
    ]
    named = first_of([case.case_id for case in lacking], _MOST_NAMED)
    make = warning if allow_missing else error
    return make(
        MISSING,
        DATASET,
        found=f"{channel.name} is missing in {' and '.join(counts)}: {named}",
        expected="each channel in each case, or few cases without one",
        remedy="The network is trained for it: channels are dropped at random, and it is shown "
        "which are there. Metrics come for each pattern of channels, too."
        if allow_missing
        else f"Plan with {ALLOW}, so that networks are trained for it; add the images; or take "
        "the cases out of cases.csv.",
    )


def no_anatomy(channels: Sequence[Channel], missing: Sequence[str], place: Place) -> list[Finding]:
    """The error of a case that lacks every channel that shows the patient."""
    if not missing or not lacks_anatomy(channels, missing):
        return []
    left = [channel.name for channel in channels if channel.name not in missing]
    return [
        error(
            MISSING,
            place,
            found=f"no channel that shows the patient; there: {', '.join(left) or 'none'}",
            expected="an image of one mri, ct or pet channel or more in each case",
            remedy="Add such an image, or leave the case out: a dose or a mask alone shows no "
            "disease.",
        )
    ]

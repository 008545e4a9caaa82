"""Is one image there twice?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ricenet_v2.fingerprinting.findings import Place, error, warning
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.integrity import Finding


@dataclass(frozen=True)
class ImageHash:
    """The voxel hash of one file that is not constant.

    Attributes:
        case: Its case.
        channel: Name of its channel.
        file: Relative to the dataset folder.
        digest: Hash of the voxels.
    """

    case: Case
    channel: str
    file: str
    digest: str


def check_duplicates(hashes: Sequence[ImageHash]) -> list[Finding]:
    """Find images that occur more than once.

    Under two patients, or in train and test, it is an error. Cases of one patient may share
    images (one dose and one MRI after surgery, two later events), unless they share all channels.
    """
    hashes = _of_files(hashes)
    groups: dict[str, list[ImageHash]] = defaultdict(list)
    for entry in sorted(hashes, key=lambda entry: (entry.case.case_id, entry.file)):
        groups[entry.digest].append(entry)
    copies = _complete_copies(hashes)
    findings = []
    for group in groups.values():
        if len({entry.case.case_id for entry in group}) > 1:
            findings.append(_between_cases(group, copies))
        findings += _within_cases(group)
    return findings


def _of_files(hashes: Sequence[ImageHash]) -> list[ImageHash]:
    """One of each file: cases that share an image by its id are no copies of each other."""
    return list({(entry.file, entry.channel): entry for entry in reversed(hashes)}.values())


def _complete_copies(hashes: Sequence[ImageHash]) -> set[str]:
    """Ids of cases whose images are, channel by channel, those of another case."""
    contents: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for entry in hashes:
        contents[entry.case.case_id].add((entry.channel, entry.digest))
    owners: dict[frozenset[tuple[str, str]], list[str]] = defaultdict(list)
    for case_id, content in contents.items():
        owners[frozenset(content)].append(case_id)
    return {case_id for ids in owners.values() if len(ids) > 1 for case_id in ids}


def _between_cases(group: list[ImageHash], copies: set[str]) -> Finding:
    first = group[0]
    others = [entry for entry in group if entry.case.case_id != first.case.case_id]
    is_error = (
        len({entry.case.patient_id for entry in group}) > 1
        or len({entry.case.split for entry in group}) > 1
        or sum(entry.case.case_id in copies for entry in group) > 1
    )
    make = error if is_error else warning
    return make(
        "same image in two cases",
        Place(first.case.case_id, first.file),
        found="the same voxels as " + ", ".join(_owner(entry) for entry in others),
        expected="an image of its own for each case",
        remedy="Replace the wrong copy or remove one of the cases."
        if is_error
        else f"Right if patient {first.case.patient_id} has one image for all these events.",
    )


def _owner(entry: ImageHash) -> str:
    return f"{entry.file} (case {entry.case.case_id}, patient {entry.case.patient_id})"


def _within_cases(group: list[ImageHash]) -> list[Finding]:
    of_channel: dict[tuple[str, str], list[ImageHash]] = defaultdict(list)
    for entry in group:
        of_channel[entry.case.case_id, entry.case.split].append(entry)
    return [
        warning(
            "same image in two channels",
            Place(case_id, entries[0].file),
            found="the same voxels as " + ", ".join(entry.file for entry in entries[1:]),
            expected="a different image in each channel",
            remedy="Check which of the files is the wrong one.",
        )
        for (case_id, _), entries in of_channel.items()
        if len(entries) > 1
    ]

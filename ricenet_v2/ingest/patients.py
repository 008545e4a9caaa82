"""Assignment of DICOM series to patients where PatientID is missing or shared by two people.

Two people are never taken for one without a word. Where headers contradict each other, each has a
name of its own; where they say nothing, studies, frames of reference and folders decide.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ricenet_v2.ingest.header import DicomHeader
from ricenet_v2.ingest.image_tree import level_of_patients
from ricenet_v2.ingest.series import DicomSeries
from ricenet_v2.records.manifest import same_patient

BY_BIRTH, BY_ID_AND_NAME = "PatientID and birth date", "PatientID and PatientName"
BY_NAME, BY_STUDY, BY_FOLDER = "PatientName", "study or frame of reference", "folder"
BY_ID_ALONE = "PatientID alone, in several folders"
_NOBODY = re.compile(
    r"|anon(ym(ous|i[sz]ed)?)?|de-?identified|removed|unknown|none|null|n/?a|no ?name|nn|"
    r"(the )?patient|test|[0x*?._^ -]+",
    re.IGNORECASE,
)
"""Placeholders that anonymisers and technicians write instead of an id or a name."""
_NO_BIRTH = {"", "19000101", "00010101", "00000000"}
_DIGITS = 6


@dataclass(frozen=True)
class SeriesOwner:
    """The patient to whom a series is assigned.

    Attributes:
        patient: Patient id in the tables.
        by: Evidence for the patient; empty for PatientID alone.
    """

    patient: str
    by: str = ""


def owners_of_series(
    series: Mapping[str, DicomSeries], folders: Mapping[str, tuple[str, ...]]
) -> dict[str, SeriesOwner]:
    """The owner of each series, by its key.

    PatientID, where it is one. Series that share it and have several birth dates, or names of which
    none is part of the other, are of several people. Without PatientID: PatientName; else the owner
    of the series that share a study, a frame of reference or a plan; else the folder, if there are
    several such folders side by side; else each group of linked series stands for itself.

    Args:
        series: Series by key.
        folders: Folders of each series, below the scanned folder.
    """
    firsts = {key: each.first for key, each in series.items()}
    known = {key: owner for key, owner in _by_header(firsts).items() if owner.patient}
    groups = _linked(firsts, known)
    for group in groups:
        owners = {known[key].patient for key in group if key in known}
        if len(owners) == 1:
            patient = owners.pop()
            known |= {key: SeriesOwner(patient, BY_STUDY) for key in group if key not in known}
    owners_of_all = known | _by_place([group - known.keys() for group in groups], firsts, folders)
    return _said_alone(owners_of_all, firsts, folders, groups)


def _by_header(firsts: Mapping[str, DicomHeader]) -> dict[str, SeriesOwner]:
    """Owner of each series by id or name; empty for neither, and between two people."""
    sharing: dict[str, list[str]] = defaultdict(list)
    for key, header in firsts.items():
        sharing[same_patient(_base(header))].append(key)
    owners: dict[str, SeriesOwner] = {}
    for keys in sharing.values():
        owners |= _people({key: firsts[key] for key in keys})
    return owners


def _base(header: DicomHeader) -> str:
    return header.patient if is_somebody(header.patient) else _name(header)


def is_somebody(text: str) -> bool:
    """Whether an id or a name stands for one patient, and not in the place of one."""
    return not _NOBODY.fullmatch(text.strip())


def _name(header: DicomHeader) -> str:
    # Other alphabets stand behind the equals sign.
    name = header.name.partition("=")[0].strip(" ^")
    return name if is_somebody(name) else ""


def _birth(header: DicomHeader) -> str:
    return "" if header.birth_date in _NO_BIRTH else header.birth_date


def _people(sharing: Mapping[str, DicomHeader]) -> dict[str, SeriesOwner]:
    """Owners of series that share an id, or a name where they have none."""
    base = min(map(_base, sharing.values()))
    is_named = not any(is_somebody(header.patient) for header in sharing.values())
    if not base:
        return {key: SeriesOwner("") for key in sharing}
    births = {_birth(header) for header in sharing.values()} - {""}
    if len(births) > 1:
        return {
            key: SeriesOwner(f"{base} born {born}" if born else "", BY_BIRTH)
            for key, header in sharing.items()
            for born in [_birth(header)]
        }
    by = BY_NAME if is_named else ""
    names = {key: name for key, header in sharing.items() if (name := _other_name(header))}
    has_same_birth_date = len(births) == 1 and all(_birth(sharing[key]) for key in names)
    people = _different(names.values(), has_same_birth_date=has_same_birth_date)
    if is_named or len(people) < 2:
        return {key: SeriesOwner(_base(header), by) for key, header in sharing.items()}
    of_name = {name: min(each) for each in people for name in each}
    return {
        key: SeriesOwner(
            f"{base} named {of_name[names[key]]}" if key in names else "", BY_ID_AND_NAME
        )
        for key in sharing
    }


def _other_name(header: DicomHeader) -> str:
    """The name, where it says more than the id."""
    name = _name(header)
    return "" if same_patient(name) == same_patient(header.patient) else name


def _different(names: Iterable[str], *, has_same_birth_date: bool) -> list[set[str]]:
    """Names of one person together: one is part of the other.

    With the same id and birth date a common part is enough, since people marry.
    """
    people: list[set[str]] = []
    for name in sorted(set(names), key=lambda each: (-len(_parts(each)), each)):
        for each in people:
            if any(
                _is_part(name, other)
                or (has_same_birth_date and set(_parts(name)) & set(_parts(other)))
                for other in each
            ):
                each.add(name)
                break
        else:
            people.append({name})
    return people


def _parts(name: str) -> list[str]:
    return [part for part in re.split(r"[\W_]+", name.casefold()) if part]


def _is_part(name: str, other: str) -> bool:
    """Whether each part of a name, or its initial, stands in the other, which has more parts."""
    rest = _parts(other)
    for part in _parts(name):
        same = next((o for o in rest if o.startswith(part) or part.startswith(o)), None)
        if same is None:
            return False
        rest.remove(same)
    return True


def _linked(firsts: Mapping[str, DicomHeader], known: Mapping[str, SeriesOwner]) -> list[set[str]]:
    """Series that share a study, a frame of reference or a plan, directly or over others.

    An identifier of several known patients, which anonymisers write, links nothing.
    """
    sharing: dict[str, set[str]] = defaultdict(set)
    for key, header in firsts.items():
        of_plan = (header.instance,) if header.modality == "RTPLAN" else header.plans
        for uid in {header.study, header.frame_of_reference, *of_plan} - {""}:
            sharing[uid].add(key)
    group = {key: {key} for key in firsts}
    for keys in sharing.values():
        if len({known[key].patient for key in keys if key in known}) > 1:
            continue
        joined = set().union(*(group[key] for key in keys))
        for key in joined:
            group[key] = joined
    return list({id(each): each for each in group.values()}.values())


def _by_place(
    groups: Iterable[set[str]],
    firsts: Mapping[str, DicomHeader],
    folders: Mapping[str, tuple[str, ...]],
) -> dict[str, SeriesOwner]:
    """Owners of series whose headers, and those of linked series, do not tell one person."""
    left = [group for group in groups if group]
    paths = [folders[key] for group in left for key in group]
    level = level_of_patients(paths) if paths else -1
    below = {path: path[level] if 0 <= level < len(path) else "" for path in paths}
    are_side_by_side = len(set(below.values())) > 1 and all(below.values())
    owners: dict[str, SeriesOwner] = {}
    for group in left:
        base = min((_base(firsts[key]) for key in group), key=lambda name: (not name, name))
        folder = min(folders[key][0] for key in group)
        if base:  # several people share it
            owner = SeriesOwner(f"{base} study {_digest(group, firsts)}", BY_STUDY)
        elif len(left) == 1:
            owner = SeriesOwner(folder, BY_STUDY)
        elif are_side_by_side:
            owner = SeriesOwner(min(below[folders[key]] for key in group), BY_FOLDER)
        else:
            owner = SeriesOwner(f"{folder} study {_digest(group, firsts)}", BY_STUDY)
        owners |= dict.fromkeys(group, owner)
    return owners


def _digest(group: set[str], firsts: Mapping[str, DicomHeader]) -> str:
    """A name of linked series that stays the same as long as their first study is there."""
    uid = min(firsts[key].study or firsts[key].series or key for key in group)
    return hashlib.sha256(uid.encode("utf-8", "surrogateescape")).hexdigest()[:_DIGITS]


def _said_alone(
    owners: Mapping[str, SeriesOwner],
    firsts: Mapping[str, DicomHeader],
    folders: Mapping[str, tuple[str, ...]],
    groups: Iterable[set[str]],
) -> dict[str, SeriesOwner]:
    """Owners, with those marked whose MRIs lie in several first folders and have but an id.

    Two hospitals number their patients alike. What confirms that it is one patient is a birth date
    or a name, which no series contradicts, or a study.
    """
    tops: dict[str, set[str]] = defaultdict(set)
    for group in groups:
        for name in {same_patient(owners[key].patient) for key in group}:
            of_mri = [folders[key][0] for key in group if firsts[key].modality == "MR"]
            tops[name] |= {min(of_mri)} if of_mri else set()
    confirmed = {
        same_patient(owner.patient)
        for key, owner in owners.items()
        if _birth(firsts[key]) or _other_name(firsts[key])
    }
    alone = {name for name, each in tops.items() if len(each) > 1} - confirmed
    return {
        key: replace(owner, by=owner.by or BY_ID_ALONE)
        if same_patient(owner.patient) in alone
        else owner
        for key, owner in owners.items()
    }

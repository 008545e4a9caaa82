"""Images in other formats than DICOM: patient and session by names and folders, and sidecars.

Headers of NIfTI, MetaImage and NRRD name no patient and no date. What names of files and folders
say is a guess, so each row says where its patient comes from.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ricenet_v2.core.regular import opened
from ricenet_v2.store.image_files import ENDINGS

BY_NAMES, BY_FOLDERS = "sub- in names", "folders"
_ENTITY = r"(?:^|[/_]){}-([A-Za-z0-9]+)(?=[/_.]|$)"
_SUBJECT = re.compile(_ENTITY.format("sub"))
_SESSION = re.compile(_ENTITY.format("ses"))
_TIME = re.compile(
    r"(ses|session|week|wk|visit|day|month|year|time[-_ ]?point|tp|t|scan|fu|follow[-_ ]?up|"
    r"base[-_ ]?line|pre|post|event|anat|dwi|perf|rt|dose)([-_ ]?\d.*)?"
    r"|mri?|ct|pet|rt[-_ ]?(dose|plan|struct|ss)|plan|structures?|dicom"
    r"|(19|20)\d\d[-_]?\d\d[-_]?\d\d",
    re.IGNORECASE,
)
"""Names of folders that tell times and kinds of images apart, and not patients."""
_LONGEST = 1 << 20
_ENDINGS = sorted((e for endings in ENDINGS.values() for e in endings), key=len, reverse=True)


@dataclass(frozen=True)
class ImagePlace:
    """Information in the path of an image.

    Attributes:
        patient: Name of the patient in file or folder names; empty if there is none.
        by: `BY_NAMES`, `BY_FOLDERS` or empty.
        session: Session in file or folder names; empty if there is none.
    """

    patient: str = ""
    by: str = ""
    session: str = ""


@dataclass(frozen=True)
class Sidecar:
    """Fields read from a JSON file beside an image: three of BIDS, and no others.

    Attributes:
        modality: `Modality`.
        description: `SeriesDescription`.
        contrast_agent: Whether `ContrastBolusIngredient` names one.
    """

    modality: str = ""
    description: str = ""
    contrast_agent: bool = False


def places_of(
    names: Iterable[str], of_dicom: Collection[tuple[str, ...]] = ()
) -> dict[str, ImagePlace]:
    """Patient and session of images, by their paths below the folder that was scanned.

    `sub-XX` and `ses-YY` of BIDS are taken where a path says one of each. Else the patient is the
    first folder below those that all images share (else the last of these), and the session the
    folder below that; folders whose names are times, such as `week-012`, are no patients.

    Args:
        names: Paths.
        of_dicom: First folders that hold DICOM files, whose patients are known otherwise.
    """
    paths = {name: PurePosixPath(name.replace("\\", "/")) for name in names}
    places = {name: _of_names(path) for name, path in paths.items()}
    unknown = {
        name: paths[name].parts[:-1]
        for name, place in places.items()
        # Several `sub-` are a contradiction, which folders do not solve.
        if not place.by and not _SUBJECT.search(str(paths[name]))
    }
    free = {name: folders for name, folders in unknown.items() if folders[:1] not in of_dicom}
    level = level_of_patients([*(path.parts[:-1] for path in paths.values()), *of_dicom])
    return places | {name: _of_folders(folders, level) for name, folders in free.items()}


def subject_of(path: str) -> str:
    """`sub-XX` of BIDS where a path says one; else empty."""
    subjects = set(_SUBJECT.findall(path.replace("\\", "/")))
    return f"sub-{subjects.pop()}" if len(subjects) == 1 else ""


def _of_names(path: PurePosixPath) -> ImagePlace:
    subject, sessions = subject_of(str(path)), set(_SESSION.findall(str(path)))
    if not subject:
        return ImagePlace()
    session = f"ses-{sessions.pop()}" if len(sessions) == 1 else ""
    return ImagePlace(subject, BY_NAMES, session)


def level_of_patients(folders: Sequence[tuple[str, ...]]) -> int:
    """Level of the patient's folder in each path: the first that differs and is no time.

    Below 0 where there is none.
    """
    level = 0
    for parts in zip(*folders, strict=False):
        if len(set(parts)) > 1:
            break
        level += 1
    level -= any(len(each) == level for each in folders)
    while any(len(each) > level >= 0 and _TIME.fullmatch(each[level]) for each in folders):
        level -= 1
    return level


def _of_folders(folders: tuple[str, ...], level: int) -> ImagePlace:
    below = folders[level:] if level >= 0 else ()
    if not below:
        return ImagePlace()
    return ImagePlace(below[0], BY_FOLDERS, below[1] if len(below) > 1 else "")


def stem_of(name: str) -> str:
    """The name of an image without folders and ending."""
    last = PurePosixPath(name.replace("\\", "/")).name
    ending = next((e for e in _ENDINGS if last.lower().endswith(e)), "")
    return last[: len(last) - len(ending)]


def read_sidecar(image: Path) -> Sidecar:
    """Read the JSON file of an image; an empty one where there is none that can be read."""
    try:
        with opened(image.with_name(f"{stem_of(image.name)}.json")) as stream:
            content = stream.read(_LONGEST + 1)
        fields = json.loads(content) if len(content) <= _LONGEST else None
    except (OSError, ValueError, RecursionError):
        return Sidecar()
    if not isinstance(fields, dict):
        return Sidecar()
    return Sidecar(
        modality=_text(fields, "Modality").upper(),
        description=_text(fields, "SeriesDescription"),
        contrast_agent=_text(fields, "ContrastBolusIngredient").lower() not in {"", "none"},
    )


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return " ".join(value.split()) if isinstance(value, str) else ""

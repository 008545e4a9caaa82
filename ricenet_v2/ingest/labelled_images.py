"""Assignment of the files of a folder to cases, by the case ids of a table."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ricenet_v2.core.spelling import as_file
from ricenet_v2.store.image_files import ENDINGS

BRAIN, LESION = "brain", "lesion"
_MASKS = {
    BRAIN: re.compile(r"(brain|skull_?strip\w*)?_?(brain)?_?mask|brain|hd_?bet\w*"),
    LESION: re.compile(r"(seg|segmentation|lesion|tumou?r|label|labels|roi|gtv\w*)(_?mask)?"),
}
_OF_TEST = re.compile(r"imagests|masksts|labelsts|test|testing")
_LABELS = re.compile(r"labels(tr|ts)")
_BETWEEN = re.compile(r"[\s_.-]+")
_ALL = sorted((e for endings in ENDINGS.values() for e in endings), key=len, reverse=True)


@dataclass
class LabelledCase:
    """Files of one case.

    Attributes:
        channels: Image by the name of its channel; of nnU-Net's files that is a number.
        masks: Masks by `brain` and `lesion`.
        is_test: Whether they lie in a folder of test cases.
    """

    channels: dict[str, Path] = field(default_factory=dict)
    masks: dict[str, Path] = field(default_factory=dict)
    is_test: bool = False


@dataclass(frozen=True)
class LabelledImages:
    """Files of a folder.

    Attributes:
        cases: Files by case id of the table; only cases that have some.
        unmatched: Files without a case in the table, relative to the folder.
        doubled: Files that belong to the same channel of a case, in words.
        endings: Endings of all matched files.
    """

    cases: dict[str, LabelledCase]
    unmatched: tuple[str, ...]
    doubled: tuple[str, ...]
    endings: tuple[str, ...]


def match_images(folder: Path, case_ids: Sequence[str]) -> LabelledImages:
    """Find the images of each case: in a folder that has its id, or files that begin with it.

    Ids match in any letter case and Unicode normal form. What is left of a file's name behind the
    id names its channel, or its mask.

    Args:
        folder: Folder of images, in any layout; hidden files are skipped.
        case_ids: Case ids in the table.
    """
    ids = {as_file(case): case for case in case_ids}
    cases: dict[str, LabelledCase] = defaultdict(LabelledCase)
    unmatched, doubled, endings = [], [], set[str]()
    for path in _images(folder):
        parts = path.relative_to(folder).parts
        ending = _ending(path.name)
        match = _case_of(parts, ids, ending)
        if match is None:
            unmatched.append(path.relative_to(folder).as_posix())
            continue
        case, rest = match
        images = cases[ids[case]]
        folders = [as_file(part) for part in parts[:-1]]
        images.is_test |= any(_OF_TEST.fullmatch(part) for part in folders)
        endings.add(ending)
        mask = _mask_of(rest, is_segmentation=any(map(_LABELS.fullmatch, folders)))
        files, name = (images.masks, mask) if mask else (images.channels, rest or "image")
        if name in files:
            doubled.append(f"{ids[case]}, {name}: {files[name].name} and {path.name}")
        files.setdefault(name, path)
    return LabelledImages(dict(cases), tuple(unmatched), tuple(doubled), tuple(sorted(endings)))


def _images(folder: Path) -> Iterable[Path]:
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and _ending(path.name) and path.is_file():
            yield path


def _ending(name: str) -> str:
    return next((ending for ending in _ALL if name.lower().endswith(ending)), "")


def _case_of(parts: Sequence[str], ids: Mapping[str, str], ending: str) -> tuple[str, str] | None:
    """The case of a file, and the rest of its name; the longest id wins, a file before a folder."""
    stem = as_file(parts[-1][: len(parts[-1]) - len(ending)])
    begun = [case for case in ids if stem == case or _begins(stem, case)]
    if begun:
        case = max(begun, key=len)
        return case, _BETWEEN.sub("_", stem[len(case) :]).strip("_")
    folders = [as_file(part) for part in parts[:-1]]
    inside = [case for case in ids if case in folders]
    if inside:
        return max(inside, key=len), _BETWEEN.sub("_", stem).strip("_")
    return None


def _begins(stem: str, case: str) -> bool:
    return stem.startswith(case) and not stem[len(case)].isalnum()


def _mask_of(rest: str, *, is_segmentation: bool) -> str:
    """Mask that a file is, by its name; empty for an image."""
    if is_segmentation:
        return LESION
    return next((mask for mask, pattern in _MASKS.items() if pattern.fullmatch(rest)), "")

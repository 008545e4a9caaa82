"""Results of other commands, copied into a report: a missing one affects only its case."""

from __future__ import annotations

import logging
import shutil
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.failures import logged
from ricenet_v2.records.report import SectionFigure, SectionVolume
from ricenet_v2.reporting.results.report_sections import SectionFolder
from ricenet_v2.reporting.results.sources import Sources
from ricenet_v2.store.paths import REPORT_PART_JSON

logger = logging.getLogger(__name__)

_PICTURES, _MAPS = (".png", ".svg"), (".nii.gz", ".nii")
File = TypeVar("File", SectionFigure, SectionVolume)
_LeftOut = dict[str, list[str]]


def copy_parts(sources: Sources, folder: Path) -> tuple[Sources, dict[str, tuple[str, ...]]]:
    """Copy the pictures that parts name; maps are part of the pages' volumes.

    Args:
        sources: Sources of the report.
        folder: Folder of all parts, which are numbered.

    Returns:
        The sources without pictures and maps of single cases that cannot be shown, and why, by case
        id.

    Raises:
        DatasetError: A picture of all cases is missing, no PNG or SVG, or outside of the part's
            folder.
    """
    left_out: _LeftOut = defaultdict(list)
    parts = tuple(_copied(part, folder / str(n), left_out) for n, part in enumerate(sources.parts))
    return replace(sources, parts=parts), {case: tuple(why) for case, why in left_out.items()}


def _copied(part: SectionFolder, folder: Path, left_out: _LeftOut) -> SectionFolder:
    for picture in part.content.pictures:
        _copy(part, picture, folder)
    cases = _usable(part.content.cases, lambda picture: _copy(part, picture, folder), left_out)
    volumes = _usable(
        part.content.volumes, lambda volume: _inside(part, volume.file, _MAPS), left_out
    )
    return replace(part, content=replace(part.content, cases=cases, volumes=volumes))


def _usable(
    by_case: Mapping[str, tuple[File, ...]], use: Callable[[File], object], left_out: _LeftOut
) -> dict[str, tuple[File, ...]]:
    """The files of cases that can be used."""
    usable = {}
    for case, files in by_case.items():
        faults = {file.file: _fault_of(use, file) for file in files}
        left_out[case] += [f"{name} is not shown: {why}" for name, why in faults.items() if why]
        usable[case] = tuple(file for file in files if not faults[file.file])
    return usable


def _fault_of(use: Callable[[File], object], file: File) -> str:
    """Why a file cannot be used, in words; empty where it can."""
    try:
        use(file)
    except (DatasetError, OSError) as error:
        logged(logger, f"{file.file} is not shown", error)
        return error.what if isinstance(error, DatasetError) else type(error).__name__
    return ""


def _copy(part: SectionFolder, picture: SectionFigure, folder: Path) -> None:
    # The names of a part are relative paths without a way out, by its record.
    target = folder / picture.file
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(_inside(part, picture.file, _PICTURES), target)


def _inside(part: SectionFolder, name: str, endings: tuple[str, ...]) -> Path:
    """The file that a part names."""
    path = (part.folder / name).resolve()
    inside = path.is_relative_to(part.folder.resolve())
    if not inside or not path.name.endswith(endings) or not path.is_file():
        raise DatasetError(
            "A part of the report names a file that cannot be shown.",
            file=part.folder / REPORT_PART_JSON,
            expected=f"{' or '.join(endings)} files beside it",
            got=name,
            remedy="Run the command that wrote this folder again, or move the folder away.",
        )
    return path

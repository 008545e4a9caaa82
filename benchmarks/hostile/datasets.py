"""Faults of a dataset: each is put into a copy of a sound one, which is then checked and planned.

Every fault is tried at several positions: channels, cases of both splits, rows, file endings.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.hostile import (
    faults_formats,
    faults_headers,
    faults_images,
    faults_json,
    faults_tables,
)
from benchmarks.hostile.attack import Attack, Ground, Outcome, is_foreign, is_named, says, short
from benchmarks.hostile.cohort import NAME, PLAN, write_raw
from benchmarks.hostile.commands import Answer, ask
from benchmarks.hostile.faults import Fault, Place, words
from ricenet_v2.store.images import read_image

IMAGES, HEADERS, FORMATS, TABLES, JSON = (
    "datasets: images",
    "datasets: NIfTI headers",
    "datasets: other formats",
    "datasets: cases.csv",
    "datasets: dataset.json",
)
_CASES = (("C00", 0), ("C11", 11))
_ROWS = (("C01", 1), ("C06", 6), ("C10", 10))


@dataclass(frozen=True)
class Try:
    """A fault at a position; the folder is not known yet."""

    kind: str
    fault: Fault
    case: str = "C00"
    channel: int = 0
    ending: str = ".nii.gz"
    row: int = 0

    @property
    def name(self) -> str:
        """Name with its position, in words."""
        return f"{self.fault.name} ({self.case}, channel {self.channel}, {self.ending})"


def tries() -> list[Try]:
    """All faults at all of their positions."""
    return [
        *(
            Try(kind, fault, case, channel, row=row)
            for kind, faults in ((IMAGES, faults_images.FAULTS), (HEADERS, faults_headers.FAULTS))
            for fault in faults
            for channel in fault.channels
            for case, row in _CASES
        ),
        *(
            Try(FORMATS, fault, case, channel, ending, row)
            for ending in faults_formats.ENDINGS
            for fault in faults_formats.faults_of(ending)
            for (case, row), channel in zip(_CASES, (0, 1), strict=True)
        ),
        *(
            Try(TABLES, fault, case, row=row)
            for fault in faults_tables.CELLS
            for case, row in _ROWS
        ),
        Try(TABLES, faults_tables.NO_LABEL[0], "C01", row=1),
        Try(TABLES, faults_tables.NO_LABEL[1], "C10", row=10),
        *(Try(TABLES, fault) for fault in faults_tables.WHOLE),
        *(Try(JSON, field, channel=n) for field in faults_json.CHANNEL_FIELDS for n in range(3)),
        *(Try(JSON, fault) for fault in faults_json.WHOLE),
    ]


def attempts(ground: Ground) -> Iterator[Outcome]:
    """Try all, or a share."""
    every = tries()
    for number in ground.chosen(every):
        yield attempt(every[number], ground.folder)


def attempt(attempted: Try, folder: Path) -> Outcome:
    """Spoil a copy, check it and, where no fault is found, plan it."""
    workspace = folder / "spoilt"
    shutil.rmtree(workspace, ignore_errors=True)
    raw = workspace / "raw" / NAME
    shutil.copytree(_sound(folder, attempted.ending), raw)
    place = Place(raw, attempted.case, attempted.channel, attempted.ending, attempted.row)
    attempted.fault.spoil(place)
    report = workspace / "preprocessed" / NAME / "integrity.json"
    given = (raw, "--workspace", workspace, "--num_workers", 1, "--preset", PLAN)
    log = folder / "log.txt"
    answer = ask("plan_and_preprocess", *given, "--verify_only", log=log)
    said = words(attempted.fault.said, place)
    is_named_rightly = is_named(answer, said, report)
    is_said = says(answer, said, report)
    if answer.code == 0:
        answer = ask("plan_and_preprocess", *given, "--plan_only", log=log)
        is_said = is_said or says(answer, said, report)
    is_planned = answer.code == 0
    held = {
        "refused": is_named_rightly,
        "warned": is_planned and is_said,
        "told": is_said and (is_planned or is_named_rightly),
        "same": is_named_rightly
        or (is_planned and _is_same(place, _sound(folder, attempted.ending))),
        "sound": is_planned,
    }[attempted.fault.verdict]
    is_wrong = is_foreign(answer.text) or _is_advised(attempted.fault.unsaid, answer, report)
    return Outcome(attempted.kind, attempted.name, held and not is_wrong, short(answer, report))


def _is_advised(words: str, answer: Answer, report: Path) -> bool:
    return bool(words) and says(answer, (words,), report)


def _is_same(place: Place, sound: Path) -> bool:
    """Whether the image is read as that of the sound dataset."""
    voxels, grid = read_image(place.file)
    others, its_grid = read_image(sound / place.file.relative_to(place.folder))
    return grid == its_grid and np.array_equal(voxels, others)


def _sound(folder: Path, ending: str) -> Path:
    """The dataset in a format, made once."""
    path = folder / f"sound{ending}"
    if not path.is_dir():
        write_raw(path)
        if ending != ".nii.gz":
            for images in ("imagesTr", "imagesTs"):
                faults_formats.convert(path / images, ending)
            text = (path / "dataset.json").read_text(encoding="utf-8")
            text = text.replace('".nii.gz"', f'"{ending}"')
            (path / "dataset.json").write_text(text, encoding="utf-8")
    return path


_HELD = (
    "refused with exit code 2 or 1 and the right words for the right case and file, no traceback; "
    "planned where the fault is harmless, with a warning where one is due"
)
ATTACK = Attack(dict.fromkeys((IMAGES, HEADERS, FORMATS, TABLES, JSON), _HELD), attempts, {})

"""Many new patients in one folder, good and bad mixed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmarks.hostile import cohort, faults_headers, faults_images
from benchmarks.hostile.attack import Attack, Ground, Outcome, is_foreign, short
from benchmarks.hostile.commands import Answer, ask
from benchmarks.hostile.faults import Fault, Place
from ricenet_v2.core import documents
from ricenet_v2.records.prediction import Predictions
from ricenet_v2.store import tables
from ricenet_v2.store.paths import PREDICTIONS_CSV, PREDICTIONS_JSON
from ricenet_v2.store.raw import images_folder

KIND = "new patients"
_NUMBER = 42
_SECONDS = 180.0
_NAMES = (
    "no file", "an empty file", "half of the file", "a flipped bit", "text", "a folder", "a pipe",
    "a link to itself", "a voxel NaN", "all voxels NaN", "one value", "zeros as voxels",
    "a slice more", "another origin", "two axes", "four axes", "three colours",
    "vox_offset of infinity", "32,767 voxels along each axis", "no voxels along an axis",
)  # fmt: skip


def _long_name(place: Place) -> None:
    for channel in range(3):
        file = place.other(channel)
        file.rename(place.other(channel, f"{place.case}{'x' * 230}"))


def _faults() -> list[Fault]:
    """One for each bad patient."""
    every = {fault.name: fault for fault in (*faults_images.FAULTS, *faults_headers.FAULTS)}
    return [
        *(every[name] for name in _NAMES),
        Fault("a name of 233 letters", _long_name),
    ]


def attempts(ground: Ground) -> Iterator[Outcome]:
    """Predict all of one folder, and the good ones of another."""
    workspace = ground.sound
    cohort.trained(workspace)
    bad = _faults()
    mixed = images_folder(cohort.write_raw(ground.folder / "mixed", n_test=_NUMBER), "test")
    shutil.copytree(mixed, ground.folder / "good")
    n_good = _NUMBER - len(bad)
    good = [f"C{number}" for number in range(10, 10 + n_good)]
    spoilt = {f"C{10 + n_good + n}": fault for n, fault in enumerate(bad)}
    for case, fault in spoilt.items():
        fault.spoil(Place(mixed.parent, case))
        for file in (ground.folder / "good").glob(f"{case}_*"):
            file.unlink()
    alone, among = ground.folder / "alone", ground.folder / "among"
    _predicted(ground.folder / "good", alone, workspace)
    answer = _predicted(mixed, among, workspace)
    expected, actual = _rows(alone), _rows(among)
    for case in good:
        is_same = case in actual and actual[case] == expected.get(case)
        yield Outcome(KIND, f"{case}, good", is_same, "the same bits" if is_same else short(answer))
    failed = _failed(among)
    for case, fault in spoilt.items():
        said = next((text for name, text in failed.items() if name.startswith(case)), "")
        is_ours = bool(said) and not is_foreign(answer.text) and answer.code == 1
        held = is_ours and (case in said or bool(re.search("name|file|image", said)))
        yield Outcome(KIND, f"{case}, {fault.name}", held, said[:300] or short(answer))


def _predicted(source: Path, output: Path, workspace: Path) -> Answer:
    return ask(
        "predict", "-i", source, "-o", output, "-d", cohort.NAME, "-p", cohort.PLAN,
        "--device", "cpu", "--workspace", workspace,
        log=output.with_suffix(".log"), seconds=_SECONDS,
    )  # fmt: skip


def _rows(folder: Path) -> dict[str, dict[str, str]]:
    path = folder / PREDICTIONS_CSV
    return {row["case_id"]: row for row in tables.read_rows(path)} if path.is_file() else {}


def _failed(folder: Path) -> dict[str, str]:
    path = folder / PREDICTIONS_JSON
    if not path.is_file():
        return {}
    return {failure.case_id: failure.error for failure in documents.read(Predictions, path).failed}


ATTACK = Attack(
    {
        KIND: "21 good ones: predicted to the bit as without the bad ones; 21 bad ones: each named "
        "in its own words, exit code 1"
    },
    attempts,
    {},
)

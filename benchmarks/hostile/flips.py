"""Single bits that flip on disk, and files that are exchanged or replaced."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.hostile import cohort
from benchmarks.hostile.attack import Attack, Ground, Outcome, is_named, short
from benchmarks.hostile.commands import ask
from benchmarks.readers import readers
from ricenet_v2.core import documents
from ricenet_v2.core.errors import RicenetError
from ricenet_v2.inference.feature_reference import read_reference
from ricenet_v2.records.calibration import Calibration
from ricenet_v2.records.fingerprint import Fingerprint
from ricenet_v2.records.run import Run
from ricenet_v2.store import checkpoints
from ricenet_v2.store.cases import read_array, read_record, write_case
from ricenet_v2.store.paths import DatasetPaths

KINDS = _ARRAYS, _WEIGHTS, _OTHERS = (
    "bits of a .b2nd",
    "bits of a checkpoint",
    "bits of other files",
)
_EXCHANGED = "exchanged files"
_CASE = "C03"
Read = Callable[[Path], object]


def attempts(ground: Ground) -> Iterator[Outcome]:
    """Flip bits of all that carries a hash, and exchange files of cases."""
    paths = cohort.trained(ground.sound)
    stored, fold = paths.cases(cohort.PLAN), paths.run(cohort.PLAN).fold(0)
    chance = random.Random(18)  # noqa: S311 - places, no secrets
    folder = ground.folder / "flipped"
    folder.mkdir()
    beside = stored / f"{_CASE}.json"
    sealed: list[tuple[str, Path, int, Read, list[Path]]] = [
        (_ARRAYS, stored / f"{_CASE}.b2nd", 2000, lambda p: read_array(p.parent, _CASE), [beside]),
        (_WEIGHTS, fold.final, 150, checkpoints.load, []),
        (_OTHERS, fold.reference, 150, read_reference, []),
        (_OTHERS, beside, 150, lambda p: read_record(p.parent, _CASE), []),
        (_OTHERS, paths.fingerprint, 150, lambda p: documents.read(Fingerprint, p), []),
        (_OTHERS, _calibration(ground.folder), 150, _read_calibration, []),
        (_OTHERS, fold.run, 150, lambda p: documents.read(Run, p), []),
    ]
    for kind, file, number, read, others in sealed:
        if file.is_file():
            yield from flipped(kind, file, ground.count(number), read, others, folder, chance)
    yield from _exchanged(paths, ground)


def _calibration(folder: Path) -> Path:
    reader = next(candidate for candidate in readers() if candidate.name == "calibration")
    path = reader.put(folder, reader.valid)
    documents.write(path, documents.read(Calibration, path))
    return path


def _read_calibration(path: Path) -> object:
    return next(reader for reader in readers() if reader.name == "calibration").read(path)


def flipped(
    kind: str,
    file: Path,
    number: int,
    read: Read,
    others: list[Path],
    folder: Path,
    chance: random.Random,
) -> Iterator[Outcome]:
    """Flip a bit of a copy, so many times, and read it."""
    for other in others:
        shutil.copy(other, folder)
    whole, path = file.read_bytes(), folder / file.name
    for _ in range(number):
        at, bit = chance.randrange(len(whole)), chance.randrange(8)
        content = bytearray(whole)
        content[at] ^= 1 << bit
        path.write_bytes(content)
        said = _read(read, path)
        yield Outcome(kind, f"{file.name}, bit {bit} of byte {at}", *said)


def _read(read: Read, path: Path) -> tuple[bool, str]:
    """Whether reading is refused in the words of the program, and what is said."""
    try:
        read(path)
    except RicenetError as error:
        return path.name in str(error), " ".join(str(error).split())[:300]
    except Exception as error:  # noqa: BLE001 - it is looked for
        return False, f"{type(error).__name__}: {error}"
    return False, "it was read without a word"


def _swap_voxels(folder: Path) -> None:
    first, other, aside = folder / "C03.b2nd", folder / "C04.b2nd", folder / "aside"
    first.rename(aside)
    other.rename(first)
    aside.rename(other)


def _swap_both(folder: Path) -> None:
    _swap_voxels(folder)
    first, other, aside = folder / "C03.json", folder / "C04.json", folder / "aside"
    first.rename(aside)
    other.rename(first)
    aside.rename(other)


def _zeros(folder: Path) -> None:
    """A sound file of nothing but zeros, with the record of the case."""
    record = (folder / "C03.json").read_bytes()
    shape = read_record(folder, "C03").shape
    write_case(folder, np.zeros(shape, np.float32), read_record(folder, "C03"))
    (folder / "C03.json").write_bytes(record)


def _cut(folder: Path) -> None:
    content = (folder / "C03.b2nd").read_bytes()
    (folder / "C03.b2nd").write_bytes(content[: len(content) // 2])


_WAYS: dict[str, Callable[[Path], None]] = {
    "voxels of two cases exchanged": _swap_voxels,
    "voxels and records of two cases exchanged": _swap_both,
    "zeros in place of a case": _zeros,
    "half of a case": _cut,
}


def _exchanged(paths: DatasetPaths, ground: Ground) -> Iterator[Outcome]:
    """Exchange files of cases, and train on them."""
    for name, spoil in _WAYS.items():
        workspace = ground.folder / "exchanged"
        spoilt = cohort.copy(paths, workspace)
        shutil.rmtree(spoilt.results)
        spoil(spoilt.cases(cohort.PLAN))
        answers = [
            ask("train", cohort.NAME, fold, *cohort.TRAIN, "--workspace", workspace,
                log=workspace / "log.txt")
            for fold in range(cohort.FOLDS)
        ]  # fmt: skip
        for fold, answer in enumerate(answers):
            held = is_named(answer, (r"C0[34]\.(b2nd|json)",))
            yield Outcome(_EXCHANGED, f"{name}, fold {fold}", held, short(answer))


_HELD = "refused when it is read, with the name of the file"
ATTACK = Attack(
    {
        _ARRAYS: _HELD,
        _WEIGHTS: _HELD,
        _OTHERS: _HELD
        + " (training features, record of a case, fingerprint, calibration, run.json)",
        _EXCHANGED: "training is refused with the name of the case",
    },
    attempts,
    {},
)

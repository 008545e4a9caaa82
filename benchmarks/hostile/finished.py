"""Finished predictions whose bits flip before a command goes on, and pipes in place of files."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.hostile import cohort
from benchmarks.hostile.attack import Attack, Ground, Outcome, is_named, short
from benchmarks.hostile.commands import Answer, ask
from ricenet_v2.inference.finished import CASES
from ricenet_v2.store.paths import PREDICTIONS_CSV, DatasetPaths
from ricenet_v2.store.raw import images_folder

KINDS = _BITS, _PIPES = "bits of finished predictions", "pipes in place of files"
_SECONDS = 120.0
_NUMBER = 60
_PREDICT = ("predict", "-d", cohort.NAME, "-p", cohort.PLAN, "--device", "cpu")
_TRAIN = ("train", cohort.NAME, 0, *cohort.TRAIN, "--continue")
_PREPARE = ("plan_and_preprocess", cohort.NAME, *cohort.PREPARE, "--num_workers", 1)
_EVALUATE = ("evaluate", cohort.NAME, "-p", cohort.PLAN)


def attempts(ground: Ground) -> Iterator[Outcome]:
    """Flip bits and go on; put pipes in the place of files and run what reads them."""
    paths = cohort.trained(ground.sound)
    yield from _flipped(paths, ground)
    places = _places()
    for at in ground.chosen(places):
        yield _piped(paths, ground, *places[at])


def _flipped(paths: DatasetPaths, ground: Ground) -> Iterator[Outcome]:
    chance = random.Random(19)  # noqa: S311 - places, no secrets
    whole, spoilt = ground.folder / "whole", ground.folder / "spoilt"
    _predicted(paths, whole)
    table = (whole / PREDICTIONS_CSV).read_bytes()
    for _ in range(ground.count(_NUMBER)):
        shutil.rmtree(spoilt, ignore_errors=True)
        shutil.copytree(whole, spoilt)
        file = chance.choice(sorted((spoilt / CASES).glob("*.json")))
        before = file.read_bytes()
        content = bytearray(before)
        at, bit = chance.randrange(len(content)), chance.randrange(8)
        content[at] ^= 1 << bit
        file.write_bytes(content)
        answer = _predicted(paths, spoilt, "--continue")
        is_same = (spoilt / PREDICTIONS_CSV).read_bytes() == table
        is_told = f"{file.stem} is predicted again" in answer.text
        held = answer.code == 0 and is_same and (is_told or _says_the_same(before, bytes(content)))
        yield Outcome(_BITS, f"{file.name}, bit {bit} of byte {at}", held, short(answer))


def _says_the_same(before: bytes, content: bytes) -> bool:
    """Whether a flipped bit changed nothing: 1e-5 is 1E-5."""
    try:
        return bool(json.loads(content) == json.loads(before))
    except ValueError:
        return False


def _predicted(paths: DatasetPaths, output: Path, *more: str) -> Answer:
    return ask(
        *_PREDICT, "-i", images_folder(paths.raw, "test"), "-o", output, *more,
        "--workspace", paths.raw.parent.parent,
        log=output.with_suffix(".log"), seconds=_SECONDS,
    )  # fmt: skip


def _places() -> list[tuple[str, Callable[[DatasetPaths], Path], tuple[object, ...]]]:
    """What is a pipe, where it lies, and the command that meets it."""
    return [
        ("cases.csv", lambda paths: paths.raw / "cases.csv", _PREPARE),
        ("dataset.json", lambda paths: paths.raw / "dataset.json", _PREPARE),
        ("cases.csv, training", lambda paths: paths.raw / "cases.csv", _TRAIN),
        ("training_log.txt", lambda paths: paths.run(cohort.PLAN).fold(0).log, _TRAIN),
        ("validation.csv", lambda paths: paths.run(cohort.PLAN).fold(0).validation, _EVALUATE),
        ("run.json", lambda paths: paths.run(cohort.PLAN).fold(0).run, _EVALUATE),
    ]


def _piped(
    paths: DatasetPaths,
    ground: Ground,
    name: str,
    where: Callable[[DatasetPaths], Path],
    words: tuple[object, ...],
) -> Outcome:
    workspace = ground.folder / "piped"
    copied = cohort.copy(paths, workspace)
    file = where(copied)
    if file.name == "training_log.txt":  # it is written where a fold is trained
        copied.run(cohort.PLAN).fold(0).run.unlink()
    file.unlink()
    os.mkfifo(file)
    command, *options = map(str, words)
    answer = ask(
        command,
        *options,
        "--workspace",
        workspace,
        log=ground.folder / "piped.log",
        seconds=_SECONDS,
    )
    return Outcome(_PIPES, name, is_named(answer, (file.name,)), short(answer))


ATTACK = Attack(
    {
        _BITS: "`ricenet_predict --continue` says that the case is predicted again, exit code 0, "
        "and the table is the same as before, to the bit",
        _PIPES: "the command ends at once, and names the file",
    },
    attempts,
    {},
)

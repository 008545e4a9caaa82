"""Two commands at a time that would change what the other one reads or writes."""

from __future__ import annotations

import importlib
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.hostile import cohort
from benchmarks.hostile.attack import Attack, Ground, Outcome, is_named, short
from benchmarks.hostile.commands import Running, ask
from benchmarks.hostile.kills import digest_of, fold_digest
from ricenet_v2.store.paths import DatasetPaths
from ricenet_v2.store.workspace import dataset_paths

KIND = "two commands at a time"
_SECONDS = 180.0
Words = tuple[object, ...]


@dataclass(frozen=True)
class Pair:
    """A command that works, and one that comes in between.

    Attributes:
        name: Name in words.
        first: The command, slowed down.
        second: The other.
        slow: Function of the first that takes longer, and by how many seconds.
        begun: What the first has written when the second comes.
        digest: Digest of what the first makes.
    """

    name: str
    first: Words
    second: Words
    slow: tuple[str, str, float]
    begun: Callable[[Path, Running], bool]
    digest: Callable[[Path], str]


def _slowed(owner: str, name: str, seconds: float) -> None:
    """Patch before a command: a function of it takes so many seconds longer."""
    module, _, kind = owner.partition(":")
    where: Any = importlib.import_module(module)
    where = getattr(where, kind) if kind else where
    real = getattr(where, name)

    def later(*given: Any, **named: Any) -> Any:
        time.sleep(seconds)
        return real(*given, **named)

    setattr(where, name, later)


def _trains(workspace: Path, _: Running) -> bool:
    paths = dataset_paths(cohort.NAME, workspace)
    return paths.run(cohort.PLAN).fold(0).history.is_file()


def _plans(_: Path, running: Running) -> bool:
    return "Plan:" in running.said()


def _predicts(workspace: Path, _: Running) -> bool:
    return any((workspace / "out" / "cases").glob("C*.json"))


_TRAIN: Words = ("train", cohort.NAME, 0, *cohort.TRAIN, "--epochs", 5, "--num_workers", 0)
_PLAN: Words = ("plan_and_preprocess", cohort.NAME, *cohort.PREPARE, "--num_workers", 1,
                "--overwrite")  # fmt: skip
_PREDICT: Words = ("predict", "-i", "{}/raw/" + cohort.NAME + "/imagesTr", "-o", "{}/out", "-d",
                   cohort.NAME, "-p", cohort.PLAN, "--device", "cpu", "--no_tta")  # fmt: skip
_SLOW_TRAINING = ("ricenet_v2.training.loop", "mean_loss", 0.8)
_SLOW_PLANNING = ("ricenet_v2.preprocessing.cohort", "preprocess_dataset", 8.0)
_SLOW_PREDICTION = ("ricenet_v2.inference.ensemble:Ensemble", "predict", 0.8)


def _preprocessed(workspace: Path) -> str:
    return digest_of(workspace / "preprocessed")


def _predicted(workspace: Path) -> str:
    return digest_of(workspace / "out")


PAIRS = (
    Pair("cases are preprocessed again while a fold trains", _TRAIN, _PLAN, _SLOW_TRAINING, _trains,
         fold_digest),
    Pair("a fold begins while cases are made", _PLAN, _TRAIN, _SLOW_PLANNING, _plans,
         _preprocessed),
    Pair(
        "a fold is trained twice", _TRAIN, (*_TRAIN, "--continue"), _SLOW_TRAINING, _trains,
        fold_digest,
    ),
    Pair("a dataset is planned twice", _PLAN, _PLAN, _SLOW_PLANNING, _plans, _preprocessed),
    Pair("two predictions into one folder", _PREDICT, (*_PREDICT, "--combine", "vote"),
         _SLOW_PREDICTION, _predicts, _predicted),
    Pair("two that go on in one folder", (*_PREDICT, "--continue"), (*_PREDICT, "--continue"),
         _SLOW_PREDICTION, _predicts, _predicted),
)  # fmt: skip


def attempts(ground: Ground) -> Iterator[Outcome]:
    """Every pair, or a share."""
    sound = cohort.trained(ground.sound)
    for place in ground.chosen(PAIRS):
        yield _together(PAIRS[place], sound, ground.folder / "pair")


def _together(pair: Pair, sound: DatasetPaths, workspace: Path) -> Outcome:
    log = workspace.with_suffix(".log")

    def begun(command: object, *words: object) -> Running:
        given = [str(word).format(workspace) for word in words]
        given += ["--workspace", str(workspace)]
        return Running(str(command), given, log, partial(_slowed, *pair.slow))

    def afresh() -> None:
        cohort.copy(sound, workspace)
        if "train" in (pair.first[0], pair.second[0]):
            shutil.rmtree(workspace / "results")

    afresh()
    begun(*pair.first).ended(_SECONDS)
    alone = pair.digest(workspace)
    afresh()
    first = begun(*pair.first)
    limit = time.monotonic() + _SECONDS
    while not pair.begun(workspace, first) and not first.has_ended and time.monotonic() < limit:
        time.sleep(0.01)
    command, *words = pair.second
    given = [str(word).format(workspace) for word in words]
    second = ask(
        str(command), *given, "--workspace", workspace, log=workspace.with_suffix(".second.log"),
        seconds=_SECONDS,
    )  # fmt: skip
    answer = first.ended(_SECONDS)
    is_refused = is_named(second, (rf"\b{first.number}\b", "process|lock|in use"))
    is_same = answer.code == 0 and pair.digest(workspace) == alone
    said = f"second: {short(second)}"
    if not is_same:
        said = f"first: {short(answer)}, other results; {said}"
    return Outcome(KIND, pair.name, is_refused and is_same, said)


ATTACK = Attack(
    {
        KIND: "the second is refused and names the process of the first, which ends with the bits "
        "that it has alone"
    },
    attempts,
    {},
)

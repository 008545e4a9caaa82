"""Workers that are killed while they check, measure, preprocess and train."""

from __future__ import annotations

import dataclasses
import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.hostile import cohort
from benchmarks.hostile.attack import Attack, Ground, Outcome, is_foreign, short
from benchmarks.hostile.commands import Answer, Running, ask, end, with_processes
from benchmarks.hostile.kills import digest_of
from ricenet_v2.store.cases import has_case
from ricenet_v2.store.paths import DatasetPaths
from ricenet_v2.store.raw import RawDataset
from ricenet_v2.store.workspace import dataset_paths

KIND = "killed workers"
_VICTIM = "C04"
_SECONDS = 300.0
_STAGES = {
    "checking": "ricenet_v2.store.raw.load_raw_dataset",
    "preprocessing": "ricenet_v2.preprocessing.cohort.preprocess_dataset",
}


class _Bomb(str):
    """A covariate: harmless here, deadly in a worker that it is sent to, so many times."""

    __slots__ = ("folder", "times")
    folder: str
    times: int

    def __reduce__(self) -> tuple[Callable[[str, int], str], tuple[str, int]]:
        return _arrived, (self.folder, self.times)


def _arrived(folder: str, times: int) -> str:
    Path(folder, str(os.getpid())).touch()
    if len(list(Path(folder).iterdir())) <= times:
        os.kill(os.getpid(), signal.SIGKILL)
    return "harmless"


def _with_bomb(raw: RawDataset, folder: str, times: int) -> RawDataset:
    bomb = _Bomb("harmless")
    bomb.folder, bomb.times = folder, times
    victim = next(case for case in raw.cases if case.case_id == _VICTIM)
    changed = dataclasses.replace(victim, covariates=dict(victim.covariates))
    changed.covariates["site"] = bomb  # checked fields are plain text
    cases = tuple(changed if case is victim else case for case in raw.cases)
    return dataclasses.replace(raw, cases=cases)


def _laid(stage: str, folder: str, times: int) -> None:
    """Patch before a command: its worker dies of one case, so many times, in a stage."""
    with_processes()
    module, _, name = _STAGES[stage].rpartition(".")
    owner = __import__(module, fromlist=[name])
    real = getattr(owner, name)

    def hostile(given: Any, *others: Any, **named: Any) -> Any:
        if stage == "checking":
            return _with_bomb(real(given), folder, times)
        return real(_with_bomb(given, folder, times), *others, **named)

    setattr(owner, name, hostile)


def attempts(ground: Ground) -> Iterator[Outcome]:
    """Kill workers once, twice, and at random."""
    sound = cohort.planned(ground.sound)
    raw = dataset_paths(cohort.NAME, ground.sound)
    for stage in _STAGES:
        for times in (1, 2):
            yield _of_one_case(stage, times, raw, ground.folder / "bombed")
    chance = random.Random(17)  # noqa: S311 - moments, no secrets
    yield from _at_random(ground, raw, chance)
    yield from _in_ablation(ground, sound, chance)


def _of_one_case(stage: str, times: int, sound: DatasetPaths, workspace: Path) -> Outcome:
    paths = _afresh(sound, workspace)
    kills = workspace / "kills"
    kills.mkdir()
    words = (cohort.NAME, *cohort.PREPARE, "--num_workers", 2, "--workspace", workspace)
    log = workspace / "log.txt"
    before = partial(_laid, stage, str(kills), times)
    answer = ask("plan_and_preprocess", *words, log=log, before=before, seconds=_SECONDS)
    names = [f"C{number:02d}" for number in range(cohort.N_TRAIN + cohort.N_TEST)]
    done = [name for name in names if has_case(paths.cases(cohort.PLAN), name)]
    if times == 1:
        held = answer.code == 0 and done == names
    elif stage == "checking":  # nothing is planned with a case that nobody could look at
        held = answer.code == 1 and _VICTIM in answer.text and "killed" in answer.text
    else:
        others = [name for name in names if name != _VICTIM]
        held = answer.code == 1 and done == others and _VICTIM in answer.text
    held = held and len(list(kills.iterdir())) >= 2  # it was sent that often
    name = f"{stage}: the worker of one case killed {times} time(s)"
    return Outcome(KIND, name, held and not is_foreign(answer.text), short(answer))


def _afresh(sound: DatasetPaths, workspace: Path) -> DatasetPaths:
    paths = cohort.copy(sound, workspace)
    shutil.rmtree(workspace / "preprocessed", ignore_errors=True)
    return paths


def _struck(
    command: str, words: tuple[object, ...], log: Path, chance: random.Random, latest: float
) -> tuple[Answer, int]:
    """Run a command of which a worker is killed at a random moment; how many were."""
    running = Running(command, words, log, with_processes)
    time.sleep(chance.uniform(0, latest))
    limit, n_killed = time.monotonic() + _SECONDS, 0
    while not running.has_ended and time.monotonic() < limit and not n_killed:
        workers = [number for number in running.left() if _is_worker(number)]
        if workers:
            end([chance.choice(workers)])
            n_killed = 1
        time.sleep(0.01)
    return running.ended(_SECONDS), n_killed


def _is_worker(number: int) -> bool:
    try:
        words = Path(f"/proc/{number}/cmdline").read_bytes()
    except OSError:
        return False
    return b"spawn_main" in words


def _at_random(ground: Ground, sound: DatasetPaths, chance: random.Random) -> Iterator[Outcome]:
    workspace = ground.folder / "struck"
    words = (cohort.NAME, *cohort.PREPARE, "--num_workers", 2, "--workspace", workspace)
    log = ground.folder / "struck.log"
    _afresh(sound, workspace)
    start = time.monotonic()
    ask("plan_and_preprocess", *words, log=log, before=with_processes, seconds=_SECONDS)
    length = time.monotonic() - start
    whole = digest_of(workspace / "preprocessed")
    for number in range(ground.count(10)):
        _afresh(sound, workspace)
        answer, n_killed = _struck("plan_and_preprocess", words, log, chance, 0.7 * length)
        is_same = answer.code == 0 and digest_of(workspace / "preprocessed") == whole
        held = is_same and not is_foreign(answer.text)
        said = "the same bits" if held else short(answer)
        name = f"ricenet_plan_and_preprocess, {n_killed} worker(s) killed, no. {number}"
        yield Outcome(KIND, name, held, said)


def _in_ablation(ground: Ground, sound: DatasetPaths, chance: random.Random) -> Iterator[Outcome]:
    for number in range(ground.count(3)):
        workspace = ground.folder / "ablated"
        shutil.rmtree(cohort.copy(sound, workspace).results, ignore_errors=True)
        words = (
            cohort.NAME, "-p", cohort.PLAN, "--subsets", "dose", "--epochs", 1,
            "--set", "iterations_per_epoch=1", "--device", "cpu", "--num_processes", 2,
            "--num_workers", 0, "--n_bootstrap", 50, "--permutation_repeats", 1,
            "--workspace", workspace,
        )  # fmt: skip
        log = workspace / "log.txt"
        answer, n_killed = _struck("ablate", words, log, chance, 8.0)
        held = answer.code == 0 and not is_foreign(answer.text)
        name = f"ricenet_ablate, {n_killed} worker(s) killed, no. {number}"
        yield Outcome(KIND, name, held, "all were trained" if held else short(answer))


ATTACK = Attack(
    {
        KIND: "killed once, the work is done again, with the same bits; killed twice, the case is "
        "named, all others are done, exit code 1"
    },
    attempts,
    {},
)

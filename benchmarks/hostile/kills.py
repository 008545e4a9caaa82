"""SIGKILL at random moments; the same command then goes on, and ends as if nothing had happened."""

from __future__ import annotations

import hashlib
import random
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.hostile import cohort
from benchmarks.hostile.attack import Attack, Ground, Outcome, is_foreign, short
from benchmarks.hostile.commands import Before, Running, with_processes
from ricenet_v2.store import checkpoints, tables
from ricenet_v2.store.paths import DatasetPaths
from ricenet_v2.store.workspace import dataset_paths

_IN_A_ROW = 4
_SECONDS = 300.0
_TIMES = ("seconds", "waiting", "validation_seconds")
_PREDICT = ("--device", "cpu", "--no_tta", "--continue", "-d", cohort.NAME, "-p", cohort.PLAN)
Digest = Callable[[Path], str]


@dataclass(frozen=True)
class Command:
    """A command that is killed.

    Attributes:
        kind: Row of the table.
        name: Name without `ricenet_`.
        words: Arguments beside the workspace; `{}` in them stands for it.
        source: What the workspace holds beforehand.
        digest: Digest of what the command makes.
        kills: How many.
        before: Patches before the command, as in `Running`.
    """

    kind: str
    name: str
    words: tuple[object, ...]
    source: Callable[[Path], DatasetPaths]
    digest: Digest
    kills: int
    before: Before | None = None

    def clear(self, workspace: Path) -> None:
        """Take away what it would make."""
        outputs = {"plan_and_preprocess": "preprocessed", "train": "results", "predict": "out"}
        shutil.rmtree(workspace / outputs[self.name], ignore_errors=True)


def _raw(workspace: Path) -> DatasetPaths:
    cohort.write_once(workspace)
    return dataset_paths(cohort.NAME, workspace)


def _preprocessed(workspace: Path) -> str:
    return digest_of(workspace / "preprocessed")


def digest_of(folder: Path) -> str:
    """Digest of all files of a folder and of their names."""
    digest = hashlib.sha256()
    for path in sorted(entry for entry in folder.rglob("*") if entry.is_file()):
        digest.update(f"{path.relative_to(folder)}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def fold_digest(workspace: Path) -> str:
    """Digest of the weights of fold 0, its history without times, and its predictions."""
    fold = dataset_paths(cohort.NAME, workspace).run(cohort.PLAN).fold(0)
    digest = hashlib.sha256(fold.validation.read_bytes())
    for name, tensor in sorted(checkpoints.load(fold.final)["inference_weights"].items()):
        digest.update(name.encode() + tensor.numpy().tobytes())
    for row in tables.read_rows(fold.history):
        digest.update(repr([cell for name, cell in row.items() if name not in _TIMES]).encode())
    return digest.hexdigest()


def _predicted(workspace: Path) -> str:
    return digest_of(workspace / "out")


_TRAIN = (cohort.NAME, 0, *cohort.TRAIN, "--epochs", 4, "--continue")
_SOURCE = "{}/raw/" + cohort.NAME + "/imagesTr"
COMMANDS = (
    Command(
        "killed planning", "plan_and_preprocess",
        (cohort.NAME, *cohort.PREPARE, "--num_workers", 1), _raw, _preprocessed, 12,
    ),
    Command(
        "killed planning", "plan_and_preprocess",
        (cohort.NAME, *cohort.PREPARE, "--num_workers", 2), _raw, _preprocessed, 12,
        with_processes,
    ),
    Command(
        "killed training", "train", (*_TRAIN, "--num_workers", 0), cohort.planned, fold_digest, 20
    ),
    Command(
        "killed training", "train", (*_TRAIN, "--num_workers", 2), cohort.planned, fold_digest, 20
    ),
    Command(
        "killed prediction", "predict", ("-i", _SOURCE, "-o", "{}/out", *_PREDICT),
        cohort.trained, _predicted, 16,
    ),
)  # fmt: skip


def attempts(ground: Ground) -> Iterator[Outcome]:
    """Kill every command so many times."""
    chance = random.Random(16)  # noqa: S311 - moments, no secrets
    for number, command in enumerate(COMMANDS):
        sound = command.source(ground.sound)
        yield from killed(
            command, sound, ground.folder / f"killed{number}", ground.count(command.kills), chance
        )


@dataclass(frozen=True)
class KilledCommand:
    """A command, and how it is begun anew.

    Attributes:
        kind: Row of the table.
        name: Name without `ricenet_`.
        words: Arguments.
        digest: Digest of what the command makes, in the workspace.
        clear: Puts the workspace as it was before the command was begun.
        before: Patches before the command, as in `Running`.
    """

    kind: str
    name: str
    words: tuple[str, ...]
    digest: Digest
    clear: Callable[[], None]
    before: Before | None = None


class Victim:
    """A command in a workspace of its own, with what it makes undisturbed."""

    def __init__(self, command: KilledCommand, workspace: Path) -> None:
        """Run it once.

        Raises:
            SystemExit: It fails.
        """
        self._command, self._workspace = command, workspace
        self._words = command.words
        self.name = f"ricenet_{command.name} {' '.join(self._words[-4:-2])}"
        self.clear()
        start = time.monotonic()
        first = self.begin().ended(_SECONDS)
        self.length = time.monotonic() - start
        if first.code != 0:
            raise SystemExit(f"ricenet_{command.name} failed undisturbed:\n{first.text[-2000:]}")
        self._whole = command.digest(workspace)

    def clear(self) -> None:
        """Restore the state before the command."""
        self._command.clear()

    def begin(self) -> Running:
        """Begin, or go on."""
        log = self._workspace.with_suffix(".log")
        return Running(self._command.name, self._words, log, self._command.before)

    def judged(self) -> tuple[bool, str]:
        """Let it go on; whether the results are those of the undisturbed one, and in words."""
        last = self.begin().ended(_SECONDS)
        if last.code == 0 and not is_foreign(last.text):
            is_same = self._command.digest(self._workspace) == self._whole
            return is_same, "the same bits" if is_same else "other results"
        return False, short(last)


def killed(
    command: Command, sound: DatasetPaths, workspace: Path, kills: int, chance: random.Random
) -> Iterator[Outcome]:
    """Kill a command on a cohort so many times, several times in a row, and let it go on."""

    def clear() -> None:
        cohort.copy(sound, workspace)
        command.clear(workspace)

    words = [
        *(str(word).format(workspace) for word in command.words),
        "--workspace",
        str(workspace),
    ]
    whole = KilledCommand(
        command.kind, command.name, tuple(words), command.digest, clear, command.before
    )
    return killed_again(whole, workspace, kills, chance)


def killed_again(
    command: KilledCommand, workspace: Path, kills: int, chance: random.Random
) -> Iterator[Outcome]:
    """Kill a command so many times, several times in a row, and let it go on."""
    victim = Victim(command, workspace)
    done = 0
    while done < kills:
        victim.clear()
        moments: list[float] = []
        orphans: list[int] = []
        while len(moments) < min(_IN_A_ROW, kills - done):
            running, moment = victim.begin(), chance.uniform(0, 0.8 * victim.length)
            time.sleep(moment)
            if running.has_ended:
                # The first run, with cold caches, may take many times as long as later ones.
                victim.length = min(victim.length, moment)
                break
            running.kill()
            moments.append(moment)
            orphans += running.orphans()
        is_same, said = victim.judged()
        if orphans:
            said += f"; processes that stayed: {len(orphans)}"
        for moment in moments:
            name = f"{victim.name}, killed after {moment:.2f} s"
            yield Outcome(command.kind, name, is_same and not orphans, said)
        done += len(moments)


_HELD = "the same command continues to the same bits, and no process stays behind"
ATTACK = Attack(dict.fromkeys((command.kind for command in COMMANDS), _HELD), attempts, {})

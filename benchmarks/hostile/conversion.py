"""A scan and a conversion of DICOM files, killed and starved, that then go on to the same bytes."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.hostile.attack import Attack, Ground, Outcome, is_named, short
from benchmarks.hostile.commands import Before, ask, with_processes
from benchmarks.hostile.kills import KilledCommand, digest_of, killed_again
from benchmarks.hostile.machine import closed, largest_file, mounted
from ricenet_v2.phantom.dicom import write_studies
from ricenet_v2.store.tables import read_rows, write_rows

KIND, _STARVED = "killed conversion", "conversion without room"
_SECONDS = 300.0
_NAMES = {"scan": "scanned", "cases": "raw"}
_FULL = (r"no room|cannot be written|not be written", r"room|space|permission|folder")

_CLOSED = (rf"read-only|{_FULL[0]}", _FULL[1])


@dataclass(frozen=True)
class Stage:
    """A command of the conversion.

    Attributes:
        name: `scan` or `cases`.
        words: Behind its name; `{}` stands for the workspace.
        kills: How many.
        before: Patches before the command, as in `Running`.
    """

    name: str
    words: tuple[str, ...]
    kills: int
    before: Before | None = None

    def command(self, workspace: Path, clear: Callable[[], None]) -> KilledCommand:
        """The command in a workspace."""
        outputs = _NAMES[self.name]
        return KilledCommand(
            KIND,
            "convert",
            (self.name, *(word.format(workspace) for word in self.words)),
            lambda place: digest_of(place / outputs),
            clear,
            self.before,
        )


_CASES = ("{}/scanned/manifest.csv", "{}/raw", "--num_workers")
STAGES = (
    Stage("scan", ("{}/studies", "-o", "{}/scanned"), 12),
    Stage("cases", (*_CASES, "1"), 12),
    Stage("cases", (*_CASES, "2"), 12, with_processes),
)


def attempts(ground: Ground) -> Iterator[Outcome]:
    """Kill and starve each stage."""
    chance = random.Random(18)  # noqa: S311 - moments, no secrets
    for number, stage in enumerate(STAGES):
        workspace = ground.folder / f"converted{number}"
        clear = prepared(stage, workspace)
        command = stage.command(workspace, clear)
        yield from killed_again(command, workspace, ground.count(stage.kills), chance)
        if stage.before is None:
            yield from starved(command, workspace)


def prepared(stage: Stage, workspace: Path) -> Callable[[], None]:
    """Write patients and what comes before a stage; the function that puts all of it back.

    Raises:
        SystemExit: What comes before fails.
    """
    kept = workspace.with_name(f"{workspace.name}_before")
    # Nothing has to be registered, which takes long and writes no files.
    labels = write_studies(workspace / "studies", patients=2, is_still=True)
    if stage.name == "cases":
        _done(workspace, *STAGES[0].words, stage="scan")
        _correct(workspace, labels)
        # Once, so that the key of the ids is there.
        _done(workspace, *_CASES, "1", stage="cases")
        shutil.rmtree(workspace / "raw")
    shutil.copytree(workspace, kept)

    def clear() -> None:
        shutil.rmtree(workspace, ignore_errors=True)
        shutil.copytree(kept, workspace)

    return clear


def _done(workspace: Path, *words: str, stage: str) -> None:
    given = (stage, *(word.format(workspace) for word in words))
    answer = ask("convert", *given, log=workspace.with_suffix(".log"), seconds=_SECONDS)
    if answer.code != 0:
        raise SystemExit(f"ricenet_convert {stage} failed undisturbed:\n{answer.text[-2000:]}")


def _correct(workspace: Path, labels: dict[str, str]) -> None:
    manifest = workspace / "scanned" / "manifest.csv"
    series = read_rows(workspace / "scanned" / "series.csv")
    masks = {row["folder"]: row["key"] for row in series if not row["modality"]}
    rows = [
        row | {"label": labels[row["patient"]], "brain": masks[row["patient"]], "lesion_roi": "GTV"}
        for row in read_rows(manifest)
    ]
    write_rows(manifest, rows)


def starved(command: KilledCommand, workspace: Path) -> Iterator[Outcome]:
    """No room for files of the output, which is then there."""
    command.clear()
    log = workspace.with_suffix(".log")
    if ask("convert", *command.words, log=log, seconds=_SECONDS).code != 0:
        raise SystemExit(f"ricenet_convert {command.words[0]} failed undisturbed.")
    whole = command.digest(workspace)
    output = workspace / _NAMES[command.words[0]]
    faults: dict[str, Before] = {
        f"no file above {size:,} bytes": partial(largest_file, size) for size in (100, 3000, 60_000)
    }
    if os.getuid() == 0:
        faults["a full disk"] = partial(mounted, output, "16k")
        faults["a folder that may only be read"] = partial(closed, output)
    for name, fault in faults.items():
        command.clear()
        answer = ask("convert", *command.words, log=log, before=fault, seconds=_SECONDS)
        held = answer.code == 0 or is_named(answer, _CLOSED if "only be read" in name else _FULL)
        said = short(answer)
        last = ask("convert", *command.words, log=log, seconds=_SECONDS)
        if last.code != 0 or command.digest(workspace) != whole:
            held, said = False, f"{said}; it does not go on to the same bytes: {short(last)}"
        yield Outcome(_STARVED, f"ricenet_convert {command.words[0]}: {name}", held, said)


ATTACK = Attack(
    {
        KIND: "`ricenet_convert scan` and `cases`: the same command continues to the same bytes, "
        "and no process stays behind",
        _STARVED: "an error that names the fault with what to do, or none where all has room; and "
        "the same command continues to the same bytes (full disk, read-only folder)",
    },
    attempts,
    {},
)

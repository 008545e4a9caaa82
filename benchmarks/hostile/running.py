"""Files that want to run code, names that want to leave their folder, texts that want to be read.

Each attack would leave a mark; nothing may be there afterwards.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import blosc2
import numpy as np
import torch

from benchmarks.hostile import cohort
from benchmarks.hostile.attack import Attack, Ground, Outcome, is_foreign, short
from benchmarks.hostile.commands import Answer, ask
from benchmarks.hostile.faults import document, table
from ricenet_v2.store.cases import read_record
from ricenet_v2.store.paths import DatasetPaths

KIND = "code, paths and scripts"
_MARK = "it_ran"
_SCRIPT = "<script>alert(7)</script>"
_SECONDS = 180.0
# Names of plans and channels that lead out of their folder, or that no file can have.
_NAMES = ("../../../x", "/tmp/x", "a/b", "..", "C:\\x", ".hidden", "x" * 300, "a\x00b")  # noqa: S108 - not opened
Spoil = Callable[[DatasetPaths, Path], None]
Words = tuple[object, ...]


class _Evil:
    """Makes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mknod, (str(self._mark),)


def _udf(paths: DatasetPaths, mark: Path) -> None:
    """A saved function in place of a case, which `blosc2.open` may run."""
    for case in (f"C{number:02d}" for number in range(cohort.N_TRAIN)):
        file = paths.cases(cohort.PLAN) / f"{case}.b2nd"
        shape = read_record(file.parent, case).shape
        file.unlink()
        array = blosc2.empty(
            shape, dtype="float32", urlpath=str(file), mode="w", meta={"LazyArray": 2}
        )
        code = f"open({str(mark)!r}, 'w').close()\ndef f(i, o, n):\n    o[:] = 1\n"
        array.schunk.vlmeta["_LazyArray"] = {"UDF": code, "operands": {}, "name": "f"}


def _expression(paths: DatasetPaths, mark: Path) -> None:
    """A saved expression whose operand lies elsewhere."""
    folder = paths.cases(cohort.PLAN)
    shape = read_record(folder, "C00").shape
    operand = mark.with_name("elsewhere.b2nd")
    blosc2.asarray(np.ones(shape, np.float32), urlpath=str(operand), mode="w")
    for case in (f"C{number:02d}" for number in range(cohort.N_TRAIN)):
        (folder / f"{case}.b2nd").unlink()
        lazy = blosc2.lazyexpr("a + 1", {"a": blosc2.open(str(operand))})
        lazy.save(str(folder / f"{case}.b2nd"))


def _pickle(name: str) -> Spoil:
    def spoil(paths: DatasetPaths, mark: Path) -> None:
        for fold in range(cohort.FOLDS):
            file = paths.run(cohort.PLAN).fold(fold).folder / name
            torch.save({"network_weights": _Evil(mark), "x": torch.ones(3)}, file)

    return spoil


def _named(file: str, *keys: str | int) -> Callable[[str], Spoil]:
    """Put a name into a document below the workspace."""

    def named(name: str) -> Spoil:
        def spoil(paths: DatasetPaths, _: Path) -> None:
            def change(fields: Any) -> None:
                for key in keys[:-1]:
                    fields = fields[key]
                fields[keys[-1]] = name

            document(paths.raw.parent.parent / file.format(cohort.NAME), change)

        return spoil

    return named


_PLAN = "preprocessed/{}/ricenet_plan_small.json"
_SPLITS = "preprocessed/{}/splits_final.json"
_JSON = "raw/{}/dataset.json"
_PREPARE: Words = ("plan_and_preprocess", cohort.NAME, *cohort.PREPARE, "--num_workers", 1)
_TRAIN: Words = ("train", cohort.NAME, 0, *cohort.TRAIN)
_PREDICT: Words = ("predict", "-d", cohort.NAME, "-p", cohort.PLAN, "--device", "cpu")


def attacks() -> Iterator[tuple[str, Spoil, Words]]:
    """What is spoilt, and the command that meets it."""
    yield "a saved function in .b2nd", _udf, _TRAIN
    yield "a saved expression in .b2nd", _expression, _TRAIN
    for name in ("checkpoint_final.pth", "feature_reference.pth"):
        yield f"a pickle in {name}", _pickle(name), _PREDICT
    yield "a pickle in checkpoint_latest.pth", _pickle("checkpoint_latest.pth"), (
        *_TRAIN, "--epochs", 3, "--continue"
    )  # fmt: skip
    yield "a pickle as first weights", _pickle("w.pth"), (*_TRAIN, "--pretrained_weights", "w.pth")
    for name in _NAMES:
        for what, spoil, words in (
            ("plan", _named(_PLAN, "name"), _TRAIN),
            ("channel of a plan", _named(_PLAN, "channels", 0, "name"), _TRAIN),
            ("case of a fold", _named(_SPLITS, "folds", 0, "train", 0), _TRAIN),
            ("dataset", _named(_JSON, "name"), _PREPARE),
            ("channel", _named(_JSON, "channels", 0, "name"), _PREPARE),
            ("ending", _named(_JSON, "file_ending"), _PREPARE),
        ):
            yield f"{name[:20]!a} as name of a {what}", spoil(name), words
        yield f"{name[:20]!a} as a case", _case(name), _PREPARE
        if "\x00" not in name:  # no command line can hold it
            yield f"--plan {name[:20]!a}", _nothing, ("train", cohort.NAME, 0, "-p", name)


def _nothing(_: DatasetPaths, __: Path) -> None:
    """Only the command line is hostile."""


def _case(name: str) -> Spoil:
    def spoil(paths: DatasetPaths, _: Path) -> None:
        table(paths.raw / "cases.csv", lambda rows: rows[1].__setitem__(0, name))

    return spoil


def attempts(ground: Ground) -> Iterator[Outcome]:
    """Try all, or a share; the texts of a report always."""
    sound = cohort.trained(ground.sound)
    every = list(attacks())
    for place in ground.chosen(every):
        yield tried(every[place], sound, ground)
    yield from _texts(ground.folder / "texts")


def tried(attack: tuple[str, Spoil, Words], sound: DatasetPaths, ground: Ground) -> Outcome:
    """Spoil a copy, give it to its command, and look for what was left outside of the workspace."""
    name, spoil, (command, *words) = attack
    cage = ground.folder / "cage"
    shutil.rmtree(cage, ignore_errors=True)
    workspace, mark = cage / "inner" / "workspace", cage / _MARK
    paths = cohort.copy(sound, workspace)
    if command == "train" and "--continue" not in words:
        folds = paths.run(cohort.PLAN)
        _keep_first_weights(folds.fold(0).folder, spoil, paths, mark, cage)
        shutil.rmtree(paths.results)
    else:
        spoil(paths, mark)
    if command == "predict":
        words += ["-i", paths.raw / "imagesTs", "-o", workspace / "out"]
    words = [cage / "w.pth" if word == "w.pth" else word for word in words]
    before = _outside(cage)
    temporary = set(Path("/tmp").iterdir())  # noqa: S108 - a name leads there
    log = ground.folder / "log.txt"
    answer = ask(str(command), *words, "--workspace", workspace, log=log, seconds=_SECONDS)
    escaped = sorted(_outside(cage) - before)
    escaped += [str(p) for p in set(Path("/tmp").iterdir()) - temporary if p.name == "x"]  # noqa: S108 - as above
    is_harmless = answer.code in (0, 1, 2) and not is_foreign(answer.text)
    said = f"left: {escaped[:3]}; {short(answer)}" if escaped else short(answer)
    return Outcome(KIND, name, is_harmless and not escaped, said)


def _keep_first_weights(
    fold: Path, spoil: Spoil, paths: DatasetPaths, mark: Path, cage: Path
) -> None:
    spoil(paths, mark)
    if (fold / "w.pth").is_file():
        shutil.copy(fold / "w.pth", cage / "w.pth")


def _outside(cage: Path) -> set[str]:
    """All that lies around the workspace."""
    inside = cage / "inner" / "workspace"
    return {str(path) for path in cage.rglob("*") if not path.is_relative_to(inside)}


def _texts(workspace: Path) -> Iterator[Outcome]:
    """Scripts in names and cells, followed into the report and the tables."""
    raw = cohort.write_once(workspace)
    cells = (raw / "cases.csv").read_text(encoding="utf-8")
    hostile = cells.replace(",no,", f",no{_SCRIPT},").replace("C03,P03", "C03,=P03")
    (raw / "cases.csv").write_text(hostile, encoding="utf-8")
    fields = json.loads((raw / "dataset.json").read_text(encoding="utf-8"))
    fields["classes"] = [f"no{_SCRIPT}", "yes"]
    fields["description"] = fields["licence"] = _SCRIPT
    (raw / "dataset.json").write_text(json.dumps(fields), encoding="utf-8")
    given = ("--workspace", workspace)
    chain: list[Words] = [
        _PREPARE,
        *(("train", cohort.NAME, fold, *cohort.TRAIN) for fold in range(cohort.FOLDS)),
        ("evaluate", cohort.NAME, "-p", cohort.PLAN, "--n_bootstrap", 50),
        ("report", cohort.NAME, "-p", cohort.PLAN),
    ]
    answer = Answer(0, "")
    for command, *words in chain:
        answer = ask(str(command), *words, *given, log=workspace / "log.txt", seconds=_SECONDS)
        if answer.code != 0:
            break
    pages = list(workspace.rglob("*.html"))
    running = [file.name for file in pages if _SCRIPT in file.read_text(encoding="utf-8")]
    held = answer.code == 0 and len(pages) > 2 and not running
    yield Outcome(KIND, "a script as class, licence, label", held, f"{running} {short(answer)}")
    formulas = [
        f"{file.name}: {line}"
        for file in workspace.rglob("*.csv")
        if file.parent != raw
        for line in file.read_text(encoding="utf-8").splitlines()
        if any(cell.startswith("=") for cell in line.split(","))
    ]
    held = answer.code == 0 and not formulas
    yield Outcome(KIND, "a formula as patient", held, f"{formulas[:3]} {short(answer)}")


ATTACK = Attack(
    {KIND: "nothing ran, no file came to lie outside of the workspace, no text became a script"},
    attempts,
    {},
)

"""How many small faults the tests find: a mutation score, by hand and not in CI.

    make mutate
    python -m benchmarks.mutation --sample 100 --seed 1

One change at a time is made in a copy of the package (`.mutation/tree`), and the tests that are
nearest to the changed module are run until one fails. What was tried is kept in
`.mutation/results.jsonl`: the same command goes on where it was ended, a larger sample holds the
smaller one of the same seed, and a change is tried anew when its module is edited. `--again` tries
the survivors again, after tests were written. Needs cosmic-ray, and an operating system with fork.

Changes that show in no output stand in `benchmarks/mutation/equivalent.py`, each with its reason.
They are tried like the others; one that a test finds, or that can be made no longer, is an error.
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import json
import random
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.mutation.equivalent import Place, reasons
from benchmarks.mutation.forks import TIMEOUT, Forks
from benchmarks.mutation.nearest import PACKAGE, nearest
from benchmarks.mutation.operators import changed, positions
from benchmarks.mutation.tree import ROOT, copied

PLACES = ("planning", "training/loop.py", "preprocessing", "inference", "evaluation")
_SEED, _SAMPLE = 0, 100

Rows = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Mutant:
    """A change of one line: a module, what is changed, which of its places, and the line."""

    module: str
    digest: str
    operator: str
    occurrence: int
    line: int

    @property
    def key(self) -> str:
        """The same as long as the module is."""
        return f"{self.module}@{self.digest}:{self.operator}:{self.occurrence}"

    @property
    def place(self) -> Place:
        """Entry in the list of equivalent changes."""
        return self.module, self.operator, self.occurrence


def mutants(root: Path, places: Sequence[str]) -> list[Mutant]:
    """All of them, in the order of the files."""
    mutations = []
    for place in places:
        path = root / PACKAGE / place
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            source = file.read_text(encoding="utf-8")
            digest = hashlib.sha256(source.encode()).hexdigest()[:12]
            module = file.relative_to(root).as_posix()
            mutations += [Mutant(module, digest, *position) for position in positions(source)]
    return mutations


def sample(of: Sequence[Mutant], size: int, seed: int) -> list[Mutant]:
    """A sample drawn without replacement; a larger one begins with a smaller one of its seed."""
    return random.Random(seed).sample(of, len(of))[: size or None]  # noqa: S311 - no secret


def difference(tree: Path, mutant: Mutant) -> str:
    """The lines that a change takes out and puts in."""
    source = (tree / mutant.module).read_text(encoding="utf-8")
    new = changed(source, mutant.operator, mutant.occurrence)
    lines = list(difflib.unified_diff(source.splitlines(), new.splitlines(), lineterm="", n=0))
    return "\n".join(f"    {line}" for line in lines[3:])


def known(journal: Path) -> Rows:
    """What was tried before, by key; the last time counts."""
    if not journal.is_file():
        return {}
    rows = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    return {row["key"]: row for row in rows}


def found_by(mutant: Mutant, tree: Path, forks: Forks) -> str:
    """The first of the nearest tests that fails with a change; nothing where none does."""
    file = tree / mutant.module
    source, tests = file.read_text(encoding="utf-8"), nearest(tree, file)
    try:
        file.write_text(changed(source, mutant.operator, mutant.occurrence), encoding="utf-8")
        return forks.first_failure(tests)
    finally:
        file.write_text(source, encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutation", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "places", nargs="*", default=PLACES, help=f"folders and files of {PACKAGE} that are changed"
    )
    parser.add_argument(
        "--sample", type=int, default=_SAMPLE, metavar="N", help="changes to try; 0 for all"
    )
    parser.add_argument("--seed", type=int, default=_SEED, help="of the sample")
    parser.add_argument("--again", action="store_true", help="try survivors of before again")
    parser.add_argument(
        "--minutes", type=float, help="stop after as long; what is left goes on later"
    )
    parser.add_argument(
        "--timeout", type=float, default=600, help="seconds for the tests of a change"
    )
    return parser.parse_args()


def main() -> int:
    """Try the changes that are left; 1 where tests fail without a change, or with a listed one."""
    options, folder, equivalent = _options(), ROOT / ".mutation", reasons(ROOT)
    folder.mkdir(exist_ok=True)
    tree, journal = copied(folder / "tree"), folder / "results.jsonl"
    every = mutants(ROOT, options.places)
    chosen, before = sample(every, options.sample, options.seed), known(journal)
    forks, started, sound = Forks(tree, options.timeout), time.monotonic(), {TIMEOUT}
    for number, mutant in enumerate(chosen, start=1):
        old = before.get(mutant.key)
        if old and (old["found_by"] or not options.again):
            continue
        if options.minutes and time.monotonic() - started > 60 * options.minutes:
            break
        test = found_by(mutant, tree, forks)
        again = [test] if test.startswith("tests/") else nearest(tree, tree / mutant.module)
        if test and test not in sound and forks.first_failure(again):
            print(f"{test} fails without any change", file=sys.stderr)
            return 1
        sound.add(test)
        before[mutant.key] = {**asdict(mutant), "key": mutant.key, "found_by": test}
        with journal.open("a", encoding="utf-8") as file:
            file.write(json.dumps(before[mutant.key]) + "\n")
        where = f"{mutant.module}:{mutant.line} {mutant.operator}"
        print(f"{number}/{len(chosen)} {where}: {test or 'SURVIVED'}", flush=True)
    tried = {m: str(before[m.key]["found_by"]) for m in chosen if m.key in before}
    for line in report(tried, equivalent, tree):
        print(line)
    print(f"({len(chosen) - len(tried)} of the sample are left; {len(every)} changes are possible)")
    wrong = refuted(tried, equivalent)
    for line in wrong:
        print(line, file=sys.stderr)
    return int(bool(wrong))


def refuted(tried: Mapping[Mutant, str], equivalent: Mapping[Place, str]) -> list[str]:
    """The changes that are listed as equivalent though a test finds them, in words."""
    return [
        f"{mutant.key} is listed as equivalent, and {test} fails"
        for mutant, test in tried.items()
        if test and mutant.place in equivalent
    ]


def report(tried: Mapping[Mutant, str], equivalent: Mapping[Place, str], tree: Path) -> list[str]:
    """Survivors with their lines, the reasons of those that are explained, and the score.

    Args:
        tried: The test that found each change; an empty text where none did.
        equivalent: Reasons of the changes that are listed.
        tree: Folder of the package.
    """
    lines, survivors = [], [mutant for mutant, test in tried.items() if not test]
    for mutant in sorted(survivors, key=lambda each: (each.module, each.line)):
        reason = equivalent.get(mutant.place)
        word = "equivalent" if reason else "survived"
        lines += [f"{word}: {mutant.module}:{mutant.line} {mutant.operator}"]
        lines += [difference(tree, mutant), *([f"    because {reason}"] if reason else [])]
    n_killed = len(tried) - len(survivors)
    n_explained = sum(mutant.place in equivalent for mutant in survivors)
    n_left = len(survivors) - n_explained
    lines += [f"{n_killed} killed, {n_left} survived, {n_explained} equivalent (explained)"]
    for n, what in ((len(tried), "all changes"), (len(tried) - n_explained, "those that show")):
        lines += [f"{100 * n_killed / n:.1f} %: {n_killed} of {n}, {what}"] if n else ["no score"]
    return lines


if __name__ == "__main__":
    raise SystemExit(main())

"""The attack on the program, by kind: what was tried, and what held.

    python -m benchmarks.hostile --write documentation/reliability.md

Small cohorts are spoilt, commands are killed and starved, files are exchanged and mutated, each in
a process of its own (Linux). Resumable: parts that are done are kept in the folder, as is the sound
cohort; delete it to attack another version. What did not hold stands with what was said in
`not_held.txt` there.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import page
from benchmarks.hostile.attack import Attack, Ground, Outcome

SECTION = "hostile"
PARTS = (
    "kills",
    "workers",
    "machine",
    "conversion",
    "datasets",
    "patients",
    "mutations",
    "flips",
    "finished",
    "running",
    "together",
    "hashing",
)
QUICK = 0.1


def attack_of(part: str) -> Attack:
    """The attack of a part."""
    attack: Attack = importlib.import_module(f"benchmarks.hostile.{part}").ATTACK
    return attack


def carried_out(part: str, folder: Path, share: float) -> tuple[list[Outcome], float]:
    """The attempts of a part, those of an earlier run or new ones, and how many seconds it took."""
    kept = folder / f"{part}.json"
    if kept.is_file():
        stored = json.loads(kept.read_text(encoding="utf-8"))
        if stored["share"] == share:
            return [Outcome(**item) for item in stored["outcomes"]], stored["seconds"]
    ground = folder / part
    shutil.rmtree(ground, ignore_errors=True)
    ground.mkdir(parents=True)
    start, outcomes = time.monotonic(), []
    for item in attack_of(part).attempts(Ground(ground, share)):
        outcomes.append(item)
        if not item.held:
            print(f"not held: {item.kind}: {item.name}: {item.said}", flush=True)
    seconds = time.monotonic() - start
    held = sum(item.held for item in outcomes)
    print(f"{part}: {held} of {len(outcomes)} held, {seconds:.0f} s", flush=True)
    fields = {
        "share": share,
        "seconds": seconds,
        "outcomes": list(map(dataclasses.asdict, outcomes)),
    }
    kept.write_text(json.dumps(fields, indent=1), encoding="utf-8")
    shutil.rmtree(ground)
    return outcomes, seconds


def section(outcomes: Sequence[Outcome], parts: Sequence[str], seconds: float) -> str:
    """Markdown of the table, and of what was measured."""
    rows = []
    for attack in map(attack_of, parts):
        for kind, meaning in attack.kinds.items():
            tried = [outcome for outcome in outcomes if outcome.kind == kind]
            if not tried:
                continue
            held = sum(outcome.held for outcome in tried)
            why = attack.limits.get(kind, "") if held < len(tried) else ""
            rows.append((kind, f"{len(tried):,}", f"{held:,}", meaning, why))
    statements = [outcome.said for outcome in outcomes if outcome.kind == "hashing"]
    columns = ("attack", "tried", "held", "held means", "why not all")
    parts_of_text = [
        f"It took {seconds / 60:.0f} minutes; {page.machine('torch', 'SimpleITK', 'blosc2')}.",
        page.table(columns, rows),
        *statements,
    ]
    return "\n\n".join(parts_of_text)


def merged(earlier: str, section: str, parts: Sequence[str]) -> str:
    """A section with the rows of some parts put among those of an earlier run.

    Args:
        earlier: Section of the page.
        section: Section of these parts alone.
        parts: Parts that were carried out.
    """
    lines = [text.splitlines() for text in (earlier, section)]
    old, new = ({line.split(" | ")[0]: line for line in each if "|" in line} for each in lines)
    heads = [line for line in new.values() if line.startswith(("| attack", "| ---"))]
    rows = old | new
    kinds = [f"| {kind}" for part in PARTS for kind in attack_of(part).kinds]
    table = [*heads, *(rows[kind] for kind in kinds if kind in rows)]
    others = [line for line in lines[0] if "|" not in line and line]
    mark = f"{', '.join(parts)} alone: "
    again = f"{mark}{lines[1][0][0].lower()}{lines[1][0][1:]}"
    rest = [line for line in others[1:] if not line.startswith(mark)]
    return "\n\n".join([others[0], again, "\n".join(table), *rest])


def not_held(outcomes: Sequence[Outcome]) -> str:
    """What did not hold, sorted by kind."""
    wrong = sorted(
        (outcome for outcome in outcomes if not outcome.held), key=lambda outcome: outcome.kind
    )
    return "".join(
        f"{outcome.kind} | {outcome.name} | {' '.join(outcome.said.split())}\n" for outcome in wrong
    )


def main() -> None:
    """Attack, print the table and, on request, write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("hostile_benchmark"))
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--quick", action="store_true", help="a tenth of the attempts")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="page whose section is rewritten"
    )
    chosen = parser.parse_args()
    if chosen.write:  # a page without its markers is found out now
        page.rewrite(chosen.write.read_text(encoding="utf-8"), SECTION, "")
    outcomes, seconds = [], 0.0
    for part in chosen.parts:
        share = QUICK if chosen.quick else 1.0
        attempts, took = carried_out(part, chosen.folder.resolve(), share)
        outcomes += attempts
        seconds += took
    (chosen.folder / "not_held.txt").write_text(not_held(outcomes), encoding="utf-8")
    text = section(outcomes, chosen.parts, seconds)
    print(text)
    if chosen.write:
        if tuple(chosen.parts) != PARTS:
            text = merged(page.section(chosen.write, SECTION), text, chosen.parts)
        page.write(chosen.write, SECTION, text)


if __name__ == "__main__":
    main()

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
            return [Outcome(**one) for one in stored["outcomes"]], stored["seconds"]
    ground = folder / part
    shutil.rmtree(ground, ignore_errors=True)
    ground.mkdir(parents=True)
    start, outcomes = time.monotonic(), []
    for one in attack_of(part).attempts(Ground(ground, share)):
        outcomes.append(one)
        if not one.held:
            print(f"not held: {one.kind}: {one.name}: {one.said}", flush=True)
    seconds = time.monotonic() - start
    held = sum(one.held for one in outcomes)
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
            tried = [one for one in outcomes if one.kind == kind]
            if not tried:
                continue
            held = sum(one.held for one in tried)
            why = attack.limits.get(kind, "") if held < len(tried) else ""
            rows.append((kind, f"{len(tried):,}", f"{held:,}", meaning, why))
    statements = [one.said for one in outcomes if one.kind == "hashing"]
    columns = ("attack", "tried", "held", "held means", "why not all")
    parts_of_text = [
        f"It took {seconds / 60:.0f} minutes; {page.machine('torch', 'SimpleITK', 'blosc2')}.",
        page.table(columns, rows),
        *statements,
    ]
    return "\n\n".join(parts_of_text)


def merged(earlier: str, made: str, parts: Sequence[str]) -> str:
    """A section with the rows of some parts put among those of an earlier run.

    Args:
        earlier: Section of the page.
        made: Section of these parts alone.
        parts: That were carried out.
    """
    lines = [text.splitlines() for text in (earlier, made)]
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
    wrong = sorted((one for one in outcomes if not one.held), key=lambda one: one.kind)
    return "".join(f"{one.kind} | {one.name} | {' '.join(one.said.split())}\n" for one in wrong)


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
        made, took = carried_out(part, chosen.folder.resolve(), share)
        outcomes += made
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

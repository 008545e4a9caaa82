"""How long a user waits for `ricenet_train --help`, against nnU-Net's `nnUNetv2_train -h`.

    bash benchmarks/setup_peers.sh
    .venv_peers/bin/python -m benchmarks.help --write documentation/benchmarks.md

Both are the console scripts of one virtual environment, run in turn.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import page

COMMANDS = {"ricenet_train --help": "ricenet_train", "nnUNetv2_train -h": "nnUNetv2_train"}
GOAL = 0.1


def seconds(script: Path, option: str) -> float:
    """Wall time of one run.

    Raises:
        SystemExit: The command is missing or fails.
    """
    if not script.is_file():
        raise SystemExit(f"{script} is missing; make the environment with setup_peers.sh.")
    start = time.perf_counter()
    subprocess.run([str(script), option], check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    """Run both in turn, print the ratio of their medians, on request rewrite the section."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--write", type=Path, metavar="FILE")
    chosen = parser.parse_args()
    folder = Path(sys.executable).parent
    taken: dict[str, list[float]] = {shown: [] for shown in COMMANDS}
    for number in range(chosen.runs + 1):
        for shown, script in COMMANDS.items():
            took = seconds(folder / script, shown.split()[-1])
            if number:  # the first pass warms the disk cache
                taken[shown].append(took)
    ours, theirs = (statistics.median(values) for values in taken.values())
    pairs = [a / b for a, b in zip(*taken.values(), strict=True)]
    rows = [
        [
            *COMMANDS,
            f"{ours / theirs:.3f} ({min(pairs):.3f} to {max(pairs):.3f})",
            f"at most {GOAL}",
        ]
    ]
    text = "\n\n".join(
        [
            f"{chosen.runs} runs each, in turn; {page.machine('nnunetv2', 'torch')}.",
            page.table(("ours", "peer", "ratio of medians (of pairs)", "goal"), rows),
        ]
    )
    print(text)
    if chosen.write:
        page.write(chosen.write, "help", text)


if __name__ == "__main__":
    main()

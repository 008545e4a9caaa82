"""AdrenalMNIST3D (28 x 28 x 28) through the commands, with only the number of epochs set.

    python -m benchmarks.adrenal adrenalmnist3d.npz --epochs 5 --write documentation/benchmarks.md

Resumable: the same line goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import page

NAME = "Dataset010_AdrenalMNIST3D"
SECONDS = "seconds.json"


def commands(npz: Path, workspace: Path, epochs: int, device: str | None) -> dict[str, list[str]]:
    """Each step's name and its command line."""
    raw, out = workspace / "raw" / NAME, workspace / "predictions"
    space, on = ["--workspace", str(workspace)], ["--device", device] if device else []
    labelled = ["--predictions", str(out / "predictions.csv"), "--truth", str(raw / "cases.csv")]
    folds = ["--num_folds_parallel", "auto", "--continue", "--epochs", str(epochs), *on, *space]
    given = ["-i", str(raw / "imagesTs"), "-o", str(out), "-d", NAME, "--continue", *on, *space]
    return {
        "convert": ["convert", "medmnist3d", str(npz), str(raw)],
        "plan": ["plan_and_preprocess", NAME, *space],
        "folds": ["train", NAME, "all", *folds],
        "predict": ["predict", *given],
        "out-of-fold": ["evaluate", NAME, *space],
        "test": ["evaluate", *labelled, "-o", str(out)],
    }


def run_all(steps: dict[str, list[str]], workspace: Path) -> dict[str, float]:
    """Run the steps in order; seconds per step, added up over interruptions.

    Raises:
        SystemExit: With the code of the command that failed.
    """
    workspace.mkdir(parents=True, exist_ok=True)
    file = workspace / SECONDS
    seconds: dict[str, float] = json.loads(file.read_text()) if file.is_file() else {}
    for name, words in steps.items():
        if name == "convert" and (Path(words[-1]) / "dataset.json").is_file():
            continue
        print(f"\n$ ricenet_{shlex.join(words)}", flush=True)
        start = time.monotonic()
        entry = f"import sys; from ricenet_v2.cli.{words[0]} import main; sys.exit(main())"
        line = [sys.executable, "-c", entry, *words[1:]]
        code = subprocess.run(line, check=False).returncode
        seconds[name] = seconds.get(name, 0.0) + time.monotonic() - start
        file.write_text(json.dumps(seconds, indent=2))
        if code:
            raise SystemExit(code)
    return seconds


def section(metrics: dict[str, dict[str, Any]], seconds: dict[str, float], epochs: int) -> str:
    """Markdown of the tables; `metrics` holds the content of each metrics.json by its title."""
    folds = sum(value for name, value in seconds.items() if name.startswith("fold")) / 60
    lines = [f"{epochs} epochs; the five folds took {folds:.0f} minutes."]
    for title, result in metrics.items():
        rows = []
        for row in result["metrics"]:
            value, low, high = (_number(row[key]) for key in ("value", "low", "high"))
            ends = "-" if row["low"] is None else f"{low} to {high}"
            rows.append((row["name"], value, ends, row["n"], row["method"]))
        columns = ("metric", "value", "interval", "n", "method")
        lines += ["", f"### {title}: {result['n_cases']} cases", "", page.table(columns, rows)]
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def main() -> None:
    """Run the benchmark and, on request, write its section."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("npz", type=Path, help="adrenalmnist3d.npz")
    parser.add_argument("--workspace", type=Path, default=Path("adrenal_benchmark"))
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--device")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="page whose section is rewritten"
    )
    chosen = parser.parse_args()
    if chosen.write:  # a page without its markers is found out now, not after an hour
        page.rewrite(chosen.write.read_text(encoding="utf-8"), "adrenal", "")
    steps = commands(chosen.npz, chosen.workspace, chosen.epochs, chosen.device)
    seconds = run_all(steps, chosen.workspace)
    crossval = chosen.workspace / "results" / NAME / "auto__all" / "crossval"
    files = {
        "Ensemble on the official test split": chosen.workspace / "predictions" / "metrics.json",
        "Out-of-fold, official train and validation splits": crossval / "metrics.json",
    }
    metrics = {title: json.loads(file.read_text()) for title, file in files.items()}
    text = section(metrics, seconds, chosen.epochs)
    print(text)
    if chosen.write:
        page.write(chosen.write, "adrenal", text)


if __name__ == "__main__":
    main()

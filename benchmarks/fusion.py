"""What clinical covariates add to the image: image alone, covariates alone, and both in one model.

    python -m benchmarks.fusion --write documentation/benchmarks.md

For each seed a cohort is simulated whose clinical covariates are informative about the label beyond
the images, five networks are trained, and `ricenet_fuse` adds the covariates. Metrics are nested
out-of-fold, and of held-out patients. The same table with decimal commas is given to
`ricenet_baseline`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import ricenet_v2 as rn
from benchmarks import page
from ricenet_v2.api.training import TrainOptions, train_folds
from ricenet_v2.cli import plan_and_preprocess
from ricenet_v2.core import documents
from ricenet_v2.phantom.cohort import NAME, write_cohort
from ricenet_v2.records.comparison import Comparison
from ricenet_v2.records.metrics import Metric
from ricenet_v2.store.paths import COMPARISON_JSON, ModelPaths
from ricenet_v2.store.tables import read_rows, write_rows
from ricenet_v2.store.workspace import dataset_paths

SECTION = "fusion"
_PLAN, _AUROC = "small", "AUROC"
_COVARIATES = ("mgmt", "days_since_rt", "age")
_NUMBERS = ("age", "days_since_rt")


@dataclass(frozen=True)
class Result:
    """What came out of one seed, as texts.

    Attributes:
        seed: Seed of the cohort and of the training.
        out_of_fold: AUROC of both, of the image and of the covariates.
        difference: Difference between both and the image, out-of-fold.
        held_out: AUROC of both and of the image, of patients that no network has seen.
        points: AUROC of the covariates alone where numbers have decimal points.
        commas: The same of the same table with decimal commas.
    """

    seed: int
    out_of_fold: tuple[str, ...]
    difference: str
    held_out: tuple[str, ...]
    points: str
    commas: str


def run(space: Path, seed: int, cases: int, held_out: int, epochs: int, workers: int) -> Result:
    """Simulate, train, fuse, predict."""
    write_cohort(
        space / "raw" / NAME,
        cases=cases,
        test_cases=held_out,
        shape=(14, 16, 14),
        spacing=(12.0, 12.0, 12.0),
        seed=seed,
        clinical_facts=True,
    )
    place = ["--preset", _PLAN, "--workspace", str(space), "--num_workers", str(workers)]
    if plan_and_preprocess.main([NAME, *place]):
        raise SystemExit("The cohort could not be preprocessed.")
    options = TrainOptions(epochs=epochs, seed=seed, num_workers=0)
    train_folds(NAME, options=options, plan=_PLAN, workspace=space, device="cpu")
    model = dataset_paths(NAME, space).run(_PLAN)
    fusion = rn.fuse(NAME, _COVARIATES, plan=_PLAN, workspace=space)
    sides = [next(m for m in side.metrics if m.name == _AUROC) for side in fusion.compared]
    return Result(
        seed,
        tuple(map(_shown, sides)),
        _difference(model),
        _held_out(space, model),
        *(_covariates_alone(space, mark) for mark in ".,"),
    )


def _kept(keep: Path | None, seed: int, *numbers: int) -> Result:
    """The result of a seed, read where it is kept."""
    cases, held_out, epochs, workers = numbers
    file = keep and keep / f"seed_{seed}_{cases}_{held_out}_{epochs}.json"
    if file and file.is_file():
        fields = json.loads(file.read_text(encoding="utf-8"))
        return Result(**{name: _tuple(value) for name, value in fields.items()})
    with tempfile.TemporaryDirectory() as folder:
        result = run(Path(folder), seed, cases, held_out, epochs, workers)
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(asdict(result)), encoding="utf-8")
    return result


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _difference(model: ModelPaths) -> str:
    pairs = documents.read(Comparison, model.fused / COMPARISON_JSON).pairs
    pair = next(each for each in pairs if each.metric == _AUROC and (each.a, each.b)[1] == "image")
    return f"{pair.difference:.3f} ({pair.low:.3f} to {pair.high:.3f}), p {pair.p_holm:.3f}"


def _held_out(space: Path, model: ModelPaths) -> tuple[str, ...]:
    """AUROC of both and of the image of the held-out patients."""
    raw, output = dataset_paths(NAME, space).raw, space / "predictions"
    rn.predict(
        raw / "imagesTs",
        output,
        model.folder,
        rn.PredictOptions(fused=True),
        covariates_table=raw / "cases.csv",
        device="cpu",
    )
    rows = read_rows(output / "predictions.csv")
    image = space / "image_alone.csv"
    prefix = "image_"
    write_rows(
        image,
        [
            {"case_id": row["case_id"]}
            | {
                name.removeprefix(prefix): value
                for name, value in row.items()
                if name.startswith(prefix)
            }
            for row in rows
        ],
    )
    both = space / "both.csv"
    names = [name.removeprefix(prefix) for name in rows[0] if name.startswith(prefix)]
    write_rows(both, [{name: row[name] for name in ("case_id", *names)} for row in rows])
    return tuple(_auroc_of(file, raw / "cases.csv") for file in (both, image))


def _auroc_of(file: Path, truth: Path) -> str:
    options = rn.MetricOptions(positive_class="recurrence")
    result = rn.evaluate(options=options, predictions=file, truth=truth, output=file.parent / "out")
    return _shown(next(m for m in result.evaluation.metrics if m.name == _AUROC))


def _covariates_alone(space: Path, mark: str) -> str:
    """AUROC of the covariates alone where numbers are written with this mark."""
    other = space / ("commas" if mark == "," else "points")
    shutil.copytree(space / "raw", other / "raw")
    (other / "preprocessed" / NAME).mkdir(parents=True)
    source, copied = dataset_paths(NAME, space), dataset_paths(NAME, other)
    shutil.copy(source.splits, copied.splits)
    table = copied.raw / "cases.csv"
    rows = read_rows(table)
    for at, row in enumerate(rows):
        for name in _NUMBERS:
            row[name] = f"{float(row[name]) + (at % 10) / 10:.1f}".replace(".", mark)
    write_rows(table, rows)
    result = rn.baseline(NAME, ["covariates"], workspace=other)
    return _shown(next(m for m in result.evaluation.evaluation.metrics if m.name == _AUROC))


def _shown(metric: Metric) -> str:
    return f"{metric.value:.3f} ({metric.low:.3f} to {metric.high:.3f})"


def section(results: Sequence[Result], cases: int, held_out: int, epochs: int) -> str:
    """What is written."""
    of_folds = page.table(
        ("seed", "image and covariates", "image", "covariates", "both - image, p by Holm"),
        [(each.seed, *each.out_of_fold, each.difference) for each in results],
    )
    of_others = page.table(
        ("seed", "image and covariates", "image"),
        [(each.seed, *each.held_out) for each in results],
    )
    marks = page.table(
        ("seed", "decimal points", "decimal commas"),
        [(each.seed, each.points, each.commas) for each in results],
    )
    return "\n\n".join(
        (
            f"AUROC with 95% intervals, nested out-of-fold: {cases} simulated patients, five folds "
            f"of {epochs} epochs.",
            of_folds,
            f"The same of {held_out} patients that neither networks nor regression have seen.",
            of_others,
            "The covariates alone, by ricenet_baseline, where the numbers of one table are written "
            "in two ways.",
            marks,
            page.machine("torch", "scikit-learn", "numpy"),
        )
    )


def main() -> None:
    """Simulate, train, and write or print the section."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="one cohort each")
    parser.add_argument("--cases", type=int, default=80, help="training cases of a cohort")
    parser.add_argument("--held_out", type=int, default=40, help="held-out cases of a cohort")
    parser.add_argument("--epochs", type=int, default=18, help="epochs of a fold")
    parser.add_argument("--num_workers", type=int, default=2, help="processes that preprocess")
    parser.add_argument("--keep", type=Path, help="folder that keeps the result of each seed")
    parser.add_argument("--write", type=Path, help="page whose section is rewritten")
    options = parser.parse_args()
    numbers = (options.cases, options.held_out, options.epochs, options.num_workers)
    results = [_kept(options.keep, seed, *numbers) for seed in options.seeds]
    text = section(results, options.cases, options.held_out, options.epochs)
    print(text)
    if options.write:
        page.write(options.write, SECTION, text)


if __name__ == "__main__":
    main()

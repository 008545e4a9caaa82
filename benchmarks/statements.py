"""What the program says of networks, intervals, leaks, geometry and training, before and now.

    python -m benchmarks.statements --write documentation/benchmarks.md

A small simulated cohort is planned, trained, evaluated and reported by the commands, in ways that
earlier versions said something untrue of, or nothing. What they said is quoted; all else is what
this version answers, read from its return values and the files that it writes.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from scipy.spatial.transform import Rotation

from benchmarks import page
from benchmarks.cover import old
from ricenet_v2.api.evaluation import evaluate
from ricenet_v2.api.evaluation_result import MetricOptions
from ricenet_v2.api.training import TrainOptions, train, train_folds
from ricenet_v2.cli import plan_and_preprocess
from ricenet_v2.core import documents
from ricenet_v2.core.errors import CheckpointError
from ricenet_v2.evaluation.confusion_intervals import macro_f1
from ricenet_v2.evaluation.initial_weight_leakage import NAME as FIRST_WEIGHTS
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.fingerprinting.integrity import check_case
from ricenet_v2.network.build import build_network
from ricenet_v2.phantom.cohort import NAME, write_cohort
from ricenet_v2.planning.networks import small_residual_encoder
from ricenet_v2.planning.topology import topology
from ricenet_v2.records.dataset import Case, Channel
from ricenet_v2.records.sanity import Sanity
from ricenet_v2.reporting.checklists.answers import answers
from ricenet_v2.reporting.checklists.claim import CLAIM
from ricenet_v2.reporting.checklists.tripod import TRIPOD
from ricenet_v2.reporting.methods.facts import facts_of
from ricenet_v2.reporting.methods.text import sentences
from ricenet_v2.reporting.results.sources import read_sources
from ricenet_v2.store.paths import SANITY_JSON
from ricenet_v2.store.workspace import dataset_paths

SECTION = "statements"
EPOCHS, STOP = 6, 1
FEW_SAMPLES = MetricOptions(n_bootstrap=100)
SHAPE, SPACING = (16, 18, 16), (11.0, 12.0, 11.0)
ITEMS = ((TRIPOD.name, ("10", "12d", "14", "18f")), (CLAIM.name, ("13",)))
DOSES = (60.0, 40.05, 30.0)

Row = tuple[str, str, str]
Levels = tuple[tuple[float, ...], ...]


def blind() -> list[Row]:
    """Answers of an untrained network of instance norm to one dose map at three heights."""
    side = 16
    places = np.stack(np.meshgrid(*[np.arange(side)] * 3, indexing="ij"), axis=-1)
    away = np.linalg.norm(places - (side - 1) / 2, axis=-1)
    shape = torch.from_numpy((1 / (1 + np.exp((away - 4) / 0.8))).astype(np.float32))
    images = torch.stack([shape * dose / 60 for dose in DOSES])[:, None]
    small = small_residual_encoder(topology((side,) * 3, (10.0,) * 3, 6))

    def answered(levels: Levels) -> str:
        torch.manual_seed(0)
        plan = dataclasses.replace(small, norm="instance", levels=levels)
        network = build_network(plan, 1, 2, (side,) * 3).eval()
        with torch.inference_mode():
            probabilities = torch.softmax(network(images), dim=1)[:, 1]
        return ", ".join(f"{value:.6f}" for value in probabilities.tolist())

    heights = ", ".join(f"{dose:g}" for dose in DOSES)
    levels: Levels = (tuple(np.linspace(0, 1.1, 12).tolist()),)
    what = f"an untrained network of the dose at {heights} Gy (bands at 12 even levels)"
    return [(what, answered(()), answered(levels))]


def boundary() -> list[Row]:
    """Macro F1 of 92 patients with 14 recurrences, none of which was found."""
    truth = np.repeat([0, 1], [78, 14])
    predicted = np.zeros(92, dtype=np.intp)
    predicted[0] = 1
    p = np.where(predicted == 1, 0.7, np.linspace(0.1, 0.45, 92))
    names = tuple(f"c{n:02d}" for n in range(92))
    labelled = LabelledPredictions(
        names, names, truth, predicted, np.column_stack([1 - p, p]), ("a", "b")
    )

    def shown(ends: tuple[float, float] | None) -> str:
        return "none" if ends is None else f"{ends[0]:.3f} to {ends[1]:.3f}"

    what = "macro F1 of 92 patients, none of 14 recurrences called, one false alarm: interval"
    return [(what, shown(old(labelled, 2000)["macro F1"]), shown(macro_f1(labelled, 0.95)))]


def geometry(folder: Path) -> list[Row]:
    """What the checks of a new patient say of an image without a position, and of tilted ones."""
    voxels = np.random.default_rng(0).random((16, 17, 18), np.float32)
    rows = []
    for degrees in (0, 40, 46):
        image = sitk.GetImageFromArray(voxels)
        matrix = Rotation.from_euler("x", degrees, degrees=True).as_matrix()
        image.SetDirection(matrix.ravel().tolist())
        file = folder / f"turned{degrees}_0000.nii.gz"
        sitk.WriteImage(image, str(file))
        if not degrees:
            _without_position(file)
        what = f"an image tilted by {degrees} degrees" if degrees else "a NIfTI without a position"
        rows.append((what, "0 warnings", _warned(file)))
    return rows


def _without_position(file: Path) -> None:
    import gzip

    content = bytearray(gzip.decompress(file.read_bytes()))
    content[252:256] = bytes(4)  # qform_code and sform_code of NIfTI-1
    file.write_bytes(gzip.compress(bytes(content)))


def _warned(file: Path) -> str:
    findings = check_case(Case("p", "p", label=""), (Channel("T1c", "mri"),), [file]).findings
    return "; ".join(f"{finding.check}: {finding.found}" for finding in findings) or "0 warnings"


def leaks(workspace: Path) -> list[Row]:
    """Weights of another fold as first weights, refused and allowed."""
    options = TrainOptions(epochs=1, num_workers=0)
    fitted = partial(train, NAME, plan="small", workspace=workspace)
    fitted(1, options)
    model = dataset_paths(NAME, workspace).run("small")
    other = model.fold(1).final.rename(workspace / "fold_1.pth")
    model.folder.rename(workspace / "before")
    try:
        fitted(0, dataclasses.replace(options, pretrained_weights=other))
        refused = "taken"
    except CheckpointError as error:
        refused = f"refused: {error.got}"
    leaking = dataclasses.replace(options, pretrained_weights=other, allow_leak=True)
    train_folds(NAME, options=leaking, plan="small", workspace=workspace)
    output = workspace / "evaluation"
    evaluate(NAME, FEW_SAMPLES, plan="small", workspace=workspace, output=output)
    checks = documents.read(Sanity, output / SANITY_JSON).checks
    verdict = next(check for check in checks if check.name == FIRST_WEIGHTS)
    return [
        ("weights of another fold as first weights", "taken without a word", refused),
        (
            "the same with `--allow_leak`: the check of first weights",
            "fine",
            f"{verdict.outcome}: {verdict.found}",
        ),
    ]


def stopped(workspace: Path) -> list[Row]:
    """What the report says of folds that ended early."""
    paths = dataset_paths(NAME, workspace)
    overrides = {"early_stop_epochs": str(STOP)}
    options = TrainOptions(epochs=EPOCHS, overrides=overrides, num_workers=0)
    train_folds(NAME, options=options, plan="small", workspace=workspace)
    evaluate(NAME, FEW_SAMPLES, plan="small", workspace=workspace)
    written = sentences(facts_of(read_sources(paths, "small", "all", [])))
    said = {sentence.key: sentence.text for sentence in written}
    status = {(sentence.checklist, sentence.item): sentence.status for sentence in answers(written)}
    rows = [
        ("folds that ended early: epochs", f"5 folds of {EPOCHS} epochs", said["epochs"]),
        (
            "the same: which weights validated",
            "the last epoch's, chosen beforehand",
            said["validation_weights"],
        ),
    ]
    for name, items in ITEMS:
        rows += [(f"{name} {item}", "answered", status[name, item]) for item in items]
    return rows


def section(rows: Sequence[Row]) -> str:
    """Markdown."""
    return "\n\n".join(
        [f"{page.machine('torch')}.", page.table(("of what", "before", "now"), rows)]
    )


def main() -> None:
    """Ask the program, print its answers and, on request, write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="page whose section is rewritten"
    )
    chosen = parser.parse_args()
    rows = [*blind(), *boundary()]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows += geometry(folder)
        for part in (leaks, stopped):
            workspace = folder / part.__name__
            raw = workspace / "raw" / NAME
            write_cohort(raw, cases=20, test_cases=0, shape=SHAPE, spacing=SPACING, seed=0)
            if plan_and_preprocess.main(
                [NAME, "--workspace", str(workspace), "--preset", "small", "--num_workers", "1"]
            ):
                raise SystemExit("The cohort could not be planned.")
            rows += part(workspace)
    print(section(rows))
    if chosen.write:
        page.write(chosen.write, SECTION, section(rows))


if __name__ == "__main__":
    main()

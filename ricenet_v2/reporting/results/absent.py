"""The parts of a report that were not found, and how they come into it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ricenet_v2.reporting.results.sources import Sources
from ricenet_v2.store.paths import ABLATION_JSON, EXPLANATION_JSON

_PARTS = "give its folder with --sections FOLDER if it lies outside the model and the predictions"
_BESIDE = "found once it exists"


@dataclass(frozen=True)
class Absent:
    """A part that was not found: what it is, the command that makes it, how it comes in."""

    what: str
    command: str
    how: str


def absent(sources: Sources) -> list[Absent]:
    """Missing results, in the order of the sections."""
    documents = {path.name for part in sources.parts for path in part.folder.glob("*.json")}
    checks = (
        (len(sources.folds) > 0, Absent("trained folds", "ricenet_train", _BESIDE)),
        (
            any(not result.is_out_of_fold for result in sources.results),
            Absent(
                "predictions of test cases or new patients",
                "ricenet_predict -o FOLDER",
                "--predictions FOLDER",
            ),
        ),
        (sources.calibration is not None, Absent("calibration", "ricenet_calibrate", _BESIDE)),
        (bool(sources.comparisons), Absent("comparison", "ricenet_compare -o FOLDER", _PARTS)),
        (EXPLANATION_JSON in documents, Absent("explanation", "ricenet_explain -o FOLDER", _PARTS)),
        (ABLATION_JSON in documents, Absent("subsets of channels", "ricenet_ablate", _PARTS)),
    )
    return [
        *_not_evaluated(sources),
        *_of_other_seeds(sources),
        *(part for exists, part in checks if not exists),
    ]


def _not_evaluated(sources: Sources) -> Iterator[Absent]:
    for result in sources.results:
        if result.evaluation is None:
            command = "ricenet_evaluate"
            if not result.is_out_of_fold:
                command += " --predictions FOLDER -o FOLDER"
            yield Absent(f"metrics, {result.title}", command, _BESIDE)


def _of_other_seeds(sources: Sources) -> Iterator[Absent]:
    """A variance over seeds that was made before this model was trained again."""
    if sources.seeds is None and sources.seeds_file is not None:
        what = "variance over training seeds (seeds.json is of other predictions of this model)"
        yield Absent(what, "ricenet_evaluate DATASET --seeds", _BESIDE)

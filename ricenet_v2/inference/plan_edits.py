"""Whether plan.json and dataset.json are still those that the folds were trained by.

Prediction follows the copies in the checkpoints, so editing these files changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ricenet_v2.core import documents
from ricenet_v2.core.errors import RicenetError
from ricenet_v2.core.listing import first_of
from ricenet_v2.records.dataset import Dataset
from ricenet_v2.records.plan import Plan
from ricenet_v2.store.paths import ModelPaths

_OF_PLAN = (
    *("name", "dataset", "classes", "channels", "spacing", "input_size", "storage_dtype"),
    *("network", "training", "straighten", "region"),
)
_OF_DATASET = ("name", "channels", "classes", "file_ending", "positive_class", "allow_any_size")
_EPOCHS = "training.epochs"  # folds are extended one after the other
_SHOWN, _LONGEST = 4, 60


def edited(paths: ModelPaths, plan: Plan, dataset: Dataset) -> Iterator[str]:
    """Fields of the two files that differ from those of the training, in words.

    Args:
        paths: Paths of the model. Missing files are ignored.
        plan: Plan of the folds.
        dataset: Dataset of the folds.
    """
    yield from _compared(paths.plan, plan, _OF_PLAN)
    yield from _compared(paths.dataset, dataset, _OF_DATASET)


def _compared(file: Path, trained: Plan | Dataset, names: tuple[str, ...]) -> Iterator[str]:
    if not file.is_file():
        return
    try:
        now = _fields(documents.read(type(trained), file))
    except RicenetError as error:
        yield f"{file.name} cannot be compared with what the folds were trained by: {error.what}"
        return
    then = _fields(trained)
    differing = [text for name in names for text in _differing(name, then.get(name), now.get(name))]
    if differing:
        yield (
            f"{file.name} is not what the folds were trained by, and is not followed: "
            f"{first_of(differing, _SHOWN, '; ')}"
        )


def _fields(value: Plan | Dataset) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(documents.to_text(value))
    return fields


def _differing(name: str, then: Any, now: Any) -> Iterator[str]:
    if isinstance(then, dict) and isinstance(now, dict):
        for key in sorted({*then, *now}):
            yield from _differing(f"{name}.{key}", then.get(key), now.get(key))
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        for index, pair in enumerate(zip(then, now, strict=True)):
            yield from _differing(f"{name}.{index}", *pair)
    elif then != now and name != _EPOCHS:
        yield f"{name} is {_short(now)} there, {_short(then)} in the folds"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."

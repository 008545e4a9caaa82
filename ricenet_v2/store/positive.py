"""The positive class of a trained model: that of dataset.json when it was trained."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

from ricenet_v2.core.errors import RicenetError
from ricenet_v2.records.dataset import Dataset
from ricenet_v2.store.paths import DATASET_JSON, ModelPaths
from ricenet_v2.store.raw import read_dataset

logger = logging.getLogger(__name__)


def positive_of(model: ModelPaths, raw: Path | None = None) -> str | None:
    """Name of the positive class that metrics of a model are about.

    A model keeps that of its training, as its thresholds and `--prior` do. Where dataset.json says
    another one now, or has the classes in another order, that is logged.

    Args:
        model: Its folder may be missing.
        raw: Folder of the raw dataset, which names it where the model does not.

    Returns:
        None where nothing names it.
    """
    now = None if raw is None else _readable(raw / DATASET_JSON)
    if not model.dataset.is_file():
        return None if now is None else _positive(now)
    then = read_dataset(model.dataset)
    if now is not None:
        warn_other_classes(then, now, model)
    return _positive(then)


def positive_of_any(models: Iterable[ModelPaths], raw: Path | None = None) -> str | None:
    """The class of the first existing model; others that differ from it are logged."""
    trained = [model for model in models if model.dataset.is_file()]
    if not trained:
        now = None if raw is None else _readable(raw / DATASET_JSON)
        return None if now is None else _positive(now)
    first = positive_of(trained[0], raw)
    for other in trained[1:]:
        if (named := _positive(read_dataset(other.dataset))) != first:
            logger.warning(
                "%s was trained with the positive class %s, %s with %s: metrics are about %s.",
                *(other.folder.name, named, trained[0].folder.name, first, first),
            )
    return first


def warn_other_classes(then: Dataset, now: Dataset, model: ModelPaths) -> None:
    """Log where dataset.json has another positive class now, or other classes."""
    if then.classes != now.classes:
        logger.warning(
            "dataset.json has the classes %s now; %s was trained with %s, in this order.",
            *(", ".join(now.classes), model.folder.name, ", ".join(then.classes)),
        )
    if _positive(then) != _positive(now):
        logger.warning(
            "dataset.json has the positive class %s now. Metrics are about %s, as it was when %s "
            "was trained; ricenet_evaluate and ricenet_compare take another one by "
            "--positive_class.",
            *(_positive(now), _positive(then), model.folder.name),
        )


def _positive(dataset: Dataset) -> str:
    return dataset.classes[dataset.positive_index]


def _readable(file: Path) -> Dataset | None:
    """Readable description; None if missing or invalid: a model is evaluated without it."""
    try:
        return read_dataset(file) if file.is_file() else None
    except RicenetError as error:
        logger.warning("The positive class in %s cannot be compared: %s", file, error.what)
        return None

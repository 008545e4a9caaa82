"""Files with the metrics of an evaluation: in version 0.1 figures.json and figures.csv."""

from __future__ import annotations

import logging
from pathlib import Path

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.records.metrics import Evaluation
from ricenet_v2.store import tables
from ricenet_v2.store.paths import (
    FORMER_METRICS_CSV,
    FORMER_METRICS_JSON,
    METRICS_CSV,
    METRICS_JSON,
)

logger = logging.getLogger(__name__)

COLUMNS = ("cases", "metric", "value", "low", "high", "n", "method", "warning")
_DOCUMENTS = {Evaluation.document, *Evaluation.former_documents}
_COLUMNS = {COLUMNS, ("cases", "figure", *COLUMNS[2:])}


def metrics_file(folder: Path) -> Path:
    """The file with the metrics of an evaluation, which may not exist.

    It is metrics.json. A figures.json of version 0.1 is read where there is no metrics.json, or
    where it is newer: an evaluation removes the former files, so it is of a later evaluation by an
    older version.

    Args:
        folder: Folder of the evaluation.
    """
    current, former = folder / METRICS_JSON, folder / FORMER_METRICS_JSON
    if not former.is_file():
        return current
    if not current.is_file():
        return former
    if not _is_ours(former) or former.stat().st_mtime <= current.stat().st_mtime:
        return current
    logger.warning(
        "%s is read, since it is newer than %s: an older version of ricenet_v2 wrote it. "
        "Run ricenet_evaluate again to replace both with a new %s.",
        former,
        METRICS_JSON,
        METRICS_JSON,
    )
    return former


def named_metrics_file(file: Path) -> Path:
    """A file that a user named; metrics.json beside it where it is a former file that is gone.

    Args:
        file: E.g. crossval/figures.json, in a script for version 0.1.
    """
    current = file.with_name(METRICS_JSON)
    is_gone = file.name == FORMER_METRICS_JSON and not file.exists()
    return current if is_gone and current.is_file() else file


def remove_former(folder: Path) -> None:
    """Remove figures.json and figures.csv of version 0.1, whose place the new files have taken.

    Files of that name that an evaluation has not written stay.

    Args:
        folder: Folder of an evaluation that has been written.
    """
    for name, new in ((FORMER_METRICS_JSON, METRICS_JSON), (FORMER_METRICS_CSV, METRICS_CSV)):
        file = folder / name
        if not file.is_file() or not _is_ours(file):
            continue
        try:
            file.unlink()
        except OSError as error:
            logger.warning("%s is of an earlier evaluation and cannot be removed: %s", file, error)
        else:
            logger.info("%s of an earlier evaluation was replaced by %s.", file, new)


def check_free(folder: Path) -> None:
    """Refuse to overwrite a metrics.json or metrics.csv that an evaluation has not written.

    Args:
        folder: Folder that an evaluation is written to.

    Raises:
        DatasetError: There is such a file.
    """
    for name in (METRICS_JSON, METRICS_CSV):
        file = folder / name
        if file.exists() and not _is_ours(file):
            raise DatasetError(
                "This file would be overwritten, and is not the result of an evaluation.",
                file=file,
                expected=f"no {name}, or one that ricenet_evaluate wrote",
                remedy="Choose another folder with -o, or rename the file.",
            )


def _is_ours(file: Path) -> bool:
    if file.suffix == ".json":
        return documents.name_of(file) in _DOCUMENTS
    try:
        return tables.read_table(file).columns in _COLUMNS
    except DatasetError:
        return False

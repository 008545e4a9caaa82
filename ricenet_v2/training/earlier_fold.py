"""The fold of a checkpoint without a list of its training cases, from the files beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DocumentError
from ricenet_v2.records.lineage import Lineage
from ricenet_v2.records.run import Run
from ricenet_v2.store import tables
from ricenet_v2.store.fold_paths import FoldPaths


@dataclass(frozen=True)
class EarlierFold:
    """The fold that such a checkpoint was trained in.

    Attributes:
        fold_hash: Hash of run.json.
        held_out: Case and patient id of each validation case; empty where training did not end.
    """

    fold_hash: str
    held_out: frozenset[tuple[str, str]] = frozenset()


def earlier_fold(file: Path, lineage: Lineage) -> EarlierFold | None:
    """Read run.json and validation.csv in the folder of a checkpoint.

    Args:
        file: The checkpoint.
        lineage: Training cases by its record.

    Returns:
        None where there is no run.json with a hash of the fold, or that of another fold.
    """
    paths = FoldPaths(file.resolve().parent)
    try:
        run = documents.read(Run, paths.run)
    except DocumentError:
        return None
    is_of_file = (run.dataset, run.fold) == (lineage.dataset, lineage.fold)
    if not is_of_file or not run.fold_hash:
        return None
    rows = tables.read_rows(paths.validation) if paths.validation.is_file() else []
    held_out = frozenset((row["case_id"], row.get("patient_id", "")) for row in rows)
    return EarlierFold(run.fold_hash, held_out)

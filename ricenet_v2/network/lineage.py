"""Training cases that a file of weights lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ricenet_v2.core import documents
from ricenet_v2.records.dataset import Dataset
from ricenet_v2.records.lineage import Lineage

KEY = "lineage"


def lineage_in(state: Mapping[str, Any], name: str, origin: str) -> Lineage:
    """Read the list of training cases of a checkpoint.

    Args:
        state: Content of the file, as read.
        name: Name of the file, for messages.
        origin: Name of the program that wrote it.
    """
    if isinstance(text := state.get(KEY), str):
        try:
            return _document(Lineage, text)
        except Exception:  # noqa: BLE001 - whatever another program put there
            return Lineage(untold=(f"the list of training cases in {name} cannot be read",))
    if "inference_weights" not in state:
        reason = f"{name} ({origin}) keeps no list of the cases that it was trained on"
        return Lineage(untold=(reason,))
    reason = f"{name} is of an older version, which kept no list of training cases"
    try:
        dataset = _document(Dataset, state["dataset"]).name
        return Lineage(dataset=dataset, fold=int(state["fold"]), untold=(reason,))
    except Exception:  # noqa: BLE001 - whatever another program put there
        return Lineage(untold=(reason,))


def _document(kind: type[documents.D], text: str) -> documents.D:
    fields = documents.parsed_object(text)
    known = {name: value for name, value in fields.items() if name not in ("document", "schema")}
    return documents.from_fields(kind, known)

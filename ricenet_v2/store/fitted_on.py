"""Whether what was fitted on the out-of-fold predictions of a model still fits them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ricenet_v2.core.errors import CheckpointError
from ricenet_v2.core.files import sha256_of_file
from ricenet_v2.store.paths import ModelPaths

__all__ = ["changed_since", "check_unchanged"]


def changed_since(model: ModelPaths, fitted_on: Mapping[str, str]) -> tuple[str, ...]:
    """Files that are others than those of the fit, by a training since.

    A file that is not there does not count: an exported model has no validation.csv.

    Args:
        model: Model whose folds were predicted.
        fitted_on: SHA-256 by name, relative to the folder of the model.
    """
    return tuple(
        name
        for name, digest in fitted_on.items()
        if (model.folder / name).is_file() and sha256_of_file(model.folder / name) != digest
    )


def check_unchanged(
    what: str, file: Path, model: ModelPaths, fitted_on: Mapping[str, str], remedy: str
) -> None:
    """Refuse to apply a fit to other networks than those that it was fitted on.

    Args:
        what: Fitted object, e.g. `calibration`.
        file: Where it is stored.
        model: Model as in `changed_since`.
        fitted_on: Hashes, as in `changed_since`.
        remedy: Command that fits it again.

    Raises:
        CheckpointError: Files have changed; they are named.
    """
    changed = changed_since(model, fitted_on)
    if changed:
        raise CheckpointError(
            f"The {what} was fitted on other out-of-fold predictions.",
            file=file,
            got=f"changed since: {', '.join(changed)}",
            remedy=remedy,
        )

"""Applying what ricenet_fuse fitted: log odds of a network and covariates of a patient."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import softmax

from ricenet_v2.core import documents
from ricenet_v2.core.errors import CheckpointError, DatasetError
from ricenet_v2.core.files import sha256_of_file
from ricenet_v2.core.types import Floats
from ricenet_v2.inference.temperature import LEAST
from ricenet_v2.records.cells import known
from ricenet_v2.records.covariates import Covariate
from ricenet_v2.records.fusion import FusedCovariate, Fusion
from ricenet_v2.store.fitted_on import check_unchanged
from ricenet_v2.store.paths import ModelPaths

_NOTHING_KNOWN = "no covariate of this patient is known, so that the image alone decides"


@dataclass(frozen=True)
class PatientCovariates:
    """Covariates of a patient, as a fusion takes them.

    Attributes:
        values: Values by column of the covariates; NaN where not known.
        cells: Cells as they were written, by name; empty where not known or not used.
        warnings: Warnings about them, in words.
    """

    values: Floats
    cells: Mapping[str, str]
    warnings: tuple[str, ...]


def columns_of_image(classes: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the columns of `image_logits`."""
    if len(classes) == 2:
        return (f"log odds of {classes[1]}",)
    return tuple(f"log probability of {name}" for name in classes)


def image_logits(probabilities: Floats) -> Floats:
    """Output of a network as numbers for a regression.

    Args:
        probabilities: Axes (..., classes).

    Returns:
        Log odds of the second of two classes, axes (..., 1); of more classes, the logarithm of
        each probability less the mean of them, axes (..., classes).
    """
    logs = np.log(np.clip(probabilities, LEAST, 1))
    if logs.shape[-1] == 2:
        odds: Floats = logs[..., 1:] - logs[..., :1]
        return odds
    centred: Floats = logs - logs.mean(axis=-1, keepdims=True)
    return centred


def fused(fusion: Fusion, probabilities: Floats, values: Floats) -> Floats:
    """Probabilities of image and covariates, for the class shares of the training cases.

    Args:
        fusion: The model.
        probabilities: Probabilities of the networks, for the class shares of the training cases,
            axes (..., classes).
        values: Covariates of the patient, shape (columns of covariates,), NaN where not known.

    Returns:
        Axes (..., classes).
    """
    said = image_logits(probabilities)
    repeated = np.broadcast_to(values, (*said.shape[:-1], len(values)))
    row = np.concatenate([said, repeated], axis=-1)
    filled = np.where(np.isnan(row), np.array(fusion.fill), row)
    standardised = (filled - np.array(fusion.mean)) / np.array(fusion.scale)
    logits = standardised @ np.array(fusion.weights).T + np.array(fusion.intercepts)
    if logits.shape[-1] == 1:
        logits = np.concatenate([np.zeros_like(logits), logits], axis=-1)
    result: Floats = softmax(logits, axis=-1)
    return result


def covariates_of(
    fusion: Fusion, cells: Mapping[str, str], case_id: str, file: Path | None = None
) -> PatientCovariates:
    """The covariates of a patient, as numbers.

    What is not known is imputed, as is a word that no training case had; each is a warning, as is a
    number outside the range of the training cases.

    Args:
        fusion: The model.
        cells: Cells by name of the covariate.
        case_id: Case id for messages.
        file: Table that they are from, for messages.

    Raises:
        DatasetError: A covariate is missing, or a text stands where a number is expected.
    """
    missing = [name for name in fusion.names if name not in cells]
    if missing:
        raise DatasetError(
            "A covariate of the model is missing.",
            case=case_id,
            file=file,
            expected=", ".join(fusion.names),
            got=f"no {', '.join(missing)}",
            remedy="Give a value, or an empty text where it is not known.",
        )
    unreadable = [
        f"{each.name} {cells[each.name]!r}"
        for each in (fused.covariate for fused in fusion.covariates)
        if not each.categories and not each.is_readable(cells[each.name])
    ]
    if unreadable:
        raise DatasetError(
            "A covariate is text; the model expects a number.",
            case=case_id,
            file=file,
            expected="a number in the unit of the training cases, or an empty cell",
            got=", ".join(unreadable),
            remedy="Correct the cells, or empty them where the value is not known.",
        )
    used = {each.covariate.name: _used(each.covariate, cells) for each in fusion.covariates}
    values = [
        value
        for each in fusion.covariates
        for value in each.covariate.values(used[each.covariate.name])
    ]
    doubts = [_doubt(each, cells[each.covariate.name]) for each in fusion.covariates]
    warnings = [*filter(None, doubts), *([] if any(used.values()) else [_NOTHING_KNOWN])]
    return PatientCovariates(np.array(values), used, tuple(warnings))


def _used(covariate: Covariate, cells: Mapping[str, str]) -> str:
    """The cell, empty where it is not known or no word of the training cases."""
    cell = known(cells[covariate.name])
    if covariate.categories:
        return cell if cell in covariate.categories else ""
    return "" if math.isnan(covariate.values(cell)[0]) else cell


def _doubt(each: FusedCovariate, cell: str) -> str:
    """Remark on a cell, in words; empty if it is like those of training."""
    covariate, text = each.covariate, known(cell)
    name, value = covariate.name, covariate.values(cell)[0]
    if math.isnan(value):
        return f"{name} is not known and is imputed"
    if covariate.categories and text not in covariate.categories:
        seen = ", ".join(covariate.categories)
        return f"{name} {text!r} was not among the training cases ({seen}) and is imputed"
    if each.lowest is None or each.highest is None or each.lowest <= value <= each.highest:
        return ""
    seen = f"{each.lowest:g} to {each.highest:g}"
    return f"{name} {text} lies outside of the training cases ({seen})"


def fusion_of(model: ModelPaths) -> tuple[Fusion, str]:
    """Fusion that ricenet_fuse stored with a model, and the SHA-256 of its file.

    Raises:
        CheckpointError: There is none, or a fold was trained again since it was fitted.
    """
    remedy = refit(model)
    if not model.fusion.is_file():
        raise CheckpointError(
            "No covariates were fused with this model.", file=model.fusion, remedy=remedy
        )
    fusion = documents.read(Fusion, model.fusion)
    check_unchanged("fusion", model.fusion, model, fusion.fitted_on, remedy)
    return fusion, sha256_of_file(model.fusion)


def refit(model: ModelPaths) -> str:
    """The command that fuses covariates with a model, in words."""
    plan, _, channels = model.folder.name.partition("__")
    command = f"Run ricenet_fuse {model.folder.parent.name} --covariates ..."
    command += "" if plan == "auto" else f" -p {plan}"
    return command + ("" if channels in ("all", "") else f" -c {channels}")

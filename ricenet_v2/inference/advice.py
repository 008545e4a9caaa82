"""Remedies for findings of the check in images of a new patient."""

from __future__ import annotations

from ricenet_v2.fingerprinting.checks_size import SIZE
from ricenet_v2.records.integrity import Finding

_AT_PREDICTION = {
    SIZE: "Correct the voxel size, which is to be in millimetres (xyzt_units of NIfTI). Only a "
    "model that was trained with allow_any_size in its dataset.json takes images of any size; it "
    "cannot be added to a trained model.",
    "empty brain mask": "Make the mask again, in the same way as those of training.",
    "empty lesion mask": "Draw the lesion, in the same way as in the masks of training.",
}


def remedy_of(finding: Finding) -> str:
    """The remedy of a finding, which the check words for datasets that are not trained yet."""
    remedy = _AT_PREDICTION.get(finding.check, finding.remedy)
    return remedy.replace(" in dataset.json", " in dataset.json of the model")

"""Predictions of a fold's validation cases by the averaged weights."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ricenet_v2.core.types import Indices
from ricenet_v2.inference.prior import corrected, predicted_classes
from ricenet_v2.network.build import Classifier
from ricenet_v2.records.cells import digits
from ricenet_v2.records.presence import PRESENT, presence_text
from ricenet_v2.store import tables
from ricenet_v2.training.job import Job
from ricenet_v2.training.loop import predict_cases
from ricenet_v2.training.metric import macro_f1


def predict_validation(job: Job, network: Classifier, axes: Sequence[int] = ()) -> torch.Tensor:
    """Probabilities (cases, classes) in float64, for the prior of all training cases.

    Those of the network itself where the fold is not corrected. Every process of the group calls
    this.

    Args:
        job: The fold.
        network: The averaged weights, on the device of the job.
        axes: Axes (0 z, 1 y, 2 x) that may be flipped.
    """
    size = job.plan.training.batch_size
    probabilities = predict_cases(
        network, job.reader, job.validation, job.process_group, axes, size
    )
    prior = job.prior
    if prior is None:
        return probabilities
    return torch.from_numpy(corrected(probabilities.numpy(), prior.trained, prior.shares))


def loss_and_macro_f1(job: Job, probabilities: torch.Tensor) -> tuple[float, float]:
    """Mean cross-entropy of probabilities (cases, classes), and macro F1 of the predicted classes.

    Classes are predicted with equal weights, so that the best epoch is not one of a network that
    never predicts a rare class; of a fold that is not corrected, those of the largest output.
    """
    truth = torch.tensor([job.plan.classes.index(job.labels[case]) for case in job.validation])
    true_probabilities = probabilities.gather(1, truth[:, None]).clamp(1e-7, 1)
    f1 = macro_f1(truth, torch.from_numpy(_predicted(job, probabilities)), len(job.plan.classes))
    return float(-true_probabilities.log().mean()), f1


def _predicted(job: Job, probabilities: torch.Tensor) -> Indices:
    return predicted_classes(probabilities.numpy(), () if job.prior is None else job.prior.shares)


def write_validation(job: Job, probabilities: torch.Tensor) -> None:
    """Write validation.csv from probabilities (cases, classes).

    Where cases may lack channels, a column says which each has.
    """
    classes = job.plan.classes
    rows = [
        {
            "case_id": case,
            "patient_id": job.patients[case],
            "label": job.labels[case],
            "predicted": classes[int(call)],
            **{f"prob_{n}": digits(v) for n, v in zip(classes, values.tolist(), strict=True)},
            **_presence(job, case),
        }
        for case, call, values in zip(
            job.validation, _predicted(job, probabilities), probabilities, strict=True
        )
    ]
    tables.write_rows(job.paths.validation, rows)


def _presence(job: Job, case: str) -> dict[str, str]:
    if not job.plan.allows_missing:
        return {}
    names = [channel.name for channel in job.plan.channels]
    return {PRESENT: presence_text(names, job.missing.get(case, ()))}

"""Feature reference of a fold, for the distance of later cases from its training cases."""

from __future__ import annotations

from ricenet_v2.inference.feature_reference import Reference, fit_reference
from ricenet_v2.network.build import Classifier
from ricenet_v2.training.job import Job
from ricenet_v2.training.loop import features_of_cases


def reference_of(job: Job, network: Classifier) -> Reference:
    """Features of the fold's cases; every process of the group calls this.

    Args:
        job: The fold.
        network: The averaged weights.
    """
    cases, n_train = (*job.train, *job.validation), len(job.train)
    size = job.plan.training.batch_size
    features = features_of_cases(network, job.reader, cases, job.process_group, size).numpy()
    return fit_reference(
        features[:n_train],
        features[n_train:],
        job.intensities,
        job.directions,
        job.sizes,
        job.labels_of_masks,
    )

"""Cohen's kappa: agreement beyond that of chance."""

import numpy as np

from ricenet_v2.plugins import MetricSpecification


def kappa(truth, predicted, probabilities, _positive):
    """1 for full agreement, 0 for that of chance; undefined where chance agrees always."""
    classes = np.arange(probabilities.shape[1])
    of_truth = (truth[:, None] == classes).mean(axis=0)
    of_predicted = (predicted[:, None] == classes).mean(axis=0)
    by_chance = float(of_truth @ of_predicted)
    if by_chance == 1:
        return float("nan")
    return (float(np.mean(truth == predicted)) - by_chance) / (1 - by_chance)


KAPPA = MetricSpecification("Cohen's kappa", kappa)

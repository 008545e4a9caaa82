"""The interval of a mean of metrics from the intervals of its parts.

MOVER, the method of variance estimates recovery (Zou and Donner 2008, doi:10.1002/sim.3095; Zou,
Huang and Zhang 2009): how far the end of a part's interval lies from its value stands for its
standard error on that side. So the mean has an interval where the parts have one, also at the
boundary, where a bootstrap sees no spread.
"""

from __future__ import annotations

import numpy as np

from ricenet_v2.core.types import Floats


def of_mean(
    values: Floats, low: Floats, high: Floats, correlation: Floats | None = None
) -> tuple[float, float]:
    """Interval of the mean of metrics.

    Args:
        values: Metric of each part, shape (parts,).
        low: Lower ends of their intervals.
        high: Upper ends.
        correlation: Correlation of the parts, axes (parts, parts); None where they are independent.
    """
    rho = np.eye(len(values)) if correlation is None else correlation
    mean, parts = float(values.mean()), len(values)
    below, above = values - low, high - values
    down, up = (max(0.0, float(each @ rho @ each)) ** 0.5 / parts for each in (below, above))
    return mean - down, mean + up

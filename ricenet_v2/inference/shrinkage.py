"""A covariance that can be estimated from few samples."""

from __future__ import annotations

import numpy as np

from ricenet_v2.core.types import Floats


def shrunk_covariance(samples: Floats) -> Floats:
    """The covariance, shrunk towards a multiple of the identity as far as the data require.

    Written out since it ends every training, and scikit-learn, which has it too, takes longer to
    import than a small fold to train.

    Args:
        samples: Axes (samples, features); at least one sample.

    Returns:
        Axes (features, features).

    Source:
        Ledoit and Wolf (2004), A well-conditioned estimator for large-dimensional covariance
        matrices, lemma 3.2 to 3.5, in the order of its section 3.3.
    """
    n, n_features = samples.shape
    centred = samples - samples.mean(axis=0)
    sample = centred.T @ centred / n
    scale = np.trace(sample) / n_features
    target = scale * np.eye(n_features)
    spread = float(((sample - target) ** 2).sum())
    # Sum over the samples of |x x' - S|^2, without a matrix for each: |x|^4 - x' S x each.
    error = float(((centred**2).sum(axis=1) ** 2).sum() / n - (sample**2).sum()) / n
    share = min(error / spread, 1.0) if spread > 0 else 0.0
    shrunk: Floats = share * target + (1 - share) * sample
    return shrunk

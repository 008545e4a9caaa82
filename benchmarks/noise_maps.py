"""Simulated maps of networks that know nothing of a lesion."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ricenet_v2.evaluation.paired_permutation import mean_p
from ricenet_v2.evaluation.resampling import Patients
from ricenet_v2.explanation.quantities.regions import LESION
from ricenet_v2.explanation.quantities.shares import shares_of
from ricenet_v2.explanation.quantities.untrained import p_differs

Floats = NDArray[np.float64]
HEAD = (16, 18, 16)
PATIENTS, NETWORKS = 12, 5


def noise_map(strength: Floats, sigma: float, random: np.random.Generator) -> NDArray[np.float32]:
    """Smooth noise (z, y, x) that knows nothing of a lesion, of a given strength at each place."""
    smooth = ndimage.gaussian_filter(random.normal(size=HEAD), sigma, mode="wrap")
    return np.asarray(smooth / smooth.std() * strength, dtype=np.float32)


def cohort_p(
    stationary: bool,
    sigma: float,
    members: int,
    random: np.random.Generator,
) -> tuple[float | None, float | None]:
    """Both p of one cohort's share in the lesion: by volume and signs, by untrained networks.

    The lesions lie around the middle of the head, where the noise of all networks is strongest.
    """
    places = np.stack(np.meshgrid(*map(np.arange, HEAD), indexing="ij"), axis=-1) - (7.5, 8.5, 7.5)
    brain = (places**2).sum(axis=-1) < 7.5**2
    excess, of_lesion, others = [], [], []
    for _ in range(PATIENTS):
        middle = random.normal(0, 1.5, 3)
        lesion = (np.linalg.norm(places - middle, axis=-1) < 2.5) & brain
        depth = np.exp(-((places - random.normal(0, 1, 3)) ** 2).sum(axis=-1) / (2 * 4.0**2))
        strength = np.ones(HEAD) if stationary else depth
        trained = np.mean([noise_map(strength, sigma, random) for _ in range(members)], axis=0)
        shares = shares_of(trained.astype(np.float32), {LESION: lesion}, brain)
        excess.append(shares.found[LESION] - shares.expected[LESION])
        of_lesion.append(shares.found[LESION])
        maps = [noise_map(strength, sigma, random) for _ in range(NETWORKS)]
        others.append([shares_of(drawn, {LESION: lesion}, brain).found[LESION] for drawn in maps])
    patients = Patients.of([f"{n}" for n in range(PATIENTS)])
    by_signs = mean_p(np.array(excess), patients, 2000, random)
    return by_signs, p_differs(float(np.mean(of_lesion)), list(np.mean(others, axis=0)))

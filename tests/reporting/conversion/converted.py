"""Cases as a conversion makes them, with an image that lies right or wrong."""

from dataclasses import asdict

import numpy as np
from scipy import ndimage

from ricenet_v2.core.grid import Grid
from ricenet_v2.ingest.case_conversion import BridgeImage, ConvertedCase
from ricenet_v2.ingest.checks import RegistrationCheck
from ricenet_v2.records.provenance import CaseProvenance, RegisteredImage

SPACING = (3.0, 2.5, 2.5)
GRID = Grid((44, 60, 52), SPACING, (-60.0, -70.0, -60.0))
GOOD = RegistrationCheck(0.8, 0.3, 0.25, 1.0)


def places():
    """mm from the middle, shape (3, z, y, x)."""
    middle = (np.array(GRID.shape) - 1)[:, None, None, None] / 2
    return (np.indices(GRID.shape) - middle) * np.array(SPACING)[:, None, None, None]


def brain():
    z, y, x = places()
    return (z / 55) ** 2 + (y / 66) ** 2 + (x / 55) ** 2 < 1


def anatomy():
    """Folds of some 12 mm, alike at all dates."""
    noise = np.random.default_rng(0).normal(size=GRID.shape)
    smooth = ndimage.gaussian_filter(noise, [4.0 / step for step in SPACING])
    return 100 + 40 * smooth / smooth.std()


def moved(voxels, shift):
    """Voxels that lie off by mm along (z, y, x)."""
    steps = [mm / step for mm, step in zip(shift, SPACING, strict=True)]
    return ndimage.shift(voxels, steps, order=1, mode="nearest")


def registered(name, check=GOOD, method="image registration"):
    identity = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
    return RegisteredImage(name, method, identity, (0.0, 0.0, 0.0), 0.5, **asdict(check))


def case(shift=(0, 0, 0), *, name="C1", noise=2.0, ct_shift=None, lesion=False, **changes):
    """A case whose event lies off by `shift`, its planning CT by `ct_shift`."""
    inside, folds = brain(), anatomy()
    random = np.random.default_rng(1)

    def seen(voxels):
        noisy = voxels + random.normal(0, noise, GRID.shape)
        return np.where(inside, noisy, 0).astype(np.float32)

    post_op, event = seen(folds), seen(1.3 * moved(folds, shift) + 20)
    z, y, x = places()
    gy = (60 * np.exp(-(z**2 + (y - 10) ** 2 + (x - 20) ** 2) / (2 * 22**2))).astype(np.float32)
    masks = {"brain": inside}
    if lesion:
        masks["lesion"] = (z**2 + y**2 + (x - 20) ** 2 < 12**2) & inside
    bridges = ()
    records = [registered("T1c_event")]
    if ct_shift is not None:
        hu = np.where(inside, 35 - 0.1 * moved(folds, ct_shift), -1000).astype(np.float32)
        bridges = (BridgeImage("planning CT", "ct", hu),)
        records.append(registered("planning CT"))
    fields = {
        "case_id": name,
        "patient_id": "P1",
        "label": "RICE",
        "split": "train",
        "covariates": {"prescription_gy": "60", "fractions": "30"},
        "channels": ("T1c_post_op", "T1c_event", "dose"),
        "kinds": ("mri", "mri", "dose"),
        "brain": "given",
        "is_stripped": True,
        "registered": tuple(records),
        "dose_covered": 0.97,
        "brain_ml": 1400.0,
    }
    return ConvertedCase(
        (post_op, event, gy), masks, GRID, CaseProvenance(**fields | changes), bridges
    )

"""Registration by ANTs and brain masks by deepbet, where these packages are installed."""

import importlib.util
import zipfile

import numpy as np
import pytest

from ricenet_v2.ingest.checks import check_brain, check_registration
from ricenet_v2.ingest.convert_options import ConvertOptions
from ricenet_v2.ingest.header import read_header
from ricenet_v2.ingest.registration_engines import register_images
from ricenet_v2.ingest.resampling import resample_mask
from ricenet_v2.ingest.series import split_series
from ricenet_v2.ingest.volume import read_volume
from ricenet_v2.voxels.volumes import millilitres
from tests.ingest.test_registration import PAIR, TURNED, posed, simulated_head, transform_of

pytestmark = pytest.mark.usefixtures("fine_checks")


def needs(module, extra):
    """Skip where an extra is not installed."""
    return pytest.mark.skipif(
        importlib.util.find_spec(module) is None,
        reason=f"{module} is not installed: pip install '.[{extra}]'",
    )


@needs("ants", "ants")
def test_ants_recovers_a_pose_as_the_default_does():
    head, brain = simulated_head()
    truth = transform_of((20, -15, 40), (25, -20, 24))
    moving = posed(head, truth, lambda voxels: np.where(voxels > 0.1, 2 - voxels, 0))
    points = head.grid.positions(np.argwhere(brain)[::211].astype(float))
    errors = {}
    for engine in ("simpleitk", "ants"):
        pair, method = register_images(head, moving, ConvertOptions(registration=engine))
        away = pair.transform.points(points) - truth.points(points)
        errors[engine] = np.linalg.norm(away, axis=1).mean()
        assert ("ANTs" in method) == (engine == "ants")
        assert check_registration(head, moving, pair.transform, brain).faults == ()
    assert errors["ants"] < 1
    assert abs(errors["ants"] - errors["simpleitk"]) < 0.5
    # antspyx 0.6.3 ignored the seed of a call: some 0.3 degrees between two calls.
    before = np.random.get_state()[1].tolist()  # noqa: NPY002 - of the caller
    again, _ = register_images(head, moving, ConvertOptions(registration="ants"))
    assert again.transform == pair.transform
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


@needs("deepbet", "brain")
@pytest.mark.skipif(not PAIR.is_dir(), reason="set RICENET_SHARED_DATA to the folder of ingest")
def test_deepbet_sees_one_brain_in_two_positions(tmp_path):
    from ricenet_v2.ingest.brain_deepbet import mask_by_deepbet

    volumes, masks = [], []
    for name in ("HFS", "HFDR"):
        with zipfile.ZipFile(PAIR / f"{name}_t1_sag.zip") as files:
            files.extractall(tmp_path / name)
        files = [file for file in (tmp_path / name).rglob("*") if file.is_file()]
        volumes.append(read_volume(split_series(map(read_header, files))[0]))
        mask, source = mask_by_deepbet(volumes[-1])
        assert source.startswith("deepbet 1.")
        check_brain(mask, volumes[-1].grid)
        masks.append(mask)
    first, other = volumes
    carried = resample_mask(masks[1], other.grid, first.grid, TURNED.of_simpleitk())
    assert 2 * (masks[0] & carried).sum() / (masks[0].sum() + carried.sum()) > 0.95
    ratio = millilitres(masks[1], other.grid.spacing) / millilitres(masks[0], first.grid.spacing)
    assert ratio == pytest.approx(1, abs=0.05)

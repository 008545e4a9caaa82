import numpy as np
import pytest

from ricenet_v2.core.errors import DatasetError, GeometryError, PlanError
from ricenet_v2.explanation.occlusion.prepared import prepare
from ricenet_v2.explanation.occlusion.settings import OcclusionSettings

SHAPE = (8, 8, 8)


@pytest.mark.parametrize(
    ("channels", "region", "options", "error", "match"),
    [
        (3, SHAPE, {}, DatasetError, "channels that the networks were trained on"),
        (2, (8, 8, 9), {}, GeometryError, "does not lie on the grid"),
        (2, SHAPE, {"channel": "ct"}, PlanError, "no such channel"),
    ],
)
def test_what_does_not_fit_the_model_is_refused(
    make_plan, noise, channels, region, options, error, match
):
    settings = OcclusionSettings(window_mm=4, stride_mm=2, **options)
    plan = make_plan(kinds=("mri", "dose"), shape=SHAPE)
    with pytest.raises(error, match=match) as caught:
        prepare(noise(channels, *SHAPE), np.ones(region, bool), plan, settings, "P7")
    assert "P7" in str(caught.value)

"""What tests that read DICOM share."""

import pytest

from tests.small_work import COARSE, classes_looked_up_once, coarse_checks, the_same_case_pictures


@pytest.fixture(scope="session", autouse=True)
def _little_work_for_each_image():
    with pytest.MonkeyPatch.context() as patch:
        classes_looked_up_once(patch.setattr)
        coarse_checks(patch.setattr)
        patch.setenv(COARSE, "1")
        yield


@pytest.fixture(scope="module")
def fine_checks():
    """Registered images are compared by voxels of 2 mm, as by users, in each process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ricenet_v2.ingest.checks._SPACING_MM", 2.0)
        patch.delenv(COARSE)
        yield


@pytest.fixture(scope="module")
def no_case_pictures():
    """Converted cases are not drawn; see tests/small_work.py."""
    with pytest.MonkeyPatch.context() as patch:
        the_same_case_pictures(patch.setattr)
        yield

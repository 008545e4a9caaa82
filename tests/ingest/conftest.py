"""What tests that read DICOM share."""

import functools

import pytest

from tests.small_work import the_same_case_pictures


@pytest.fixture(scope="session", autouse=True)
def _classes_of_images_are_looked_up_once():
    """highdicom reads hundreds of attributes of a class for each slice, always to the same end."""
    from highdicom import image

    with pytest.MonkeyPatch.context() as patch:
        known = functools.cache(image.does_iod_have_pixel_data)
        patch.setattr(image, "does_iod_have_pixel_data", known)
        yield


@pytest.fixture(scope="module")
def no_case_pictures():
    """Converted cases are not drawn; see tests/small_work.py."""
    with pytest.MonkeyPatch.context() as patch:
        the_same_case_pictures(patch.setattr)
        yield

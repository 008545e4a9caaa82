"""What tests that read DICOM share."""

import pytest

from tests.small_work import classes_looked_up_once, the_same_case_pictures


@pytest.fixture(scope="session", autouse=True)
def _classes_of_images_are_looked_up_once():
    with pytest.MonkeyPatch.context() as patch:
        classes_looked_up_once(patch.setattr)
        yield


@pytest.fixture(scope="module")
def no_case_pictures():
    """Converted cases are not drawn; see tests/small_work.py."""
    with pytest.MonkeyPatch.context() as patch:
        the_same_case_pictures(patch.setattr)
        yield

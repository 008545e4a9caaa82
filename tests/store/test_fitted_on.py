"""What was fitted on out-of-fold predictions, compared with the files as they are."""

import pytest

from ricenet_v2.core.errors import CheckpointError
from ricenet_v2.core.files import sha256_of_file
from ricenet_v2.store.fitted_on import changed_since, check_unchanged
from ricenet_v2.store.paths import ModelPaths


def test_a_file_that_changed_is_named_and_one_that_is_not_there_does_not_count(tmp_path):
    model = ModelPaths(tmp_path / "auto__all")
    names = [f"fold_{fold}/validation.csv" for fold in range(3)]
    for fold in range(2):
        model.fold(fold).folder.mkdir(parents=True)
        model.fold(fold).validation.write_text(f"{fold}", encoding="utf-8")
    digests = {name: sha256_of_file(model.folder / name) for name in names[:2]}
    fitted_on = {**digests, names[2]: "of an exported model"}
    assert changed_since(model, fitted_on) == ()
    check_unchanged("calibration", model.calibration, model, fitted_on, "Again.")
    model.fold(1).validation.write_text("other", encoding="utf-8")
    assert changed_since(model, fitted_on) == (names[1],)
    with pytest.raises(CheckpointError, match="The calibration was fitted on other") as caught:
        check_unchanged("calibration", model.calibration, model, fitted_on, "Again.")
    assert f"changed since: {names[1]}" in str(caught.value)
    assert "Again." in str(caught.value)

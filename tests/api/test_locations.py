"""Names of models and predictions, as users give them."""

import re
from pathlib import Path

import pytest

import ricenet_v2 as rn
from ricenet_v2.api.locations import as_path, folder_of, table_of
from ricenet_v2.phantom.cohort import NAME


def test_predictions_are_named_by_their_folder_or_their_table(tmp_path):
    table = tmp_path / "predictions.csv"
    table.touch()
    assert table_of(tmp_path) == table_of(str(table)) == table
    assert folder_of(tmp_path) == folder_of(str(table)) == tmp_path
    assert table_of(tmp_path / "none.csv") == tmp_path / "none.csv"


def test_a_folder_stays_the_same_when_the_script_goes_to_another(raw_cohort, tmp_path, monkeypatch):
    monkeypatch.chdir(raw_cohort)
    model = rn.model_folder(1, workspace=".")
    assert model == Path.cwd() / "results" / NAME / "auto__all"
    assert as_path("masks") == Path.cwd() / "masks"
    assert folder_of("out") == Path.cwd() / "out"
    monkeypatch.setenv("ricenet_workspace", ".")
    assert rn.model_folder(1) == model
    monkeypatch.chdir(tmp_path)
    # What the text names is where the script stands now.
    with pytest.raises(rn.DatasetError, match=re.escape(f"Datasets in {tmp_path}")):
        rn.model_folder(1)


def test_a_dataset_is_named_by_number_text_or_path(raw_cohort):
    raw = raw_cohort / "raw" / NAME
    folder = rn.model_folder(raw, channels="dose")
    assert folder == raw_cohort / "results" / NAME / "auto__dose"
    for named in (1, "1", "PhantomGBM", NAME, Path(NAME)):
        assert rn.model_folder(named, channels="dose", workspace=str(raw_cohort)) == folder

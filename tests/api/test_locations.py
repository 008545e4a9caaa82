"""Names of models and predictions, as users give them."""

from pathlib import Path

import ricenet_v2 as rn
from ricenet_v2.api.locations import folder_of, table_of
from ricenet_v2.phantom.cohort import NAME


def test_predictions_are_named_by_their_folder_or_their_table(tmp_path):
    table = tmp_path / "predictions.csv"
    table.touch()
    assert table_of(tmp_path) == table_of(str(table)) == table
    assert folder_of(tmp_path) == folder_of(str(table)) == tmp_path
    assert table_of(tmp_path / "none.csv") == tmp_path / "none.csv"


def test_a_dataset_is_named_by_number_text_or_path(raw_cohort):
    raw = raw_cohort / "raw" / NAME
    folder = rn.model_folder(raw, channels="dose")
    assert folder == raw_cohort / "results" / NAME / "auto__dose"
    for named in (1, "1", "PhantomGBM", NAME, Path(NAME)):
        assert rn.model_folder(named, channels="dose", workspace=str(raw_cohort)) == folder

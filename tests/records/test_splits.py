"""splits_final.json of every version is read, and says how its folds were made."""

from __future__ import annotations

from pathlib import Path

from ricenet_v2.core import documents
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.splits import Fold, Splits
from ricenet_v2.training.splits import check_splits

GOLDEN = Path(__file__).parent / "golden" / "splits_1.json"


def test_a_file_of_before_there_were_groups_is_of_stratified_folds():
    found = documents.read(Splits, GOLDEN)
    assert (found.group, found.held_out) == ("", ("",) * 5)
    assert found.folds[0].validation == ("a0", "b3")
    assert found.described == "5 folds, stratified by class, grouped by patient, seed 12345"
    check_splits(found, [Case(f"{k}{i}", f"{k}{i}", k) for k in "ab" for i in range(5)], GOLDEN)


def test_folds_of_a_column_come_back_and_name_what_each_holds_out(tmp_path):
    made = Splits(0, (Fold(("a",), ("b",), "Bern"), Fold(("b",), ("a",), "Ulm")), group="centre")
    documents.write(tmp_path / "splits.json", made)
    found = documents.read(Splits, tmp_path / "splits.json")
    assert found == made
    assert found.described == "2 folds, leave-one-group-out by centre (Bern, Ulm)"


def test_the_hash_of_a_fold_does_not_depend_on_what_it_is_called():
    names = {"a": "x", "b": "y"}
    plain, named = Fold(("a",), ("b",)), Fold(("a",), ("b",), "Ulm")
    assert plain.hash_with(names, names) == named.hash_with(names, names)

"""splits_final.json of every version is read, and says how its folds were made."""

from __future__ import annotations

import hashlib
import json
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


def test_the_hash_of_a_fold_depends_on_neither_the_order_nor_the_side_alone():
    """splits_final.json may be edited by hand, and tables of predictions have an order too."""
    names = {case: case for case in "abcd"}
    first = Fold(("a", "c", "b"), ("d",)).hash_with(names, names)
    assert first == Fold(("c", "b", "a"), ("d",)).hash_with(names, names)
    assert first != Fold(("a", "c"), ("d", "b")).hash_with(names, names)
    assert first != Fold(("a", "c", "b"), ("d",)).hash_with({**names, "a": "x"}, names)
    assert first != Fold(("a", "c", "b"), ("d",)).hash_with(names, {**names, "a": "x"})


def test_the_hash_of_sorted_cases_is_that_of_earlier_versions():
    """As it stood in run.json: SHA-256 of a JSON list of side, case, label and patient."""
    labels, patients = {"a": "x", "b": "y", "c": "x"}, {"a": "p", "b": "q", "c": "r"}
    rows = [["train", "a", "x", "p"], ["train", "b", "y", "q"], ["validation", "c", "x", "r"]]
    expected = hashlib.sha256(json.dumps(rows).encode()).hexdigest()
    assert Fold(("a", "b"), ("c",)).hash_with(labels, patients) == expected

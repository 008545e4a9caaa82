"""What is said beside out-of-fold metrics when their cases ended the training."""

from ricenet_v2.records.selection import FoldEnd, chosen_by_validation


def _ends(*done, planned=8):
    return [FoldEnd(fold, planned, one) for fold, one in enumerate(done)]


def test_nothing_is_said_without_early_stopping():
    assert chosen_by_validation(0, _ends(8, 3, None)) == ""


def test_nothing_is_said_where_every_fold_went_to_its_end():
    assert chosen_by_validation(2, _ends(8, 8)) == ""


def test_folds_that_ended_alike_are_told_together():
    text = chosen_by_validation(2, _ends(3, 8, 3, 4))
    assert text.startswith(
        "The epoch was chosen on the same cases, so the out-of-fold metrics are optimistic"
    )
    assert "early_stop_epochs=2" in text
    assert text.endswith("ended folds 0 and 2 after 3 of 8; fold 3 after 4 of 8 epochs.")


def test_what_is_not_recorded_is_said_so():
    text = chosen_by_validation(2, _ends(None, 8))
    assert "whether it ended fold 0 is not recorded" in text
    assert "so the out-of-fold metrics are optimistic" in text

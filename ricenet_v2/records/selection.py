"""Selection of the epoch whose weights made the out-of-fold predictions, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

FLATTERS = "The epoch was chosen on the same cases, so the out-of-fold metrics are optimistic"


@dataclass(frozen=True)
class FoldEnd:
    """Last epoch of a finished fold.

    Attributes:
        fold: Number.
        planned: Epochs that it was to have.
        done: Epochs that it has; None where this is not recorded.
    """

    fold: int
    planned: int
    done: int | None

    @property
    def is_early(self) -> bool:
        """Whether it ended before its last epoch."""
        return self.done is not None and self.done < self.planned


def chosen_by_validation(early_stop_epochs: int, ends: Sequence[FoldEnd]) -> str:
    """Remark on out-of-fold metrics if the validation cases ended the training.

    Early stopping looks at the macro F1 of a fold's validation cases; the metrics of these same
    cases are then those of an epoch that they chose (Cawley and Talbot, JMLR 2010).

    Args:
        early_stop_epochs: Patience in epochs of the plan; 0 never stops early.
        ends: Last epochs of the finished folds.

    Returns:
        A sentence; empty where no fold ended early.
    """
    early = [end for end in ends if end.is_early]
    if early_stop_epochs == 0:
        return ""
    unknown = [end for end in ends if end.done is None]
    if not early and unknown:
        folds = _numbered([end.fold for end in unknown])
        return (
            f"Early stopping was on (early_stop_epochs={early_stop_epochs}); whether it ended "
            f"{folds} is not recorded. Where it did, the epoch was chosen on the same cases, so "
            "the out-of-fold metrics are optimistic."
        )
    if not early:
        return ""
    return (
        f"{FLATTERS}: early stopping (early_stop_epochs={early_stop_epochs}) monitored the moving "
        f"average of macro F1 of the validation cases and ended {_ended(early)} epochs."
    )


def _ended(early: Sequence[FoldEnd]) -> str:
    """`folds 0, 1 and 3 after 3 of 8; fold 2 after 4 of 8`."""
    groups: dict[tuple[int | None, int], list[int]] = {}
    for end in early:
        groups.setdefault((end.done, end.planned), []).append(end.fold)
    return "; ".join(
        f"{_numbered(folds)} after {done:,} of {planned:,}"
        for (done, planned), folds in groups.items()
    )


def _numbered(folds: Sequence[int]) -> str:
    """`fold 0`, `folds 0, 1 and 3`."""
    *first, last = map(str, folds)
    return f"folds {', '.join(first)} and {last}" if first else f"fold {last}"

"""Folds of a model that predict, and whether they are complete and equally trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ricenet_v2.core import documents
from ricenet_v2.core.errors import CheckpointError, RicenetError
from ricenet_v2.records.known_faults import faults_of
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.run import Run
from ricenet_v2.store import checkpoints
from ricenet_v2.store.existing import other_models
from ricenet_v2.store.paths import FULL, ModelPaths

_PROGRAM = "ricenet_v2"
_NO_BEST = (
    "; a fold that holds out no case, or cases of one class alone, has no best epoch: predict with "
    "--checkpoint final"
)


def chosen_folds(paths: ModelPaths, folds: Sequence[int] | None, checkpoint: str) -> list[int]:
    """The folds that are named, or all that have such a checkpoint.

    Args:
        paths: Paths of the model.
        folds: Numbers; None for all there are.
        checkpoint: `final`, `best` or `latest`.

    Raises:
        CheckpointError: A named fold has none, or there is none at all.
    """
    if not paths.folder.is_dir() and not _full_beside(paths):
        raise CheckpointError(
            "There is no such model folder.",
            file=paths.folder,
            expected="the folder PLAN__CHANNELS of a model, in the results of its dataset",
            remedy="Train it with ricenet_train, or name the folder of another model with -m."
            + other_models(paths),
        )
    there = [fold for fold in paths.folds() if paths.fold(fold).checkpoint(checkpoint).is_file()]
    chosen = list(folds) if folds is not None else there
    missing = [fold for fold in chosen if fold not in there]
    if missing or not chosen:
        full = _full_beside(paths)
        raise CheckpointError(
            f"Folds have no checkpoint_{checkpoint}.pth.",
            file=paths.folder,
            expected=f"folds {chosen or '0 1 2 3 4'}",
            got=f"finished: {there or 'none'}",
            remedy="Train them with ricenet_train, or specify the finished ones with -f"
            + (_NO_BEST if checkpoint == "best" and _are_finished(paths, missing) else "")
            + (f" (-f {FULL} for the network of all training cases)." if full else "."),
        )
    return chosen


def _are_finished(paths: ModelPaths, folds: Sequence[int]) -> bool:
    """Whether folds have their final weights; all there are where none is named."""
    return any(paths.fold(fold).final.is_file() for fold in folds or paths.folds())


def _full_beside(paths: ModelPaths) -> bool:
    """Whether a network of all training cases is there, in the folder beside that of the folds."""
    return paths.full.folder != paths.folder and bool(paths.full.folds())


def without_validation(paths: ModelPaths, chosen: Sequence[int]) -> Iterator[str]:
    """Whether networks were trained on all training cases, in words.

    Args:
        paths: Paths of the model.
        chosen: Folds that predict.
    """
    runs = [_run(paths, fold) for fold in chosen]
    if any(run is not None and run.is_full for run in runs):
        yield (
            "it was trained on all training cases and held none out, so there are no out-of-fold "
            "metrics of this network; those of the folds are of other networks"
        )


def left_out(paths: ModelPaths, chosen: Sequence[int], checkpoint: str) -> Iterator[str]:
    """Whether folds of the model are missing, in words.

    Args:
        paths: Paths of the model.
        chosen: All folds that have a checkpoint.
        checkpoint: `final`, `best` or `latest`.
    """
    runs = [_run(paths, fold) for fold in paths.folds()]
    # Without a record of their number, those are missing that leave a gap.
    n_folds = max([*(run.n_folds for run in runs if run is not None), 1 + max(chosen)])
    missing = [fold for fold in range(n_folds) if fold not in chosen]
    if missing:
        yield (
            f"only {len(chosen)} of {n_folds} folds predict: {_numbered(missing)} "
            f"{'has' if len(missing) == 1 else 'have'} no checkpoint_{checkpoint}.pth"
        )


def unequal_epochs(
    states: Mapping[int, checkpoints.State], plans: Mapping[int, Plan], checkpoint: str
) -> Iterator[str]:
    """Whether some folds were trained longer than others, in words.

    Epochs that the validation cases choose (`best`, early stopping) do not count.

    Args:
        states: Checkpoint of each fold.
        plans: Plans by which each was trained.
        checkpoint: `final`, `best` or `latest`.
    """
    planned = {fold: plan.training.epochs for fold, plan in plans.items()}
    epochs = {fold: state.get("epoch", planned[fold]) for fold, state in states.items()}
    is_chosen = any(plan.training.early_stop_epochs for plan in plans.values())
    if checkpoint == "best" or is_chosen:
        epochs = planned
    if len(set(epochs.values())) > 1:
        by_epochs = {
            number: [fold for fold, n in epochs.items() if n == number]
            for number in sorted(set(epochs.values()))
        }
        listed = "; ".join(f"{_numbered(folds)}: {n}" for n, folds in by_epochs.items())
        yield f"its folds were not trained for equally many epochs ({listed})"


def known_faults(paths: ModelPaths, chosen: Sequence[int]) -> Iterator[str]:
    """Known faults of the versions that trained the folds, in words.

    Args:
        paths: Paths of the model. Folds without a record, or whose record names no version, are
            ignored.
        chosen: Folds that predict.
    """
    by_version: dict[str, list[int]] = {}
    for fold in chosen:
        run = _run(paths, fold)
        if run is not None:
            by_version.setdefault(run.versions.get(_PROGRAM, ""), []).append(fold)
    for version, folds in sorted(by_version.items()):
        for known in faults_of(version):
            were = "was" if len(folds) == 1 else "were"
            yield (
                f"{_numbered(folds)} {were} trained with {_PROGRAM} {version}, in which "
                f"{known.fault}. {known.remedy}"
            )


def _numbered(folds: Sequence[int]) -> str:
    return f"fold{'' if len(folds) == 1 else 's'} {', '.join(map(str, folds))}"


def _run(paths: ModelPaths, fold: int) -> Run | None:
    """The record of a fold; None where it is missing or cannot be read."""
    try:
        return documents.read(Run, paths.fold(fold).run)
    except RicenetError:
        return None

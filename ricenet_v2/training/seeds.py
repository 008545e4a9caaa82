"""Training once with each of several seeds, and what keeps seeds from being comparable."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

from ricenet_v2.core import documents
from ricenet_v2.core.command import text_of
from ricenet_v2.core.errors import TrainingError
from ricenet_v2.core.files import sha256_of_file
from ricenet_v2.records.plan import Plan
from ricenet_v2.store.fold_tables import runs_of
from ricenet_v2.store.paths import ModelPaths
from ricenet_v2.store.seeds import folder_seed, seed_models
from ricenet_v2.training.options import effective_plan, with_epochs
from ricenet_v2.training.resume_checks import DECISIVE
from ricenet_v2.training.training_setup import TrainingSetup


def setups_of_seeds(
    setup: TrainingSetup, seeds: Sequence[int] | None, folds: Sequence[int]
) -> list[TrainingSetup]:
    """The study once with each seed, in the folder of that seed; as it is where None.

    Raises:
        TrainingError: See `check_seeds`.
    """
    if seeds is None:
        return [setup]
    setups = [_of_seed(setup, seed) for seed in seeds]
    check_seeds(setups, folds)
    return setups


def _of_seed(setup: TrainingSetup, seed: int) -> TrainingSetup:
    seed_of_folder = folder_seed(setup.paths, setup.plan.name, setup.label, seed)
    options = dataclasses.replace(setup.options, seed=seed, folder_seed=seed_of_folder)
    return dataclasses.replace(setup, options=options)


def check_seeds(setups: Sequence[TrainingSetup], folds: Sequence[int]) -> None:
    """Refuse seeds that cannot be compared.

    Args:
        setups: One with each seed.
        folds: Folds to be trained.

    Raises:
        TrainingError: A seed is named twice; or there are models of other seeds with another plan,
            other settings, epochs, first weights or folds, or of a version that did not correct for
            the prior, so that more than the seed would differ.
    """
    counts = Counter(setup.options.seed for setup in setups)
    if doubled := [str(seed) for seed, n in counts.items() if n > 1]:
        raise TrainingError(
            "A seed is given twice; the same training would run twice.",
            expected="different seeds",
            got=f"{', '.join(doubled)} more than once",
        )
    setup = setups[0]
    begins = any(not each.model.fold(fold).run.is_file() for each in setups for fold in folds)
    for seed, model in seed_models(setup.paths, setup.plan.name, setup.label).items():
        differing = [*_differing(setup, model), *_first_weights(setup, model, folds)]
        if begins and any(run.prior is None for run in runs_of(model).values()):
            differing.append("a version that corrects probabilities for the class shares")
        if differing:
            raise TrainingError(
                f"The model of seed {seed} was trained with other settings, so more than the seed "
                "would differ.",
                file=model.folder,
                expected=f"what it was trained with: {_training_text(model)}",
                got="; ".join(differing),
                remedy="Repeat the options of its training, or move its folder away.",
            )


def _differing(setup: TrainingSetup, model: ModelPaths) -> list[str]:
    """Differences of a further seed from a trained model, in words."""
    runs = runs_of(model)
    epochs = {run.epochs for run in runs.values()}
    new = effective_plan(setup.plan, setup.options)
    differences = []
    if model.plan.is_file():
        old = documents.read(Plan, model.plan)
        same_epochs = with_epochs(new, old.training.epochs)
        names = [name for name in DECISIVE if getattr(old, name) != getattr(same_epochs, name)]
        differences += [f"another plan or settings (its {', '.join(names)})"] if names else []
    # With --continue all seeds may be extended, one after the other.
    is_extended = setup.options.resume and setup.options.epochs is not None
    if not is_extended and epochs - {new.training.epochs}:
        differences.append(f"{new.training.epochs} epochs")
    labels = {case.case_id: case.label for case in setup.cases}
    patients = {case.case_id: case.patient_id for case in setup.cases}
    hashes = [fold.hash_with(labels, patients) for fold in setup.splits.folds]
    if any(fold >= len(hashes) or run.fold_hash != hashes[fold] for fold, run in runs.items()):
        differences.append("other folds")
    return differences


def _first_weights(setup: TrainingSetup, model: ModelPaths, folds: Sequence[int]) -> list[str]:
    """Whether a further seed would start from other weights than a trained model, in words.

    Each fold may begin with the same fold of an earlier training, so files are compared fold by
    fold. A missing file is reported when it is read.
    """
    file, runs = setup.options.pretrained_weights, runs_of(model)
    if any((run.pretrained is not None) != (file is not None) for run in runs.values()):
        return ["no pretrained weights" if file is None else "pretrained weights"]
    if file is None or not file.is_file():
        return []
    sha256 = sha256_of_file(file)
    sources = {fold: run.pretrained for fold, run in runs.items() if fold in folds}
    other = [
        f"{fold} ({source.file})"
        for fold, source in sources.items()
        if source is not None and source.sha256 != sha256
    ]
    return [f"other pretrained weights, {file.name}, than fold {', '.join(other)}"] if other else []


def _training_text(model: ModelPaths) -> str:
    run = next(iter(runs_of(model).values()))
    return text_of(run.command) if run.command else f"{run.epochs} epochs"

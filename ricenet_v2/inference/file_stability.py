"""Whether the files of a model stayed the same while they were read together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ricenet_v2.core.errors import CheckpointError
from ricenet_v2.core.files import stamp
from ricenet_v2.store.paths import ModelPaths


@contextmanager
def unchanged(model: ModelPaths, folds: Sequence[int], checkpoint: str) -> Iterator[None]:
    """Read the files of a model, so that none of them belongs to a later training than the others.

    Each single file is complete and hashed as it was read. The checkpoints `best` and `latest` may
    change meanwhile: they are read while their fold is trained.

    Raises:
        CheckpointError: A file was written meanwhile.
    """
    files: list[Path] = []
    if checkpoint == "final":
        of_folds = (model.fold(fold) for fold in folds)
        files = [file for each in of_folds for file in (each.final, each.reference)]
    before = {file: stamp(file) for file in files}
    yield
    changed = [file for file, was in before.items() if stamp(file) != was]
    if changed:
        raise CheckpointError(
            "This model was changed while it was read.",
            file=model.folder,
            expected="files that stay the same",
            got=f"written meanwhile: {', '.join(f'{f.parent.name}/{f.name}' for f in changed)}",
            remedy="Wait until its folds are trained, and run the same command again.",
        )

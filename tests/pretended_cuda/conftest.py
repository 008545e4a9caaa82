"""One small dataset, and the same with networks that were trained on the CPU."""

from __future__ import annotations

import pytest

from tests.pretended_cuda.cohort import LEARNS, copy_of, train_on, write_dataset


@pytest.fixture(scope="session", autouse=True)
def _no_pictures():
    """Drawing takes longer than all else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "ricenet_v2.training.fold.draw_progress", lambda _rows, path, _title: path.touch()
        )
        yield


@pytest.fixture(scope="session")
def preprocessed(tmp_path_factory):
    """Workspace without networks; not to be changed."""
    workspace = tmp_path_factory.mktemp("pretended") / "space"
    write_dataset(workspace)
    return workspace


@pytest.fixture(scope="session")
def trained(preprocessed, tmp_path_factory):
    """Workspace with both folds, trained on the CPU; not to be changed."""
    workspace = copy_of(preprocessed, tmp_path_factory.mktemp("pretended") / "trained")
    for fold in "01":
        train_on(workspace, "cpu", "--set", *LEARNS, fold=fold)
    return workspace

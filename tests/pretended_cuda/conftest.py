"""One small dataset, and the same with networks that were trained on the CPU."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from tests.pretended_cuda.cohort import LEARNS, copy_of, train_on, write_dataset


@pytest.fixture(autouse=True)
def _no_pictures(monkeypatch):
    """Files of pictures are empty: drawing takes longer than all else."""

    draw = Figure.savefig

    def touch(figure, file, **options):
        if isinstance(file, (str, Path)):
            Path(file).touch()
        else:  # a part of a page
            draw(figure, file, **options)

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", touch)
    monkeypatch.setattr(
        "ricenet_v2.explanation.case.write_panels", lambda path, *_: path.touch() or ""
    )


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

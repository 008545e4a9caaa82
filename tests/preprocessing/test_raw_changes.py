"""Images that changed after their case was preprocessed."""

import logging
import os

import numpy as np
import pytest

from ricenet_v2.preprocessing import raw_changes as module
from ricenet_v2.preprocessing.cohort import preprocess_dataset
from ricenet_v2.preprocessing.raw_changes import RawChanges, raw_changes, warn_raw_changes
from ricenet_v2.store.images import read_image, write_image
from ricenet_v2.store.paths import DatasetPaths
from ricenet_v2.store.raw import mask_path, masks_folder

NONE = RawChanges((), ())


@pytest.fixture
def paths(raw, make_plan, tmp_path):
    made = DatasetPaths(raw.folder.name, raw.folder, tmp_path / "done", tmp_path / "results")
    folder = made.cases(make_plan().name)
    folder.mkdir(parents=True)
    brain(raw, raw.cases[2]).parent.mkdir()
    image, grid = read_image(raw.images(raw.cases[2])[0])
    write_image(brain(raw, raw.cases[2]), (image > 0).astype(np.float32), grid)
    assert len(preprocess_dataset(raw, make_plan(), folder).done) == 4
    for path in folder.glob("*.json"):  # clocks of file systems are coarse
        later = path.stat().st_mtime_ns + 10**9
        os.utime(path, ns=(later, later))
    return made


def brain(raw, case):
    return mask_path(masks_folder(raw.folder, case.split), case.case_id, "brain", ".nii.gz")


def written_now(raw, make_plan, paths, case):
    """As if the case had been preprocessed long before its files were written."""
    path = paths.cases(make_plan().name) / f"{case.case_id}.json"
    os.utime(path, ns=(10**18, 10**18))


def spoil(path):
    image, grid = read_image(path)
    write_image(path, image * 0.5, grid)


def test_a_changed_image_is_named_whatever_time_it_bears(raw, make_plan, paths):
    plan = make_plan()
    assert raw_changes(raw, plan, paths) == NONE
    for case in raw.cases[:2]:
        written_now(raw, make_plan, paths, case)
    assert raw_changes(raw, plan, paths) == NONE
    changed = raw.images(raw.cases[0])[1]
    before = changed.stat()
    spoil(changed)
    os.utime(changed, ns=(10**17, 10**17))
    assert before.st_mtime_ns > changed.stat().st_mtime_ns
    assert raw_changes(raw, plan, paths) == RawChanges(("c0",), ())
    # Without time to read, the doubt alone is told, of both.
    assert raw_changes(raw, plan, paths, 0) == RawChanges((), ("c0", "c1"))


def test_brain_masks_that_come_and_go(raw, make_plan, paths):
    plan = make_plan()
    mask = brain(raw, raw.cases[2])
    content = mask.read_bytes()
    mask.unlink()
    assert raw_changes(raw, plan, paths) == RawChanges(("c2",), ())
    written_now(raw, make_plan, paths, raw.cases[1])
    brain(raw, raw.cases[1]).write_bytes(content)
    assert raw_changes(raw, plan, paths) == RawChanges(("c1", "c2"), ())


def test_images_that_are_gone_and_cases_of_another_plan_are_no_matter(raw, make_plan, paths):
    for case in raw.cases[:2]:
        written_now(raw, make_plan, paths, case)
        spoil(raw.images(case)[1])
    raw.images(raw.cases[0])[0].unlink()
    assert raw_changes(raw, make_plan(), paths) == RawChanges(("c1",), ())
    assert raw_changes(raw, make_plan(spacing=(3.0, 3.0, 3.0)), paths) == NONE


def test_it_is_told_and_never_ends_a_training(raw, make_plan, paths, caplog, monkeypatch):
    written_now(raw, make_plan, paths, raw.cases[0])
    spoil(raw.images(raw.cases[0])[0])
    with caplog.at_level(logging.WARNING):
        warn_raw_changes(raw, make_plan(), paths)
    (told,) = caplog.messages
    assert "1 training case(s) differ from those that were preprocessed" in told
    assert "c0. Run ricenet_plan_and_preprocess" in told
    monkeypatch.setattr(module, "raw_changes", lambda *_: 1 / 0)
    warn_raw_changes(raw, make_plan(), paths)
    assert "Cannot determine whether" in caplog.messages[-1]

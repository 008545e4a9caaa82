"""Packages that are installed for a test, and gone after it."""

from __future__ import annotations

import pytest

from tests.plugins.installed import EXAMPLES, install, on_path


@pytest.fixture
def site(tmp_path):
    """An empty folder of installed packages; `plugins.forget()` after a change of it."""
    folder = tmp_path / "site"
    folder.mkdir()
    with on_path(folder):
        yield folder


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    """A folder with all example packages, which are installed."""
    folder = tmp_path_factory.mktemp("examples")
    for name in EXAMPLES:
        install(name, folder)
    with on_path(folder):
        yield folder

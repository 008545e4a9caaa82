"""Packages that are installed for a test, and gone after it."""

from __future__ import annotations

import importlib
import os
import sys
from contextlib import contextmanager

import pytest

from ricenet_v2.core import plugins
from tests.plugins.installed import EXAMPLES, install


@contextmanager
def _on_path(folder):
    """The packages of a folder are installed, here and in processes that are started."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        paths = [str(folder), os.environ.get("PYTHONPATH", "")]
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
        plugins.forget()
        yield
    importlib.invalidate_caches()
    plugins.forget()
    for name in [name for name in sys.modules if name.startswith("ricenet_example")]:
        del sys.modules[name]


@pytest.fixture
def site(tmp_path):
    """An empty folder of installed packages; `plugins.forget()` after a change of it."""
    folder = tmp_path / "site"
    folder.mkdir()
    with _on_path(folder):
        yield folder


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    """A folder with all example packages, which are installed."""
    folder = tmp_path_factory.mktemp("examples")
    for name in EXAMPLES:
        install(name, folder)
    with _on_path(folder):
        yield folder

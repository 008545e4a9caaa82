"""The tiny dataset of the tests of planning and preprocessing."""

from pathlib import Path

import pytest

from ricenet_v2.records.dataset import Case
from ricenet_v2.store.paths import DatasetPaths
from tests.cli.tiny_dataset import some_cases, write_tiny


@pytest.fixture
def tiny(tmp_path: Path) -> DatasetPaths:
    """Ten training cases and one test case."""
    return write_tiny(tmp_path, [*some_cases(10), Case("test0", "p99", "RICE", "test")])

"""Executors: those of the house, a user's own, and what is not one."""

import pytest

from ricenet_v2.ablation.executors import executor_of
from ricenet_v2.core.errors import TrainingError
from ricenet_v2.core.processes import Processes, SerialExecutor


def double(n):
    return 2 * n


@pytest.mark.parametrize(("name", "kind"), [("serial", SerialExecutor), ("processes", Processes)])
def test_those_of_the_house(name, kind):
    with executor_of(name, 2) as made:
        assert isinstance(made, kind)
        assert made.submit(double, 2).result() == 4


def test_a_users_factory_is_found_by_its_name_in_the_current_folder(tmp_path, monkeypatch):
    text = "from concurrent.futures import ThreadPoolExecutor\n"
    text += "def two():\n    return ThreadPoolExecutor(2)\nthree = 3\ndef four():\n    return 4\n"
    (tmp_path / "my_cluster.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*__import__("sys").path])
    with executor_of("my_cluster:two", 1) as made:
        assert made.submit(double, 2).result() == 4
    for wrong in ("my_cluster:three", "my_cluster", "my_cluster:four", "my_cluster:x", "no_such:x"):
        with pytest.raises(TrainingError):
            executor_of(wrong, 1)

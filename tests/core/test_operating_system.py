"""Windows is refused in words, before a command does anything."""

import platform

import pytest

from ricenet_v2.cli import common
from ricenet_v2.core.errors import RicenetError
from ricenet_v2.core.operating_system import check_system


def test_windows_is_refused_with_what_to_do():
    with pytest.raises(RicenetError, match="does not run on Windows") as refused:
        check_system("Windows")
    assert "WSL 2" in refused.value.remedy


@pytest.mark.parametrize("name", ["Linux", "Darwin"])
def test_other_systems_are_not(name):
    check_system(name)


def test_a_command_on_windows_does_nothing_and_ends_with_2(monkeypatch, capsys):
    done = []
    monkeypatch.setattr(platform, "system", lambda: "Windows")
    assert common.run(lambda: done.append(1) or 0) == 2
    assert done == []
    assert "WSL 2" in capsys.readouterr().err

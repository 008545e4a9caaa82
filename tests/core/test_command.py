"""Commands as they may be written."""

import sys
from pathlib import Path

from ricenet_v2.core.command import typed


def test_it_is_that_of_this_process_without_the_name_of_the_home_folder(monkeypatch):
    home = Path.home()
    monkeypatch.setattr(sys, "argv", [f"{home}/bin/ricenet_predict", "-i", f"{home}/in"])
    assert typed() == ("ricenet_predict", "-i", "~/in")
    assert typed([]) == ()

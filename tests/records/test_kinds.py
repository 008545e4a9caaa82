"""One table says what each kind of channel means."""

import re
from pathlib import Path

from ricenet_v2.records.dataset import CHANNEL_KINDS
from ricenet_v2.records.kinds import KINDS

PACKAGE = Path(__file__).parents[2] / "ricenet_v2"
COMPARED = re.compile(rf"kind\w* (==|!=|in|not in) [(\[{{]?\"({'|'.join(CHANNEL_KINDS)})\"")
OF_THE_PAPER = PACKAGE / "ablation" / "published.py"
"""It compares with the channels of one publication, which has an MRI."""


def test_every_kind_has_its_line():
    assert tuple(KINDS) == CHANNEL_KINDS


def test_nothing_else_compares_names_of_kinds():
    files = [file for file in PACKAGE.rglob("*.py") if file != OF_THE_PAPER]
    assert [file for file in files if COMPARED.search(file.read_text(encoding="utf-8"))] == []
    assert COMPARED.search('if channel.kind == "dose":')


def test_what_has_a_unit_is_absolute():
    assert {name for name, kind in KINDS.items() if kind.is_absolute} == {"ct", "dose", "mask"}
    assert {name: kind.unit for name, kind in KINDS.items() if kind.unit} == {
        "ct": "HU",
        "dose": "Gy",
    }


def test_dose_and_mask_are_never_taken_for_anatomy():
    for kind in KINDS.values():
        assert not kind.is_anatomy or not (kind.is_dose or kind.is_mask)

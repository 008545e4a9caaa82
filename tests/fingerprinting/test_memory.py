"""Memory that a case takes, by its headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ricenet_v2.fingerprinting.memory import bytes_of_case

if TYPE_CHECKING:
    from conftest import Planted


def test_memory_of_a_case_is_that_of_the_largest_readable_image(planted: Planted) -> None:
    planted.path("case0", 0).unlink()
    planted.path("case0", 1).write_text("no image")
    raw = planted.load()
    assert bytes_of_case(raw, raw.cases, copies=3) == 480 * 4 * 3
    assert bytes_of_case(raw, raw.cases[:1], copies=3) == 0

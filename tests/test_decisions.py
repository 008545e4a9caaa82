"""Every decision is listed, numbered in turn and dated."""

import re
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "documentation" / "decisions"
RECORDS = sorted(FOLDER.glob("[0-9]*.md"))


def test_decisions_are_numbered_in_turn_and_listed():
    listed = re.findall(r"\]\((\d{4}-[a-z0-9-]+\.md)\)", (FOLDER / "README.md").read_text("utf-8"))
    assert listed == [path.name for path in RECORDS]
    assert [int(path.name[:4]) for path in RECORDS] == list(range(1, len(RECORDS) + 1))


def test_each_says_when_why_what_and_what_follows():
    for number, path in enumerate(RECORDS, start=1):
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {number}. "), path.name
        assert re.search(r"^Accepted, \d{4}-\d\d-\d\d\.$", text, re.MULTILINE), path.name
        for part in ("**Why.**", "**What.**", "**What follows.**"):
            assert part in text, path.name

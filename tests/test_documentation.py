"""Every bash and python block of README.md and documentation/ runs, page by page, in order.

A page has up to ten commands: they are forked from a server that has everything imported.
"""

import importlib
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGES = [ROOT / "README.md", *sorted((ROOT / "documentation").glob("*.md"))]
LINKED = [*PAGES, *ROOT.glob("[!R]*.md"), *(ROOT / "documentation" / "decisions").glob("*.md")]
COMMANDS = {path.stem for path in (ROOT / "ricenet_v2" / "cli").glob("*.py")}
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


def blocks_of(page: Path) -> list[tuple[str, str]]:
    return BLOCK.findall(page.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def shims(fork_server, tmp_path_factory):
    """A folder of all commands, and of python, that the fork server runs."""
    folder = tmp_path_factory.mktemp("shims")
    for name in ("python", *(f"ricenet_{name}" for name in COMMANDS)):
        (folder / name).write_text(fork_server.shim)
        (folder / name).chmod(0o755)
    return folder


@pytest.mark.walk
@pytest.mark.parametrize("page", [p for p in PAGES if blocks_of(p)], ids=lambda p: p.name)
def test_the_blocks_of_a_page_run_one_after_the_other(page, tmp_path, shims):
    script = ["set -e"]
    for number, (language, text) in enumerate(blocks_of(page)):
        name = tmp_path / f"block_{number}.py"
        name.write_text(text, encoding="utf-8")
        script.append(f"python {name}" if language == "python" else text)
    environment = {key: v for key, v in os.environ.items() if not key.startswith("ricenet_")}
    environment["RICENET_TESTS_SMALL"] = "1"
    environment["PATH"] = f"{shims}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


@pytest.mark.parametrize("page", LINKED, ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page):
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def _spans(page: str) -> list[str]:
    """Commands of ours in the middle column of the tables of a page."""
    rows = [line.split("|") for line in (ROOT / page).read_text(encoding="utf-8").splitlines()]
    return [
        span
        for row in rows
        if len(row) == 5
        for span in re.findall(r"`(ricenet_[^`]+)`", row[2])
        if span.split()[0].removeprefix("ricenet_") in COMMANDS
    ]


@pytest.mark.parametrize("line", _spans("documentation/from_nnunet.md"))
def test_what_stands_beside_a_command_of_nnunet_is_one_of_ours(line):
    name, *words = line.split()
    module = importlib.import_module(f"ricenet_v2.cli.{name.removeprefix('ricenet_')}")
    module.build_parser().parse_args(words)

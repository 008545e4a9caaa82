"""Every bash and python block of README.md and documentation/ runs, page by page, in order.

A process with torch costs seconds to start, and a page has up to ten commands: they are forked from
a server that has everything imported.
"""

import importlib
import json
import multiprocessing
import os
import re
import runpy
import shutil
import socketserver
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGES = [ROOT / "README.md", *sorted((ROOT / "documentation").glob("*.md"))]
LINKED = [*PAGES, *ROOT.glob("[!R]*.md"), *(ROOT / "documentation" / "decisions").glob("*.md")]
COMMANDS = {path.stem for path in (ROOT / "ricenet_v2" / "cli").glob("*.py")}
FORKED = str(ROOT / "tests" / "page_command.py")
SHIM = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server, server.makefile("rw") as stream:
    server.connect({address!r})
    print(json.dumps([sys.argv, os.getcwd(), dict(os.environ)]), file=stream, flush=True)
    code, text = json.loads(stream.readline())
sys.stdout.write(text)
sys.exit(code)
"""
PRELOADED = (
    *("__main__", "torch._dynamo", "ricenet_v2.training.seeds", "ricenet_v2.inference.folder"),
    *("ricenet_v2.evaluation.evaluate", "ricenet_v2.explanation.folder"),
    "ricenet_v2.reporting.results.write",
)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


def blocks_of(page: Path) -> list[tuple[str, str]]:
    return BLOCK.findall(page.read_text(encoding="utf-8"))


class _Answers(socketserver.StreamRequestHandler):
    """Runs what a shim asks for and tells its exit code and output."""

    def handle(self):
        context = multiprocessing.get_context("forkserver")
        output = Path(self.server.folder, f"output_{threading.get_ident()}")
        request = (*json.loads(self.rfile.readline()), str(output))
        given = (FORKED, {"request": request}, "__main__")
        process = context.Process(target=runpy.run_path, args=given)
        process.start()
        process.join()
        text = output.read_text(encoding="utf-8", errors="replace") if output.exists() else ""
        output.unlink(missing_ok=True)
        self.wfile.write((json.dumps([process.exitcode, text]) + "\n").encode())


@pytest.fixture(scope="module")
def shims():
    """A folder of all commands, and of python, that ask a server to run them in a fork of it."""
    multiprocessing.get_context("forkserver").set_forkserver_preload([*PRELOADED])
    folder = Path(tempfile.mkdtemp(prefix="pages"))
    address = str(folder / "socket")  # a socket has no long path
    with socketserver.ThreadingUnixStreamServer(address, _Answers) as server:
        server.folder = folder
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for name in ("python", *(f"ricenet_{name}" for name in COMMANDS)):
            (folder / name).write_text(SHIM.format(python=sys.executable, address=address))
            (folder / name).chmod(0o755)
        yield folder
        server.shutdown()
    shutil.rmtree(folder)


@pytest.mark.parametrize("page", [p for p in PAGES if blocks_of(p)], ids=lambda p: p.name)
def test_the_blocks_of_a_page_run_one_after_the_other(page, tmp_path, shims):
    script = ["set -e"]
    for number, (language, text) in enumerate(blocks_of(page)):
        name = tmp_path / f"block_{number}.py"
        name.write_text(text, encoding="utf-8")
        script.append(f"python {name}" if language == "python" else text)
    environment = {key: v for key, v in os.environ.items() if not key.startswith("ricenet_")}
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

"""Another process that takes the locks of folders, for tests of what it keeps out."""

import subprocess
import sys

# Says whether it got the locks, and keeps them until its input ends or it is killed.
_HOLDER = """
import pathlib, sys
from ricenet_v2.core.command import invoked
from ricenet_v2.core.errors import InUseError
from ricenet_v2.core.locks import using
folders = {sys.argv[1]: [pathlib.Path(folder) for folder in sys.argv[2:]]}
try:
    with invoked(["ricenet_train", "1", "0"]), using(**folders):
        print("got", flush=True)
        sys.stdin.read()
except InUseError:
    print("refused", flush=True)
"""


def start(how, *folders):
    """The process, and what it said: `got` or `refused`.

    Args:
        how: `reads` or `writes`.
        folders: That it takes.
    """
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    words = [sys.executable, "-c", _HOLDER, how, *map(str, folders)]
    process = subprocess.Popen(words, **pipes)
    return process, process.stdout.readline().strip()


def end(process):
    """Let the process give its locks back and end."""
    process.communicate("")


def tried(how, *folders):
    """What another process says that takes the folders and ends."""
    process, said = start(how, *folders)
    end(process)
    return said

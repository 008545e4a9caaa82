"""Another process that takes the locks of folders, for tests of what it keeps out.

Run as a program it says whether it got the locks, `got` or `refused`, and keeps them until its
input ends or it is killed.
"""

import subprocess
import sys
from pathlib import Path

from ricenet_v2.core.command import invoked
from ricenet_v2.core.errors import InUseError
from ricenet_v2.core.locks import using


class LockHolders:
    """Starts such processes."""

    def __init__(self, fork_server):
        self._fork_server = fork_server

    def start(self, how, *folders):
        """The process, and what it said.

        Args:
            how: `reads` or `writes`.
            folders: That it takes.
        """
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        process = self._fork_server.start(["python", __file__, how, *folders], **pipes)
        return process, process.stdout.readline().strip()

    def end(self, process):
        """Let the process give its locks back and end."""
        process.communicate()

    def tried(self, how, *folders):
        """What another process says that takes the folders and ends."""
        process, said = self.start(how, *folders)
        self.end(process)
        return said


def main():
    folders = {sys.argv[1]: [Path(folder) for folder in sys.argv[2:]]}
    try:
        with invoked(["ricenet_train", "1", "0"]), using(**folders):
            print("got", flush=True)
            sys.stdin.read()
    except InUseError:
        print("refused", flush=True)


if __name__ == "__main__":
    main()

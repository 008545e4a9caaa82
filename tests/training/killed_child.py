"""Train fold 0 of a workspace in a process that a test kills; run as a program.

With a file `write_often` in the workspace, checkpoints are written whenever the last one is done,
not once a minute. The file `kill_at` may hold `name number`: at the call of that number of that
function the process sends SIGKILL to itself, for `halfway` in the middle of writing a checkpoint.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import torch

from ricenet_v2.cli import train
from ricenet_v2.core import documents
from ricenet_v2.store import checkpoints, tables
from ricenet_v2.training import checkpoint_writer, fold, loop, validation


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _deadly(owner, name: str, number: int) -> None:
    real, calls = getattr(owner, name), []

    def watched(*given, **named):
        calls.append(1)
        if len(calls) == number:
            _die()
        return real(*given, **named)

    setattr(owner, name, watched)


def _half_written(number: int) -> None:
    real, calls = torch.save, []

    def half(state, path):
        calls.append(1)
        real(state, path)
        if len(calls) == number:
            path = Path(path)
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
            _die()

    torch.save = half


_OWNERS = {
    "mean_loss": loop,
    "probabilities": loop,
    "predict_cases": validation,
    "save": checkpoints,
    "write_rows": tables,
    "write": documents,
}


def run(workspace: str) -> None:
    torch.set_num_threads(1)
    fold.draw_progress = lambda rows, path, title: path.touch()
    if (Path(workspace) / "write_often").is_file():
        checkpoint_writer.SECONDS_BETWEEN_WRITES = 0.0
    order = Path(workspace) / "kill_at"
    if order.is_file() and order.read_text():
        name, number = order.read_text().split()
        if name == "halfway":
            _half_written(int(number))
        else:
            _deadly(_OWNERS[name], name, int(number))
    train.main(["9", "0", "--continue", "--device", "cpu", "--workspace", workspace])


if __name__ == "__main__":
    run(sys.argv[1])

"""Processes that end with the one that started them, by the kernel and by a pipe."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ricenet_v2.core import lifeline

PATIENCE = 60  # seconds; a busy machine is slow

# The script is imported by its processes too, so that these do without the kernel as well.
POOL = """
import sys, time
from dataclasses import dataclass
from pathlib import Path
import os
from ricenet_v2.core import lifeline
from ricenet_v2.core.pool import PoolTask
from ricenet_v2.core.case_pool import map_cases

if sys.argv[2] == "pipe":
    lifeline._kernel_signals = lambda parent: False

@dataclass(frozen=True)
class Case(PoolTask):
    folder: Path
    number: int

    @property
    def name(self):
        return str(self.number)

def work(case):
    (case.folder / f"{os.getpid()}").touch()
    time.sleep(600)

if __name__ == "__main__":
    map_cases(work, [Case(Path(sys.argv[1]), n) for n in range(3)], 2, "testing")
"""

# A fold that is trained: it hears SIGTERM, saves and ends.
FOLD = """
import os, signal, sys, time
from pathlib import Path
folder = Path(sys.argv[1])

def saved(number, frame):
    (folder / "saved").touch()
    sys.exit()

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, saved)
    (folder / str(os.getpid())).touch()
    time.sleep(600)
"""

FOLDS = """
import sys
from ricenet_v2.core import lifeline
from ricenet_v2.training import parallel
from ricenet_v2.training.slots import TrainingSlot
from ricenet_v2.training.stop_signal import StopSignal

commands = {0: lifeline.command("a_fold", [sys.argv[1]])}
if sys.argv[2] == "pipe":
    commands[0][3] = "0"  # of no parent, so that the kernel cannot be asked
    code = "import sys; from ricenet_v2.core import lifeline; "
    code += "lifeline._kernel_signals = lambda parent: False; lifeline.main(sys.argv[1:])"
    commands[0][1:3] = ["-c", code]
for event in parallel.run_folds({0: lambda _slot: commands[0]}, [TrainingSlot()], StopSignal()):
    pass
"""


def _runs(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def _waits_for(happens):
    deadline = time.monotonic() + PATIENCE
    while not happens() and time.monotonic() < deadline:
        time.sleep(0.05)
    return happens()


def _killed_with_its_processes(folder, script, how, n):
    """Whether all of `n` processes end after the one that started them was killed."""
    file = folder / "parent.py"
    file.write_text(script)
    seen = folder / "seen"
    seen.mkdir()
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", ""), str(Path.cwd())])
    parent = subprocess.Popen(
        [sys.executable, file, seen, how], env=os.environ | {"PYTHONPATH": path}
    )
    try:
        assert _waits_for(lambda: len(list(seen.iterdir())) == n or parent.poll() is not None)
        pids = [int(path.name) for path in seen.iterdir()]
        assert len(pids) == n
    finally:
        parent.kill()
        parent.wait()
    ended = _waits_for(lambda: not any(map(_runs, pids)))
    for pid in filter(_runs, pids):
        os.kill(pid, signal.SIGKILL)
    return ended


# Between the two stands a server that forks.
SERVED = """
import multiprocessing, os, sys, time
from pathlib import Path
from ricenet_v2.core.lifeline import end_with_parent

def work(folder):
    end_with_parent()
    time.sleep(1)
    (folder / f"{os.getpid()}").touch()
    time.sleep(600)

if __name__ == "__main__":
    context = multiprocessing.get_context("forkserver")
    processes = [context.Process(target=work, args=(Path(sys.argv[1]),)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
"""


pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")


@pytest.mark.parametrize("how", ["kernel", "pipe"])
def test_workers_end_with_a_killed_parent(tmp_path, how):
    assert _killed_with_its_processes(tmp_path, POOL, how, 2)


def test_processes_of_a_fork_server_end_with_the_one_that_asked_for_them_and_not_before(tmp_path):
    assert _killed_with_its_processes(tmp_path, SERVED, "", 2)


@pytest.mark.parametrize("how", ["kernel", "pipe"])
def test_a_fold_in_parallel_ends_with_a_killed_parent_and_saves(tmp_path, how):
    (tmp_path / "a_fold.py").write_text(FOLD)
    assert _killed_with_its_processes(tmp_path, FOLDS, how, 1)
    assert (tmp_path / "seen" / "saved").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the signal")
def test_a_parent_that_ended_before_the_kernel_was_asked_is_noticed():
    code = "import os; from ricenet_v2.core import lifeline; parents = iter([7, 1]); "
    code += "os.getppid = lambda: next(parents); lifeline._kernel_signals(7); print('goes on')"
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGTERM
    assert not done.stdout


def test_the_module_sees_its_own_words():
    words = lifeline.command("ricenet_v2.cli.train", ["--help"])
    done = subprocess.run(words, stdin=subprocess.PIPE, capture_output=True, text=True, check=True)
    assert "--num_folds_parallel" in done.stdout

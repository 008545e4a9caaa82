"""Faults of the machine: each command is starved in a process of its own, and then goes on.

Full disks, full shared memory and read-only folders are small mounts of a mount namespace, which
needs root on Linux; without it they are not tried.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import shutil
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.hostile import cohort
from benchmarks.hostile.attack import Attack, Ground, Outcome, is_foreign, is_named, short
from benchmarks.hostile.commands import Before, ask
from benchmarks.hostile.kills import COMMANDS, Command

KIND, _MEMORY_KIND = "faults of the machine", "memory that runs out"
_SECONDS = 180.0
_REMEDY = "what to do"
_NEW_MOUNTS, _PRIVATE, _BIND, _READ_ONLY, _REMOUNT = 0x20000, 0x44000, 4096, 1, 32
_FULL = (r"disk|space|too large", _REMEDY)
_SHM = (r"/dev/shm|shared memory", _REMEDY)  # noqa: S108 - a name in words
_MEMORY = ("memory", _REMEDY)
_CLOSED = (r"read-only|permission|cannot be written|not be written", _REMEDY)


@dataclass(frozen=True)
class Fault:
    """A fault of the machine.

    Attributes:
        name: Name in words.
        before: Makes it.
        said: Regular expressions that must stand in the error; empty where it is none.
        may_do: Whether the command may also do without.
    """

    name: str
    before: Before
    said: tuple[str, ...] = ()
    may_do: bool = False


def largest_file(size: int) -> None:
    """Let this process write no file of more bytes, as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def mounted(folder: Path, size: str) -> None:
    """Put an empty file system of that size over a folder, for this process alone."""
    _called("mount", b"tmpfs", bytes(_own_mounts(folder)), b"tmpfs", 0, f"size={size}".encode())


def closed(folder: Path) -> None:
    """Let this process read a folder, and nothing more."""
    name = bytes(_own_mounts(folder))
    _called("mount", name, name, None, _BIND, None)
    _called("mount", name, name, None, _BIND | _READ_ONLY | _REMOUNT, None)


def _own_mounts(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    _called("unshare", _NEW_MOUNTS)
    _called("mount", b"none", b"/", None, _PRIVATE, None)
    return folder


def _called(name: str, *given: object) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*given) != 0:
        raise OSError(ctypes.get_errno(), f"{name} failed")


def _homeless() -> None:
    """No HOME, and a user whom the system does not know, as in a container."""
    for name in ("HOME", "USER", "LOGNAME", "USERNAME", "LNAME"):
        os.environ.pop(name, None)
    if os.getuid() == 0:
        _own_mounts(Path("/etc"))
        _called("mount", b"/dev/null", b"/etc/passwd", None, _BIND, None)


def _speaking(encoding: str) -> None:
    for name in ("stdout", "stderr"):
        number = getattr(sys, name).fileno()
        stream = os.fdopen(number, "w", buffering=1, encoding=encoding, closefd=False)
        setattr(sys, name, stream)


def _memory(more_mb: int) -> None:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + more_mb * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _without_locks() -> None:
    import fcntl

    def refused(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    fcntl.lockf = fcntl.flock = refused


def _faults(command: Command, workspace: Path) -> list[Fault]:
    """Those of a command."""
    target = {
        "plan_and_preprocess": workspace / "preprocessed",
        "train": workspace / "results",
        "predict": workspace / "out",
    }[command.name]
    sizes = {"plan_and_preprocess": (100, 5000), "train": (100, 20_000), "predict": (100, 1500)}
    faults = [
        *(
            Fault(f"no file above {size} bytes", partial(largest_file, size), _FULL)
            for size in sizes[command.name]
        ),
        Fault("no HOME, unknown user", _homeless),
        Fault("ASCII output", partial(_speaking, "ascii")),
        Fault("Latin-1 output", partial(_speaking, "latin-1")),
        Fault("no locks", _without_locks),
        *(
            Fault(f"{more} MiB of memory", partial(_memory, more), _MEMORY, may_do=True)
            for more in (1, 8, 32)
        ),
    ]
    if os.getuid() == 0:
        small = {"plan_and_preprocess": "32k", "train": "64k", "predict": "4k"}[command.name]
        faults += [
            Fault("a full disk", partial(mounted, target, small), _FULL),
            Fault("a folder that may only be read", partial(closed, target), _CLOSED),
        ]
        if command.name == "train" and 2 in command.words:
            shm = Path("/dev/shm")  # noqa: S108 - the place itself
            faults += [
                Fault(f"{size} of shared memory", partial(mounted, shm, size), _SHM, may_do=True)
                for size in ("4k", "64k", "1m")
            ]
    return faults


def attempts(ground: Ground) -> Iterator[Outcome]:
    """Starve every command in every way, and let it go on."""
    for number, command in enumerate(COMMANDS):
        if command.before is not None:
            continue
        workspace = ground.folder / f"starved{number}"
        words = [str(word).format(workspace) for word in command.words]
        words += ["--workspace", str(workspace)]
        log = workspace.with_suffix(".log")
        _afresh(command, ground, workspace)
        if ask(command.name, *words, log=log, seconds=_SECONDS).code != 0:
            raise SystemExit(f"ricenet_{command.name} failed undisturbed.")
        whole = command.digest(workspace)
        faults = _faults(command, workspace)
        for place in ground.chosen(faults):
            fault = faults[place]
            _afresh(command, ground, workspace)
            answer = ask(command.name, *words, log=log, before=fault.before, seconds=_SECONDS)
            is_done = answer.code == 0 and not is_foreign(answer.text)
            may_be_done = fault.may_do or not fault.said
            held = (is_done and may_be_done) or (bool(fault.said) and is_named(answer, fault.said))
            said = short(answer)
            last = ask(command.name, *words, log=log, seconds=_SECONDS)
            if last.code != 0 or command.digest(workspace) != whole:
                held, said = False, f"{said}; it does not go on to the same bits: {short(last)}"
            kind = _MEMORY_KIND if fault.said == _MEMORY else KIND
            yield Outcome(kind, f"ricenet_{command.name}: {fault.name}", held, said)
        shutil.rmtree(workspace)


def _afresh(command: Command, ground: Ground, workspace: Path) -> None:
    """The state before a command, for any user."""
    cohort.copy(command.source(ground.sound), workspace)
    command.clear(workspace)
    for path in (workspace, *workspace.rglob("*")):
        path.chmod(0o777)


_HELD = "and the same command continues to the same bits"
ATTACK = Attack(
    {
        KIND: "an error that names the fault with what to do, or none where it can be done "
        f"without; {_HELD} (full disk, read-only folder, no HOME and unknown user, ASCII and "
        "Latin-1 output, full shared memory, no locks)",
        _MEMORY_KIND: f"done, or an error that says memory and what to do; {_HELD}",
    },
    attempts,
    {
        _MEMORY_KIND: "where a library has no memory for a thread or for itself, the C library may "
        "end the process before Python can say a word"
    },
)

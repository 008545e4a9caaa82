"""Holders of a lock: lines of JSON in the lock file, one for each process that has it.

They serve messages alone; what may be done is decided by the lock, which no line can feign.
"""

from __future__ import annotations

import json
import os
import platform
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from ricenet_v2.core.command import invocation, text_of
from ricenet_v2.core.errors import InUseError
from ricenet_v2.core.names import shown

_MOST_LISTED, _LONGEST_COMMAND = 3, 200
_ENDED = "ended"


@dataclass(frozen=True)
class Holder:
    """A process that reads or writes a folder.

    Attributes:
        number: Number of this hold, random.
        host: Name of its machine.
        pid: Number of the process there.
        command: Command as typed, with `~` for the home folder.
        since: Local time with its distance from UTC.
        writes: Whether it alone has the folder.
    """

    number: str
    host: str
    pid: int
    command: str
    since: str
    writes: bool

    @property
    def is_here(self) -> bool:
        """Whether it is this process itself."""
        return self.host == platform.node() and self.pid == os.getpid()

    @property
    def may_live(self) -> bool:
        """Whether its process may still run: that of another machine cannot be looked for."""
        if self.host != platform.node():
            return True
        try:
            os.kill(self.pid, 0)
        except (ProcessLookupError, OverflowError, ValueError):
            return False
        except OSError:  # it runs under another user
            return True
        return True

    @property
    def description(self) -> str:
        """Text for messages: the file may be a stranger's, so nothing of it is trusted."""
        text = f"{self.command[:_LONGEST_COMMAND]} (process {self.pid} on {self.host[:100]}, since "
        description = shown(text + self.since[:40])
        return "".join(sign if sign.isprintable() else "?" for sign in description) + ")"


def this_process(*, writes: bool) -> Holder:
    """This process, from now on."""
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    command = text_of(invocation()) or "a Python script"
    return Holder(secrets.token_hex(4), platform.node(), os.getpid(), command, now, writes)


def put(descriptor: int, holder: Holder) -> None:
    """Add a holder to the lock file; a writer is alone, so lines before it are of the past."""
    with suppress(OSError):  # a full disk, or another user's file
        if holder.writes:
            os.ftruncate(descriptor, 0)
        os.write(descriptor, _line(vars(holder)))


def take(descriptor: int, holder: Holder) -> None:
    """Say in the lock file that a holder has ended."""
    with suppress(OSError):
        os.write(descriptor, _line({"number": holder.number, _ENDED: True}))


def _line(fields: dict[str, object]) -> bytes:
    return json.dumps(fields).encode() + b"\n"


def holders_in(text: bytes) -> list[Holder]:
    """The holders of a lock file that may still run; lines that are not ours are skipped."""
    holders: dict[str, Holder] = {}
    for line in text.splitlines():
        # Two machines that write at the same time may mix their lines.
        with suppress(ValueError, TypeError, AttributeError, RecursionError):
            fields = json.loads(line)
            if fields.pop(_ENDED, False):
                holders.pop(fields["number"], None)
                continue
            holder = Holder(**fields)
            holder.description  # noqa: B018 - fails where a field is of another type
            holders[holder.number] = holder
    return [holder for holder in holders.values() if holder.may_live]


def in_use(folder: object, holders: Sequence[Holder], *, writes: bool) -> InUseError:
    """The error of a process that wants a folder which others have."""
    writers = [holder for holder in holders if holder.writes]
    named = list({(holder.host, holder.pid): holder for holder in writers or holders}.values())
    if any(holder.is_here for holder in named):
        what, remedy = "This process works in the folder already.", "Choose another folder with -o."
    elif not writes or writers:
        what = "Another process is writing into this folder."
        remedy = "Wait until it has ended, or stop it."
    else:
        what = "Another process is reading this folder, which would be changed under it."
        remedy = "Wait until it has ended, or stop it."
    listed = "\n    ".join(holder.description for holder in named[:_MOST_LISTED])
    more = f"\n    and {len(named) - _MOST_LISTED} more" if len(named) > _MOST_LISTED else ""
    return InUseError(
        what,
        file=str(folder),
        expected="no other process that uses it" if writes else "no process that writes into it",
        got=listed + more or "a process that does not say which one it is",
        remedy=remedy,
    )

"""Changed files of every kind for their readers: nothing but RicenetError may come out.

    python -m benchmarks.fuzz --seconds 60

changes the bytes, fields and cells of each valid file of `benchmarks.readers` and reads what came
of it. What ends in another error is printed, and written into a folder with --keep.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import json
import logging
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.readers import Reader, packed, readers, unpacked
from ricenet_v2.core.errors import RicenetError

_NUMBERS = (0, -1, 1, 2, 10**9, 2**63, -(2**63), 10**400, 0.5, -0.0, 1e300, 1e-300)
_FLOATS = (float("nan"), float("inf"), -float("inf"))
_TEXTS = ("", " ", "x" * 300, "../../x", "=1+1", "\0", "\ud800", "nan", "é", "1e999", "²", "-1")
_VALUES: tuple[Any, ...] = (
    *_NUMBERS, *_FLOATS, *_TEXTS, None, True, [], {}, [[]], [None], {"": None}, ["x"], {"0": 1},
)  # fmt: skip
_CELLS = (
    "", "nan", "inf", "-inf", "1e999", "-1", "0.5", "x", "x" * 200_000, '"', "\r", "\0", ",", "²",
    "9" * 5000, "'", "../x", "P0001", "\ufeff", "None",
)  # fmt: skip
_DEEP = 100_000


def mutated(reader: Reader, random: Random) -> bytes:
    """The file with one to three changes."""
    content = unpacked(reader)
    for _ in range(random.randint(1, 3)):
        content = _changed(content, reader.file, random)
    return packed(reader, content)


def _changed(content: bytes, file: str, random: Random) -> bytes:
    by_form = {".json": _in_json, ".csv": _in_table}.get(Path(file).suffix)
    if by_form is not None and random.random() < 0.7:
        with contextlib.suppress(ValueError, RecursionError, csv.Error):
            return by_form(content, random)
    return _in_bytes(content, random)


def _in_bytes(content: bytes, random: Random) -> bytes:
    at = random.randrange(len(content) + 1)
    # Headers are short and hold most that can be wrong.
    if random.random() < 0.5:
        at = min(at, random.randrange(400))
    until = at + random.choice((1, 1, 2, 4, 8, 64, len(content)))
    ways = (
        lambda: content[:at] + bytes([1 << random.randrange(8) ^ (content[at:] or b"\0")[0]])
        + content[at + 1 :],
        lambda: content[:at] + random.randbytes(min(until - at, 64)) + content[until:],
        lambda: content[:at] + random.choice((b"\0", b"\xff", b"\x7f")) * (until - at)
        + content[until:],
        lambda: content[:at] + content[until:],
        lambda: content[:at],
        lambda: content[:at] + content[at:until] * 2 + content[until:],
        lambda: content + content,
    )  # fmt: skip
    return random.choice(ways)()


def _in_json(content: bytes, random: Random) -> bytes:
    fields = json.loads(content)
    holder, key = random.choice(_places(fields) or [([fields], 0)])
    how = random.randrange(8)
    if how == 0 and not isinstance(holder, list):
        del holder[key]
    elif how == 1 and isinstance(holder, list):
        holder.append(holder[key])
    elif how == 2 and not isinstance(holder, list):
        holder[random.choice(_TEXTS)] = holder[key]
    elif how == 3:
        holder[key] = "<deep>"
        deep = "[" * _DEEP + "]" * _DEEP
        return _dumped(fields).replace(b'"<deep>"', deep.encode())
    elif how == 4:
        holder[key] = "<digits>"
        return _dumped(fields).replace(b'"<digits>"', b"9" * 5000)
    else:
        holder[key] = random.choice(_VALUES)
    return _dumped(fields)


def _dumped(fields: object) -> bytes:
    return json.dumps(fields, ensure_ascii=True).encode()


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every holder (object or list) with every key in it."""
    keys: list[Any] = []
    if isinstance(value, dict):
        keys = list(value)
    elif isinstance(value, list):
        keys = list(range(len(value)))
    places = [(value, key) for key in keys]
    for key in keys:
        places += _places(value[key])
    return places


def _in_table(content: bytes, random: Random) -> bytes:
    rows = list(csv.reader(io.StringIO(content.decode(), newline="")))
    row = random.randrange(len(rows))
    column = random.randrange(max(1, len(rows[row])))
    how = random.randrange(6)
    if how == 0:
        del rows[row]
    elif how == 1:
        rows.append(rows[row])
    elif how == 2:
        rows = [[*cells[:column], *cells[column + 1 :]] for cells in rows]
    elif how == 3:
        rows = [[*cells, *cells[column : column + 1]] for cells in rows]
    elif rows[row]:
        rows[row][column] = random.choice(_CELLS)
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue().encode("utf-8", "surrogatepass")


def foreign(reader: Reader, folder: Path, content: bytes) -> BaseException | None:
    """What comes out of reading such a file that is no RicenetError; None of a sound reader."""
    path = reader.put(folder, content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reader.read(path)
    except RicenetError:
        return None
    except Exception as error:  # noqa: BLE001 - it is looked for
        return error
    return None


def fuzz(reader: Reader, seconds: float, seed: int, keep: Path | None = None) -> tuple[int, int]:
    """Read changed files for so long.

    Returns:
        How many were read, and how many ended in a foreign error.
    """
    random, n_read, faults = Random(seed), 0, Counter[str]()  # noqa: S311 - nothing secret
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        content = mutated(reader, random)
        with tempfile.TemporaryDirectory() as folder:
            error = foreign(reader, Path(folder), content)
        n_read += 1
        if error is None:
            continue
        place = traceback.extract_tb(error.__traceback__)[-1]
        kind = f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
        if kind not in faults:
            print(f"{reader.name}: {kind}: {str(error)[:200]}")
            if keep is not None:
                keep.mkdir(parents=True, exist_ok=True)
                name = f"{reader.name} {kind}".replace(" ", "_").replace(":", "-")
                (keep / f"{name}_{reader.file}").write_bytes(content)
        faults[kind] += 1
    return n_read, sum(faults.values())


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description="Fuzz the readers of the program.")
    parser.add_argument("--seconds", type=float, default=60, help="for each reader")
    parser.add_argument("--seed", type=int, default=0, help="of the changes")
    parser.add_argument("--only", nargs="+", help="names of readers; all if left out")
    parser.add_argument("--keep", type=Path, help="folder for files that end in a foreign error")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    n_faults = 0
    for reader in readers():
        if options.only and reader.name not in options.only:
            continue
        n_read, n_foreign = fuzz(reader, options.seconds, options.seed, options.keep)
        print(f"{reader.name}: {n_read} read, {n_foreign} ended in a foreign error", flush=True)
        n_faults += n_foreign
    raise SystemExit(1 if n_faults else 0)


if __name__ == "__main__":
    main()

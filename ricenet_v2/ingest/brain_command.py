"""Brain masks of a program of the user, e.g. HD-BET or SynthStrip.

The program sees one image without any text in its header, in a private folder that is removed
afterwards. It runs without a shell.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import ndimage

from ricenet_v2.core import program
from ricenet_v2.core.errors import DatasetError, LateError, RicenetError
from ricenet_v2.core.places import without_home
from ricenet_v2.core.scratch import scratch_folder
from ricenet_v2.core.types import Image, Mask
from ricenet_v2.ingest.convert_options import INPUT, OUTPUT, words_of
from ricenet_v2.ingest.volume import ImageVolume
from ricenet_v2.store.images import read_whole_image, write_image

_LAST_LINES, _LONGEST = 3, 300
_WITHIN = 1e-3
"""Share of the largest value within which a stripped image has the values of the image."""
_ENDINGS = (".nii", ".nii.gz")
_REMEDY = "Run the command by hand on a NIfTI of a head. It has to write {output}."


def mask_by_command(reference: ImageVolume, command: str, seconds: float) -> tuple[Mask, str]:
    """Run the command on an image and read what it wrote.

    It may write a mask, or the image with zeros outside of the brain, as {output} or beside it
    (HD-BET appends to the name of its masks). A mask comes first.

    Args:
        reference: The image.
        command: Its words, with {input} and {output} for NIfTI files.
        seconds: Time in seconds after which it is ended, with all that it started.

    Returns:
        Mask on the grid of the image, and `command` with the name of the program.

    Raises:
        OptionError: The command has no place for its input or output.
        DatasetError: It fails, takes too long, or writes no mask on the grid of the image.
    """
    words = words_of(command)
    name = Path(words[0]).name
    with scratch_folder() as private:
        image, folder = private / "image.nii.gz", private / "output"
        folder.mkdir()
        write_image(image, reference.voxels, reference.grid)
        output = folder / "brain.nii.gz"
        places = {INPUT: str(image), OUTPUT: str(output)}
        _run([_filled(word, places) for word in words], private, name, seconds)
        return _read(folder, reference, name), f"command {name}"


def _filled(word: str, places: dict[str, str]) -> str:
    for place, path in places.items():
        word = word.replace(place, path)
    return word


def _run(words: list[str], private: Path, name: str, seconds: float) -> None:
    log = private / "log"
    try:
        code = program.run(words, private, log, seconds)
    except LateError:
        raise DatasetError(
            f"{name} took too long for a brain mask.",
            expected=f"at most {seconds:g} s",
            got=_last_lines(log, private),
            remedy="Give it more time (--brain_timeout), or see why it waits.",
        ) from None
    except OSError as error:
        raise DatasetError(
            f"{name} cannot be run.", got=error.strerror, remedy="Check whether it is a program."
        ) from error
    if code != 0:
        raise DatasetError(
            f"{name} made no brain mask.",
            expected="exit code 0",
            got=f"exit code {code}. {_last_lines(log, private)}".strip(),
            remedy=_REMEDY,
        )


def _last_lines(log: Path, private: Path) -> str:
    """The end of what it wrote to stderr, without places of this machine."""
    text = log.read_bytes()[-10 * _LONGEST :].decode(errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()][-_LAST_LINES:]
    said = " / ".join("".join(c for c in line if c.isprintable()) for line in lines)
    for place in {str(private.resolve()), str(private)}:
        said = said.replace(place, "")
    return without_home(said)[-_LONGEST:]


def _read(folder: Path, reference: ImageVolume, name: str) -> Mask:
    masks: list[Mask] = []
    stripped: list[Mask] = []
    seen: list[str] = []
    for file in sorted(path for path in folder.rglob("*") if path.name.endswith(_ENDINGS)):
        try:
            voxels, grid = read_whole_image(file)
        except RicenetError:
            seen.append("an image that cannot be read")
            continue
        if not grid.matches(reference.grid):
            seen.append(f"an image of {' x '.join(map(str, grid.shape))} voxels on another grid")
        elif _is_binary(voxels):
            masks.append(voxels > 0)
        elif _is_stripped(voxels, reference.voxels):
            stripped.append(np.asarray(ndimage.binary_fill_holes(voxels != 0)))
        else:
            seen.append("an image of other values")
    chosen = masks or stripped
    if len(chosen) != 1:
        raise DatasetError(
            f"{name} wrote no brain mask that can be used.",
            expected="one mask of two values on the grid of its input, or its input with zeros "
            "outside of the brain",
            got=f"{len(masks)} masks; {', '.join(seen)}" if seen else f"{len(masks)} masks",
            remedy=_REMEDY,
        )
    return chosen[0]


def _is_binary(voxels: Image) -> bool:
    most = float(voxels.max())
    return most > 0 and bool(np.isin(voxels, (0, most)).all())


def _is_stripped(voxels: Image, whole: Image) -> bool:
    """Whether it is the image where it is not zero."""
    inside = voxels != 0
    within = _WITHIN * max(float(np.abs(whole).max()), 1e-6)
    return bool(inside.any()) and bool((np.abs(voxels - whole)[inside] <= within).all())

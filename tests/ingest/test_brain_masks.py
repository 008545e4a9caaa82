"""Brain masks that are given, made by a command or by deepbet, or missing."""

import ast
import contextlib
import os
import sys
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from ricenet_v2.core.errors import DatasetError, OptionError
from ricenet_v2.core.grid import Grid
from ricenet_v2.ingest import brain_deepbet
from ricenet_v2.ingest.brain_command import mask_by_command
from ricenet_v2.ingest.brain_masks import brain_region
from ricenet_v2.ingest.case_inputs import ImageSource
from ricenet_v2.ingest.convert_options import ConvertOptions, check_options
from ricenet_v2.ingest.volume import ImageVolume
from ricenet_v2.store.images import write_image

SHAPE, SPACING = (30, 36, 28), 5.0
HEAD = """
import array, gzip, struct, sys
content = gzip.open(sys.argv[1]).read()
header, image = bytearray(content[:352]), array.array('f', content[352:])
mask = [value > 90 for value in image]
stripped = [value * inside for value, inside in zip(image, mask)]

def write(path, values, header=header):
    with gzip.open(path, 'wb') as stream:
        stream.write(bytes(header) + array.array('f', values).tobytes())

"""
"""A program without any package: it starts in no time."""
TURNED = """
import SimpleITK as sitk
image = sitk.ReadImage(sys.argv[1])
mask = sitk.BinaryThreshold(image, 90, 1e9)
sitk.WriteImage(sitk.DICOMOrient(mask, 'RAS'), sys.argv[2])
"""
WRITES = {
    "a mask": "write(sys.argv[2], mask)",
    "a mask of 255": "write(sys.argv[2], [255 * value for value in mask])",
    "a mask beside the image, as HD-BET does": (
        "write(sys.argv[2], stripped)\nwrite(sys.argv[2].replace('.nii.gz', '_bet.nii.gz'), mask)"
    ),
    "the image with zeros outside": "write(sys.argv[2], stripped)",
    "a mask with its axes turned": TURNED,
}
WRONG = {
    "nothing": ("pass", "0 masks"),
    "other values": ("write(sys.argv[2], [2 * value + 1 for value in image])", "other values"),
    "another grid": (
        "header[42:44] = struct.pack('<h', 20); write(sys.argv[2], mask[: 20 * 36 * 30])",
        "30 x 36 x 20 voxels on another",
    ),
    "another place": (
        "header[268:272] = struct.pack('<f', 5); header[292:296] = struct.pack('<f', 5)\n"
        "header[254:256] = struct.pack('<h', 0); write(sys.argv[2], mask)",
        "another grid",
    ),
    "no image": ("open(sys.argv[2], 'w').write('no')", "cannot be read"),
    "two masks": (
        "write(sys.argv[2], mask); write(sys.argv[2].replace('.nii', '2.nii'), mask)",
        "2 masks",
    ),
    "a failure": ("sys.exit('no weights in ' + sys.argv[1])", "exit code 1. no weights in"),
    "an empty mask": ("write(sys.argv[2], [0] * len(mask))", "other values"),
}


@pytest.fixture(scope="module")
def head():
    """A brain in a head; turned a little, as scanners do."""
    places = (np.indices(SHAPE) - (np.array(SHAPE) - 1)[:, None, None, None] / 2) * SPACING
    radius = np.sqrt((places**2).sum(axis=0))
    texture = np.random.default_rng(0).integers(100, 200, SHAPE)
    brain = (radius < 65) & (places[2] > -50)
    voxels = np.where(brain, texture, np.where(radius < 75, 60, 0)).astype(np.float32)
    angle = np.radians(8)
    turn = (np.cos(angle), -np.sin(angle), 0, np.sin(angle), np.cos(angle), 0, 0, 0, 1)
    grid = Grid(SHAPE, (SPACING,) * 3, (-60.0, -80.0, -70.0), tuple(float(v) for v in turn))
    return ImageVolume(voxels, grid, ""), brain


def _command(tmp_path, body):
    program = tmp_path / "strip.py"
    program.write_text(HEAD + body)
    return f"{sys.executable} '{program}' {{input}} {{output}}"


@pytest.mark.parametrize("name", WRITES)
def test_a_command_may_write(head, tmp_path, name):
    volume, brain = head
    mask, source = mask_by_command(volume, _command(tmp_path, WRITES[name]), 60)
    assert np.array_equal(mask, brain)
    assert source == f"command {Path(sys.executable).name}"


@pytest.mark.parametrize("name", WRONG)
def test_a_command_is_refused_that_writes(head, tmp_path, name):
    body, text = WRONG[name]
    with pytest.raises(DatasetError) as caught:
        mask_by_command(head[0], _command(tmp_path, body), 60)
    assert text in str(caught.value)


def test_a_command_sees_one_image_in_a_private_folder_that_is_removed(head, tmp_path):
    said = tmp_path / "said"
    body = f"""
import os, stat
folder = os.path.dirname(sys.argv[1])
open({str(said)!r}, 'w').write(repr((folder, stat.S_IMODE(os.stat(folder).st_mode),
    sorted(os.listdir(folder)), os.getcwd(), bytes(header[148:252]).strip(b'\\0'))))
write(sys.argv[2], mask)
"""
    mask_by_command(head[0], _command(tmp_path, body), 60)
    folder, mode, names, at, description = ast.literal_eval(said.read_text())
    assert (mode, at, description) == (0o700, folder, b"")
    assert names == ["image.nii.gz", "log", "output"]
    assert not Path(folder).exists()


def test_a_failing_command_shows_its_words_without_places(head, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    body = "import os; sys.exit(f'{sys.argv[1]}: \\x1b[31mno licence in {os.environ[\"HOME\"]}')"
    with pytest.raises(DatasetError, match="no licence in ~") as caught:
        mask_by_command(head[0], _command(tmp_path, body), 60)
    assert str(tmp_path) not in str(caught.value)
    assert "/tmp" not in str(caught.value).replace("/tmp/pytest", "")
    assert "\x1b" not in str(caught.value)


def test_a_command_that_hangs_is_ended_with_what_it_started(head, tmp_path):
    number = tmp_path / "number"
    body = f"""
import subprocess, time
child = subprocess.Popen(['sleep', '60'])
open({str(number)!r}, 'w').write(str(child.pid))
time.sleep(60)
"""
    with pytest.raises(DatasetError, match="took too long"):
        mask_by_command(head[0], _command(tmp_path, body), 1)
    pid = int(number.read_text())
    for _ in range(100):
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z":
                time.sleep(0.05)
                continue
        break
    else:
        pytest.fail("a process that the command started goes on")


def test_a_command_is_no_shell(head, tmp_path):
    body = "write(sys.argv[2], mask)"
    command = _command(tmp_path, body) + " '$(touch x); y'"
    mask_by_command(head[0], command, 60)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["strip.py"]


REFUSED = {
    "no place for output": {"brain_command": "hd-bet -i {input}"},
    "a quotation without end": {"brain_command": "hd-bet '{input} {output}"},
    "a program that is not there": {"brain_command": "no-such-program {input} {output}"},
    "two sources": {"brain_command": "true {input} {output}", "brain_mask": "deepbet"},
    "no time": {"brain_timeout": 0},
    "a time that is no number": {"brain_timeout": float("nan")},
}


@pytest.mark.parametrize("name", REFUSED)
def test_options_are_refused_before_anything_is_read(name):
    with pytest.raises(OptionError):
        check_options(ConvertOptions(**REFUSED[name]))


@pytest.mark.parametrize(
    ("chosen", "module", "extra"),
    [({"brain_mask": "deepbet"}, "deepbet", "brain"), ({"registration": "ants"}, "ants", "ants")],
)
def test_a_package_that_is_missing_is_named_with_the_command(monkeypatch, chosen, module, extra):
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(OptionError, match=f"{module} is not installed") as caught:
        check_options(ConvertOptions(**chosen))
    assert f"pip install '.[{extra}]'" in str(caught.value)


def _deepbet(monkeypatch, seen):
    """A stand-in that takes what is bright, and remembers what it was shown."""

    class BrainExtraction:
        def __init__(self, no_gpu):
            assert no_gpu

        def run_model(self, voxels):
            seen.append(voxels)
            return np.where(voxels > 90, 0.9, 0.1)

        def postprocess(self, mask):
            assert mask.any(), "Not enough foreground"
            return mask

    module = ModuleType("deepbet")
    module.BrainExtraction = BrainExtraction
    monkeypatch.setitem(sys.modules, "deepbet", module)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    brain_deepbet._network.cache_clear()


@pytest.fixture
def seen(monkeypatch):
    images = []
    _deepbet(monkeypatch, images)
    yield images
    brain_deepbet._network.cache_clear()


def test_deepbet_is_shown_right_anterior_superior_and_its_mask_is_turned_back(head, seen):
    volume, brain = head
    source = ImageSource("T1c", "mri", file=Path("T1c.nii.gz"))
    options = ConvertOptions(brain_mask="deepbet")
    region = brain_region(None, volume, source, options)
    assert np.array_equal(region.mask, brain)
    assert region.source.startswith("deepbet")
    assert region.is_brain
    (shown,) = seen
    # The patient's left is at the end of the first axis that runs right: at its start.
    assert np.array_equal(shown, volume.voxels[:, ::-1, ::-1].transpose(2, 1, 0))
    assert shown[0].sum() == volume.voxels[:, :, -1].sum()


def test_an_image_in_which_deepbet_sees_nothing_is_refused(head, seen):
    dark = ImageVolume(head[0].voxels * 0, head[0].grid, "")
    with pytest.raises(DatasetError, match="deepbet sees no brain"):
        brain_deepbet.mask_by_deepbet(dark)


@pytest.mark.parametrize("spacing", [2.0, 9.0])
@pytest.mark.parametrize("way", ["given", "command", "deepbet"])
def test_a_mask_of_any_source_that_is_no_brain_is_refused(head, seen, tmp_path, way, spacing):
    volume, brain = head
    grid = Grid(SHAPE, (spacing,) * 3)
    volume = ImageVolume(volume.voxels, grid, "")
    write_image(tmp_path / "mask.nii.gz", brain.astype(np.uint8), grid)
    source = ImageSource("T1c", "mri", file=tmp_path / "mask.nii.gz")
    options = {
        "given": ConvertOptions(),
        "command": ConvertOptions(brain_command=_command(tmp_path, WRITES["a mask"])),
        "deepbet": ConvertOptions(brain_mask="deepbet"),
    }[way]
    with pytest.raises(DatasetError, match="brain mask is implausible"):
        brain_region(source if way == "given" else None, volume, source, options)


def test_a_mask_that_is_given_comes_first_and_no_mask_is_a_region(head, seen, tmp_path):
    volume, brain = head
    write_image(tmp_path / "mask.nii.gz", brain.astype(np.uint8), volume.grid)
    source = ImageSource("T1c", "mri", file=tmp_path / "mask.nii.gz")
    region = brain_region(source, volume, source, ConvertOptions(brain_mask="deepbet"))
    assert (region.source, region.is_brain, seen) == ("given", True, [])
    region = brain_region(None, volume, source, ConvertOptions())
    assert (region.source, region.is_brain) == ("non-zero voxels", False)
    assert region.mask.sum() > brain.sum()


def test_options_that_change_no_voxel_do_not_convert_again():
    assert ConvertOptions(check=True, brain_timeout=5).effect() == ConvertOptions().effect()
    masked = ConvertOptions(brain_mask="deepbet")
    assert masked.effect() != ConvertOptions().effect()
    assert masked.effect(has_mask=True) == ConvertOptions().effect(has_mask=True)
    assert ConvertOptions(fine=True).effect(has_mask=True) != ConvertOptions().effect(has_mask=True)

"""The command ricenet_explain."""

import re
import shutil
import subprocess
import sys

import pytest

from ricenet_v2.cli import explain, predict
from ricenet_v2.cli.explain import build_parser
from ricenet_v2.core import progress
from ricenet_v2.explanation.occlusion.settings import OcclusionSettings
from ricenet_v2.explanation.options import KINDS
from ricenet_v2.phantom.cohort import NAME
from ricenet_v2.store.workspace import dataset_paths


def test_help_needs_nothing_heavy():
    code = (
        "import sys; from ricenet_v2.cli import explain as m; m.build_parser().format_help();"
        "print([n for n in ('torch', 'SimpleITK', 'numpy', 'captum') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_is_left_out_is_what_the_engine_takes():
    chosen = build_parser().parse_args(["-i", "a", "-o", "b", "-m", "c"])
    assert tuple(chosen.maps) == KINDS
    wanted = OcclusionSettings()
    assert (chosen.window_mm, chosen.stride_mm) == (wanted.window_mm, None)
    assert (chosen.baseline, chosen.dose_baseline) == (wanted.image, wanted.dose)
    assert (chosen.method, chosen.memory_gb) == (wanted.method, wanted.memory_gb)


def test_reading_a_case_has_the_time_limit_of_prediction():
    line = ["-i", "a", "-o", "b", "-m", "c"]
    chosen = build_parser().parse_args([*line, "--case_timeout", "7"])
    assert chosen.case_timeout == 7
    of_prediction = predict.build_parser().parse_args(line)
    assert build_parser().parse_args(line).case_timeout == of_prediction.case_timeout > 0


@pytest.mark.parametrize("words", [["--window_mm", "0"], ["--memory_gb", "-1"]])
def test_wrong_lengths_end_with_2(words, tmp_path, capsys):
    common = ["-i", str(tmp_path), "-o", str(tmp_path / "out"), "-m", str(tmp_path)]
    with pytest.raises(SystemExit, match="2"):
        explain.main([*common, *words])
    assert f"argument {words[0]}: expected a number from" in capsys.readouterr().err


def test_a_stride_beyond_the_window_ends_with_2(tmp_path, capsys):
    common = ["-i", str(tmp_path), "-o", str(tmp_path / "out"), "-m", str(tmp_path)]
    assert explain.main([*common, "--window_mm", "8", "--stride_mm", "9"]) == 2
    assert "above 0" in capsys.readouterr().err


@pytest.mark.usefixtures("small_work")
def test_a_bad_patient_is_listed_and_the_others_explained(trained_cohort, tmp_path, capsys):
    raw = dataset_paths(NAME, trained_cohort).raw
    images = tmp_path / "images"
    images.mkdir()
    for path in sorted((raw / "imagesTs").glob("*.nii.gz"))[:5]:
        (images / path.name).write_bytes(path.read_bytes())
    words = ["-i", str(images), "-o", str(tmp_path / "out"), "-d", NAME, "-f", "0"]
    words += ["--workspace", str(trained_cohort), "--maps", "hirescam", "--device", "cpu"]
    words += ["--sanity", "off", "--masks", str(raw / "masksTs")]
    assert explain.main(words) == 1
    told, log = capsys.readouterr()
    assert "".join((told + log).split()).count("0002.nii.gz:") == 1
    assert "1 case explained" in told
    assert "Probabilities are those of the network, over mirrorings." in told
    assert "integrated gradients, error" not in told  # these maps were not made
    assert "1 case failed" in told
    assert "Where hirescam lies, in one case" in told
    assert "Dose in percent of the prescription" in told
    assert "dose above 95 %" in told
    assert "Fewer than six patients: no intervals and no p-values over patients." in told
    assert "The maps were not checked (--sanity off)." in told
    assert (tmp_path / "out" / "explanation.csv").is_file()


@pytest.mark.usefixtures("small_work")
def test_progress_names_case_and_map_and_the_time_left(
    trained_cohort, tmp_path, capsys, monkeypatch
):
    raw = dataset_paths(NAME, trained_cohort).raw
    (tmp_path / "images").mkdir()
    paths = sorted((raw / "imagesTs").glob("*.nii.gz"))
    for path in paths[:6]:
        shutil.copy(path, tmp_path / "images")
    monkeypatch.setattr(progress, "_SOON", 0.0)  # each tenth makes a line
    words = [
        "-i",
        str(tmp_path / "images"),
        "-o",
        str(tmp_path / "out"),
        "-d",
        NAME,
        "-f",
        "0",
        "1",
    ]
    words += [
        "--workspace",
        str(trained_cohort),
        "--device",
        "cpu",
        "--masks",
        str(raw / "masksTs"),
    ]
    words += ["--maps", "occlusion", "hirescam", "--window_mm", "70", "--stride_mm", "70"]
    words += ["--untrained", "3"]
    assert explain.main(words) == 0
    out, err = capsys.readouterr()
    assert "Probabilities are those of the mean of 2 networks, over mirrorings." in out
    assert "random weights and of shuffled labels should be low" in out
    assert "not given" in out  # no model of shuffled labels
    told = err.splitlines()
    second = paths[3].name.removesuffix("_0000.nii.gz")
    title = f"{second} (case 2 of 2), "
    lines = [line.removeprefix(title) for line in told if line.startswith(title)]
    maps = re.compile(
        r"occlusion map (\d) of 8 \((.+), fold (\d)\), cubes: \d+ of \d+, .+? s(, about .+ left)?$"
    )
    found = [match.groups() for match in map(maps.match, lines) if match]
    channels = ["all channels", "T1c_post_op", "T1c_event", "dose"]
    wanted = [(channel, fold) for channel in channels for fold in "01"]
    assert [(one[1], one[2]) for one in found] == [wanted[int(one[0]) - 1] for one in found]
    assert {int(one[0]) for one in found} == set(range(1, 9))
    assert [bool(one[3]) for one in found] == [True] * (len(found) - 1) + [False]
    rest = "\n".join(lines[len(found) :])
    for step in ("hirescam, networks: 2 of 2", "check of occlusion by other networks, maps: 1 of",
                 "check of the maps by deleting and inserting, images: "):  # fmt: skip
        assert step in rest
    assert "explaining: 2 of 2" in told[-1]

"""The command ricenet_convert."""

import numpy as np
import pytest

from ricenet_v2.cli import convert
from ricenet_v2.store.raw import load_raw_dataset


def _file(folder):
    arrays = {}
    for part in ("train", "val", "test"):
        arrays[f"{part}_images"] = np.eye(4, dtype=np.uint8)[None, None].repeat(4, axis=1)
        arrays[f"{part}_images"] = arrays[f"{part}_images"].repeat(2, axis=0)
        arrays[f"{part}_labels"] = np.array([[0], [1]])
    np.savez(folder / "set.npz", **arrays)
    return str(folder / "set.npz")


def test_a_medmnist_file_becomes_a_dataset(tmp_path, capsys):
    out = tmp_path / "raw" / "Dataset010_Set"
    assert convert.main(["medmnist3d", _file(tmp_path), str(out), "--channel_kind", "ct"]) == 0
    assert str(out) in capsys.readouterr().out
    raw = load_raw_dataset(out)
    assert len(raw.cases) == 6
    assert raw.dataset.channels[0].kind == "ct"


def test_unusable_input_ends_with_2_and_a_text(tmp_path, capsys):
    assert convert.main(["medmnist3d", str(tmp_path / "none.npz"), str(tmp_path / "out")]) == 2
    assert "none.npz" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stopped:
        convert.main(["nothing"])
    assert stopped.value.code == 2

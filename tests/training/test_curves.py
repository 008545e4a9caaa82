from __future__ import annotations

from ricenet_v2.records.run import EpochRow
from ricenet_v2.training.curves import draw_progress


def _row(epoch: int) -> EpochRow:
    return EpochRow(epoch, 1e-3, 0.7, 0.8, 0.5 + 0.1 * epoch, 0.5, 2.0, 0.1)


def _pixels(path):
    from matplotlib import image

    return image.imread(path)


def test_the_picture_tells_the_rows(tmp_path):
    one, two = tmp_path / "one.png", tmp_path / "two.png"
    draw_progress([_row(0), _row(1)], one, "fold 0")
    draw_progress([_row(0), _row(1), _row(2)], two, "fold 0")
    first, second = _pixels(one), _pixels(two)
    assert first.shape == second.shape == (1100, 800, 4)
    blue = (first[..., 2] - first[..., 0]) > 0.3
    orange = (first[..., 0] - first[..., 2]) > 0.3
    # Two panels have a blue and an orange curve each.
    assert blue.sum() > 100
    assert orange.sum() > 100
    assert (first != second).any()


def test_a_picture_of_a_run_replaces_the_old_one_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "progress.png"
    path.write_bytes(b"old")
    draw_progress([_row(0)], path, "fold 0")
    assert _pixels(path).ndim == 3
    assert [file.name for file in tmp_path.iterdir()] == ["progress.png"]

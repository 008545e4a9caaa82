import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from ricenet_v2.explanation.occlusion.boxes import Boxes, Reach, together


@settings(max_examples=100, deadline=None)
@given(
    n=st.integers(5, 20),
    kernel=st.integers(1, 7),
    stride=st.integers(1, 3),
    padding=st.integers(0, 3),
    data=st.data(),
)
def test_a_layer_carries_a_change_to_the_very_voxels_that_see_it(n, kernel, stride, padding, data):
    padding, kernel = min(padding, (kernel - 1) // 2), min(kernel, n)
    first = data.draw(st.integers(0, n - 1))
    size = data.draw(st.integers(1, n - first))
    change = torch.zeros(1, 1, n)
    change[..., first : first + size] = 1
    seen = functional.conv1d(change, torch.ones(1, 1, kernel), stride=stride, padding=padding)
    touched = np.flatnonzero(seen[0, 0])
    shape = (seen.shape[-1],) * 3
    reach = Reach((kernel,) * 3, (stride,) * 3, (padding,) * 3)
    starts, found = reach.touched_by(np.full((1, 3), first), (size,) * 3, shape)
    assert starts[0, 0] >= 0
    assert starts[0, 0] + found[0] <= shape[0]
    if len(touched):
        assert (starts[0, 0], found[0]) == (touched[0], len(touched))


def test_boxes_of_one_batch_get_the_size_of_the_largest_and_stay_inside():
    starts, size = together(
        np.array([[0, 1, 2], [4, 4, 4]]), np.array([[2, 6, 4], [6, 6, 6]]), (6, 6, 6)
    )
    assert size == (2, 5, 2)
    assert starts.tolist() == [[0, 1, 2], [4, 1, 4]]


def test_a_part_shows_the_box_the_map_around_it_and_what_lies_beyond():
    around = torch.arange(8.0).reshape(1, 1, 1, 8).expand(1, 2, 2, 8)
    boxes = Boxes(np.array([[0, 0, 1], [0, 0, 6]]), torch.full((2, 1, 2, 2, 2), -1.0))
    parts = boxes.cut(around, np.array([[-1, 0, -1], [0, 0, 5]]), (2, 1, 5), beyond=-9.0)
    assert parts[0, 0, :, 0].tolist() == [[-9.0] * 5, [-9.0, 0.0, -1.0, -1.0, 3.0]]
    assert parts[1, 0, :, 0].tolist() == [[5.0, -1.0, -1.0, -9.0, -9.0]] * 2


def test_the_change_is_that_of_the_sum():
    around = torch.randn(3, 4, 5, 6)
    boxes = Boxes(np.array([[1, 2, 3]]), torch.randn(1, 3, 2, 2, 2))
    changed = around.clone()
    changed[:, 1:3, 2:4, 3:5] = boxes.values[0]
    expected = (changed - around).sum(dim=(1, 2, 3))
    torch.testing.assert_close(boxes.change(around)[0], expected, atol=1e-5, rtol=1e-5)


def test_the_whole_map_and_its_layout_in_memory():
    around = torch.randn(1, 3, 4, 5, 6).contiguous(memory_format=torch.channels_last_3d)
    boxes = Boxes(np.array([[1, 2, 3], [0, 0, 0]]), torch.randn(2, 3, 2, 2, 2))
    whole = boxes.widened(around[0])
    assert whole.values.is_contiguous(memory_format=torch.channels_last_3d)
    assert whole.starts.tolist() == [[0, 0, 0], [0, 0, 0]]
    expected = around.repeat(2, 1, 1, 1, 1)
    expected[0, :, 1:3, 2:4, 3:5], expected[1, :, :2, :2, :2] = boxes.values
    assert torch.equal(whole.values, expected)
    assert boxes.widened(around[0].contiguous()).values.is_contiguous()
    assert whole.widened(around[0]).values is whole.values

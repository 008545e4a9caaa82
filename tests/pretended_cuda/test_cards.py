"""Two cards of different size and age: what is asked of the second is done on the second."""

import numpy as np
import pytest
import torch

from ricenet_v2.api.caller import state_kept
from ricenet_v2.benchmarking.timing import seconds_of, watched_memory
from ricenet_v2.cli import predict
from ricenet_v2.network.random_state import seeded
from ricenet_v2.store.workspace import dataset_paths
from tests.pretended_cuda import H100, V100
from tests.pretended_cuda.cohort import LEARNS, NAME, assert_alike, copy_of, train_on
from tests.pretended_cuda.test_commands import QUIET


def test_all_of_a_training_is_on_the_chosen_card(preprocessed, tmp_path, pretended_cuda):
    on_cpu, on_cuda = (copy_of(preprocessed, tmp_path / name) for name in ("cpu", "cuda"))
    words = ["--set", *LEARNS, *QUIET]
    train_on(on_cpu, "cpu", *words)
    with pretended_cuda(cards=(H100, V100)) as gpu:
        train_on(on_cuda, "cuda:1", *words)
        assert gpu.memory(0).peak == 0
        assert gpu.memory(1).peak > 0
        assert {card for card, _ in gpu.products} == {1}
    assert_alike(
        *(dataset_paths(NAME, s).run().fold(0).validation for s in (on_cpu, on_cuda)), 1e-5
    )


def test_all_of_a_prediction_is_on_the_chosen_card(trained, tmp_path, pretended_cuda):
    raw = dataset_paths(NAME, trained).raw
    words = ["-i", str(raw / "imagesTs"), "-d", NAME, "--workspace", str(trained)]
    with pretended_cuda(cards=(H100, V100)) as gpu:
        assert predict.main([*words, "-o", str(tmp_path / "out"), "--device", "cuda:1"]) == 0
        assert gpu.memory(0).peak == 0
        assert gpu.products


def test_mixed_precision_is_that_of_the_device(preprocessed, tmp_path, pretended_cuda):
    space = copy_of(preprocessed, tmp_path / "space")
    with pretended_cuda(cards=(H100,)) as gpu:
        train_on(space, "cuda:0", "--set", *QUIET)
    # Training is in bfloat16, validation in float32.
    assert {dtype for _, dtype in gpu.products} == {torch.bfloat16, torch.float32}


def test_random_numbers_of_the_device_are_left_as_the_caller_has_them(pretended_cuda):
    with pretended_cuda():
        torch.rand(1, device="cuda")
        state = torch.cuda.get_rng_state()
        with state_kept():
            torch.manual_seed(3)
            torch.rand(5, device="cuda")
        assert torch.equal(torch.cuda.get_rng_state(), state)


def test_a_training_that_begins_the_device_leaves_the_seed_of_the_caller(
    preprocessed, tmp_path, pretended_cuda
):
    """Dropout is seeded anew in each step; what the caller draws afterwards is none of that."""
    space = copy_of(preprocessed, tmp_path / "space")
    with pretended_cuda(cards=(H100, V100)) as gpu:
        torch.cuda.manual_seed_all(5)
        before = [each.get_state() for each in gpu.random.default]
        train_on(space, "cuda:1", "--set", *QUIET)
        for generator, state in zip(gpu.random.default, before, strict=True):
            assert torch.equal(generator.get_state(), state)


@pytest.mark.parametrize(("kind", "name"), [("cuda", "cuda:0"), ("mps", "mps")])
def test_numbers_of_a_network_are_those_of_the_seed_and_no_others_follow(
    kind, name, pretended_cuda
):
    with pretended_cuda(kind=kind):
        ones = torch.ones(100).to(name)

        def drawn():
            return torch.nn.functional.dropout(ones, 0.5).to("cpu").tolist()

        with seeded(3, ones.device):
            first, later = drawn(), drawn()
        between = drawn()
        with seeded(3, ones.device):
            assert [drawn(), drawn()] == [first, later]
        assert between not in (first, later)
        assert drawn() not in (first, later, between)


def test_the_time_of_work_is_that_of_the_device(pretended_cuda):
    convolution = torch.nn.Conv3d(1, 1, 1)
    with pretended_cuda(lag=100.0):
        convolution = convolution.to("cuda")
        image = torch.zeros((1, 1, 2, 2, 2), device="cuda")
        took = seconds_of(lambda: convolution(image), torch.device("cuda", 0))
        again = seconds_of(lambda: None, torch.device("cuda", 0))
    np.testing.assert_allclose([took, again], [100, 0], atol=30)


def test_memory_can_be_watched_by_the_first_that_uses_the_device(pretended_cuda):
    device = torch.device("cuda", 0)
    with pretended_cuda() as gpu:
        assert gpu.context is None
        with watched_memory(device) as peak:
            torch.zeros(100, device=device)
    assert peak.allocated == 400

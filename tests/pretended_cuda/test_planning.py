"""What a plan takes of the card that it is for, and maps that a card is not trusted with."""

import dataclasses

import pytest

from ricenet_v2.api.plan_device import device_budget
from ricenet_v2.cli import plan_and_preprocess, train
from ricenet_v2.core import documents
from ricenet_v2.core.errors import TrainingError
from ricenet_v2.records.decision import Decision
from ricenet_v2.records.plan import Plan
from ricenet_v2.store.workspace import dataset_paths
from ricenet_v2.training.map_size import largest_map
from tests.pretended_cuda import A100, V100, Card
from tests.pretended_cuda.cards import GIB
from tests.pretended_cuda.cohort import NAME, copy_of, plan_of, train_on

SHARED = Card("NVIDIA A100", 40 * GIB, (8, 0), taken=30 * GIB)
DESKTOP = Card("NVIDIA A100", 40 * GIB, (8, 0), taken=GIB // 2)


@pytest.mark.parametrize(
    ("name", "memory", "precision"),
    [
        (None, 39.25, "bfloat16"),
        ("cuda:1", 15.25, "float16"),
        ("cuda:2", 10.0, "bfloat16"),
        ("cuda:3", 39.25, "bfloat16"),
        ("cpu", 8.0, "float32"),
    ],
)
def test_the_budget_is_what_is_free_of_the_card(pretended_cuda, name, memory, precision):
    """It was all of the first card, whichever is meant and whoever uses it."""
    with pretended_cuda(cards=(A100, V100, SHARED, DESKTOP)):
        budget = device_budget(name)
    assert budget.memory_gb == pytest.approx(memory)
    assert budget.precision == precision
    assert bool(budget.notes) == (name == "cuda:2")
    if budget.notes:
        assert "other programs use 30 of 40 GiB of cuda:2" in budget.notes[0]
        assert "--gpu_memory_gb 39.2" in budget.notes[0]


def test_a_device_that_is_not_there_is_refused(pretended_cuda):
    with pretended_cuda(), pytest.raises(TrainingError, match="'cuda:1' is not available"):
        device_budget("cuda:1")


def test_the_command_plans_for_the_card_that_is_named(
    preprocessed, tmp_path, pretended_cuda, capsys
):
    space = copy_of(preprocessed, tmp_path / "space")
    words = [NAME, "--workspace", str(space), "--plan_only", "--overwrite", "--num_workers", "1"]
    words += ["--spacing", "15", "15", "15", "--preset", "small"]
    with pretended_cuda(cards=(A100, SHARED)):
        assert plan_and_preprocess.main([*words, "--device", "cuda:1"]) == 0
    plan = documents.read(Plan, dataset_paths(NAME, space).plan("small"))
    assert plan.memory_budget_gb == pytest.approx(10.0)
    assert plan.memory.precision == "bfloat16"
    printed = capsys.readouterr()
    assert "other programs use 30 of 40 GiB" in printed.out + printed.err


def test_a_plan_for_a_card_before_ampere_is_counted_in_float16(
    preprocessed, tmp_path, pretended_cuda
):
    space = copy_of(preprocessed, tmp_path / "space")
    words = [NAME, "--workspace", str(space), "--plan_only", "--overwrite", "--num_workers", "1"]
    with pretended_cuda(cards=(V100,)):
        assert plan_and_preprocess.main([*words, "--preset", "small"]) == 0
    plan = documents.read(Plan, dataset_paths(NAME, space).plan("small"))
    assert plan.memory.precision == "float16"
    assert "float16 on CUDA" in next(d.reason for d in plan.decisions if d.what == "memory")


def test_the_largest_map_grows_with_the_batch():
    plan = plan_of()
    memory = dataclasses.replace(plan.memory, largest_map=1000)
    counted = dataclasses.replace(plan, memory=memory)
    first = plan.network.features[0] * 8**3
    assert largest_map(counted, 3) == 3 * first  # no batch is recorded: the bound
    decided = dataclasses.replace(counted, decisions=(Decision("batch size", "2", ""),))
    assert largest_map(decided, 64) == max(32_000, 64 * first)


@pytest.fixture
def small_limit(monkeypatch):
    """As if maps of four samples were too large."""
    first = plan_of().network.features[0] * 8**3
    monkeypatch.setattr("ricenet_v2.training.map_size.MOST_ELEMENTS", 3 * first)


@pytest.mark.usefixtures("small_limit")
def test_a_batch_with_larger_maps_is_refused_on_a_card_and_not_on_a_cpu(
    preprocessed, tmp_path, pretended_cuda, capsys
):
    space = copy_of(preprocessed, tmp_path / "space")
    words = [NAME, "0", "--workspace", str(space), "--num_workers", "0"]
    batch = ["--set", "batch_size=4", "accumulation_steps=1"]
    with pretended_cuda():
        assert train.main([*words, "--device", "cuda:0", *batch]) == 2
    said = capsys.readouterr().err
    assert "too many elements for a GPU" in said
    assert "--set batch_size" in said
    train_on(space, "cpu", *batch)
    # It goes on where it was begun, with a warning.
    with pretended_cuda():
        assert (
            train.main([*words, "--device", "cuda:0", "--epochs", "2", "--continue", *batch]) == 0
        )
    assert "gradients may be wrong on a GPU" in capsys.readouterr().err


@pytest.mark.usefixtures("small_limit")
def test_a_batch_within_the_limit_is_trained(preprocessed, tmp_path, pretended_cuda):
    space = copy_of(preprocessed, tmp_path / "space")
    with pretended_cuda():
        train_on(space, "cuda:0")

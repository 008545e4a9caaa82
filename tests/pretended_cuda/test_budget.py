"""What an update of training may cost beside its arithmetic."""

import dataclasses

import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from ricenet_v2.store.workspace import dataset_paths
from ricenet_v2.training.augmentation.apply import augment
from ricenet_v2.training.augmentation.draw import draw_named
from tests.pretended_cuda.cohort import NAME, copy_of, numbers_in, plan_of, train_on
from tests.pretended_cuda.ledger import Seen
from tests.pretended_cuda.test_commands import LOUD, QUIET

IMAGES = 4 * 2 * 2 * 3 * 8**3
"""Bytes of the images of an update: two steps of two samples of three channels, float32."""
LABELS = 8 * 2 * 2
LOADED = ("--device_cache_gb", "0")
MOST_PARAMETERS = 1_000_000
"""Bytes of the parameters of the augmentation of a batch of two with 224 voxels a side."""


def _updates(workspace, pretended_cuda, *settings):
    """What the device saw between the ends of three updates of an epoch: two updates."""
    marks = []
    with pretended_cuda() as gpu:
        hook = register_optimizer_step_post_hook(lambda *_: marks.append(len(gpu.events)))
        try:
            words = ["mixed_precision=false", "iterations_per_epoch=3", *settings]
            train_on(workspace, "cuda:0", "--set", *words)
            assert not gpu.races
        finally:
            hook.remove()
    first, second, third = marks
    return [Seen(gpu.events[first:second]), Seen(gpu.events[second:third])]


@pytest.mark.parametrize(
    ("settings", "images"),
    [
        ([*QUIET, *LOADED], IMAGES),
        (QUIET, 0),
        ([*LOUD, *LOADED], IMAGES),
        ([*QUIET, "mixup=0.4", "balance=loss"], 0),
        ([*QUIET, "network.norm=batch"], 0),
    ],
    ids=["loaded", "kept on the device", "every change", "mixup and weights", "batch norm"],
)
def test_an_update_waits_once_and_sends_only_what_it_must(
    preprocessed, tmp_path, pretended_cuda, settings, images
):
    space = copy_of(preprocessed, tmp_path / "space")
    for seen in _updates(space, pretended_cuda, *settings):
        assert [wait.kind for wait in seen.waits] == ["wait"], seen
        assert seen.waits[0].place.startswith("training/loop"), seen
        assert not seen.of("down", "across"), seen
        parameters = seen.bytes("up", within="training/augmentation")
        # What else is sent: images and labels, how images are mixed, weights of classes.
        others = seen.bytes("up") - parameters - images - LABELS
        assert 0 <= others <= 64, seen
        assert (parameters > 64) == (LOUD[0] in settings), seen


def test_parameters_of_the_augmentation_are_small(pretended_cuda):
    """They may grow with the area of a face of the image, not with its volume."""
    everything = {name.split(".p_")[1].split("=")[0]: 1.0 for name in LOUD}
    plan = plan_of()
    changes = {f"p_{name}": value for name, value in everything.items()}
    augmentation = dataclasses.replace(plan.training.augmentation, **changes)
    training = dataclasses.replace(plan.training, augmentation=augmentation)
    sent = {}
    for size in (8, 16):
        large = dataclasses.replace(plan, input_size=(size,) * 3, training=training)
        draws = [draw_named(large, 0, 0, place) for place in range(2)]
        with pretended_cuda() as gpu:
            images = torch.rand(2, 3, *large.input_size).to("cuda")
            with gpu.watched() as seen:
                augment(images, draws, large)
        sent[size] = seen.bytes("up")
        assert not seen.blocking("up", "down"), seen
    growth = (sent[16] - sent[8]) / (16**2 - 8**2)
    assert 0 < sent[8] + growth * (224**2 - 8**2) < MOST_PARAMETERS, sent


def test_workers_read_ahead_into_page_locked_memory(preprocessed, tmp_path, pretended_cuda):
    space = copy_of(preprocessed, tmp_path / "space")
    for seen in _updates(space, pretended_cuda, *QUIET, "--num_workers", "1", *LOADED):
        assert [wait.kind for wait in seen.waits] == ["wait"], seen


def test_waiting_for_the_device_is_not_waiting_for_data(preprocessed, tmp_path, pretended_cuda):
    """Cases lie in memory and are read in no time; only the device is busy."""
    space = copy_of(preprocessed, tmp_path / "space")
    with pretended_cuda(lag=30.0):
        train_on(space, "cuda:0", "--set", "mixed_precision=false", *LOUD)
    history = numbers_in(dataset_paths(NAME, space).run().fold(0).history)
    assert history["seconds"][0] > 100
    assert history["waiting"][0] < 0.02

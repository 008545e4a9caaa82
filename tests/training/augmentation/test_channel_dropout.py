from __future__ import annotations

import dataclasses

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from ricenet_v2.core.seeds import generator
from ricenet_v2.training.augmentation.apply import augment
from ricenet_v2.training.augmentation.channel_dropout import draw_dropped, without
from ricenet_v2.training.augmentation.draw import draw_named
from ricenet_v2.training.mixup import mix

KINDS = ("mri", "mri", "dose")


def _allowing(make_plan, rates, **changes):
    plan = make_plan(KINDS, (6, 6, 6), **changes)
    augmentation = dataclasses.replace(plan.training.augmentation, channel_dropout=rates)
    return dataclasses.replace(
        plan,
        network=dataclasses.replace(plan.network, presence=True),
        training=dataclasses.replace(plan.training, augmentation=augmentation),
    )


def test_each_channel_is_dropped_as_often_as_planned():
    random = np.random.default_rng(0)
    drawn = [draw_dropped((0.5, 0.1, 0.0), random) for _ in range(4000)]
    shares = [sum(n in each for each in drawn) / len(drawn) for n in range(3)]
    np.testing.assert_allclose(shares, (0.5, 0.1, 0.0), atol=0.025)


@given(st.sets(st.integers(0, 2)), st.permutations(range(3)))
def test_one_channel_that_shows_the_patient_stays(lacking, dropped):
    if {0, 1} <= lacking:
        return
    channels = _CHANNELS
    missing = set(without(sorted(lacking), dropped, channels))
    assert lacking <= missing
    assert not {0, 1} <= missing
    assert 2 in missing


def test_missing_channels_stay_missing_and_change_no_other(make_plan, everything):
    images = torch.rand((2, 3, 6, 6, 6))
    images[0, 1], images[1, 2] = torch.nan, torch.nan
    plan = _allowing(make_plan, (0.0, 0.0, 0.0), **everything)
    draws = [draw_named(plan, 0, n) for n in range(2)]
    changed = augment(images, draws, plan)
    assert changed.isnan().flatten(2).all(2).tolist() == [
        [False, True, False],
        [False, False, True],
    ]
    assert changed[0, 0].isfinite().all()
    whole = augment(torch.where(images.isnan(), 0.3, images), draws, plan)
    torch.testing.assert_close(changed[0, 0], whole[0, 0])
    torch.testing.assert_close(changed[1, :2], whole[1, :2])


def test_rates_change_nothing_else_and_draws_are_those_of_the_place(make_plan, everything):
    plain = make_plan(KINDS, (6, 6, 6), **everything)
    plan = _allowing(make_plan, (0.9, 0.9, 0.9), **everything)
    one, again = (draw_named(plan, 0, 3, 5) for _ in range(2))
    before = draw_named(plain, 0, 3, 5)
    assert one.dropped == again.dropped
    assert len({draw_named(plan, 0, 3, n).dropped for n in range(20)}) > 1
    assert (one.intensities, one.noise_seed, one.mirrored) == (
        before.intensities, before.noise_seed, before.mirrored,
    )  # fmt: skip
    assert before.dropped == ()


def test_a_mixture_lacks_what_either_lacks_but_never_all_that_shows_the_patient(make_plan):
    plan = _allowing(make_plan, ())
    images = torch.ones((2, 3, 2, 2, 2)) * torch.tensor([1.0, 2.0]).view(2, 1, 1, 1, 1)
    images[0, 2] = torch.nan
    mixed, targets = _mixed(images, plan)
    assert mixed[:, 2].isnan().all()
    assert mixed[:, :2].isfinite().all()
    assert 0 < targets[0, 1] < 1
    images[0, 0], images[1, 1] = torch.nan, torch.nan
    mixed, targets = _mixed(images, plan)
    torch.testing.assert_close(mixed, images, equal_nan=True)
    torch.testing.assert_close(targets, torch.eye(2))


def _mixed(images, plan):
    """With a draw in which the two are partners of each other."""
    seed = next(n for n in range(99) if generator(n, "x").permutation(2).tolist() == [1, 0])
    return mix(images, torch.eye(2), 1.0, generator(seed, "x"), plan.channels)


class _Channel:
    def __init__(self, name: str, kind: str) -> None:
        self.name, self.kind = name, kind


_CHANNELS = [_Channel("a", "mri"), _Channel("b", "mri"), _Channel("c", "dose")]

"""Images of a simulated patient: geometry, contrast, dose."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from ricenet_v2.core.grid import Grid
from ricenet_v2.core.seeds import generator
from ricenet_v2.phantom.cohort import MODEL, SHAPE, SPACING
from ricenet_v2.phantom.images import make_images
from ricenet_v2.phantom.patient import SPREAD, USUAL, draw_patient


@pytest.fixture(scope="module", params=range(6))
def made(request):
    random = generator(request.param, "test")
    patient = draw_patient(random)
    return patient, make_images(patient, Grid(SHAPE, SPACING), random)


def _millimetres(index):
    return (np.asarray(index) - (np.array(SHAPE) - 1) / 2) * SPACING


def test_the_head_is_what_is_not_zero(made):
    _, images = made
    head = images.event > 0
    assert np.array_equal(head, images.post_op > 0)
    assert head[images.brain].all()
    assert not head[0].any()
    assert not head[:, 0].any()
    assert not head[:, :, 0].any()
    assert 0.2 < head.mean() < 0.8
    assert (images.dose[~head] > 0).all()


def test_the_lesion_is_seen_at_the_size_of_the_demo(made):
    patient, images = made
    assert images.lesion.sum() >= 8
    assert images.brain[images.lesion].all()
    middle = np.argwhere(images.lesion).mean(axis=0)
    assert np.linalg.norm(np.subtract(_millimetres(middle), patient.lesion)) < max(SPACING)
    bright = np.percentile(images.event[images.lesion], 75)
    assert bright > 1.25 * np.median(images.event[images.brain])


def test_dose_is_a_plateau_that_falls_off(made):
    patient, images = made
    index = np.argwhere(np.ones(SHAPE, dtype=bool))
    distance = np.linalg.norm(_millimetres(index) - patient.cavity, axis=1).reshape(SHAPE)
    relative = images.dose / patient.prescription
    inside = relative[distance < patient.target_radius - 8]
    assert inside.min() > 0.9
    assert inside.max() < 1.1
    beyond = distance - patient.target_radius
    shells = [relative[(beyond >= low) & (beyond < low + 6)].mean() for low in (-6, 0, 6, 12, 18)]
    assert all(near > far for near, far in pairwise(shells))
    assert relative[beyond > 45].max() < 0.1


def test_old_spots_enhance_after_surgery_already_and_keep_away_from_the_lesion():
    quiet = 0.03 / 0.55  # the noise, as a share of what tissue gives
    for seed in range(6):
        random = generator(seed, "spots")
        patient = draw_patient(random, SPREAD)
        images = make_images(patient, Grid(SHAPE, SPACING), random)
        at = np.stack(np.meshgrid(*map(_millimetres_of_axis, range(3)), indexing="ij"))
        assert len(patient.old_spots) == SPREAD.old_spots
        for centre, radius in patient.old_spots:
            distance = np.sqrt(((at - np.reshape(centre, (3, 1, 1, 1))) ** 2).sum(0))
            inside = (distance < radius - max(SPACING) / 2) & images.brain
            assert inside.any()
            assert not images.lesion[distance < radius + 8].any()
            for image in (images.post_op, images.event):
                tissue = np.median(image[images.brain])
                assert image[inside].min() > tissue * (1 + 5 * quiet)


def _millimetres_of_axis(axis):
    return (np.arange(SHAPE[axis]) - (SHAPE[axis] - 1) / 2) * SPACING[axis]


def test_without_a_lesion_only_the_event_is_another_and_there_only_the_lesion():
    grid, random = Grid(SHAPE, SPACING), generator(3, "none")
    patient = draw_patient(random, replace(SPREAD, without_lesion=1.0))
    assert patient.lesion_radius == 0
    without, small = (
        make_images(replace(patient, lesion_radius=radius), grid, generator(3, "images"))
        for radius in (0.0, 6.0)
    )
    assert not without.lesion.any()
    assert np.array_equal(without.post_op, small.post_op)
    assert np.array_equal(without.dose, small.dose)
    differs = without.event != small.event
    assert differs[small.lesion].all()
    at = np.stack(np.meshgrid(*map(_millimetres_of_axis, range(3)), indexing="ij"))
    distance = np.sqrt(((at - np.reshape(patient.lesion, (3, 1, 1, 1))) ** 2).sum(0))
    assert not differs[distance > 6 + max(SPACING)].any()


def test_the_usual_patients_are_those_of_model_4():
    assert MODEL == 4
    random = generator(1, "same")
    patient = draw_patient(random, USUAL)
    assert patient.old_spots == ()
    found = (patient.age, patient.sex, patient.lesion_radius, patient.solidity, random.random())
    assert found[:2] == (42, "M")
    assert found[2:] == pytest.approx((15.0214920, 0.5342221, 0.5007672))


def test_old_spots_change_nothing_else():
    with_spots, without = (
        draw_patient(generator(1, "same"), replace(SPREAD, old_spots=n)) for n in (3, 0)
    )
    assert len(with_spots.old_spots) == 3
    with pytest.raises(ValueError, match="no room"):
        draw_patient(generator(1, "same"), replace(SPREAD, old_spots=500))
    assert replace(with_spots, old_spots=()) == without

from __future__ import annotations

import pytest

from ricenet_v2.planning.batch import accumulation_steps, batches, norm_for
from ricenet_v2.planning.schedule import auto_training, paper_training

CUBE, MM = (128, 128, 128), (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("n_train", "tried"),
    [
        (80, (8, 4, 2)),
        (63, (4, 2)),
        (32, (4, 2)),
        (31, (2,)),
        (7, (2,)),
        (255, (16, 8)),
        (1188, (32, 16, 8)),
    ],
)
def test_batches_are_powers_of_two_up_to_an_eighth_of_the_cases_and_32(n_train, tried):
    assert batches(n_train)[: len(tried)] == tried
    assert batches(n_train)[-1] == 2


@pytest.mark.parametrize(
    ("batch", "n_train", "steps"), [(2, 80, 4), (4, 80, 2), (8, 80, 1), (2, 20, 1), (2, 40, 2)]
)
def test_accumulation_reaches_eight_cases(batch, n_train, steps):
    assert accumulation_steps(batch, n_train) == steps


def test_norm_changes_at_eight():
    assert [norm_for(batch) for batch in (2, 4, 7, 8, 16)] == ["instance"] * 3 + ["batch"] * 2


def test_an_epoch_draws_as_many_cases_as_a_fold_has():
    training, _ = auto_training(2, 800, CUBE, MM)
    assert training.accumulation_steps == 4
    assert training.iterations_per_epoch == 80  # 640 cases by 8
    assert training.epochs == 100
    assert training.learning_rate == 1e-3


def test_a_small_cohort_trains_for_more_epochs():
    training, why = auto_training(2, 80, CUBE, MM)
    assert (training.iterations_per_epoch, training.epochs) == (8, 250)
    tiny, _ = auto_training(2, 5, CUBE, MM)
    assert (tiny.iterations_per_epoch, tiny.learning_rate) == (8, 3e-4)
    assert why.value == "250 epochs of 8 updates"


@pytest.mark.parametrize(("n_folds", "iterations"), [(2, 50), (3, 67), (5, 80), (10, 90)])
def test_an_epoch_draws_what_a_fold_trains_on_whatever_their_number(n_folds, iterations):
    for settings in (auto_training, paper_training):
        assert settings(8, 800, CUBE, MM, n_folds)[0].iterations_per_epoch == iterations


def test_displacements_stay_small_in_small_inputs():
    def elastic(size, spacing):
        return auto_training(2, 80, size, spacing)[0].augmentation.elastic_mm

    assert elastic(CUBE, MM) == pytest.approx(0.04 * 128)
    assert elastic((224, 224, 224), MM) == 6.0
    assert elastic((16, 128, 128), (2.0, 1.0, 1.0)) == pytest.approx(0.04 * 32)


def test_the_paper_is_trained_as_published():
    training, why = paper_training(2, 80, (224, 224, 224), MM)
    assert (training.optimiser, training.epochs) == ("adam", 800)
    assert training.label_smoothing == training.ema_decay == training.weight_decay == 0.0
    assert training.iterations_per_epoch == 32
    assert (training.warmup_epochs, training.accumulation_steps) == (0, 1)
    augmentation = training.augmentation
    assert augmentation.p_blur == augmentation.p_contrast == augmentation.p_low_resolution == 0.0
    assert augmentation.mirror_axes == ()
    assert min(augmentation.p_elastic, augmentation.p_rotation, augmentation.p_gamma) > 0
    assert "not reported" in why.reason

import numpy as np
import pytest
from scipy.stats import spearmanr

from ricenet_v2.explanation.occlusion.coarse import MOST_GRADIENTS, SHARE, sample
from ricenet_v2.explanation.occlusion.gradient_estimates import GradientEstimates, lattice
from ricenet_v2.explanation.occlusion.windows import lay_windows

WINDOWS = lay_windows(np.ones((20, 24, 22), bool), (1.0, 1.0, 1.0), 4.0, 2.0)
RANDOM = np.random.default_rng(0)
SLOPES = RANDOM.normal(size=(len(WINDOWS), 4))
GRADIENTS = 18


def _sampled(truth, slopes=SLOPES, windows=WINDOWS, one=1.0):
    """What is found, which windows were looked at, and what gradients were allowed to take."""
    requested, most = [], []

    def look(numbers):
        requested.extend(numbers.tolist())
        return truth[numbers]

    def gradients(allowed):
        most.append(allowed)
        return GradientEstimates(slopes, GRADIENTS)

    found = sample(windows, look, lambda: one * len(requested), gradients)
    return found, requested, most[0]


def _bump(middle, width=3.0):
    """What each window takes away where the evidence lies around a place of the lattice."""
    away = np.linalg.norm(lattice(WINDOWS) - np.array(middle), axis=1)
    return np.exp(-((away / width) ** 2))


def test_each_window_is_looked_at_once_and_few_are():
    found, requested, most = _sampled(_bump((3, 4, 5)))
    assert (
        len(requested)
        == len(set(requested))
        == found.n_seen
        == int(SHARE * len(WINDOWS)) - GRADIENTS
    )
    assert most == int(MOST_GRADIENTS * SHARE * len(WINDOWS))


@pytest.mark.parametrize("one", [0.4, 0.2])
def test_where_a_window_takes_less_than_a_pass_more_are_looked_at(one):
    found, requested, most = _sampled(_bump((3, 4, 5)), one=one)
    work = SHARE * len(WINDOWS)
    assert work - one < one * len(requested) + GRADIENTS <= work
    assert found.n_seen == len(requested)
    assert most == int(MOST_GRADIENTS * work)


@pytest.mark.parametrize("one", [SHARE, 0.1])
def test_where_all_windows_take_no_more_than_that_all_are_looked_at(one):
    truth, requested = _bump((3, 4, 5)), []

    def look(numbers):
        requested.extend(numbers.tolist())
        return truth[numbers]

    found = sample(
        WINDOWS, look, lambda: one * len(requested), lambda _: pytest.fail("no gradients")
    )
    assert sorted(requested) == list(range(len(WINDOWS)))
    np.testing.assert_array_equal(found.values, truth)
    assert (found.n_seen, found.forward_passes) == (len(WINDOWS), 0)


def test_what_was_seen_stands():
    truth = _bump((3, 4, 5))
    found, requested, _ = _sampled(truth)
    np.testing.assert_array_equal(found.values[requested], truth[requested])


def test_what_gradients_say_is_found_whatever_their_weights():
    truth = SLOPES @ [0.5, -2.0, 0.0, 1.0] + 0.3
    np.testing.assert_allclose(_sampled(truth)[0].values, truth, atol=1e-3)


def test_what_gradients_miss_is_interpolated():
    truth = SLOPES @ [0.5, -2.0, 0.0, 1.0] + 4 * _bump((3, 4, 5), 4.0)
    found, *_ = _sampled(truth)
    assert spearmanr(found.values, truth).statistic > 0.98
    alone, *_ = _sampled(_bump((3, 4, 5), 4.0))
    assert spearmanr(alone.values, _bump((3, 4, 5), 4.0)).statistic > 0.8


def test_the_windows_that_seem_to_take_the_most_are_looked_at():
    truth = SLOPES @ [1.0, 0.0, 0.0, 0.0] + RANDOM.normal(0, 0.1, len(WINDOWS))
    found, requested, _ = _sampled(truth)
    assert int(truth.argmax()) in requested
    assert found.values.argmax() == truth.argmax()


def test_a_map_that_is_the_same_everywhere_stays_so():
    np.testing.assert_allclose(_sampled(np.full(len(WINDOWS), 0.25))[0].values, 0.25, atol=1e-4)


@pytest.mark.parametrize("slopes", [np.zeros((len(WINDOWS), 4)), SLOPES * 1e-30])
def test_gradients_that_say_nothing_do_no_harm(slopes):
    found, *_ = _sampled(_bump((3, 4, 5), 4.0), slopes)
    assert np.isfinite(found.values).all()


def test_of_few_windows_all_are_seen():
    windows = lay_windows(np.ones((8, 8, 8), bool), (1.0, 1.0, 1.0), 4.0, 2.0)
    truth = RANDOM.normal(size=27)
    found, requested, _ = _sampled(truth, np.zeros((27, 4)), windows)
    assert found.n_seen == len(windows) == len(requested) == 27
    np.testing.assert_array_equal(found.values, truth)

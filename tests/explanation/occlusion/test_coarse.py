import numpy as np
from scipy.stats import spearmanr

from ricenet_v2.explanation.occlusion.coarse import SHARE, lattice, sample
from ricenet_v2.explanation.occlusion.windows import lay_windows

WINDOWS = lay_windows(np.ones((20, 24, 22), bool), (1.0, 1.0, 1.0), 4.0, 2.0)


def _bump(middle, width=3.0):
    """What each window takes away where the evidence lies around a place of the lattice."""
    away = np.linalg.norm(lattice(WINDOWS) - np.array(middle), axis=1)
    return np.stack([np.exp(-((away / width) ** 2)), -away], axis=1)


def _sampled(truth):
    asked = []

    def look(numbers):
        asked.extend(numbers.tolist())
        return truth[numbers]

    return sample(WINDOWS, look), asked


def test_each_window_is_looked_at_once_and_few_are():
    found, asked = _sampled(_bump((3, 4, 5)))
    assert len(asked) == len(set(asked)) == found.n_seen
    assert len(WINDOWS) / 8 < found.n_seen <= SHARE * len(WINDOWS)


def test_what_was_seen_stands_and_the_others_come_close():
    truth = _bump((3, 4, 5))
    found, asked = _sampled(truth)
    np.testing.assert_array_equal(found.values[asked], truth[asked])
    assert spearmanr(found.values[:, 0], truth[:, 0]).statistic > 0.95


def test_the_most_telling_window_is_found_between_those_of_the_first_look():
    truth = _bump((5, 3, 7), width=2.0)
    found, asked = _sampled(truth)
    best = int(truth[:, 0].argmax())
    assert (lattice(WINDOWS)[best] % 2 == 1).all()
    assert best in asked
    assert int(found.values[:, 0].argmax()) == best


def test_a_map_that_is_the_same_everywhere_stays_so():
    found, _ = _sampled(np.full((len(WINDOWS), 2), 0.25))
    np.testing.assert_allclose(found.values, 0.25, atol=1e-9)


def test_without_any_window_of_the_first_look_all_are_seen():
    region = np.zeros((8, 8, 8), bool)
    region[7, 7, 7] = True
    windows = lay_windows(region, (1.0, 1.0, 1.0), 2.0, 2.0)
    found = sample(windows, lambda numbers: np.ones((len(numbers), 2)))
    assert found.n_seen == len(windows) == 1

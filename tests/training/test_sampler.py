from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from ricenet_v2.training.sampler import epoch_cases

LABELS = st.dictionaries(
    st.text("abcdefgh", min_size=1, max_size=4), st.sampled_from("xyz"), min_size=1, max_size=40
)


@given(LABELS, st.integers(0, 100), st.integers(0, 9), st.integers(0, 9))
def test_balanced_every_class_comes_equally_often_and_the_cases_of_a_class_in_turn(
    labels, n, seed, epoch
):
    drawn = epoch_cases(labels, n, seed, epoch)
    assert len(drawn) == n
    times = Counter(drawn)
    per_class = [sum(times[c] for c in labels if labels[c] == k) for k in set(labels.values())]
    assert max(per_class) - min(per_class) <= 1
    for label in set(labels.values()):
        own = [times[case] for case in labels if labels[case] == label]
        assert max(own) - min(own) <= 1


@given(LABELS, st.integers(0, 100), st.integers(0, 9), st.integers(0, 9))
def test_without_balance_all_cases_come_in_turn(labels, n, seed, epoch):
    drawn = epoch_cases(labels, n, seed, epoch, balanced=False)
    times = [Counter(drawn)[case] for case in labels]
    assert len(drawn) == n
    assert max(times) - min(times) <= 1


@given(LABELS, st.booleans())
def test_the_draw_depends_on_seed_and_epoch_alone(labels, balanced):
    turned = dict(reversed(list(labels.items())))
    first = epoch_cases(labels, 20, 1, 2, balanced=balanced)
    assert first == epoch_cases(turned, 20, 1, 2, balanced=balanced)


def test_epochs_and_seeds_differ():
    labels = {f"c{i:02d}": "ab"[i % 2] for i in range(20)}
    draws = {tuple(epoch_cases(labels, 20, s, e)) for s in range(3) for e in range(3)}
    assert len(draws) == 9

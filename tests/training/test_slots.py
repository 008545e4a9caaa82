"""How trainings are spread over CUDA devices, from given numbers."""

import pytest

from ricenet_v2.network.cards import Card
from ricenet_v2.training.slots import FreeSlots, Need, TrainingSlot, slots_of, slots_on

GB = 1024**3
STEP = Need(8 * GB, 0)
WITH_CASES = Need(8 * GB, 6 * GB)


def _cards(*gigabytes):
    return [
        Card(n, None if size is None else int(size * GB), f"GPU-{n}")
        for n, size in enumerate(gigabytes)
    ]


def _indices(slots):
    return [slot.card.index for slot in slots]


@pytest.mark.parametrize(
    ("free", "need", "expected"),
    [
        (12, STEP, 1),  # 8.5 of 9.6
        (10, STEP, 0),
        (80, STEP, 7),
        (None, STEP, 1),  # nobody can tell
        (0, STEP, 0),
        (80, WITH_CASES, 4),  # 14.5 of 64
        (16, WITH_CASES, 1),  # the step alone
    ],
)
def test_slots_by_hand(free, need, expected):
    assert slots_of(_cards(free)[0], need) == expected


@pytest.mark.parametrize(
    ("free", "number", "expected"),
    [
        ((12, 12), 2, [0, 1]),
        ((80, 8), 5, [0] * 5),
        ((24, 36, 12), 6, [1, 0, 2, 1, 0, 1]),  # 2, 3 and 1
        ((80, 80), 4, [0, 1, 0, 1]),
        # More than fit: where most memory is left for each, never where there is none for one.
        ((12, 30, 4), 4, [1, 0, 1, 1]),
        ((4, 6), 1, [1]),
        ((None, None), 2, [0, 1]),
    ],
)
def test_places_are_spread_by_free_memory(free, number, expected):
    assert _indices(slots_on(_cards(*free), STEP, number)) == expected


def test_cases_are_kept_where_all_trainings_of_the_device_have_room_for_them():
    one, two = slots_on(_cards(80, 16), WITH_CASES, 2)
    assert (one.case_bytes, two.case_bytes) == (6 * GB, 0)
    assert int(one.device_cache_gb * GB) >= 6 * GB
    assert two.device_cache_gb == 0
    crowded = slots_on(_cards(40), WITH_CASES, 3)  # 10.7 for each, as somebody wished
    assert {slot.case_bytes for slot in crowded} == {0}


def test_a_place_that_is_free_again_is_that_of_the_emptiest_device():
    cards = _cards(24, 12)
    free = FreeSlots(slots_on(cards, STEP, 3))
    first, second, third = free.take(), free.take(), free.take()
    assert _indices([first, second, third]) == [0, 1, 0]
    assert not len(free)
    free.give_back(first)
    free.give_back(second)
    assert free.take().card == cards[1]


def test_what_a_process_is_told():
    card = Card(1, GB, "MIG-1c2d")
    slot = TrainingSlot(card)
    assert slot.environment == {"CUDA_VISIBLE_DEVICES": "MIG-1c2d"}
    assert slot.device(None) == slot.device("cuda:1") == "cuda"
    lone = TrainingSlot(Card(0, GB, None))
    assert lone.environment == {}
    assert (lone.device("cuda:0"), lone.device(None)) == ("cuda:0", None)
    assert (TrainingSlot().device("cpu"), TrainingSlot().device_cache_gb) == ("cpu", None)

import threading

import pytest

from ricenet_v2.core.ahead import one_ahead
from ricenet_v2.core.errors import LateError
from tests.hostile_case import until_none_is_left_behind


def test_results_come_in_order_beside_their_items():
    made = [(item, future.result()) for item, future in one_ahead(lambda n: n * n, range(5))]
    assert made == [(n, n * n) for n in range(5)]


def test_the_next_item_is_worked_on_while_one_is_used_and_no_more():
    begun: list[int] = []
    second = threading.Event()

    def work(number: int) -> int:
        begun.append(number)
        if number == 1:
            second.set()
        return number

    coming = one_ahead(work, range(4))
    assert next(coming)[1].result() == 0
    assert second.wait(timeout=20)
    assert begun == [0, 1]
    list(coming)
    assert begun == [0, 1, 2, 3]


def test_an_error_belongs_to_its_item_alone():
    futures = [future for _, future in one_ahead(lambda n: 1 / n, [1, 0, 2])]
    assert isinstance(futures[1].exception(), ZeroDivisionError)
    assert (futures[0].result(), futures[2].result()) == (1.0, 0.5)


def test_no_items_no_results():
    assert list(one_ahead(pytest.fail, [])) == []


_NEVER = threading.Event()


def _never_at_one(number: int) -> int:
    if number == 1:
        _NEVER.wait()
    return number


def test_an_item_that_takes_too_long_is_given_up_and_the_next_is_worked_on():
    coming = one_ahead(_never_at_one, range(3), seconds=0.5)
    made = [future.exception() or future.result() for _, future in coming]
    _NEVER.set()
    until_none_is_left_behind()
    assert (made[0], made[2]) == (0, 2)
    assert isinstance(made[1], LateError)


def test_who_stops_asking_does_not_wait_for_the_rest():
    begun: list[int] = []
    coming = one_ahead(begun.append, range(9), seconds=60)
    next(coming)[1].result()
    coming.close()
    assert len(begun) <= 2

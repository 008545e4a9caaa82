import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from ricenet_v2.preprocessing.blas import one_thread


def threads() -> list[int]:
    return [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]


def test_products_have_one_thread_inside_and_what_they_had_outside():
    np.ones((2, 2)) @ np.ones((2, 2))
    with threadpool_limits(2, user_api="blas"):
        before = threads()
        with one_thread():
            assert threads() == [1] * len(before)
        assert threads() == before

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.covariance import ledoit_wolf

from ricenet_v2.inference.shrinkage import shrunk_covariance

samples = hnp.arrays(
    np.float64,
    st.tuples(st.integers(2, 12), st.integers(2, 9)),
    elements=st.floats(-100, 100, width=16),
)


@given(samples)
def test_it_is_that_of_scikit_learn(found: np.ndarray) -> None:
    expected, _ = ledoit_wolf(found)

    made = shrunk_covariance(found)

    assert np.allclose(made, expected, rtol=1e-6, atol=1e-6 * max(1.0, np.abs(expected).max()))


def test_samples_that_are_all_alike_have_none() -> None:
    assert not shrunk_covariance(np.ones((5, 3))).any()

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from ricenet_v2.training.metric import macro_f1

pairs = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=20)


@given(pairs)
def test_it_is_that_of_scikit_learn(cases: list[tuple[int, int]]) -> None:
    truth, predicted = (torch.tensor(column) for column in zip(*cases, strict=True))

    made = macro_f1(truth, predicted, 4)

    labels = [0, 1, 2, 3]
    assert made == pytest.approx(
        f1_score(truth, predicted, labels=labels, average="macro", zero_division=0), abs=1e-6
    )

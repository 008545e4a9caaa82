import pytest
import torch

from ricenet_v2.core.errors import PlanError
from ricenet_v2.explanation.occlusion.log_odds import log_odds


def test_for_two_classes_it_is_the_difference_of_the_logits():
    assert log_odds(torch.tensor([[1.0, 3.5]]), 1).item() == pytest.approx(2.5)
    assert log_odds(torch.tensor([[1.0, 3.5]]), 0).item() == pytest.approx(-2.5)


def test_for_more_classes_it_is_the_log_of_the_odds():
    logits = torch.randn(4, 5, dtype=torch.float64)
    share = logits.softmax(dim=1)[:, 2]
    torch.testing.assert_close(log_odds(logits, 2), torch.log(share / (1 - share)))


@pytest.mark.parametrize("target", [-1, 2])
def test_a_class_that_is_not_there_is_refused(target):
    with pytest.raises(PlanError, match="no such class"):
        log_odds(torch.zeros(1, 2), target)

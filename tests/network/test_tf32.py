"""TF32 is off where float32 is promised, and the caller's settings come back."""

import threading

import pytest
import torch

from ricenet_v2.network.tf32 import float32

NAMES = ("matmul", "conv", "rnn")


@pytest.fixture(autouse=True)
def as_before():
    """Leave torch as it was, by its own getters."""
    matmul, convolutions = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    yield
    torch.backends.fp32_precision = "none"
    torch.set_float32_matmul_precision(matmul)
    torch.backends.cudnn.allow_tf32 = convolutions


def newer():
    get = torch._C._get_fp32_precision_getter
    return {name: get("cuda", name) for name in NAMES}


def older():
    def read(function):
        try:
            return function()
        except RuntimeError:
            return "contradiction"

    return (
        read(torch.get_float32_matmul_precision),
        read(lambda: torch.backends.cuda.matmul.allow_tf32),
        read(lambda: torch.backends.cudnn.allow_tf32),
    )


def everything():
    return newer(), older()


def as_it_is():
    """Nothing is set."""


def older_on():
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.allow_tf32 = True


def older_medium():
    torch.set_float32_matmul_precision("medium")
    torch.backends.cudnn.allow_tf32 = False


def all_by_the_newer():
    torch.backends.fp32_precision = "tf32"


def newer_alone():
    torch.backends.cudnn.conv.fp32_precision = "tf32"
    torch.backends.cudnn.rnn.fp32_precision = "ieee"
    torch.backends.cuda.matmul.fp32_precision = "tf32"


SETTINGS = [as_it_is, older_on, older_medium, all_by_the_newer, newer_alone]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.__name__)
@pytest.mark.parametrize(("kind", "precision"), [("float32", "ieee"), ("tf32", "tf32")])
def test_products_are_as_promised_and_settings_come_back(setting, kind, precision):
    setting()
    before = everything()
    with float32(kind):
        assert newer() == {"matmul": "ieee", "conv": precision, "rnn": precision}
    assert everything() == before


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.__name__)
def test_convolutions_stay_where_only_matrix_products_are_promised(setting):
    setting()
    before = everything()
    with float32("as set"):
        assert newer() == {**before[0], "matmul": "ieee"}
    assert everything() == before


@pytest.mark.parametrize("setting", [as_it_is, older_on, older_medium])
def test_the_older_switches_say_the_same_inside(setting):
    """A compiled network reads them, and torch raises where they contradict the newer ones."""
    setting()
    with float32():
        assert older() == ("highest", False, False)
    with float32("tf32"):
        assert older() == ("highest", False, True)


def test_a_prediction_inside_a_training_is_float32_and_the_training_goes_on_as_before():
    before = everything()
    with float32("tf32"):
        with float32():
            assert newer()["conv"] == "ieee"
        assert newer()["conv"] == "tf32"
    assert everything() == before


def test_a_fault_inside_brings_the_settings_back():
    before = everything()
    with pytest.raises(ZeroDivisionError), float32():
        raise ZeroDivisionError
    assert everything() == before


def test_the_end_of_one_thread_leaves_another_in_float32():
    """A first block that ends while a second is at work must not switch TF32 on under it."""
    entered, may_end = threading.Event(), threading.Event()

    def first():
        with float32():
            entered.set()
            may_end.wait(10)

    thread = threading.Thread(target=first)
    before = everything()
    thread.start()
    entered.wait(10)
    with float32():
        may_end.set()
        thread.join(10)
        assert newer() == dict.fromkeys(NAMES, "ieee")
    assert everything() == before

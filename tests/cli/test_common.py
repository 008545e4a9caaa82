import pytest
import torch

from ricenet_v2.cli import common
from ricenet_v2.core.errors import DatasetError


def _fails_with(error: BaseException):
    def command() -> int:
        raise error

    return command


class OutOfMemoryError(RuntimeError):
    """Named as torch's."""


@pytest.mark.parametrize(
    ("error", "code", "told", "traced"),
    [
        (DatasetError("Broken."), 2, "Broken.", False),
        (FileNotFoundError("gone.csv"), 2, "gone.csv", False),
        (OutOfMemoryError("no memory"), 2, "--gpu_memory_gb", False),
        (torch.AcceleratorError("CUDA error: out of memory"), 2, "--device_cache_gb 0", False),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), 2, "--gpu_memory_gb", False),
        (torch.AcceleratorError("CUDA error: an illegal memory access"), 2, "--continue", False),
        (RuntimeError("can't start new thread"), 2, "--num_workers 1", False),
        (ValueError("odd"), 2, "Please report it", True),
        (KeyboardInterrupt(), 1, "Interrupted", False),
    ],
)
def test_every_error_ends_in_words_and_a_code(capsys, error, code, told, traced):
    assert common.run(_fails_with(error)) == code
    written = capsys.readouterr().err
    assert told in written
    assert ("Traceback" in written) is traced


def test_what_the_command_answers_is_its_code():
    assert common.run(lambda: 0) == 0

"""Errors of the device that computes: its memory has run out, or it is lost.

CUDA and its libraries say both by errors of several types, some of which are plain
`RuntimeError`s, so that the words are looked at. torch is not imported for it.
"""

from __future__ import annotations

from collections.abc import Iterator

from ricenet_v2.core.errors import DeviceLostError, RicenetError

_DEVICE_MEMORY = (
    "out of memory",
    "cudnn_status_alloc_failed",
    "cublas_status_alloc_failed",
    "cusolver_status_alloc_failed",
    "cusparse_status_alloc_failed",
    "cufft_alloc_failed",
    "cudaerrormemoryallocation",
)
_HOST_MEMORY = ("can't allocate memory", "not enough memory")
# After one of these every call of the process to the device fails ("sticky" errors; CUDA Runtime
# API, "Data types used by CUDA Runtime", those whose text says that the process must be ended).
_LOST = (
    "illegal memory access",
    "device-side assert",
    "unspecified launch failure",
    "misaligned address",
    "an illegal instruction was encountered",
    "hardware stack error",
    "invalid program counter",
    "operation not supported on global/shared address space",
    "launch timed out",
    "uncorrectable ecc error",
    "uncorrectable nvlink error",
    "cudnn_status_execution_failed",
    "cublas_status_execution_failed",
    "cudnn_status_internal_error",
    "cublas_status_internal_error",
    "cuda error: unknown error",
)
# Of torch's AcceleratorError: the call was wrong, or there is no such kernel; the device is well.
_OF_THE_CALL = (
    *("invalid argument", "invalid configuration", "invalid device", "invalid resource handle"),
    *("no kernel image", "peer access", "not permitted", "device is busy"),
)
_REMEDY = (
    "Run the same command again, which begins with a new process (ricenet_train, ricenet_predict "
    "and ricenet_explain with --continue); what was finished is on disk. If it happens again: "
    "`nvidia-smi` and the system log show whether the card is faulty, and with "
    "CUDA_LAUNCH_BLOCKING=1 in the environment the error names the operation. Please report it."
)


def lacks_device_memory(error: BaseException) -> bool:
    """Whether memory of the device ran out, by whatever library said so."""
    if isinstance(error, RicenetError):
        return False
    if type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and _says(error, _DEVICE_MEMORY)


def lacks_memory(error: BaseException) -> bool:
    """Whether memory of the device, or of the machine, ran out in torch."""
    is_plain = isinstance(error, RuntimeError) and not isinstance(error, RicenetError)
    return lacks_device_memory(error) or (is_plain and _says(error, _HOST_MEMORY))


def has_lost_device(error: BaseException) -> bool:
    """Whether the device cannot be used any more by this process, as after an illegal access.

    Errors that this one came from count, and texts of other processes of a group.
    """
    return any(
        isinstance(each, DeviceLostError) or _says(each, _LOST) or _is_of_device(each)
        for each in _chain(error)
    )


def lost_device(error: BaseException, what: str) -> DeviceLostError:
    """The error that is raised in place of one after which the device is lost.

    Args:
        error: Error that the device raised.
        what: A sentence that says what was done, and what is not begun any more.
    """
    lines = str(error).strip().splitlines()
    text = next((line for line in lines if _says_text(line, _LOST)), lines[0] if lines else "")
    return DeviceLostError(
        what,
        expected="a device that keeps computing",
        got=f"{type(error).__name__}: {text.strip()}",
        remedy=_REMEDY,
    )


def _is_of_device(error: BaseException) -> bool:
    """An error of torch's own type for devices which is neither memory nor a wrong call."""
    if type(error).__name__ != "AcceleratorError":
        return False
    return not lacks_device_memory(error) and not _says(error, _OF_THE_CALL)


def _chain(error: BaseException) -> Iterator[BaseException]:
    each: BaseException | None = error
    while each is not None:
        yield each
        each = each.__cause__


def _says(error: BaseException, words: tuple[str, ...]) -> bool:
    return _says_text(str(error), words)


def _says_text(text: str, words: tuple[str, ...]) -> bool:
    lowered = text.lower()
    return any(word in lowered for word in words)

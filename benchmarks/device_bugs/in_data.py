"""Faults in what comes to the device and goes from it while a fold is trained."""

from __future__ import annotations

from benchmarks.device_bugs.bug import TESTS, DeviceBug, of_command

_UPDATE = (f"{TESTS}/test_budget.py",)
_RESUME = of_command("training_goes_on_from_a_checkpoint_of_either_device")
_CHECKPOINTS = (f"{TESTS}/test_checkpoints.py",)
_ARITHMETIC = (f"{TESTS}/test_arithmetic.py",)
_SCALING = (f"{TESTS}/test_loss_scaling.py",)

BUGS = (
    DeviceBug(
        "batches go by pageable memory",
        "training/loader.py",
        "pin_memory=is_locked",
        "pin_memory=False",
        "slow",
        _UPDATE,
    ),
    DeviceBug(
        "batches are waited for",
        "training/batch_transfer.py",
        "images.to(self._device, non_blocking=True)",
        "images.to(self._device)",
        "slow",
        _UPDATE,
    ),
    DeviceBug(
        "batches are used before they are there",
        "training/batch_transfer.py",
        "working.wait_stream(self._stream)",
        "working.query()",
        "wrong",
        _UPDATE,
    ),
    DeviceBug(
        "cases that are kept on the device stay on the CPU",
        "training/device_cases.py",
        "torch.from_numpy(voxels).to(device)",
        "torch.from_numpy(voxels)",
        "slow",
        _UPDATE,
    ),
    DeviceBug(
        "time that the device works counts as waiting for data",
        "training/data_clock.py",
        'if device.type != "cuda":',
        "if device.type:",
        "wrong",
        (f"{TESTS}/test_data_flow.py",),
    ),
    DeviceBug(
        "a checkpoint is written before its copy is done",
        "training/host_copies.py",
        "torch.cuda.synchronize(device)",
        "torch.cuda.current_stream(device)",
        "wrong",
        _RESUME,
    ),
    DeviceBug(
        "each tensor of a checkpoint is waited for",
        "training/host_copies.py",
        "return buffer.pin_memory() if",
        "return buffer.clone() if",
        "slow",
        _CHECKPOINTS,
    ),
    DeviceBug(
        "validation rounds to TF32",
        "inference/test_time_augmentation.py",
        "@float32()\n@torch.inference_mode()\ndef seen(",
        "@torch.inference_mode()\ndef seen(",
        "wrong",
        _ARITHMETIC,
    ),
    DeviceBug(
        "mixed precision is asked of the first card",
        "network/device.py",
        "torch.cuda.get_device_capability(device)",
        "torch.cuda.get_device_capability()",
        "wrong",
        _ARITHMETIC,
    ),
    DeviceBug(
        "gradients are clipped before they are unscaled",
        "training/loop.py",
        "        scaling.unscale(optimiser)\n",
        "",
        "wrong",
        _SCALING,
    ),
    DeviceBug(
        "an update that overflows is made",
        "training/loss_scaling.py",
        "self._scaler.step(optimiser)",
        "optimiser.step()",
        "wrong",
        _SCALING,
    ),
)

"""Faults in prediction, ablation and measurement."""

from __future__ import annotations

from benchmarks.device_bugs.bug import TESTS, DeviceBug, of_command

_TRAIN = of_command("train")
_PREDICT = of_command("predict")
_EXPLAIN = of_command("explain_by_every_map")
_ABLATE = of_command("ablate")
_CARDS = (f"{TESTS}/test_cards.py",)

BUGS = (
    DeviceBug(
        "networks of an ensemble stay on the CPU",
        "inference/trained_fold.py",
        "network.to(device).eval()",
        "network.eval()",
        "wrong",
        _PREDICT,
    ),
    DeviceBug(
        "a case that is predicted stays on the CPU",
        "inference/networks.py",
        "torch.from_numpy(np.ascontiguousarray(array))[None].to(self.device)",
        "torch.from_numpy(np.ascontiguousarray(array))[None]",
        "wrong",
        _PREDICT,
    ),
    DeviceBug(
        "probabilities stay on the device",
        "inference/test_time_augmentation.py",
        "NetworkOutputs((total / len(turns)).cpu(), features)",
        "NetworkOutputs(total / len(turns), features)",
        "wrong",
        _PREDICT,
    ),
    DeviceBug(
        "probabilities are read before they are there",
        "inference/test_time_augmentation.py",
        "NetworkOutputs((total / len(turns)).cpu(), features)",
        'NetworkOutputs((total / len(turns)).to("cpu", non_blocking=True), features)',
        "wrong",
        _PREDICT,
    ),
    DeviceBug(
        "the sum over mirrorings begins on the CPU, with a map of it",
        "inference/test_time_augmentation.py",
        "torch.zeros((), device=batch.device)",
        "torch.zeros((len(batch), 1))",
        "wrong",
        _PREDICT,
    ),
    DeviceBug(
        "the sum over mirrorings begins on the CPU, with a scalar",
        "inference/test_time_augmentation.py",
        "torch.zeros((), device=batch.device)",
        "torch.zeros(())",
        "legal",
        _PREDICT,
    ),
    DeviceBug(
        "features stay on the device",
        "inference/test_time_augmentation.py",
        "pooled.float().cpu()\n        else",
        "pooled.float()\n        else",
        "wrong",
        _PREDICT,
    ),
    DeviceBug(
        "features of training cases stay on the device",
        "inference/test_time_augmentation.py",
        "return network.pooled(batch).float().cpu()",
        "return network.pooled(batch).float()",
        "wrong",
        _TRAIN,
    ),
    DeviceBug(
        "a correction of the logits stays on the CPU",
        "inference/test_time_augmentation.py",
        "torch.as_tensor(added).float().to(copied.head.bias)",
        "torch.as_tensor(added).float()",
        "wrong",
        _EXPLAIN,
    ),
    DeviceBug(
        "cases with exchanged channels stay on the CPU",
        "ablation/channel_perturbation.py",
        "torch.from_numpy(np.ascontiguousarray(array))[None].to(ensemble.device)",
        "torch.from_numpy(np.ascontiguousarray(array))[None]",
        "wrong",
        _ABLATE,
    ),
    DeviceBug(
        "work is timed without waiting for it",
        "benchmarking/timing.py",
        "    work()\n    synchronise(device)\n",
        "    work()\n",
        "wrong",
        _CARDS,
    ),
    DeviceBug(
        "a peak is reset before CUDA has begun",
        "benchmarking/timing.py",
        "torch.cuda.init()",
        "torch.cuda.is_available()",
        "wrong",
        _CARDS,
    ),
)

"""Faults in explanation."""

from __future__ import annotations

from benchmarks.device_bugs.bug import TESTS, DeviceBug, of_command

_EXPLAIN = of_command("explain_by_every_map")
_MAPS = (f"{TESTS}/test_maps.py",)

BUGS = (
    DeviceBug(
        "the case of a class activation map stays on the CPU",
        "explanation/gradients/cam.py",
        "torch.from_numpy(array)[None].to(device).requires_grad_()",
        "torch.from_numpy(array)[None].requires_grad_()",
        "wrong",
        _EXPLAIN,
    ),
    DeviceBug(
        "gradients of a class activation map stay on the device",
        "explanation/gradients/cam.py",
        "gradient[0].cpu().double().numpy()",
        "gradient[0].double().numpy()",
        "wrong",
        _EXPLAIN,
    ),
    DeviceBug(
        "the reference of integrated gradients stays on the CPU",
        "explanation/gradients/integrated.py",
        "(torch.from_numpy(image)[None].to(device) for image in (array, reference))",
        "(torch.from_numpy(array)[None].to(device), torch.from_numpy(reference)[None])",
        "wrong",
        _EXPLAIN,
    ),
    DeviceBug(
        "integrated gradients stay on the device",
        "explanation/gradients/integrated.py",
        "attributions[0].detach().float().cpu().numpy()",
        "attributions[0].detach().float().numpy()",
        "wrong",
        _EXPLAIN,
    ),
    DeviceBug(
        "the case that is explained stays on the CPU",
        "explanation/maps.py",
        "batch.to(next(network.parameters()).device)",
        "batch",
        "wrong",
        _EXPLAIN,
    ),
    DeviceBug(
        "occluded images stay on the CPU",
        "explanation/occlusion/full.py",
        "torch.from_numpy(occlusions.array).to(self._device)",
        "torch.from_numpy(occlusions.array)",
        "wrong",
        _MAPS,
    ),
    DeviceBug(
        "windows are written from the CPU",
        "explanation/occlusion/full.py",
        "torch.from_numpy(fills.box(number, windows)).to(self._device)",
        "torch.from_numpy(fills.box(number, windows))",
        "legal",
        _MAPS,
    ),
    DeviceBug(
        "windows of the incremental pass stay on the CPU",
        "explanation/occlusion/incremental.py",
        "torch.from_numpy(values).to(self._device)",
        "torch.from_numpy(values)",
        "legal",
        _MAPS,
    ),
    DeviceBug(
        "logits of windows stay on the device",
        "explanation/occlusion/batches.py",
        "return compute(numbers).cpu()",
        "return compute(numbers)",
        "legal",
        _MAPS,
    ),
    DeviceBug(
        "logits of windows are read before they are there",
        "explanation/occlusion/batches.py",
        "return compute(numbers).cpu()",
        'return compute(numbers).to("cpu", non_blocking=True)',
        "wrong",
        _MAPS,
    ),
    DeviceBug(
        "a norm that stands still stays on the CPU",
        "explanation/occlusion/traced_network.py",
        "batch_norm.to(before.device, before.dtype).eval()",
        "batch_norm.to(before.dtype).eval()",
        "legal",
        _MAPS,
    ),
    DeviceBug(
        "images of gradient estimates stay on the CPU",
        "explanation/occlusion/gradient_estimates.py",
        "torch.from_numpy(image)[None].to(self._device)",
        "torch.from_numpy(image)[None]",
        "wrong",
        _MAPS,
    ),
    DeviceBug(
        "orders of blocks stay on the CPU",
        "explanation/sanity/curves.py",
        "torch.from_numpy(self.blocks.ranks(order)).to(self._device)",
        "torch.from_numpy(self.blocks.ranks(order))",
        "wrong",
        _MAPS,
    ),
    DeviceBug(
        "cuts of an order stay on the CPU",
        "explanation/sanity/curves.py",
        "torch.from_numpy(self.cuts[numbers % n_cuts]).to(self._device)",
        "torch.from_numpy(self.cuts[numbers % n_cuts])",
        "wrong",
        _MAPS,
    ),
    DeviceBug(
        "networks of random weights stay on the CPU",
        "explanation/sanity/cascade.py",
        "built.to(device).eval()",
        "built.eval()",
        "legal",
        _MAPS,
    ),
    DeviceBug(
        "the batch of windows is not halved where memory ends",
        "explanation/occlusion/batches.py",
        "batch = halved(batch)",
        "raise MemoryError",
        "wrong",
        _MAPS,
    ),
)

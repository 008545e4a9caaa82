"""Faults in how cards are shared, memory is counted, and errors of a device are understood."""

from __future__ import annotations

from benchmarks.device_bugs.bug import TESTS, DeviceBug

_SLOTS = (f"{TESTS}/test_slots.py",)
_FLOW = (f"{TESTS}/test_data_flow.py",)
_CHECKPOINTS = (f"{TESTS}/test_checkpoints.py",)
_PLANNING = (f"{TESTS}/test_planning.py",)
_ARITHMETIC = (f"{TESTS}/test_arithmetic.py",)
_LOST = (f"{TESTS}/test_lost_device.py",)

BUGS = (
    DeviceBug(
        "trainings take the cards in turn, whatever is free there",
        "training/slots.py",
        "fitting = [card for card in cards if counts[card.index] < slots_of(card, need)]",
        "fitting = [cards[counts.total() % len(cards)]]",
        "wrong",
        _SLOTS,
    ),
    DeviceBug(
        "free memory of several cards is added up",
        "training/parallel.py",
        "sum(slots_of(card, need) for card in there.cards)",
        "sum(card.free or 0 for card in there.cards) // need.least",
        "wrong",
        _SLOTS,
    ),
    DeviceBug(
        "a training beside others sees every card",
        "network/cards.py",
        "return {} if self.word is None else {_VISIBLE: self.word}",
        "return {}",
        "wrong",
        _SLOTS,
    ),
    DeviceBug(
        "the process that starts the folds begins CUDA",
        "network/cards.py",
        "    free = _free_bytes()\n",
        "    free = _free_bytes()\n    torch.zeros(1, device=device)\n",
        "wrong",
        _SLOTS,
    ),
    DeviceBug(
        "samples that lie ready are not bounded by main memory",
        "training/data_flow.py",
        "slots = min(slots, samples_ahead(workers) + 1) if workers else 0",
        "slots = samples_ahead(workers) + 1 if workers else 0",
        "wrong",
        _FLOW,
    ),
    DeviceBug(
        "page-locked batches are not counted",
        "training/data_flow.py",
        'memory.locked_bytes(plan, batch_size) if device.type == "cuda" else 0',
        "0",
        "wrong",
        _FLOW,
    ),
    DeviceBug(
        "cases are kept on the device without regard to the step",
        "training/data_flow.py",
        "max(0, int(memory.SHARE_OF_MEMORY * free) - memory.step_bytes(plan, batch_size))",
        "int(memory.SHARE_OF_MEMORY * free)",
        "wrong",
        _FLOW,
    ),
    DeviceBug(
        "cases are loaded though the device has room for them",
        "training/data_flow.py",
        'is_on_device=device.type == "cuda" and cases <= (free_of_device or 0)',
        "is_on_device=False",
        "slow",
        _FLOW,
    ),
    DeviceBug(
        "a checkpoint is written after every epoch",
        "training/checkpoint_writer.py",
        "if self._writing is None and time.monotonic() - self._begun >= self._seconds:",
        "if self._writing is None:",
        "slow",
        _CHECKPOINTS,
    ),
    DeviceBug(
        "a plan takes all memory of a card that others use",
        "api/plan_device.py",
        "    if free >= usable:\n",
        "    if free >= 0:\n",
        "wrong",
        _PLANNING,
    ),
    DeviceBug(
        "a plan takes the memory of the first card",
        "api/plan_device.py",
        "torch.cuda.mem_get_info(device)",
        "torch.cuda.mem_get_info(0)",
        "wrong",
        _PLANNING,
    ),
    DeviceBug(
        "a training has maps that 32-bit indices do not reach",
        "training/map_size.py",
        "    if elements <= MOST_ELEMENTS:\n",
        "    if elements <= 4 * MOST_ELEMENTS:\n",
        "wrong",
        _PLANNING,
    ),
    DeviceBug(
        "a plan has maps that 32-bit indices do not reach",
        "planning/ladder.py",
        "MOST_ELEMENTS = 2**31 - 1",
        "MOST_ELEMENTS = 2**33 - 1",
        "wrong",
        ("tests/planning/test_map_size.py",),
    ),
    DeviceBug(
        "log odds need float64 on the device",
        "explanation/occlusion/log_odds.py",
        "values = logits.cpu().double()",
        "values = logits.double()",
        "wrong",
        _ARITHMETIC,
    ),
    DeviceBug(
        "a norm that stands still needs float64 on the device",
        "explanation/occlusion/traced_network.py",
        'values.double() if values.device.type == "cpu" else values.float()',
        "values.double()",
        "wrong",
        _ARITHMETIC,
    ),
    DeviceBug(
        "weights go to the device, back and there again",
        "inference/trained_fold.py",
        "return network.to(device).eval()",
        "return network.to(device).cpu().to(device).eval()",
        "slow",
        _ARITHMETIC,
    ),
    DeviceBug(
        "losses of float16 are not scaled",
        "training/loss_scaling.py",
        'enabled=precision == "float16"',
        "enabled=False",
        "wrong",
        _ARITHMETIC,
    ),
    DeviceBug(
        "cuDNN without memory is a fault of the program",
        "core/device_faults.py",
        '    "cudnn_status_alloc_failed",\n',
        "",
        "wrong",
        _LOST,
    ),
    DeviceBug(
        "an error of an accelerator is never one of memory",
        "core/device_faults.py",
        "return isinstance(error, RuntimeError) and _says(error, _DEVICE_MEMORY)",
        'return type(error).__name__ != "AcceleratorError" and _says(error, _DEVICE_MEMORY)',
        "wrong",
        _LOST,
    ),
    DeviceBug(
        "a further fold is begun on a device that is lost",
        "api/fold_execution.py",
        "if has_lost_device(error):",
        "if False:",
        "wrong",
        _LOST,
    ),
    DeviceBug(
        "a further case is predicted on a device that is lost",
        "inference/folder.py",
        "if has_lost_device(error):",
        "if False:",
        "wrong",
        _LOST,
    ),
)

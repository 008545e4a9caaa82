"""The pretended device itself: what it refuses, counts and remembers."""

import copy
import os
import threading
import time

import pytest
import torch
from torch.nn import functional

from tests.pretended_cuda import A100, H100, V100, Card

HOST = torch.arange(12.0).view(4, 3)


@pytest.fixture
def gpu(pretended_cuda):
    with pretended_cuda(cards=(H100, V100)) as machine:
        yield machine


def test_torch_believes_only_inside_the_block(pretended_cuda):
    real = torch.Generator, torch.autocast, torch.load, time.perf_counter, threading.Thread.run
    assert not torch.cuda.is_available()
    with pretended_cuda(cards=(H100, V100), lag=1.0):
        assert torch.cuda.is_available()
        assert torch.cuda.device_count() == 2
        assert torch.cuda.get_device_capability(1) == (7, 0)
        there = HOST.to("cuda")
        assert there.device == torch.device("cuda", 0)
    assert not torch.cuda.is_available()
    now = torch.Generator, torch.autocast, torch.load, time.perf_counter, threading.Thread.run
    assert now == real
    with pytest.raises(RuntimeError, match="behind its block"):
        there + 1


def _refused():
    there = HOST.to("cuda")
    return {
        "two devices": lambda: there + HOST,
        "two cards": lambda: there + HOST.to("cuda:1"),
        "written on the host": lambda: HOST.clone().add_(there),
        "joined": lambda: torch.cat([there[0], torch.zeros(3)]),
        "a scalar of the host joined": lambda: torch.stack([there[0, 0], torch.tensor(1.0)]),
        "targets of the host": lambda: functional.cross_entropy(there, torch.tensor([0, 1, 2, 0])),
        "a generator of the host": lambda: torch.rand(
            3, device="cuda", generator=torch.Generator()
        ),
        "a generator of the device": lambda: torch.rand(3, generator=torch.Generator("cuda")),
        "a card that is not there": lambda: HOST.to("cuda:2"),
        "values for numpy": there.numpy,
        "pinned on the device": there.pin_memory,
        "weights of the host": lambda: torch.nn.Linear(3, 2)(there),
    }


@pytest.mark.parametrize("number", range(12))
def test_what_cuda_refuses(gpu, number):
    refused = _refused()
    assert len(refused) == 12
    name = list(refused)[number]
    with pytest.raises((RuntimeError, TypeError)):
        print(name, refused[name]())


def test_what_cuda_allows(gpu):
    there = HOST.to("cuda")
    assert torch.equal((there * torch.tensor(2.0)).cpu(), 2 * HOST)
    assert torch.equal(there[torch.tensor([1, 2])].cpu(), HOST[1:3])
    assert torch.equal(there.to("cuda:1").cpu(), HOST)
    assert functional.one_hot(torch.tensor([1], device="cuda"), 2).device.type == "cuda"
    assert torch.zeros_like(there, device="cpu").device.type == "cpu"
    assert torch.as_tensor([1.0]).to(there).device == there.device
    assert there.new_tensor([1.0]).device == there.device
    assert copy.deepcopy(torch.nn.Linear(3, 2).to("cuda:1")).weight.device.index == 1


WAITS = {
    "item": lambda there: there[0, 0].item(),
    "bool": lambda there: bool((there > 0).all()),
    "nonzero": lambda there: there.nonzero(),
    "mask": lambda there: there[there > 3],
    "list": lambda there: there.tolist(),
    "cpu": lambda there: there.cpu(),
    "copy": lambda there: torch.empty(4, 3).copy_(there),
    "list of indices": lambda there: there[[0, 1]],
    "new tensor": lambda there: torch.tensor([1.0], device="cuda"),
    "synchronize": lambda there: torch.cuda.synchronize(),
    "not page-locked": lambda there: HOST.to("cuda", non_blocking=True),
    "type changed on the way": lambda there: HOST.pin_memory().to(
        "cuda", torch.float64, non_blocking=True
    ),
}
GOES_ON = {
    "arithmetic": lambda there: (there @ there.T).softmax(1).mean(),
    "a number": lambda there: there.__setitem__(0, 1.0),
    "a mask that is filled": lambda there: there.__setitem__(there > 3, 0.0),
    "a scalar of the host": lambda there: there * torch.tensor(2.0),
    "page-locked": lambda there: HOST.pin_memory().to("cuda", non_blocking=True),
    "made there": lambda there: torch.zeros(3, device="cuda"),
    "nothing": lambda there: torch.zeros(0).to("cuda"),
}


@pytest.mark.parametrize("name", [*WAITS, *GOES_ON])
def test_what_waits(gpu, name):
    there = HOST.to("cuda")
    with gpu.watched() as seen:
        (WAITS | GOES_ON)[name](there)
    assert len(seen.waits) == (name in WAITS), seen


def test_a_copy_down_is_garbage_until_something_waits(gpu):
    there = HOST.to("cuda")
    down = there.to("cpu", non_blocking=True)
    assert down.isnan().all()
    event = torch.cuda.Event()
    event.record()
    event.synchronize()
    assert torch.equal(down, HOST)


def test_a_buffer_that_is_changed_while_it_is_copied_is_noted(gpu):
    buffer = HOST.pin_memory()
    buffer.to("cuda", non_blocking=True)
    torch.cuda.synchronize()
    buffer.fill_(0)
    assert not gpu.races
    buffer.to("cuda", non_blocking=True)
    buffer.fill_(1)
    torch.cuda.synchronize()
    assert len(gpu.races) == 1


def test_streams_must_wait_for_each_other(gpu):
    stream, buffer = torch.cuda.Stream(), HOST.pin_memory()
    with torch.cuda.stream(stream):
        first = buffer.to("cuda", non_blocking=True)
        assert torch.cuda.current_stream().number == stream.number
    torch.cuda.current_stream().wait_stream(stream)
    first + 1
    with torch.cuda.stream(stream):
        second = buffer.to("cuda", non_blocking=True)
        event = stream.record_event()
        third = buffer.to("cuda", non_blocking=True)
    event.wait()
    first + second
    assert not gpu.races
    third + 1
    assert len(gpu.races) == 1
    torch.cuda.synchronize()
    third + 1
    assert len(gpu.races) == 1


def test_memory_is_counted_once_and_let_go(gpu):
    there = torch.zeros(100, device="cuda")
    view, other = there[:50], torch.zeros(10, device="cuda:1")
    assert (gpu.memory(0).allocated, gpu.memory(1).allocated) == (400, 40)
    del there, view
    assert torch.cuda.memory_allocated() == 0
    assert torch.cuda.max_memory_allocated() == 400
    assert torch.cuda.mem_get_info(1)[0] == V100.memory - 40
    del other


def test_memory_ends(pretended_cuda):
    with pretended_cuda(cards=(Card(memory=1000, taken=500),)) as gpu:
        kept = torch.zeros(100, device="cuda")
        with pytest.raises(torch.cuda.OutOfMemoryError, match=r"CUDA out of memory\. Tried"):
            torch.zeros(100, device="cuda")
        assert gpu.memory().allocated == 400
        del kept
        assert torch.zeros(100, device="cuda").device.type == "cuda"


def test_the_device_lags_behind_the_program_and_is_waited_for(pretended_cuda):
    convolution = torch.nn.Conv3d(1, 1, 1)
    with pretended_cuda(lag=100.0) as gpu:
        convolution = convolution.to("cuda")
        image = torch.zeros((1, 1, 2, 2, 2), device="cuda")
        before = time.perf_counter()
        with torch.no_grad():
            convolution(image)
            convolution(image)
        given = time.perf_counter()
        torch.cuda.synchronize()
        assert given - before < 50
        assert 150 < time.perf_counter() - before < 300
        assert set(gpu.products) == {(0, torch.float32)}


def test_each_card_has_random_numbers_of_its_own(gpu):
    torch.manual_seed(1)
    on_host = torch.rand(3)
    torch.manual_seed(1)
    first = torch.rand(3, device="cuda").cpu()
    assert torch.equal(torch.rand(3), on_host)  # the host's numbers were not used up
    assert torch.equal(first, on_host)
    state = torch.cuda.get_rng_state()
    second = torch.rand(3, device="cuda").cpu()
    torch.cuda.set_rng_state(state)
    assert torch.equal(torch.rand(3, device="cuda").cpu(), second)


def test_errors_can_be_ordered_and_an_illegal_access_stays(gpu):
    there = HOST.to("cuda")
    gpu.breaks(RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), after=1)
    there.abs()
    with pytest.raises(RuntimeError, match="ALLOC"):
        there.abs()
    there.abs()
    gpu.breaks(torch.AcceleratorError("CUDA error: an illegal memory access was encountered"))
    for _ in range(2):
        with pytest.raises(torch.AcceleratorError):
            there.abs()


def test_a_context_begins_with_the_first_use(gpu):
    assert torch.cuda.device_count() == 2
    assert gpu.context is None
    with pytest.raises(RuntimeError, match="did you call init"):
        torch.cuda.reset_peak_memory_stats()
    torch.cuda.mem_get_info()
    assert gpu.context is not None
    torch.cuda.reset_peak_memory_stats()


def test_a_forked_process_cannot_use_it(gpu, monkeypatch):
    there = HOST.to("cuda")
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with pytest.raises(RuntimeError, match="forked subprocess"):
        there + 1


def test_threads_use_it(gpu):
    places = []
    thread = threading.Thread(target=lambda: places.append(HOST.to("cuda:1").device))
    thread.start()
    thread.join()
    assert places == [torch.device("cuda", 1)]


def test_tf32_is_noted_and_can_be_emulated(pretended_cuda):
    left, right = torch.full((2, 2), 1 + 2**-12), torch.eye(2)
    before = torch.backends.cuda.matmul.allow_tf32
    with pretended_cuda(cards=(A100, V100), emulate_tf32=True) as gpu:
        first, second = left.to("cuda"), right.to("cuda")
        try:
            torch.backends.cuda.matmul.allow_tf32 = False
            assert torch.equal((first @ second).cpu(), left)
            assert not gpu.tf32
            torch.backends.cuda.matmul.allow_tf32 = True
            assert torch.equal((first @ second).cpu(), torch.ones(2, 2))
            assert sum(gpu.tf32.values()) == 1
            assert torch.equal((left.to("cuda:1") @ right.to("cuda:1")).cpu(), left)
        finally:
            torch.backends.cuda.matmul.allow_tf32 = before


def test_a_device_of_apple_has_no_float64(pretended_cuda):
    with pretended_cuda(kind="mps"):
        there = HOST.to("mps")
        assert there.device.type == "mps"
        assert not torch.cuda.is_available()
        with pytest.raises(TypeError, match="float64"):
            there.double()
        assert torch.equal((2 * there).cpu().double(), 2 * HOST.double())


def test_a_training_step_is_that_of_the_cpu(gpu):
    def trained(device):
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Dropout(0.5)).to(device)
        optimiser = torch.optim.AdamW(model.parameters(), lr=0.1)
        scaler = torch.amp.GradScaler(torch.device(device).type, enabled=device != "cpu")
        torch.manual_seed(1)
        for _ in range(3):
            optimiser.zero_grad()
            scaler.scale(model(HOST.to(device)).square().mean()).backward()
            scaler.unscale_(optimiser)
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            scaler.step(optimiser)
            scaler.update()
        return model[0].weight.detach().cpu()

    torch.testing.assert_close(trained("cuda:1"), trained("cpu"))
    with torch.autocast("cuda", torch.float16):
        assert (HOST.to("cuda") @ HOST.T.to("cuda")).dtype == torch.float16

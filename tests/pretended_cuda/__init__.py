"""A CUDA device that is not there: tensors with real values on the CPU, said to be on `cuda:0`.

In a test (`pretended_cuda` of tests/conftest.py is the class `PretendedCuda`):

    from tests.pretended_cuda import H100, V100

    def test_something(pretended_cuda):
        with pretended_cuda(cards=(H100, V100)) as gpu:      # cuda:0 and cuda:1
            model = make_model().to("cuda:1")
            with gpu.watched() as seen:
                step(model)
            assert not seen.blocking("up"), seen
            assert len(seen.waits) == 1, seen
        # Nothing of the device may be used behind the block.

Everything inside the block believes in the device: `torch.cuda.is_available()`, `--device cuda:0`
of the commands (called in this process: `train.main([...])`), `torch.Generator("cuda")`,
`torch.autocast("cuda")`, `torch.load(map_location="cuda")`, threads that are begun inside it.

At every operation the rules of CUDA are checked: tensors of two devices raise, but for scalars
without axes and for indices; `.numpy()` of a tensor on the device raises; generators must be of the
device; a process that was forked cannot use it. Random numbers of each card come from a generator
of its own. A copy down that does not wait is garbage until something waits.

What can be asked:

    gpu.seen, gpu.watched()    transfers and waits, each with bytes, whether the program waited, and
                               the line of ricenet_v2 behind it (`Seen`: transfers, waits, blocking,
                               bytes, of; printed, it is a table)
    gpu.context                the line that began CUDA in this process, None while nobody did
    gpu.float64, gpu.tf32      counts of lines that computed in float64, or multiplied float32 where
                               TF32 was allowed
    gpu.products               counts of (card, dtype) of convolutions and products of matrices
    gpu.memory(0)              `.allocated`, `.peak`, `.limit` (bytes, may be changed) of a card
    gpu.races                  lines whose page-locked buffers were changed while being copied, and
                               that used what another stream makes without waiting for it
    gpu.breaks(error, after=n) after n further operations this error is raised; an AcceleratorError
                               is raised again by all that follow, as behind an illegal access

What can be set: `cards` (memory, what other programs took of it, compute capability, name); `lag`,
seconds that each convolution keeps the device busy behind the program (`time.perf_counter` then
passes by that much where the program waits; nothing sleeps); `out_of_memory`, which makes the error
from its words; `emulate_tf32`; and `kind="mps"`, a device of Apple without float64.

Not seen: kernels themselves, CUDA's own list for autocast (the CPU's stands in), what streams do to
memory that is used again (`record_stream`), work of the default stream that another stream reads,
NCCL, cuDNN, what torch.compile makes, and processes that the program starts.
"""

from tests.pretended_cuda.cards import A100, H100, V100, Card
from tests.pretended_cuda.ledger import Event, Seen
from tests.pretended_cuda.machine import PretendedCuda

__all__ = ["A100", "H100", "V100", "Card", "Event", "PretendedCuda", "Seen"]

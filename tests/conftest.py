"""A tiny simulated cohort that went through the chain once, for tests that only read it."""

import os
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

# Tests run side by side: threads of torch, here and in the commands that tests start, would only
# wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import hypothesis
import numpy as np
import pytest
import torch

from benchmarks.small_plan import small_plan
from ricenet_v2.core.machine import n_cores
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import AugmentationPlan, ChannelPlan, Normalisation, TrainingPlan
from ricenet_v2.reporting.plan.page import write_plan_page
from ricenet_v2.store.cases import write_case
from tests.forked import ForkServer, fork_workers
from tests.pretended_cuda import PretendedCuda
from tests.shared import copied_once, one_at_a_time
from tests.small_work import shrink, the_same_costs, the_same_curves, the_same_plan_page
from tests.tiny_cohort import write_planned, write_raw, write_trained

# No test asserts a time, and a busy machine is slow. Examples differ from run to run.
hypothesis.settings.register_profile("house", deadline=None, max_examples=50)
hypothesis.settings.load_profile("house")

_LONG = (
    *("test_documentation", "test_kills", "test_examples", "test_tutorial", "test_training"),
    *("test_demo", "test_ablate", "test_process_group", "test_predict", "test_case_cohort"),
    "test_converted_again",
)


def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores, since many tests wait for other processes."""
    return n_cores() + 1


def pytest_collection_modifyitems(items):
    """Long tests come first, so that none is left over for one process at the end."""
    items.sort(key=lambda item: item.path.stem not in _LONG)


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    for name in ("workspace", "raw", "preprocessed", "results"):
        monkeypatch.delenv(f"ricenet_{name}", raising=False)


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_the_disk():
    """Tests kill processes, but none cuts the power, from which alone a sync protects."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda _file: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def _the_same_pictures_and_costs():
    with pytest.MonkeyPatch.context() as patch:
        the_same_curves(patch.setattr)
        the_same_plan_page(patch.setattr)
        the_same_costs(patch.setattr)
        yield


@pytest.fixture
def real_plan_pages(monkeypatch):
    """The page of each plan is its own."""
    monkeypatch.setattr("ricenet_v2.api.planning_work.write_plan_page", write_plan_page)


@pytest.fixture
def small_work(monkeypatch):
    """Commands in this process do little work; see tests/small_work.py."""
    shrink(monkeypatch.setattr)


@pytest.fixture
def processes_for_little_work(monkeypatch):
    """Cases go to several processes where these are asked for, however small they are."""
    monkeypatch.setattr("ricenet_v2.core.memory.WORTH_PROCESSES", 0)


@pytest.fixture(scope="session")
def fork_server(_held_fork_server) -> ForkServer:
    """Starts commands as forks of one process, for all processes of the session; see its file."""
    return _held_fork_server()


@pytest.fixture(scope="session")
def _held_fork_server(tmp_path_factory) -> Iterator[Callable[[], ForkServer]]:
    """A function that gives the server, which it starts when it is first called."""
    held = []

    def server() -> ForkServer:
        with one_at_a_time(tmp_path_factory, "fork_server") as folder:
            if not held:
                held.append(_fork_server(folder / "fork_server.address"))
        return held[0]

    yield server
    for one in held:
        one.close()


def _fork_server(address: Path) -> ForkServer:
    try:
        return ForkServer(address.read_text())
    except OSError:  # there is none yet, or the only process that held it was killed
        # A socket has no long path.
        server = ForkServer.started(Path(tempfile.mkdtemp(prefix="fork")))
        address.write_text(server.address)
        return server


@pytest.fixture(scope="session", autouse=True)
def _forked_workers(_held_fork_server):
    """Processes of `Worker` are forked; those of scripts that tests run are spawned, as always."""
    with pytest.MonkeyPatch.context() as patch:
        fork_workers(lambda: _held_fork_server().address, patch.setattr)
        yield


@pytest.fixture
def spawned_workers(monkeypatch):
    """Processes of `Worker` are fresh interpreters, which import libraries for themselves."""
    monkeypatch.setattr("ricenet_v2.core.worker.START_METHOD", "spawn")


@pytest.fixture
def forked_python(fork_server, tmp_path_factory, monkeypatch):
    """Processes that the product starts by `sys.executable` are forked, too."""
    program = tmp_path_factory.mktemp("forked") / "python"
    program.write_text(fork_server.shim, encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(program))


@pytest.fixture(scope="session")
def raw_cohort(tmp_path_factory) -> Path:
    """Workspace that holds only the raw cohort; not to be changed."""
    return copied_once(tmp_path_factory, "raw_cohort", write_raw)


@pytest.fixture(scope="session")
def planned_cohort(tmp_path_factory, raw_cohort) -> Path:
    """Workspace with raw and preprocessed cases; not to be changed."""
    return copied_once(tmp_path_factory, "planned_cohort", partial(write_planned, raw_cohort))


@pytest.fixture(scope="session")
def trained_cohort(tmp_path_factory, planned_cohort) -> Path:
    """Workspace with FOLDS trained folds; not to be changed."""
    return copied_once(tmp_path_factory, "trained_cohort", partial(write_trained, planned_cohort))


@pytest.fixture(scope="session")
def pretended_cuda():
    """The class of a CUDA device that is not there; see tests/pretended_cuda."""
    return PretendedCuda


@pytest.fixture(autouse=True)
def _torch_random_state():
    state = torch.get_rng_state()
    yield
    torch.set_rng_state(state)


_CHANGES = ("rotation", "scaling", "elastic", "noise", "blur", "brightness", "contrast", "gamma")
_NOTHING = {f"p_{name}": 0.0 for name in (*_CHANGES, "low_resolution")} | {"mirror_axes": ()}
_EVERYTHING = {name: 1.0 for name in _NOTHING if name != "mirror_axes"}


def _plan_of(
    kinds=("mri", "mri", "dose", "mask"), shape=(16, 12, 20), spacing=(1.0, 1.0, 1.0), **changes
) -> Plan:
    training = {"batch_size": 2, "accumulation_steps": 1, "iterations_per_epoch": 4}
    training |= {name: changes.pop(name) for name in list(changes) if name in training}
    return small_plan(
        dataset="Dataset001_Test",
        classes=("first", "second"),
        channels=tuple(
            ChannelPlan(f"{kind}{i}", kind, "linear", Normalisation("none"))
            for i, kind in enumerate(kinds)
        ),
        spacing=spacing,
        input_size=shape,
        training=TrainingPlan(epochs=3, augmentation=AugmentationPlan(**changes), **training),
    )


@pytest.fixture(scope="session")
def make_plan():
    """A function that makes a plan; further arguments are fields of its augmentation."""
    return _plan_of


@pytest.fixture(scope="session")
def nothing():
    """Settings of an augmentation that changes nothing."""
    return _NOTHING


@pytest.fixture(scope="session")
def everything():
    """Settings of an augmentation whose changes all happen."""
    return _EVERYTHING


@pytest.fixture(scope="session")
def write_cases():
    """A function that writes random cases of a plan and returns their labels."""

    def write(folder: Path, plan: Plan, count: int) -> dict[str, str]:
        random = np.random.default_rng(0)
        shape = (len(plan.channels), *plan.input_size)
        labels = {}
        for number in range(count):
            case = f"case{number:02d}"
            voxels = random.random(shape, dtype=np.float32)
            write_case(folder, voxels, _record(case, shape))
            labels[case] = plan.classes[number % len(plan.classes)]
        return labels

    return write


def _record(case: str, shape: tuple[int, ...]) -> PreprocessedCase:
    ones, zeros = (1.0, 1.0, 1.0), (0, 0, 0)
    return PreprocessedCase(
        case_id=case,
        shape=shape,
        source_grid_shape=shape[1:],
        source_spacing=ones,
        source_origin=ones,
        source_direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
        crop_start=zeros,
        crop_stop=shape[1:],
        region="whole image",
        dose_maximum={},
        warnings=(),
        inputs_hash=case,
    )

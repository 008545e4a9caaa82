"""Maps and their checks by the functions behind ricenet_explain, on the device and on the CPU."""

import dataclasses

import numpy as np
import pytest
import torch

from ricenet_v2.core.errors import RicenetError
from ricenet_v2.explanation.gradients.cam import hirescam
from ricenet_v2.explanation.gradients.integrated import integrated_gradients
from ricenet_v2.explanation.occlusion.occlude import occlude
from ricenet_v2.explanation.occlusion.prepared import prepare
from ricenet_v2.explanation.occlusion.settings import OcclusionSettings
from ricenet_v2.explanation.sanity.cascade import cascade
from ricenet_v2.explanation.sanity.curves import Blocks, PerturbationCurves
from ricenet_v2.network.build import build_network
from tests.pretended_cuda.cohort import SIZE, plan_of

REGION = np.ones(SIZE, bool)
ARRAY = np.random.default_rng(0).random((3, *SIZE), dtype=np.float32)


def _plan(norm="instance"):
    plan = plan_of()
    return dataclasses.replace(plan, network=dataclasses.replace(plan.network, norm=norm))


def _network(plan):
    torch.manual_seed(0)
    return build_network(plan.network, 3, 2).eval()


def _both(pretended_cuda, plan, work):
    """What some work with a network gives on the CPU and on the device."""
    on_cpu = work(_network(plan))
    network = _network(plan)
    with pretended_cuda() as gpu:
        return on_cpu, work(network.to("cuda")), gpu


@pytest.mark.parametrize("norm", ["instance", "batch"])
@pytest.mark.parametrize("method", ["full", "incremental", "coarse"])
def test_occlusion(pretended_cuda, method, norm):
    plan = _plan(norm)
    settings = OcclusionSettings(window_mm=60, stride_mm=30, method=method)
    prepared = prepare(ARRAY, REGION, plan, settings)
    ours, theirs, _ = _both(pretended_cuda, plan, lambda network: occlude(network, prepared, 1))
    assert np.abs(ours.logit).max() > 1e-3
    np.testing.assert_allclose(theirs.logit, ours.logit, atol=2e-5)
    assert theirs.words == ours.words


def test_occlusion_of_a_network_whose_steps_are_not_known(pretended_cuda):
    plan = _plan()
    prepared = prepare(ARRAY, REGION, plan, OcclusionSettings(window_mm=60, method="full"))

    def work(network):
        return occlude(torch.nn.Sequential(network), prepared, 1)

    ours, theirs, _ = _both(pretended_cuda, plan, work)
    assert np.abs(ours.logit).max() > 1e-3
    np.testing.assert_allclose(theirs.logit, ours.logit, atol=2e-5)


def test_the_cascade_of_random_weights(pretended_cuda):
    plan = _plan()

    def work(network):
        def mapper(each):
            return hirescam(each, ARRAY, plan.network, 1)

        return cascade(network, plan, mapper, mapper(network), REGION, 0)

    ours, theirs, _ = _both(pretended_cuda, plan, work)
    assert theirs == pytest.approx(ours, abs=1e-3)


def test_deletion_and_insertion(pretended_cuda):
    values = ARRAY[0]

    def work(network):
        curves = PerturbationCurves(
            network,
            ARRAY,
            0 * ARRAY,
            Blocks.of(REGION, (4, 4, 8)),
            1,
            np.random.default_rng(0),
            batch=64,
        )
        return [*curves.deletion(values).probability, *curves.insertion(values).probability]

    ours, theirs, _ = _both(pretended_cuda, _plan(), work)
    assert np.ptp(ours) > 1e-3
    np.testing.assert_allclose(theirs, ours, atol=1e-5)


def _largest(pretended_cuda, plan, work, beyond):
    """Work where memory ends so many bytes beyond the network; how often it ran out."""
    network, ran_out = _network(plan), []

    def out_of_memory(words):
        ran_out.append(words)
        return torch.OutOfMemoryError(words)

    with pretended_cuda(out_of_memory=out_of_memory) as gpu:
        network = network.to("cuda")
        gpu.memory().limit = gpu.memory().allocated + beyond
        result = work(network)
    return result, len(ran_out)


def test_occlusion_takes_fewer_windows_where_memory_ends(pretended_cuda):
    plan = _plan()
    settings = OcclusionSettings(window_mm=30, stride_mm=30, method="full", batch=64)
    prepared = prepare(ARRAY, REGION, plan, settings)
    expected = occlude(_network(plan), prepared, 1).logit
    result, times = _largest(
        pretended_cuda, plan, lambda network: occlude(network, prepared, 1), 400_000
    )
    assert times > 1
    np.testing.assert_allclose(result.logit, expected, atol=2e-5)


def test_integrated_gradients_take_fewer_steps_where_memory_ends(pretended_cuda):
    plan = _plan()

    def work(network):
        return integrated_gradients(network, ARRAY, 0 * ARRAY, 1, 8, steps=8, most_steps=0).values

    expected = work(_network(plan))
    result, times = _largest(pretended_cuda, plan, work, 400_000)
    assert times >= 1
    np.testing.assert_allclose(result, expected, atol=1e-5)


def test_a_device_without_memory_for_one_window_is_named(pretended_cuda):
    plan = _plan()
    prepared = prepare(ARRAY, REGION, plan, OcclusionSettings(window_mm=60, method="full"))
    with pytest.raises((RicenetError, torch.OutOfMemoryError)):
        _largest(pretended_cuda, plan, lambda network: occlude(network, prepared, 1), 30_000)

"""Checks of the maps of a small case, step by step against maps of networks put together here."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from scipy import ndimage, stats

from ricenet_v2.explanation.attribution_baseline import BLUR_MM, reference_of
from ricenet_v2.explanation.explained_case import SubjectFiles, read_subject
from ricenet_v2.explanation.maps import make_maps, mapper_of
from ricenet_v2.explanation.occlusion.log_odds import log_odds
from ricenet_v2.explanation.occlusion.settings import OcclusionSettings
from ricenet_v2.explanation.options import ExplanationOptions
from ricenet_v2.explanation.sanity import checks
from ricenet_v2.explanation.sanity.cascade import cascade, fresh_network
from ricenet_v2.explanation.sanity.checks import check_maps
from ricenet_v2.network.stages import parts_of

OPTIONS = ExplanationOptions(
    occlusion=OcclusionSettings(window_mm=12, stride_mm=12),
    kinds=("integrated_gradients", "hirescam"),
    seed=3,
)


@pytest.fixture
def subject(patients, ensemble):
    paths = tuple(patients / "imagesTs" / f"p0_000{n}.nii.gz" for n in range(2))
    return read_subject(ensemble, SubjectFiles("p0", paths, patients / "masksTs"))


def spearman(one, other, region):
    return stats.spearmanr(np.abs(one)[region], np.abs(other)[region]).statistic


def test_parts_become_random_one_after_the_other_from_the_head(subject, ensemble):
    plan, network = ensemble.plan, ensemble.members[0]
    mapper = mapper_of("integrated_gradients", subject, plan, 1, OPTIONS)
    own = mapper(network)
    before = copy.deepcopy(network.state_dict())
    found = cascade(network, plan, mapper, own, subject.region, OPTIONS.seed)
    assert list(found) == list(reversed(parts_of(network)))
    fresh = fresh_network(plan, OPTIONS.seed, torch.device("cpu"))
    made = copy.deepcopy(network)
    for name, value in found.items():
        parts_of(made)[name].load_state_dict(parts_of(fresh)[name].state_dict())
        assert value == pytest.approx(spearman(mapper(made), own, subject.region))
    assert list(found.values())[-1] == pytest.approx(spearman(mapper(fresh), own, subject.region))
    assert len(set(found.values())) == len(found)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


def test_random_orders_are_drawn_by_the_seed_for_each_case(subject, ensemble, monkeypatch):
    drawn = []
    monkeypatch.setattr(checks, "generator", lambda *names: drawn.append(names))
    monkeypatch.setattr(checks, "PerturbationCurves", lambda *_: None)
    none = dataclasses.replace(OPTIONS, kinds=())
    assert check_maps(subject, ensemble.plan, ensemble.members, None, None, 1, none) == ()
    assert drawn == [(3, "explanation", "orders", "p0")]


def test_a_check_holds_what_was_measured(subject, ensemble):
    plan, members = ensemble.plan, ensemble.members
    maps = make_maps(subject, plan, members, 1, OPTIONS)
    made = check_maps(subject, plan, members, members[1], maps, 1, OPTIONS)
    assert [check.map for check in made] == list(OPTIONS.kinds)
    fresh = fresh_network(plan, OPTIONS.seed, torch.device("cpu"))
    for check in made:
        mapper = mapper_of(check.map, subject, plan, 1, OPTIONS)
        own, other = mapper(members[0]), mapper(members[1])
        wanted = spearman(mapper(fresh), own, subject.region)
        assert list(check.cascade.values())[-1] == pytest.approx(wanted)
        assert check.control == pytest.approx(spearman(other, own, subject.region))
        by_fold = [maps.of(check.map)[f"fold_{n}"] for n in members]
        signed = [one[subject.region] for one in by_fold]
        assert check.agreement == pytest.approx(stats.spearmanr(*signed).statistic)
        with torch.no_grad():
            whole = members[0](torch.from_numpy(subject.array)[None]).softmax(dim=1)[0, 1]
            reference = reference_of(subject.array, plan, subject.space.step)
            deleted = torch.from_numpy(np.where(subject.region, reference, subject.array))
            nothing = members[0](deleted[None]).softmax(dim=1)[0, 1]
        assert check.deletion.probability[0] == pytest.approx(float(whole), abs=1e-7)
        assert check.deletion.probability[-1] == pytest.approx(float(nothing), abs=1e-7)
        assert ("folds disagree" in " ".join(check.failed)) == (check.agreement <= 0.2)
    assert made[0].completeness == max(one.error for one in maps.completeness)
    assert made[1].completeness is None


def test_a_network_that_looks_at_nothing_passes_no_check(subject, ensemble):
    network = copy.deepcopy(ensemble.members[0])
    with torch.no_grad():
        network.head.weight.zero_()
    members = {0: network}
    maps = make_maps(subject, ensemble.plan, members, 1, OPTIONS)
    for check in check_maps(subject, ensemble.plan, members, None, maps, 1, OPTIONS):
        told = " ".join(check.failed)
        assert "deleting by the map is better than 0 %" in told
        assert "inserting by the map is better than 0 %" in told


def test_integrated_gradients_that_do_not_add_up_fail(subject, ensemble):
    maps = make_maps(subject, ensemble.plan, ensemble.members, 1, OPTIONS)
    for by, fails in ((0.0, False), (0.04, False), (0.06, True)):
        exact = [
            dataclasses.replace(one, total=(1 + by * one.fold) * (one.score - one.reference))
            for one in maps.completeness
        ]
        given = dataclasses.replace(maps, completeness=tuple(exact))
        check = check_maps(subject, ensemble.plan, ensemble.members, None, given, 1, OPTIONS)[0]
        assert check.completeness == pytest.approx(by)
        assert any("does not add up" in words for words in check.failed) == fails


def test_integrated_gradients_start_from_a_blurred_head_without_dose(subject, ensemble):
    subject = dataclasses.replace(subject, array=20 * subject.array)
    mri, _ = subject.array
    sigma = [BLUR_MM / mm for mm in subject.space.step]
    wanted = np.stack([ndimage.gaussian_filter(mri, sigma, mode="nearest"), np.zeros_like(mri)])
    assert wanted[0].std() > 0.05
    made = reference_of(subject.array, ensemble.plan, subject.space.step)
    np.testing.assert_allclose(made, wanted, atol=1e-6)
    maps = make_maps(subject, ensemble.plan, ensemble.members, 1, OPTIONS)
    for one in maps.completeness:
        with torch.no_grad():
            score = float(log_odds(ensemble.members[one.fold](torch.from_numpy(wanted)[None]), 1))
        assert one.reference == pytest.approx(score, abs=1e-5)


def test_where_the_dose_is_alone_it_is_blurred(subject, ensemble):
    plan = dataclasses.replace(ensemble.plan, channels=ensemble.plan.channels[1:])
    (dose,) = reference_of(subject.array[1:], plan, subject.space.step)
    sigma = [BLUR_MM / mm for mm in subject.space.step]
    np.testing.assert_allclose(
        dose, ndimage.gaussian_filter(subject.array[1], sigma, mode="nearest"), atol=1e-6
    )

"""Groups and subsets."""

from pathlib import Path

import pytest

from ricenet_v2.ablation.groups import groups_of
from ricenet_v2.ablation.published import published_for
from ricenet_v2.ablation.subsets import canonical, every_subset, named_subsets
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.phantom.cohort import CHANNELS
from ricenet_v2.records.dataset import Channel
from ricenet_v2.store.paths import ModelPaths

NAMES = [channel.name for channel in CHANNELS]


def test_seven_subsets_of_three_channels_the_whole_first():
    found = every_subset(groups_of(CHANNELS, "channel"), NAMES, "auto")
    assert [subset.name for subset in found] == [
        "T1c_post_op+T1c_event+dose",
        "T1c_post_op",
        "T1c_event",
        "dose",
        "T1c_post_op+T1c_event",
        "T1c_post_op+dose",
        "T1c_event+dose",
    ]
    assert (found[0].model, found[6].model) == ("auto__all", "auto__T1c_event+dose")


def test_groups_by_kind_and_by_time_point():
    kinds = groups_of(CHANNELS, "kind")
    assert {g.name: g.channels for g in kinds} == {
        "mri": ("T1c_post_op", "T1c_event"),
        "dose": ("dose",),
    }
    # The same models as by channel, so that none is trained twice.
    models = {subset.model for subset in every_subset(kinds, NAMES, "auto")}
    assert models == {"auto__all", "auto__T1c_post_op+T1c_event", "auto__dose"}
    times = groups_of(CHANNELS, "timepoint")
    assert [g.name for g in times] == ["post_op", "event", "without_timepoint"]


def test_channels_stand_in_the_order_of_the_plan_whatever_the_groups():
    channels = (Channel("a", "mri"), Channel("b", "dose"), Channel("c", "mri"), Channel("d", "ct"))
    groups = groups_of(channels, "kind")
    found = named_subsets(groups, list("abcd"), "auto", ["dose+mri"])
    assert found[1].channels == ("a", "b", "c")
    assert found[1].model == "auto__a+b+c"


def test_named_subsets_stand_behind_the_whole_once():
    groups = groups_of(CHANNELS, "channel")
    found = named_subsets(groups, NAMES, "p", ["dose", "dose+T1c_event", "T1c_event+dose"])
    assert [subset.name for subset in found] == [
        "T1c_post_op+T1c_event+dose", "dose", "T1c_event+dose",
    ]  # fmt: skip
    with pytest.raises(DatasetError, match="flair"):
        named_subsets(groups, NAMES, "p", ["dose+flair"])


def test_other_named_subsets_have_another_folder_in_whatever_order_they_are_named():
    model = ModelPaths(Path("model"))

    def folder(*names):
        return model.ablation("channel", canonical(NAMES, names)).name

    assert folder() == "ablation_channel"
    assert folder("dose", "dose+T1c_event") == "ablation_channel_T1c_event+dose,dose"
    assert folder("T1c_event+dose", "dose", "dose") == folder("dose", "dose+T1c_event")
    assert len({folder("dose"), folder("T1c_event"), folder("T1c_event", "dose"), folder()}) == 4
    many = [f"{'long_name' * 9}{n}" for n in range(6)]
    long = [model.ablation("kind", many[:n]).name for n in (4, 5, 6)]
    assert len(set(long)) == 3
    assert max(map(len, long)) < 150  # most file systems allow 255 bytes


def test_too_many_groups_and_too_few_are_refused_in_words():
    many = tuple(Channel(f"c{n}", "mri") for n in range(7))
    with pytest.raises(DatasetError, match="127 models"):
        every_subset(groups_of(many, "channel"), [c.name for c in many], "auto")
    with pytest.raises(DatasetError, match="too few groups to leave one out"):
        groups_of(many, "kind")


def test_the_papers_table_stands_beside_its_own_channels_only():
    found = {one.subset: one for one in published_for(CHANNELS)}
    assert found["T1c_post_op+T1c_event+dose"].test == 0.916
    assert found["T1c_event+dose"].validation == 0.83
    assert found["T1c_event"].test is None
    assert set(found) == {s.name for s in every_subset(groups_of(CHANNELS, "channel"), NAMES, "a")}
    others = (*CHANNELS[:2], Channel("pet", "pet"))
    assert published_for(others) == ()
    assert published_for((*CHANNELS, Channel("flair", "mri"))) == ()

"""An augmentation and a scheme of normalisation of another package."""

import dataclasses
import sys

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from ricenet_v2.cli import plan_and_preprocess, predict, train
from ricenet_v2.core import documents, plugins
from ricenet_v2.core.errors import PlanError, PluginError
from ricenet_v2.phantom.cohort import NAME, write_cohort
from ricenet_v2.planning.channels import plan_channel
from ricenet_v2.preprocessing.normalise import normalise
from ricenet_v2.records.augmentations import AUGMENTATIONS
from ricenet_v2.records.fingerprint import ChannelFingerprint, Distribution
from ricenet_v2.records.normalisation import SCHEMES, describe_scheme, faults_of, normalised_value
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import FurtherChange, Normalisation, PluginUse
from ricenet_v2.records.plugins import with_plugins
from ricenet_v2.store.cases import read_array
from ricenet_v2.store.images import read_image
from ricenet_v2.store.workspace import dataset_paths
from ricenet_v2.training.augmentation.apply import augment
from ricenet_v2.training.augmentation.draw import draw_named
from ricenet_v2.training.settings import with_settings
from tests.plugins.installed import SMALL, write_metadata

PACKAGE = ("ricenet_example_augmentation", "0.2.0")


@pytest.fixture(scope="module")
def workspace(examples, tmp_path_factory):
    """A cohort that was planned by the preset of the package; one fold is trained."""
    workspace = tmp_path_factory.mktemp("augmentation")
    write_cohort(workspace / "raw" / NAME, seed=1, **SMALL)
    named = [NAME, "--workspace", str(workspace)]
    assert plan_and_preprocess.main([*named, "--preset", "biased", "--num_workers", "1"]) == 0
    short = ["--epochs", "1", "--set", "iterations_per_epoch=1", "--device", "cpu", "-p", "biased"]
    short += ["--num_workers", "0"]
    assert train.main([NAME, "0", *short, *named[1:]]) == 0
    return workspace


def test_the_plan_chooses_both_and_says_what_brings_them(workspace):
    plan = documents.read(Plan, dataset_paths(NAME, workspace).plan("biased"))
    schemes = [channel.normalisation.scheme for channel in plan.channels]
    assert schemes == ["percentile", "percentile", "divide"]
    assert plan.training.augmentation.further == {"bias_field": FurtherChange(0.5)}
    assert plan.plugins == (
        PluginUse("presets", "biased", *PACKAGE),
        PluginUse("normalisation", "percentile", *PACKAGE),
        PluginUse("augmentations", "bias_field", *PACKAGE),
    )
    assert plan.network.levels[0] == ()  # bands are for channels of absolute values
    assert plan.shapes_only == ()


def test_cases_are_normalised_by_the_scheme(workspace):
    paths = dataset_paths(NAME, workspace)
    plan = documents.read(Plan, paths.plan("biased"))
    folder = paths.cases("biased")
    case = min(file.stem for file in folder.glob("*.b2nd"))
    voxels = read_array(folder, case)[0]
    assert voxels.min() >= 0
    assert voxels.max() <= 1
    highest = plan.channels[0].normalisation.constants["highest"]
    raw, _ = read_image(paths.raw / "imagesTr" / f"{case}_0000.nii.gz")
    assert voxels.max() == pytest.approx(min(raw.max() / highest, 1), abs=0.1)


def test_it_predicts_what_it_learned_with(workspace, tmp_path):
    model = dataset_paths(NAME, workspace).run("biased", "all")
    images = workspace / "raw" / NAME / "imagesTs"
    where = ["-o", str(tmp_path / "out"), "--device", "cpu"]
    assert predict.main(["-i", str(images), "-m", str(model.folder), *where]) == 0
    how = documents.read(Plan, model.plan).channels[0].normalisation
    assert describe_scheme(how).endswith("and clipped to 0 to 1")


def test_the_change_is_the_field_on_images_and_none_on_dose(examples, make_plan, nothing):
    change = {"bias_field": FurtherChange(1.0, {"strength": 0.5})}
    plan = make_plan(kinds=("mri", "dose"), further=change, **nothing)
    images = torch.rand(1, 2, *plan.input_size) + 0.5
    drawn = draw_named(plan, 3)
    (further,) = drawn.further
    assert (further.name, further.channels) == ("bias_field", (0,))
    changed = augment(images, [drawn], plan)
    along = [
        np.exp(s * np.linspace(-1, 1, n))
        for s, n in zip(further.drawn, plan.input_size, strict=True)
    ]
    field = np.einsum("z,y,x->zyx", *along)
    np.testing.assert_allclose(changed[0, 0], images[0, 0].numpy() * field, rtol=1e-5)
    assert torch.equal(changed[0, 1], images[0, 1])


HEAD = """
from ricenet_v2.records.augmentations import AugmentationSpecification
from ricenet_v2.records.normalisation import NormalisationSpecification
from ricenet_v2.records.plan_parts import Normalisation
"""


@pytest.fixture
def bring(site):
    """A function that installs a package with an augmentation and a scheme of normalisation."""

    def bring(
        draw="lambda *_: 1",
        apply="lambda images, *_: images",
        normalise="None",
        more="",
        scheme="'in its way'",
        fit="(Normalisation('own'), 'why')",
    ):
        (site / "brings_changes.py").write_text(
            f"{HEAD}CHANGE = AugmentationSpecification('a change', {draw}, {apply}, {more})\n"
            f"SCHEME = NormalisationSpecification(lambda channel: {fit}, "
            f"{normalise}, lambda how: {scheme})\n"
        )
        entries = {
            "ricenet_v2.augmentations": {"change": "brings_changes:CHANGE"},
            "ricenet_v2.normalisation": {"own": "brings_changes:SCHEME"},
        }
        write_metadata(site, "brings_changes", "5", entries)
        plugins.forget()

    yield bring
    AUGMENTATIONS._loaded.clear()
    SCHEMES._loaded.clear()
    sys.modules.pop("brings_changes", None)


def test_a_geometric_change_is_drawn_once_and_given_all_channels(bring, make_plan, nothing):
    bring(apply="lambda images, *_: images.flip(1)", more="is_geometric=True")
    plan = make_plan(further={"change": FurtherChange(1.0)}, **nothing)
    images = torch.rand(2, len(plan.channels), *plan.input_size)
    changed = augment(images, [draw_named(plan, n) for n in range(2)], plan)
    assert torch.equal(changed, images.flip(2))


def test_a_change_of_probability_0_is_not_even_imported(bring, make_plan, nothing):
    bring(draw="1 / 0")
    plan = make_plan(further={"change": FurtherChange(0.0)}, **nothing)
    assert draw_named(plan, 1).further == ()
    assert with_plugins(plan).plugins == ()


@pytest.mark.parametrize(
    ("how", "fault"),
    [
        ({"draw": "lambda *_: 1 / 0"}, r"change of brings_changes 5 cannot be drawn[\s\S]*ZeroDiv"),
        ({"apply": "lambda images, *_: images.x"}, r"brings_changes 5 cannot be applied"),
        ({"apply": "lambda images, *_: images[:, 1:]"}, r"brings_changes 5 does not give images"),
        ({"apply": "lambda images, *_: images * float('nan')"}, r"not finite[\s\S]*p_change=0"),
        ({"apply": "lambda images, *_: None"}, r"does not give images[\s\S]*NoneType"),
    ],
)
def test_a_change_that_fails_names_its_package(bring, make_plan, nothing, how, fault):
    bring(**how)
    plan = make_plan(kinds=("mri",), further={"change": FurtherChange(1.0)}, **nothing)
    with pytest.raises(PluginError, match=fault):
        augment(torch.rand(1, 1, *plan.input_size), [draw_named(plan, 1)], plan)


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("lambda *_: 1 / 0", r"own of brings_changes 5 cannot normalise[\s\S]*ZeroDivision"),
        ("lambda image, *_: image[1:]", r"own of brings_changes 5 does not give an image"),
        (
            "lambda image, *_: image / 0 * 0",
            r"does not give an image[\s\S]*8 values that are not",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_scheme_that_fails_names_its_package(bring, code, fault):
    bring(normalise=code)
    image = np.ones((2, 2, 2), dtype=np.float32)
    with pytest.raises(PluginError, match=fault):
        normalise(image, image > 0, Normalisation("own"))


def test_a_scheme_that_cannot_be_described_names_its_package(bring):
    bring(scheme="how.constants['no']")
    with pytest.raises(PluginError, match=r"brings_changes 5 cannot be described[\s\S]*'no'"):
        describe_scheme(Normalisation("own"))


@pytest.mark.parametrize(
    ("way", "fault"),
    [
        ("'', value=lambda how, value: value / 0", r"cannot convert a value[\s\S]*ZeroDivision"),
        ("'', faults=lambda how: how.no", r"cannot be checked[\s\S]*Attribute"),
    ],
)
def test_each_function_of_a_scheme_names_its_package(bring, way, fault):
    bring(scheme=way)
    how = Normalisation("own")
    with pytest.raises(PluginError, match=f"own of brings_changes 5 {fault}"):
        [normalised_value(how, 1.0), *faults_of(how)]


def test_what_is_fitted_must_be_a_normalisation(bring):
    bring(fit="('own', 'why')")
    flat = Distribution(*[0.0] * 7)
    measured = ChannelFingerprint("T1c", "mri", *[0.0] * 4, *[flat] * 3, 0.0)
    with pytest.raises(PluginError, match=r"own of brings_changes 5 gives[\s\S]*got: str"):
        plan_channel(measured, "own")


def test_a_scheme_that_is_not_installed_is_named():
    image = np.ones((2, 2, 2), dtype=np.float32)
    with pytest.raises(PluginError, match="no scheme of normalisation 'own'"):
        normalise(image, image > 0, Normalisation("own"))


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"augmentation.p_bias": "1"}, r"no setting[\s\S]*augmentation.p_bias_field"),
        ({"augmentation.bias_field.width": "1"}, r"no setting[\s\S]*bias_field.strength"),
        ({"augmentation.p_bias_field": "2"}, "less than or equal to 1"),
        ({"augmentation.bias_field": "1"}, "no setting"),
    ],
)
def test_a_wrong_setting_of_a_change_is_named(examples, make_plan, settings, fault):
    with pytest.raises(PlanError, match=fault):
        with_settings(make_plan(), settings)


def test_a_constant_that_a_scheme_needs_is_missed_where_the_plan_is_read(examples, make_plan):
    channel = dataclasses.replace(
        make_plan().channels[0], normalisation=Normalisation("percentile")
    )
    with pytest.raises(ValidationError, match=r"normalisation\.constants\.highest: needed by"):
        dataclasses.replace(make_plan(kinds=("mri",)), channels=(channel,))

"""Images of a format that another package reads go through the whole chain, with its metric."""

import shutil
import sys

import numpy as np
import pytest

from ricenet_v2.core import plugins
from ricenet_v2.core.errors import DatasetError, GeometryError, PluginError, RicenetError
from ricenet_v2.core.grid import Grid
from ricenet_v2.store.image_files import format_of
from ricenet_v2.store.images import (
    read_grid,
    read_image,
    read_whole_image,
    write_image,
    write_image_like,
)
from ricenet_v2.store.readers import READERS, reader_of
from ricenet_v2.store.stored_image import StoredImage
from tests.plugins.installed import write_metadata

RAS = (-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0)


def test_an_image_is_turned_as_those_of_other_formats_are(examples, tmp_path):
    from ricenet_example_reader import write

    voxels = np.random.default_rng(0).random((3, 4, 5), dtype=np.float32)
    grid = Grid(voxels.shape, (3.0, 2.0, 1.0), (7.0, 8.0, 9.0), RAS)
    write(tmp_path / "a.npz", voxels, grid)
    write_image(tmp_path / "a.nii.gz", voxels, grid)
    ours, theirs = (read_image(tmp_path / name) for name in ("a.npz", "a.nii.gz"))
    np.testing.assert_array_equal(ours[0], theirs[0])
    np.testing.assert_array_equal(ours[0], voxels[:, ::-1, ::-1])
    assert ours[1].distance(theirs[1]) < 1e-4
    assert read_grid(tmp_path / "a.npz").distance(theirs[1]) < 1e-4
    assert {StoredImage(tmp_path / name).axes for name in ("a.npz", "a.nii.gz")} == {"RAS"}
    write_image_like(tmp_path / "b.nii.gz", ours[0], tmp_path / "a.npz")
    np.testing.assert_array_equal(read_image(tmp_path / "b.nii.gz")[0], ours[0])
    assert StoredImage(tmp_path / "b.nii.gz").axes == "RAS"


def test_voxels_that_are_not_finite_are_counted(examples, tmp_path):
    from ricenet_example_reader import write

    voxels = np.zeros((2, 2, 2))
    voxels[0, 0] = (np.nan, np.inf)
    write(tmp_path / "a.npz", voxels, Grid((2, 2, 2), (1.0, 1.0, 1.0)))
    seen = StoredImage(tmp_path / "a.npz").scan()
    assert (seen.n_nan, seen.n_infinite, seen.n_voxels) == (1, 1, 8)
    with pytest.raises(DatasetError, match="1 NaN and 1 infinite of 8"):
        read_whole_image(tmp_path / "a.npz")


@pytest.fixture
def bring(site):
    """A function that installs a package that reads `.odd`, and writes such a file."""

    def bring(read, entry="odd"):
        (site / "reads_odd.py").write_text(
            "import numpy as np\n"
            "from ricenet_v2.core.grid import Grid\n"
            "from ricenet_v2.store.readers import ReaderSpecification\n"
            f"ODD = ReaderSpecification({read})\n"
        )
        write_metadata(site, "reads_odd", "4", {"ricenet_v2.readers": {entry: "reads_odd:ODD"}})
        plugins.forget()
        (site / "image.odd").write_text("odd")
        return site / "image.odd"

    yield bring
    READERS._loaded.clear()
    sys.modules.pop("reads_odd", None)


@pytest.mark.parametrize(
    ("read", "kind", "fault"),
    [
        ("lambda p: (np.ones((1, 2, 3)), Grid((1, 2, 4), (1.,) * 3))", DatasetError, "1, 2, 4"),
        ("lambda p: (np.ones((2, 3)), Grid((1, 2, 3), (1.,) * 3))", DatasetError, r"\(2, 3\)"),
        ("lambda p: (np.ones((1, 2, 3)) * 1j, Grid((1, 2, 3), (1.,) * 3))", DatasetError, "compl"),
        ("lambda p: (np.array('x'), Grid((1, 2, 3), (1.,) * 3))", DatasetError, "real numbers"),
        ("lambda p: (np.ones((1, 2, 3)), None)", DatasetError, "returned no geometry"),
        (
            "lambda p: (np.ones((1, 2, 3)), Grid((1, 2, 3), (1., 1., -1.)))",
            GeometryError,
            "abov",
        ),
        (
            "lambda p: (np.ones((1, 1, 1)), Grid((1,) * 3, (1.,) * 3, direction=(1., 0.1, 0., 0., "
            "1., 0., 0., 0., 1.)))",
            GeometryError,
            "right angles",
        ),
        (
            "lambda p: 1 / 0",
            PluginError,
            r"odd of reads_odd 4 cannot read image\.odd[\s\S]*Zero",
        ),
        ("lambda p: 7", PluginError, r"cannot read image\.odd[\s\S]*damaged, copy"),
        ("'reads_odd:nothing'", PluginError, "cannot be imported"),
    ],
)
def test_what_is_no_image_is_refused(bring, read, kind, fault):
    path = bring(read)
    for look in (read_image, read_grid, lambda path: StoredImage(path).scan()):
        with pytest.raises(kind, match=fault) as error:
            look(path)
        assert isinstance(error.value, RicenetError)


def test_a_grid_of_its_own_spares_the_voxels(bring):
    path = bring("lambda p: 1 / 0, lambda p: Grid((1, 2, 3), (1., 1., 1.))")
    assert read_grid(path).shape == (1, 2, 3)


def test_only_regular_files_are_handed_to_a_reader(bring, site):
    bring("lambda p: 1 / 0")
    (site / "folder.odd").mkdir()
    for name in ("folder.odd", "missing.odd"):
        with pytest.raises(DatasetError, match=r"cannot be read|no such image"):
            read_image(site / name)


def test_no_package_takes_an_ending_of_the_program(bring, site):
    bring("lambda p: 1 / 0", entry="nii.gz")
    write_image(site / "a.nii.gz", np.ones((2, 2, 2)), Grid((2, 2, 2), (1.0, 1.0, 1.0)))
    with pytest.raises(PluginError, match=r"nii.gz is ambiguous[\s\S]*ricenet_v2 itself"):
        read_image(site / "a.nii.gz")


def test_endings_are_looked_up_without_importing_anything(bring, site):
    bring("lambda p: 1 / 0")
    assert reader_of(site / "CASE_0000.ODD") == "odd"
    assert reader_of(site / "CASE_0000odd") == ""
    with pytest.raises(DatasetError, match=r"\.nhdr, .*\.odd"):
        format_of(site / "a.png")
    assert "reads_odd" not in sys.modules
    shutil.rmtree(site)

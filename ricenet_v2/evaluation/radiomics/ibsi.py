"""Features of a region by the definitions of the IBSI, computed by MIRP.

The features, their abbreviations and benchmark values are those of the reference manual of the
Image Biomarker Standardisation Initiative, arXiv 1612.07003. MIRP (EUPL-1.2, by the authors of that
initiative) is an optional package, see documentation/decisions/0015-mirp-for-radiomics.md.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from ricenet_v2.core.errors import PluginError
from ricenet_v2.core.packages import check_package, version_of
from ricenet_v2.core.types import Image, Mask

__all__ = [
    "FIRST_ORDER",
    "SHAPE",
    "TEXTURE",
    "check_mirp",
    "first_order_of",
    "shape_of",
    "texture_of",
    "version",
]

_NAMES = {
    "morph": "volume vol_approx area_mesh av comp_1 comp_2 sph_dispr sphericity asphericity diam "
    "pca_maj_axis pca_min_axis pca_least_axis pca_elongation pca_flatness vol_dens_aabb "
    "area_dens_aabb vol_dens_aee area_dens_aee vol_dens_conv_hull area_dens_conv_hull",
    "stat": "mean var skew kurt median min p10 p90 max iqr range mad rmad medad cov qcod energy "
    "rms",
    "cm": "joint_max joint_avg joint_var joint_entr diff_avg diff_var diff_entr sum_avg sum_var "
    "sum_entr energy contrast dissimilarity inv_diff inv_diff_norm inv_diff_mom inv_diff_mom_norm "
    "inv_var corr auto_corr clust_tend clust_shade clust_prom info_corr1 info_corr2",
    "rlm": "sre lre lgre hgre srlge srhge lrlge lrhge glnu glnu_norm rlnu rlnu_norm r_perc gl_var "
    "rl_var rl_entr",
    "szm": "sze lze lgze hgze szlge szhge lzlge lzhge glnu glnu_norm zsnu zsnu_norm z_perc gl_var "
    "zs_var zs_entr",
    "dzm": "sde lde lgze hgze sdlge sdhge ldlge ldhge glnu glnu_norm zdnu zdnu_norm z_perc gl_var "
    "zd_var zd_entr",
    "ngt": "coarseness contrast busyness complexity strength",
    "ngl": "lde hde lgce hgce ldlge ldhge hdlge hdhge glnu glnu_norm dcnu dcnu_norm dc_perc gl_var "
    "dc_var dc_entr dc_energy",
}
"""Names by family, in the order of the reference manual."""


def _of(*families: str) -> tuple[str, ...]:
    return tuple(f"{family}_{name}" for family in families for name in _NAMES[family].split())


SHAPE = _of("morph")
"""Shape features, in mm and powers of it; those that weigh voxels by intensity are left out."""
FIRST_ORDER = _of("stat")
"""First-order features of intensities, which are not discretised for them."""
TEXTURE = _of("cm", "rlm", "szm", "dzm", "ngt", "ngl")
"""Texture features in 3D: matrices of co-occurrence and run lengths averaged over 13 directions."""
N_BINS = 32
"""Grey levels between the lowest and the highest intensity of a region: a fixed bin number (K15C),
as the IBSI advises for intensities without a unit."""
_TEXTURE_FAMILIES = ("glcm", "glrlm", "glszm", "gldzm", "ngtdm", "ngldm")
_ENDINGS = ("_d1", "_3d")


def check_mirp() -> None:
    """Refuse radiomics where the package is missing.

    Raises:
        OptionError: With the command that installs it.
    """
    check_package("mirp", "radiomics", "leave out radiomics from --features")


def version() -> str:
    """Version of the package that computes; empty where it is not known."""
    return version_of("mirp")


def shape_of(mask: Mask) -> dict[str, float]:
    """The features of `SHAPE` of a mask with voxels of 1 mm; NaN where one is not defined.

    Args:
        mask: Axes (z, y, x), at least one voxel.
    """
    # Of a constant image: the features that need intensities are not among ours.
    return _extracted(mask.astype(np.float32), mask, ("morphological",), N_BINS, SHAPE)


def first_order_of(image: Image, mask: Mask) -> dict[str, float]:
    """The features of `FIRST_ORDER` of a region; NaN where one is not defined.

    Args:
        image: Axes (z, y, x).
        mask: The region, same axes, at least one voxel.
    """
    return _extracted(image, mask, ("statistics",), N_BINS, FIRST_ORDER)


def texture_of(image: Image, mask: Mask, n_bins: int = N_BINS) -> dict[str, float]:
    """The features of `TEXTURE` of a region; NaN where one is not defined.

    Args:
        image: Axes (z, y, x), voxels of one size along all axes.
        mask: The region, same axes, at least one voxel.
        n_bins: Grey levels.
    """
    return _extracted(image, mask, _TEXTURE_FAMILIES, n_bins, TEXTURE)


def _extracted(
    image: Image, mask: Mask, families: tuple[str, ...], n_bins: int, names: tuple[str, ...]
) -> dict[str, float]:
    import mirp  # optional, and takes seconds to import

    with _silent():
        (table,) = mirp.extract_features(
            image=np.asarray(image, dtype=np.float32),
            mask=mask.astype(np.uint8),
            by_slice=False,
            ibsi_compliant=True,
            base_feature_families=list(families),
            base_discretisation_method="fixed_bin_number",
            base_discretisation_n_bins=n_bins,
            glcm_spatial_method="3d_average",
            glrlm_spatial_method="3d_average",
            glszm_spatial_method="3d",
            gldzm_spatial_method="3d",
            ngtdm_spatial_method="3d",
            ngldm_spatial_method="3d",
        )
    (values,) = table.to_dict("records")
    return {name: _value(name, values) for name in names}


def _value(name: str, values: Mapping[str, Any]) -> float:
    """The value of a feature: its column has the abbreviation, then how it was computed."""
    starts = tuple(name + ending for ending in _ENDINGS)
    column = next((each for each in values if each == name or each.startswith(starts)), None)
    if column is None:
        raise PluginError(
            f"This version of MIRP does not give the feature {name}.",
            expected="version 2.5.0 or 2.7.0, which were compared with the IBSI",
            got=version() or "a version that is not known",
            remedy="pip install 'mirp>=2.5,<2.8'",
        )
    value = float(values[column])
    return value if np.isfinite(value) else float("nan")


@contextmanager
def _silent() -> Iterator[None]:
    """Silence what MIRP prints about its progress and about features that are not defined."""
    # MIRP sets up the root logger unless that has a handler.
    root, handler = logging.getLogger(), logging.NullHandler()
    root.addHandler(handler)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    finally:
        root.removeHandler(handler)

"""Packaging metadata of ricenet_v2; settings of tools are in pyproject.toml."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(
    r'__version__ = "([^"]+)"', (HERE / "ricenet_v2" / "version.py").read_text(encoding="utf-8")
)
COMMANDS = (
    "plan_and_preprocess",
    "train",
    "predict",
    "evaluate",
    "calibrate",
    "compare",
    "baseline",
    "convert",
    "benchmark",
    "report",
    "ablate",
    "demo",
    "explain",
)

setup(
    name="ricenet_v2",
    version=VERSION.group(1) if VERSION else "0",
    description="Self-configuring classification of 3D multimodal images, in the way of nnU-Net",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=find_packages(include=["ricenet_v2", "ricenet_v2.*"]),
    package_data={"ricenet_v2": ["py.typed", "report/templates/*", "report/assets/*"]},
    python_requires=">=3.10,<3.14",
    install_requires=[
        "torch>=2.4,!=2.9.*",
        "torchvision>=0.19",
        "batchgenerators>=0.25",
        "SimpleITK>=2.3",
        "numpy>=1.26",
        "scipy>=1.11",
        "acvl-utils>=0.2.3",
        "dynamic-network-architectures>=0.4",
        "scikit-learn>=1.4",
        "matplotlib>=3.8",
        "captum>=0.7",
        "contourpy>=1.2",
        "pillow>=10",
        "blosc2>=3.0",
        "tqdm>=4.66",
        "jinja2>=3.1",
        "pydantic>=2.12",
        "rich>=13.7",
        "threadpoolctl>=3.1",
        "typing-extensions>=4.9",
    ],
    extras_require={
        "tensorboard": ["tensorboard>=2.14"],
        "mlflow": ["mlflow-skinny>=2.16"],
        "dask": ["distributed>=2026.1"],
        "test": [
            "pytest>=8",
            "tensorboard>=2.14",
            "pytest-cov>=5",
            "pytest-xdist>=3.6",
            "hypothesis>=6.100",
            "ruff>=0.8",
            "mypy>=1.13",
            "import-linter>=2.1",
            "types-tqdm",
            "scipy-stubs",
            "playwright>=1.50",
            "statsmodels>=0.14",
        ],
    },
    entry_points={
        "console_scripts": [f"ricenet_{name} = ricenet_v2.cli.{name}:main" for name in COMMANDS]
    },
    classifiers=[
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Medical Science Apps.",
    ],
)

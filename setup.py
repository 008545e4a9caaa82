"""The version and the ranges of requirements; everything else is in pyproject.toml.

Requirements stand here as literals: `.ci/oldest.py` reads their floors without running this file.
"""

import re
from pathlib import Path

from setuptools import setup

HERE = Path(__file__).parent
VERSION = re.search(
    r'__version__ = "([^"]+)"', (HERE / "ricenet_v2" / "version.py").read_text(encoding="utf-8")
)

setup(
    version=VERSION.group(1) if VERSION else "0",
    install_requires=[
        # weights_only ran code of a file before 2.6 (CVE-2025-32434) and let one write over memory
        # before 2.10 (CVE-2026-24747).
        "torch>=2.10",
        "torchvision>=0.25",
        # Its workers can be paused from 0.25.3 on.
        "batchgenerators>=0.25.3",
        # ITK 5.4, whose readers were mended for malformed DICOM and TIFF.
        "SimpleITK>=2.5.2",
        # A directory could name files outside of its folder before 3.0.2 (CVE-2026-32711).
        "pydicom>=3.0.2",
        "highdicom>=0.27",
        # Decodes JPEG Lossless. 3.0.24 reads out of bounds in a damaged JPEG (CVE-2025-53618).
        "python-gdcm>=3.2.2",
        "numpy>=1.26",
        "scipy>=1.11.1",
        "dynamic-network-architectures>=0.4.1",
        # Connected components and their sizes; in tests the reference of boxes and padding.
        "acvl-utils>=0.2.3",
        "scikit-learn>=1.4",
        # A picture knows the whole figure that it is part of from 3.10 on.
        "matplotlib>=3.10",
        "captum>=0.7",
        "contourpy>=1.2",
        "pillow>=10",
        # Opening a frame ran a function saved in it before 4.14.1, the first that asks. Frames are
        # read without opening them (store/frames.py), since Python 3.10 has none later than 4.3.3.
        'blosc2>=4.14.1 ; python_version >= "3.11"',
        'blosc2>=4.3.3 ; python_version < "3.11"',
        "tqdm>=4.66",
        # Attributes with a blank or a sign in their name were not escaped before 3.1.4.
        "jinja2>=3.1.4",
        "pydantic>=2.12",
        "rich>=13.7",
        # Completes options in a shell.
        "argcomplete>=3.4",
        "threadpoolctl>=3.1",
        "typing-extensions>=4.14.1",
    ],
    extras_require={
        "tensorboard": ["tensorboard>=2.14"],
        "mlflow": ["mlflow-skinny>=2.16"],
        "dask": ["distributed>=2026.1"],
        # Workbooks of public cohorts; with defusedxml no entity in them is expanded without end.
        "cohorts": ["openpyxl>=3.1.5", "defusedxml>=0.7.1"],
        # Masks of brains. Its networks are TorchScript and come with the package.
        "brain": ["deepbet>=1.0.2"],
        # Radiomic features. It brings all of ITK, 1.5 GiB; 2.5 is the last for Python 3.10.
        "radiomics": ["mirp>=2.5"],
        # Another engine of registration; it pins numpy<2.4 and scipy<1.16.
        "ants": ["antspyx>=0.6.1"],
        "test": [
            "pytest>=8",
            "distributed>=2026.1",
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
            # The page of the Python interface, and the notebook of the documentation.
            "docstring-parser>=0.16",
            "nbclient>=0.10.1",
            "ipykernel>=6.29",
            "statsmodels>=0.14",
            # Tests run setup.py, and Python 3.12 or later brings none.
            "setuptools>=77.0.3",
        ],
    },
)

"""The package as a whole."""

import subprocess
import sys
from pathlib import Path

import ricenet_v2

ROOT = Path(__file__).parents[1]


def test_setup_and_package_agree_on_the_version():
    printed = subprocess.run(
        [sys.executable, "setup.py", "--version"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert printed.stdout.split()[-1] == ricenet_v2.__version__


def test_importing_the_package_loads_no_torch():
    code = "import sys, ricenet_v2; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

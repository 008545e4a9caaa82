"""Presets of other packages are offered without being imported, and fail with a name."""

import subprocess
import sys

from ricenet_v2.cli import plan_and_preprocess
from ricenet_v2.core import plugins
from ricenet_v2.phantom.cohort import NAME
from tests.plugins.installed import write_metadata


def test_the_help_imports_nothing_of_a_package(site):
    groups = {"ricenet_v2.presets": {"loud": "is_loud:LOUD"}}
    (site / "is_loud.py").write_text("raise AssertionError('imported')\n")
    write_metadata(site, "is_loud", "1", groups)
    code = (
        "import sys; from ricenet_v2.cli import plan_and_preprocess as m;"
        "print(m.build_parser().format_help());"
        "assert not {'is_loud', 'torch', 'numpy'} & {*sys.modules}"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "loud" in done.stdout


def test_a_preset_that_cannot_be_imported_ends_the_command_with_its_name(site, raw_cohort, capsys):
    (site / "is_loud.py").write_text("raise ValueError('much too loud')\n")
    write_metadata(site, "is_loud", "1", {"ricenet_v2.presets": {"loud": "is_loud:LOUD"}})
    plugins.forget()
    command = [NAME, "--workspace", str(raw_cohort), "--preset", "loud", "--num_workers", "1"]
    assert plan_and_preprocess.main(command) == 2
    assert "preset loud of is_loud 1 cannot be imported" in capsys.readouterr().err

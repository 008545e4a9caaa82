"""Training on a machine whose shared memory is full."""

import os
import resource
import shutil
import subprocess
import sys

import numpy as np
import pytest

from ricenet_v2.training.shared_memory import SharedArrays

WORKERS = (
    "from ricenet_v2.cli import common\n"
    "from ricenet_v2.training.workers import Workers\n"
    "raise SystemExit(common.run(lambda: Workers([], 1)))\n"
)


def test_without_room_cases_are_not_kept_and_training_goes_on(caplog):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        arrays = SharedArrays(4, (1, 32, 32, 32))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    arrays.put(0, np.ones((1, 32, 32, 32), np.float32))
    assert arrays.n_slots == 0
    assert arrays.get(0) is None
    assert "changes no result" in caplog.text


def _may_mount():
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    words = ["unshare", "-m", "mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", "/dev/shm"]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not _may_mount(), reason="only root can put a small /dev/shm in its place")
def test_a_full_dev_shm_is_named_with_a_remedy():
    script = (
        "mount -t tmpfs -o size=4k tmpfs /dev/shm && head -c 4096 /dev/zero > /dev/shm/x; "
        f'exec "{sys.executable}" -c "$0"'
    )
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, WORKERS], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "/dev/shm (0 bytes free)" in done.stderr
    assert "--num_workers 0" in done.stderr
    assert "Traceback" not in done.stderr

"""One process trains a fold."""

import subprocess
import sys

import pytest

from ricenet_v2.core.errors import TrainingError
from ricenet_v2.training import fold as fold_module
from ricenet_v2.training import loop

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="locks of POSIX")

# Says whether it got the lock, and keeps it until it is killed.
HOLDER = """
import pathlib, sys
from ricenet_v2.core.locks import held
with held(pathlib.Path(sys.argv[1])) as is_ours:
    print("free" if is_ours else "held", flush=True)
    sys.stdin.read()
"""


def other_process(path):
    """Another process that tries to take the lock, and what it said."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-c", HOLDER, path], **pipes)
    return process, process.stdout.readline().strip()


def looked_at_by_another(path):
    process, said = other_process(path)
    process.communicate("")
    return said


def test_a_fold_that_another_process_trains_is_left_alone(plan, make_workspace, run_fold):
    paths = make_workspace(plan)
    fold = paths.run().fold(0)
    process, said = other_process(fold.lock)
    assert said == "free"
    for resume in (False, True):
        with pytest.raises(TrainingError, match="trained by another process"):
            run_fold(paths, resume=resume)
    assert list(paths.run().folder.iterdir()) == [fold.lock]
    process.kill()
    process.communicate()
    # The lock ends with its process, however that ends.
    assert run_fold(paths).status == "finished"
    assert not fold.lock.exists()


def test_a_training_holds_its_fold_to_its_end(plan, make_workspace, run_fold, monkeypatch):
    paths = make_workspace(plan)
    fold = paths.run().fold(0)
    said = []
    for module, name in ((loop, "mean_loss"), (fold_module, "write_validation")):
        real = getattr(module, name)

        def looking(*given, real=real, **more):
            if len(said) < 2 or real.__name__ == "write_validation":
                fold.log.read_text()  # anybody may read the log meanwhile
                said.append(looked_at_by_another(fold.lock))
            return real(*given, **more)

        monkeypatch.setattr(module, name, looking)
    run_fold(paths)
    assert said == ["held"] * 3
    assert looked_at_by_another(fold.lock) == "free"


def test_an_error_ends_it(plan, make_workspace, run_fold, monkeypatch):
    paths = make_workspace(plan)

    def failing(*given):
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(loop, "mean_loss", failing)
        with pytest.raises(OSError, match="No space"):
            run_fold(paths)
    assert looked_at_by_another(paths.run().fold(0).lock) == "free"
    assert run_fold(paths, resume=True).status == "finished"


@pytest.mark.parametrize("resume", [False, True])
def test_what_another_process_trained_before_the_lock_was_free_is_seen(
    plan, make_workspace, run_fold, monkeypatch, resume
):
    paths = make_workspace(plan)
    final, real, times = paths.run().fold(0).final, fold_module.held, []

    def after_another(path):
        monkeypatch.setattr(fold_module, "held", real)
        run_fold(paths)  # passes the same checks, and is finished before this one goes on
        times.append(final.stat().st_mtime_ns)
        return real(path)

    monkeypatch.setattr(fold_module, "held", after_another)
    if resume:
        assert run_fold(paths, resume=True).status == "finished"
    else:
        with pytest.raises(TrainingError, match="already there"):
            run_fold(paths)
    assert times == [final.stat().st_mtime_ns]

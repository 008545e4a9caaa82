"""A few attempts of each kind of the attack, and its table."""

import importlib
import random
import sys

import pytest

from benchmarks.hostile import __main__ as command
from benchmarks.hostile import (
    attack,
    cohort,
    commands,
    conversion,
    datasets,
    faults_images,
    faults_tables,
    flips,
    kills,
    mutations,
    running,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are read from /proc")
ERROR = "Warning: C01 is dark\nError: What.\n  case: C07\n  file: C07_0001.nii.gz\n"


def test_words_count_only_where_they_stand_together():
    answer = commands.Answer(2, ERROR)
    assert attack.is_named(answer, ("C07", r"_0001\.nii"))
    assert not attack.is_named(answer, ("C01", r"_0001\.nii"))
    assert not attack.is_named(commands.Answer(0, ERROR), ("C07",))
    assert not attack.is_named(
        commands.Answer(2, f"Traceback (most recent call last):\n{ERROR}"), ()
    )


def test_there_are_as_many_attempts_as_the_page_says():
    tries = datasets.tries()
    assert len(tries) >= 315
    assert len({one.name + str(one.row) for one in tries}) >= 0.95 * len(tries)
    assert sum(one.kills for one in kills.COMMANDS) >= 76


@pytest.mark.walk
@pytest.mark.parametrize(
    ("fault", "held"),
    [
        (faults_images.FAULTS[2], True),
        (faults_tables.CELLS[0], True),
        (datasets.Fault("nothing", lambda place: None, ("dark",)), False),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_faults_of_a_dataset(tmp_path, fault, held):
    outcome = datasets.attempt(datasets.Try(datasets.TABLES, fault), tmp_path)
    assert outcome.held == held, outcome.said


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return cohort.planned(tmp_path_factory.mktemp("sound"))


@pytest.mark.walk
def test_a_killed_command_goes_on(tmp_path, sound):
    outcomes = kills.killed(kills.COMMANDS[0], sound, tmp_path / "w", 1, random.Random(0))
    assert [one.held for one in outcomes] == [True]


@pytest.mark.walk
def test_names_that_are_paths_are_tried(tmp_path, sound):
    every = {name: (name, spoil, words) for name, spoil, words in running.attacks()}
    ground = attack.Ground(tmp_path)
    assert running.tried(every["'../../../x' as a case"], sound, ground).held


def test_each_reader_meets_a_mutation(tmp_path):
    ground = attack.Ground(tmp_path, share=0.003)
    outcomes = list(mutations.attempts(ground))
    assert len({one.name for one in outcomes}) > 20
    assert sum(one.held for one in outcomes) > 0.8 * len(outcomes)


def test_the_command_answers_help(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["hostile", "--help"])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 0
    assert "--quick" in capsys.readouterr().out


def test_a_process_that_stays_behind_is_found(tmp_path):
    running = commands.Running("plan_and_preprocess", ["--help"], tmp_path / "log", _leave_one)
    assert running.ended().code == 0
    assert len(running.orphans(seconds=0.2)) == 1
    assert running.orphans(seconds=5) == []


def _leave_one():
    import subprocess

    subprocess.Popen(["sleep", "60"])


@pytest.mark.walk
def test_flipped_bits_are_refused_and_what_is_read_is_not_held(tmp_path, sound):
    file = tmp_path / "a.txt"
    file.write_bytes(b"abc")
    chance = random.Random(0)
    made = list(flips.flipped("k", file, 3, lambda path: path.read_bytes(), [], tmp_path, chance))
    assert [one.held for one in made] == [False] * 3
    stored = sound.cases(cohort.PLAN)

    def read(path):
        return flips.read_array(path.parent, "C03")

    folder = tmp_path / "flipped"
    folder.mkdir()
    given = (stored / "C03.b2nd", 5, read, [stored / "C03.json"], folder, chance)
    assert all(one.held for one in flips.flipped("k", *given))


def test_the_table_counts_what_held_and_every_part_has_its_rows():
    made = [attack.Outcome(flips.KINDS[0], "x", n > 0, "said") for n in range(3)]
    text = command.section(made, ["flips"], 90)
    assert f"| {flips.KINDS[0]} | 3 | 2 |" in text
    assert command.not_held(made) == f"{flips.KINDS[0]} | x | said\n"
    for part in command.PARTS:
        assert importlib.import_module(f"benchmarks.hostile.{part}").ATTACK.kinds


@pytest.mark.walk
def test_a_killed_scan_goes_on(tmp_path):
    stage, workspace = conversion.STAGES[0], tmp_path / "w"
    made = stage.command(workspace, conversion.prepared(stage, workspace))
    outcomes = kills.killed_again(made, workspace, 1, random.Random(0))
    assert [one.held for one in outcomes] == [True]


def test_some_parts_alone_leave_the_rows_of_the_others():
    outcomes = [attack.Outcome("killed planning", "a", True, ""),
                attack.Outcome("hashing", "b", True, "Hashing takes 1 %.")]  # fmt: skip
    earlier = command.section(outcomes, ("kills", "hashing"), 600)
    new = [attack.Outcome(conversion.KIND, "c", True, "")] * 3
    made = command.section(new, ("conversion",), 120)
    once = command.merged(earlier, made, ["conversion"])
    rows = [line for line in once.splitlines() if line.startswith("|")]
    assert [row.split(" | ")[0] for row in rows[2:]] == [
        "| killed planning", f"| {conversion.KIND}", "| hashing",
    ]  # fmt: skip
    assert "| 3 | 3 |" in rows[3]
    assert once.startswith("It took 10 minutes")
    assert "\n\nconversion alone: it took 2 minutes" in once
    assert once.endswith("Hashing takes 1 %.")
    assert command.merged(once, made, ["conversion"]) == once

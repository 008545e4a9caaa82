"""Documents of before probabilities were corrected keep their meaning; newer ones come back."""

from pathlib import Path

import pytest

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DocumentError
from ricenet_v2.records.calibration import Calibration, Trial
from ricenet_v2.records.prediction import Predictions
from ricenet_v2.records.prior import MemberPrior, Prior, Recalibration
from ricenet_v2.records.run import Run

GOLDEN = Path(__file__).parent / "golden"
PRIOR = Prior((0.5, 0.5), (12, 3))


def test_a_calibration_of_older_versions_is_a_temperature():
    found = documents.read(Calibration, GOLDEN / "calibration_1.json")
    assert (found.form, found.temperature, found.description) == (
        "temperature",
        1.5,
        "Temperature 1.500",
    )
    assert (found.prior, found.offsets, found.trials) == ((), (), ())


def test_predictions_of_older_versions_are_not_corrected():
    found = documents.read(Predictions, GOLDEN / "predictions_1.json")
    assert (found.priors, found.prior, found.decide) == ((), (), None)
    assert found.applied == Recalibration(1 / 1.5)
    assert found.applied.description == "temperature 1.500"
    assert found.cases[0].probabilities == (0.3, 0.7)


def test_a_run_of_older_versions_says_no_prior():
    found = documents.read(Run, GOLDEN / "run_1.json")
    assert (found.prior, found.decide, found.n_folds) == (None, None, 5)


def test_shares_are_those_of_the_counts():
    assert PRIOR.shares == pytest.approx((0.8, 0.2))


@pytest.mark.parametrize(
    "made",
    [
        Calibration(
            1 / 0.8, None, None, 20, 20, "m", {}, (), (), form="slope and offset", slope=0.8,
            offsets=(0.1, -0.1), classes=("a", "b"), prior=(0.8, 0.2),
            trials=(Trial("nothing", 0.5, 0, "as they are"), Trial("temperature", None, 25, "few")),
        ),
        Predictions(
            "D", "auto", "h", {}, ("a", "b"), "mean", True, (), (), priors=(MemberPrior(2, PRIOR),),
            prior=(0.9, 0.1), prior_named=True, decide="probable", calibrated=True,
            recalibration=Recalibration(0.8, (0.1, -0.1)), warnings=("old",),
        ),
        Run(
            "D", "auto", "h", 0, ("T1c",), 0, "cpu", 2, "finished", 1, (), {}, prior=PRIOR,
            decide="balanced",
        ),
    ],
    ids=lambda made: made.document,
)  # fmt: skip
def test_what_is_written_comes_back(made, tmp_path):
    documents.write(tmp_path / "made.json", made)
    assert documents.read(type(made), tmp_path / "made.json") == made


def test_an_unknown_rule_is_refused(tmp_path):
    text = (GOLDEN / "run_1.json").read_text().replace('"n_folds": 5', '"decide": "by feeling"')
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(DocumentError, match="decide"):
        documents.read(Run, tmp_path / "run.json")


def test_words_name_the_numbers():
    made = Calibration(
        1.25, None, None, 1, 1, "", {}, (), (), form="slope and offset", slope=0.8,
        offsets=(0.25, -0.25), classes=("a", "b"),
    )  # fmt: skip
    assert made.description == "Slope 0.800 and offsets (a +0.250, b -0.250)"
    assert Recalibration(0.8, (0.25, -0.25)).description == "slope 0.800 and offsets +0.250, -0.250"

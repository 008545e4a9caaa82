"""fusion.json of every version is read, and says the same of a patient."""

from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit, logit

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DocumentError
from ricenet_v2.inference.fusion import covariates_of, fused
from ricenet_v2.records.fusion import Fusion

GOLDEN = Path(__file__).parent / "golden" / "fusion_1.json"


def test_a_fusion_of_schema_1_predicts_what_it_predicted():
    fusion = documents.read(Fusion, GOLDEN)
    assert (fusion.names, fusion.classes) == (("marker", "kind"), ("other", "event"))
    assert fusion.columns == ("log odds of event", "marker", "kind = yes")
    assert [side.name for side in fusion.compared] == [
        "image and covariates",
        "image",
        "covariates",
    ]
    assert len(fusion.fitted_on) == 5
    patient = covariates_of(fusion, {"marker": "60", "kind": "yes"}, "c")
    # By hand, from the numbers in the file.
    odds = -0.09200842937899822
    odds += 2.6592597292393805 * (logit(0.4) + 0.09084114945915157) / 1.38840970047684
    odds += 2.8322520437690555 * (60 - 51.30865000000001) / 14.066955238341382
    odds += 1.017158998221106 * (1 - 0.45355191256830585) / 0.4762099917936972
    given = fused(fusion, np.array([0.6, 0.4]), patient.values)
    assert given == pytest.approx([1 - expit(odds), expit(odds)], rel=1e-12)


def test_it_is_written_as_it_was(tmp_path):
    documents.write(tmp_path / "fusion.json", documents.read(Fusion, GOLDEN))
    assert (tmp_path / "fusion.json").read_bytes() == GOLDEN.read_bytes()


def test_one_that_was_edited_is_refused(tmp_path):
    edited = tmp_path / "fusion.json"
    edited.write_text(
        GOLDEN.read_text(encoding="utf-8").replace("-0.09200842937899822", "0.5"), encoding="utf-8"
    )
    with pytest.raises(DocumentError):
        documents.read(Fusion, edited)

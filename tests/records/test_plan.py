import json

import pytest

from ricenet_v2.core import documents
from ricenet_v2.core.errors import PlanError
from ricenet_v2.records.plan import Plan
from ricenet_v2.store.paths import dataset_paths
from ricenet_v2.training.settings import with_settings


def test_a_number_of_workers_in_an_older_plan_is_read_and_means_nothing(planned_cohort, tmp_path):
    (name,) = (folder.name for folder in (planned_cohort / "raw").iterdir())
    path = dataset_paths(name, planned_cohort).plan()
    plan = documents.read(Plan, path)
    fields = json.loads(path.read_text())
    assert "num_workers" not in fields["training"]
    fields["training"]["num_workers"] = 3
    older = tmp_path / "plan.json"
    older.write_text(json.dumps(fields))
    read = documents.read(Plan, older)
    assert read == plan
    assert documents.fingerprint_of(read) == documents.fingerprint_of(plan)
    with pytest.raises(PlanError, match="num_workers"):
        with_settings(plan, {"num_workers": "2"})

"""What a fold was trained on is what it was trained on, and not what it held out."""

from types import SimpleNamespace

import torch

from ricenet_v2.training import feature_reference


def test_training_cases_make_the_reference_and_validation_cases_are_compared(monkeypatch):
    asked = []

    def features(network, reader, cases, group, size):
        asked.append((network, cases, size))
        return torch.arange(len(cases), dtype=torch.float64)[:, None]

    monkeypatch.setattr(feature_reference, "features_of_cases", features)
    monkeypatch.setattr(
        feature_reference, "fit_reference", lambda *parts: [part.tolist() for part in parts[:2]]
    )
    job = SimpleNamespace(
        train=("a", "b", "c"),
        validation=("d", "e"),
        plan=SimpleNamespace(training=SimpleNamespace(batch_size=4)),
        reader=None,
        process_group=None,
        **dict.fromkeys(("intensities", "directions", "sizes", "labels_of_masks")),
    )
    assert feature_reference.reference_of(job, "network") == [[[0], [1], [2]], [[3], [4]]]
    assert asked == [("network", ("a", "b", "c", "d", "e"), 4)]

"""SchedulingPolicies and ThroughputProfiles read what the API server stores."""

from __future__ import annotations

import msgspec
import pytest

from heterosched.api import SchedulingPolicy, ThroughputProfile
from manifests import a_policy, a_profile


def test_a_policy_is_read_with_its_defaults() -> None:
    policy = msgspec.convert(a_policy(weights={"speed": 70, "energy": 30}, pricePerKWh="0.31"), SchedulingPolicy)
    assert (policy.spec.weights.speed, policy.spec.weights.energy, policy.spec.weights.data) == (70, 30, 0)
    assert (policy.spec.price_per_kwh, policy.spec.currency) == ("0.31", "USD")
    assert (policy.spec.thermal.warn_celsius, policy.spec.telemetry.max_age_seconds) == (80, 60)


def test_a_policy_without_weights_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="weights"):
        msgspec.convert({"metadata": {"name": "p"}, "spec": {}}, SchedulingPolicy)


def test_a_profile_is_read_with_what_was_learned() -> None:
    manifest = a_profile("bert", "ns")
    manifest["status"] = {
        "devices": [{"device": "nvidia-v100", "samplesPerSecond": "401.5", "samples": 7, "confidencePercent": 90}]
    }
    profile = msgspec.convert(manifest, ThroughputProfile)
    assert profile.label == "ThroughputProfile ns/bert"
    assert (profile.spec.devices[0].samples_per_second, profile.spec.devices[0].origin) == ("390", "measured")
    assert (profile.status.devices[0].samples_per_second, profile.status.devices[0].samples) == ("401.5", 7)


def test_a_profile_that_learned_nothing_has_no_rows() -> None:
    assert msgspec.convert(a_profile(), ThroughputProfile).status.devices == []

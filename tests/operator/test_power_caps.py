"""The cap that the plan reckons with goes to the pods as advice and to the status, and such a run teaches nothing."""

from __future__ import annotations

from typing import Any

import msgspec

from heterosched.api import ThroughputProfile, decode_note
from heterosched.units import format_time
from heterosched_operator.actions import EmitEvent
from manifests import a_job, a_profile
from simulated import START, SimulatedCluster

CAPS = [{"capWatts": "150", "seconds": "125", "watts": "130"}]
ROW = {"device": "nvidia-v100", "seconds": "100", "watts": "250", "origin": "measured", "caps": CAPS}


def a_cluster(policy: str, **row: Any) -> SimulatedCluster:
    manifest = a_profile("p", "ns", devices=[{**ROW, **row}])
    manifest["metadata"].update(uid="uid-p", creationTimestamp=format_time(START - 60.0), generation=1)
    job = a_job("j").policy(policy).task("t", work={"profile": "p"}).gpus(1).manifest()
    return SimulatedCluster(job, profiles={("ns", "p"): msgspec.convert(manifest, ThroughputProfile)})


def pod_annotations(cluster: SimulatedCluster) -> dict[str, str]:
    (job,) = cluster.jobs.values()
    found: dict[str, str] = job["spec"]["template"]["metadata"]["annotations"]
    return found


def test_a_frugal_policy_advises_a_cap_on_pods_in_a_condition_and_in_the_plan_note() -> None:
    cluster = a_cluster("Energy")
    events: list[EmitEvent] = []
    for _ in range(4):
        events += [action for action in cluster.decide().actions if isinstance(action, EmitEvent)]
        cluster.operate()
    assert pod_annotations(cluster)["heterosched.io/power-cap-watts"] == "150"
    note = decode_note(pod_annotations(cluster))
    assert note is not None
    assert (note.seconds, note.watts) == ({"nvidia-v100": 125.0}, {"nvidia-v100": 130.0})
    advised = cluster.status.condition("PowerCapAdvised")
    assert advised is not None
    assert (advised.status, advised.reason) == ("True", "CapsChosen")
    assert "t 150 W on nvidia-v100; advice, whoever runs the nodes sets them" in advised.message
    assert cluster.status.tasks[0].planned.power_cap_watts == "150"
    told = {event.reason: event.message for event in events}
    assert "PowerCapAdvised" in told
    assert told["TaskReleased"].endswith(" under a cap of 150 W")


def test_without_a_frugal_policy_or_a_point_nothing_is_said_of_caps() -> None:
    for cluster in (a_cluster("Performance"), a_cluster("Energy", caps=[])):
        for _ in range(4):
            cluster.operate()
        assert "heterosched.io/power-cap-watts" not in pod_annotations(cluster)
        assert cluster.status.condition("PowerCapAdvised") is None


def test_a_run_under_an_advised_cap_teaches_nothing() -> None:
    cluster = a_cluster("Energy")
    for _ in range(20):
        cluster.operate()
        cluster.control()
        cluster.run(125.0)
    assert cluster.status.is_true("Completed")
    assert not cluster.profiles["ns", "p"].status.devices

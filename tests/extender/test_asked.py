"""What a pod asks is read from its plan note, its annotations and its requests; what cannot be used is remarked on."""

from __future__ import annotations

import pytest

from extender_calls import NOW, a_pod_manifest, a_snapshot, a_world, pod_object
from heterosched.api import PlanNote
from heterosched.constants import ANNOTATION_NUMA, ANNOTATION_PLAN, ANNOTATION_POLICY, ANNOTATION_PROFILE
from heterosched.kube.convert import Problems
from heterosched.policy.decide import Asked
from heterosched_extender.asked import asked_of
from heterosched_extender.snapshot import Figures, Snapshot


def asked(snapshot: Snapshot | None = None, **pod: object) -> Asked:
    found = asked_of(pod_object(a_pod_manifest("p", **pod)), snapshot or a_snapshot(t4=2, v100=1), Problems())  # type: ignore[arg-type]
    assert found is not None
    return found


def test_pods_of_other_schedulers_and_no_pod_at_all_are_not_ours() -> None:
    snapshot = a_snapshot(t4=1)
    foreign = pod_object(a_pod_manifest("p", scheduler="default-scheduler"))
    assert asked_of(foreign, snapshot, Problems()) is None
    assert asked_of(None, snapshot, Problems()) is None


@pytest.mark.parametrize("index, planned", [(0, (0,)), (1, (2,)), (7, (0, 2)), (None, (0, 2))])
def test_the_planned_node_is_that_of_the_completion_index(index: int | None, planned: tuple[int, ...]) -> None:
    note = PlanNote(device="nvidia-t4", nodes=("t4-0", "v100-0"))
    assert asked(plan=note, index=index).ask.planned == planned


def test_a_planned_node_that_is_gone_matches_no_row() -> None:
    assert asked(plan=PlanNote(nodes=("gone",))).ask.planned == (-1,)


def test_figures_and_policy_come_from_the_note() -> None:
    note = PlanNote(policy="Energy", device="nvidia-t4", seconds={"nvidia-t4": 2.0}, watts={"nvidia-t4": 70.0})
    found = asked(plan=note)
    assert found.ask.row.name == "Energy"
    assert found.ask.seconds == {"nvidia-t4": 2.0}
    assert found.allowed == {"nvidia-t4"}
    assert found.origin == "plan"


def test_a_run_time_that_was_concluded_is_remarked_on() -> None:
    note = PlanNote(seconds={"nvidia-t4": 2.0, "nvidia-v100": 1.0}, scaled={"nvidia-t4": "nvidia-v100"})
    assert asked(plan=note).remarks == (
        "the run time on nvidia-t4 was scaled from that on nvidia-v100: low confidence",
    )
    assert asked(plan=PlanNote(seconds={"nvidia-t4": 2.0})).remarks == ()


def test_impossible_figures_are_absent_but_their_devices_stay_allowed() -> None:
    note = PlanNote(device="cpu", seconds={"nvidia-t4": 0.0, "cpu": -1.0}, watts={"nvidia-t4": -5.0, "cpu": 0.0})
    found = asked(plan=note)
    assert found.ask.seconds == {}
    assert found.ask.watts == {"cpu": 0.0}
    assert found.allowed == {"cpu", "nvidia-t4"}


def test_without_figures_the_plan_forbids_no_device() -> None:
    assert asked(plan=PlanNote(device="nvidia-t4")).allowed == frozenset()


def test_a_pod_can_opt_in_with_policy_and_profile() -> None:
    world = a_world("t4-0")
    world.set_profiles({("default", "bert"): Figures({"nvidia-t4": 0.1}, {"nvidia-t4": 60.0}, "measured")})
    wishes = {ANNOTATION_POLICY: "Performance", ANNOTATION_PROFILE: "bert"}
    found = asked(world.snapshot(NOW), annotations=wishes)
    assert found.ask.row.name == "Performance"
    assert found.ask.seconds == {"nvidia-t4": 0.1}
    assert found.origin == "profile bert (measured)"
    assert found.allowed == frozenset()


@pytest.mark.parametrize(
    "annotations, words",
    [
        ({ANNOTATION_POLICY: "Fastest"}, "no policy Fastest: Balanced stands in"),
        ({ANNOTATION_PROFILE: "nope"}, "no ThroughputProfile nope"),
        ({ANNOTATION_PLAN: "{"}, "cannot be read"),
        ({ANNOTATION_PLAN: '{"v":99}'}, "cannot be read"),
    ],
)
def test_what_cannot_be_used_is_remarked_on_and_does_not_fail(annotations: dict[str, str], words: str) -> None:
    found = asked(annotations=annotations)
    assert any(words in remark for remark in found.remarks)
    assert found.ask.row.name == "Balanced"


def test_a_numa_wish_that_cannot_be_meant_is_told_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    problems, pod = Problems(), pod_object(a_pod_manifest("p", annotations={ANNOTATION_NUMA: "Requird"}))
    found = asked_of(pod, a_snapshot(t4=2), problems)
    assert found is not None
    told = "the annotation heterosched.io/numa is 'Requird', none of None, Preferred, Required: it is not used"
    assert found.remarks == (told,)
    assert (found.numa_required, found.ask.numa, problems.count) == (False, False, 1)
    assert told in caplog.text
    assert asked(annotations={ANNOTATION_NUMA: "None"}).remarks == ()


def test_requests_and_the_numa_wish_are_read() -> None:
    found = asked(gpus=3, cores="500m", annotations={ANNOTATION_NUMA: "Required"})
    assert (found.ask.gpus, found.ask.cores, found.numa_required) == (3.0, 0.5, True)

"""Beside Kueue its quota admits and HeteroSched places: Jobs, JobSets and pods alike, each by its own part.

The managers of Kueue and JobSet are real, their webhooks too; `make kueue` builds them once, and without them these
tests are skipped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from examples import EXAMPLES, documents, simulated
from manifests import a_job
from processes import wait_until
from queueing import HOW, lacking, queueing_folder
from queues import Queues
from spaces import Space, lasting
from stack import Stack

NODES = ("v100-0", "t4-0", "cpu-0")
Json = dict[str, Any]
MISSING = lacking(queueing_folder())
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"no {', '.join(MISSING)} in {queueing_folder()}: {HOW}")
QUEUE = "kueue.x-k8s.io/queue-name"
A_WHILE_S = 4.0
LIMIT_S = 120.0


@pytest.fixture(scope="module")
def queues(stack: Stack) -> Iterator[Queues]:
    """Kueue and JobSet beside the stack, with the quota of examples/kueue.yaml: two GPUs."""
    found = Queues(stack.plane).up()
    cluster = [one for one in documents(EXAMPLES / "kueue.yaml") if one["kind"] in ("ResourceFlavor", "ClusterQueue")]
    Space(stack.plane, "default").apply(*cluster)
    yield found


@pytest.fixture
def queue(queues: Queues, space: Space) -> Space:
    """The test's namespace with its LocalQueue `team-a`."""
    space.apply(*(one for one in documents(EXAMPLES / "kueue.yaml") if one["kind"] == "LocalQueue"))
    return space


def suspended(space: Space, kind: str, name: str) -> bool:
    """Whether an object is suspended."""
    found = space.plane.kubectl("get", kind, name, f"--namespace={space.name}", "--output=json")
    return bool(json.loads(found)["spec"].get("suspend"))


def conditions(space: Space, kind: str, name: str) -> set[str]:
    """The conditions of an object that hold."""
    found = json.loads(space.plane.kubectl("get", kind, name, f"--namespace={space.name}", "--output=json"))
    return {one["type"] for one in found.get("status", {}).get("conditions", ()) if one["status"] == "True"}


def placed_by_us(stack: Stack, space: Space) -> bool:
    """Whether the extender decided on each pod and soon hears where it was bound: to its best node or to one that
    scores as much, for kube-scheduler settles ties.
    """

    def followed(pod: str, node: str) -> bool:
        decided = stack.decision(space.name, pod, node)
        if decided is None:
            return False
        return bool(decided["bound"] == node and decided["asked"]["score"] == decided["best"]["score"])

    places = space.places()
    return bool(places) and wait_until(lambda: all(followed(*placed) for placed in places.items()), 20.0, 0.3)


def test_the_quota_admits_one_job_after_the_other_and_each_goes_where_its_policy_says(
    stack: Stack, queue: Space
) -> None:
    first, second = (simulated(one, 8) for one in documents(EXAMPLES / "kueue.yaml") if one["kind"] == "Job")
    queue.apply(*(one for one in documents(EXAMPLES / "kueue.yaml") if one["kind"] == "ThroughputProfile"), first)
    assert wait_until(lambda: len(queue.places()) == 2, LIMIT_S, 0.2), queue.get("workloads")
    queue.apply(second)
    done = ("sweep-1", "sweep-2")
    assert wait_until(lambda: all("Complete" in conditions(queue, "job", name) for name in done), LIMIT_S, 0.3)
    earlier, later = sorted(queue.get("jobs"), key=lambda job: str(job["metadata"]["name"]))
    ended = earlier["status"]["completionTime"]
    assert later["metadata"]["creationTimestamp"] < ended <= later["status"]["startTime"]
    assert list(queue.places().values()) == ["v100-0"] * 4
    assert placed_by_us(stack, queue)


def test_a_job_set_runs_by_its_own_controller_and_each_pod_is_placed_by_us(stack: Stack, queue: Space) -> None:
    queue.apply(*(simulated(one, 3) for one in documents(EXAMPLES / "jobset.yaml")))
    assert wait_until(lambda: len(queue.places()) == 3, LIMIT_S, 0.2), queue.get("pods")
    assert placed_by_us(stack, queue)
    policies = {stack.decision(queue.name, pod)["policy"] for pod in queue.places()}  # type: ignore[index]
    assert policies == {"Balanced", "Performance"}
    assert wait_until(lambda: "Completed" in conditions(queue, "jobset", "simulation"), LIMIT_S, 0.2)


def test_a_job_set_with_a_queue_waits_for_quota_first(stack: Stack, queue: Space) -> None:
    (given,) = (simulated(one, 3) for one in documents(EXAMPLES / "jobset.yaml"))
    wide = json.loads(json.dumps(given))
    wide["metadata"] |= {"name": "wide", "labels": {QUEUE: "team-a"}}
    wide["spec"]["replicatedJobs"][1]["replicas"] = 3  # one GPU more than the quota has
    given["metadata"]["labels"] = {QUEUE: "team-a"}
    queue.apply(wide)
    assert not wait_until(lambda: bool(queue.get("pods")), A_WHILE_S, 0.5)
    assert suspended(queue, "jobset", "wide")
    queue.plane.kubectl("delete", "jobset", "wide", f"--namespace={queue.name}")
    queue.apply(given)
    assert wait_until(lambda: len(queue.places()) == 3, LIMIT_S, 0.2), queue.get("workloads")
    assert placed_by_us(stack, queue)
    assert wait_until(lambda: "Completed" in conditions(queue, "jobset", "simulation"), LIMIT_S, 0.2)


def test_hetero_jobs_run_beside_kueue_untouched(queue: Space) -> None:
    queue.apply(a_job("ours").template(lasting(1)).task("main").gpus(1, "nvidia-v100").runtime({"nvidia-v100": 1}))
    queue.until_completed("ours")
    assert queue.get("workloads") == []


def test_the_pods_of_a_hetero_job_wait_for_quota_where_their_template_names_a_queue(stack: Stack, queue: Space) -> None:
    template = lasting(8)
    template["template"]["metadata"]["labels"] = {QUEUE: "team-a"}
    job = a_job("queued").template(template)
    for number in range(3):  # one GPU each, and the quota has two
        job.task(f"part-{number}").gpus(1, "nvidia-v100").runtime({"nvidia-v100": 8})
    queue.apply(job)
    status = queue.until_completed("queued", LIMIT_S)
    assert [task["state"] for task in status["tasks"]] == ["Succeeded"] * 3
    assert len(queue.get("workloads")) == 3
    actual = [task["actual"] for task in status["tasks"]]
    assert max(run["start"] for run in actual) >= min(run["finish"] for run in actual), actual
    assert placed_by_us(stack, queue)

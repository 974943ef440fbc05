"""Whatever stands in a file, `heterosched plan -f` ends in a plan, or in one line of object, field and remedy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

HEAD = """
apiVersion: heterosched.io/v1alpha1
kind: HeteroJob
metadata: {name: bad}
spec:
  templates:
  - {name: cpu, template: {spec: {containers: [{name: m, image: b, resources: {requests: {cpu: "1"}}}]}}}
  - {name: gpu, template: {spec: {containers: [{name: m, image: b, resources: {limits: {nvidia.com/gpu: 1}}}]}}}
"""
POLICY = """
---
apiVersion: heterosched.io/v1alpha1
kind: SchedulingPolicy
metadata: {name: own}
spec: {weights: {speed: 1}, %s}
"""
CLUSTER = "nodes: [{name: t4, device: nvidia-t4, gpus: 2, cpu: 8, memory: 64Gi}, {name: cpu, cpu: 8, memory: 64Gi}]"


def one(work: str, more: str = "") -> str:
    return f"{HEAD}{more}  tasks: [{{name: a, templateRef: cpu, work: {{runtimeOn: [{{device: cpu, {work}}}]}}}}]\n"


def two(first: str, second: str) -> str:
    own = "templateRef: cpu, work: {runtimeOn: [{device: cpu, seconds: 5}]}"
    return f"{HEAD}  tasks: [{{name: a, {own}{first}}}, {{name: b, {own}{second}}}]\n"


def on_gpu(devices: str, figures: str, more: str = "") -> str:
    work = f"work: {{runtimeOn: [{figures}]}}"
    return f"{HEAD}  tasks: [{{name: a, templateRef: gpu, devices: {{allow: [{devices}]}}, {work}{more}}}]\n"


SECONDS = "HeteroJob default/bad: spec.tasks[a].work.runtimeOn[cpu].seconds: "
REFUSED = {
    "nan": (one("seconds: .nan"), SECONDS + "nan is not a finite number; write 12.5 or 8Gi"),
    "nan as text": (one('seconds: "NaN"'), SECONDS + "'NaN' is no quantity; write"),
    "infinity": (one("seconds: .inf"), SECONDS + "inf is not a finite number; write"),
    "zero": (one("seconds: 0"), SECONDS + "0 is not above zero; give a positive quantity"),
    "negative": (one("seconds: -1"), SECONDS + "-1 is not above zero; give a positive quantity"),
    "negative power": (one("seconds: 1, watts: -5"), "runtimeOn[cpu].watts: -5 is below 0; give"),
    "too large": (one('seconds: "1e400"'), SECONDS + "'1e400' is out of range; check the exponent"),
    "empty graph": (f"{HEAD}  tasks: []", "HeteroJob default/bad: spec.tasks: there is no task; add at least one"),
    "no graph": (f"{HEAD}  policy: Energy", "(document 1): spec.tasks: is not there; add it"),
    "self-edge": (two(", dependsOn: [a]", ""), "spec.tasks[a].dependsOn: task 'a' depends on itself; remove it"),
    "cycle": (two(", dependsOn: [b]", ", dependsOn: [a]"), "form a cycle: a -> b -> a; remove one of these"),
    "unknown dependency": (two(", dependsOn: [z]", ""), "spec.tasks[a].dependsOn: unknown task 'z'; name one of"),
    "fits nowhere": (
        on_gpu("nvidia-h100", "{device: nvidia-h100, seconds: 1}"),
        "task a of HeteroJob default/bad: no node offers nvidia-h100 (the cluster has cpu, nvidia-t4); allow another",
    ),
    "larger than the cluster": (
        on_gpu("nvidia-t4", "{device: nvidia-t4, seconds: 1}", ", workers: {min: 3, max: 3, gang: true}"),
        "3 workers on nvidia-t4 are too many, 2 fit at once; lower workers.min",
    ),
    "cap of the job": (
        one("seconds: 1, watts: 20", "  powerCapWatts: 10\n"),
        "spec.powerCapWatts: 10 W is less than the 20 W that task a draws at least; raise the cap",
    ),
    "cap below zero": (one("seconds: 1", '  powerCapWatts: "-10"\n'), "spec.powerCapWatts: '-10' is not above zero"),
    "cap of the cluster": (
        one("seconds: 1, watts: 20", "  policy: own\n") + POLICY % "powerCaps: {clusterWatts: 10}",
        "SchedulingPolicy own: spec.powerCaps.clusterWatts: 10 W is less than the 20 W that task a of",
    ),
    "cap without nodes": (
        one("seconds: 1", "  policy: own\n") + POLICY % "powerCaps: {groups: [{name: g, nodeSelector: {}, watts: 9}]}",
        "SchedulingPolicy own: spec.powerCaps.groups[g].nodeSelector: it selects no node; name at least one",
    ),
    "budget": (one("seconds: 1", "  energyBudgetJoules: 0\n"), "spec.energyBudgetJoules: 0 is not above zero; give"),
    "deadline": (one("seconds: 1", "  deadline: {within: soon}\n"), "spec.deadline.within: 'soon' is no duration;"),
    "strategy": (
        one("seconds: 1", "  strategy: magic\n"),
        "unknown strategy 'magic'; use one of Auto, affinity, best_fit",
    ),
    "policy": (one("seconds: 1", "  policy: magic\n"), "unknown policy 'magic'; use one of Balanced, Energy, Perf"),
    "weights": (
        one("seconds: 1", "  policy: own\n") + POLICY.replace("speed: 1", "speed: .nan") % "currency: USD",
        "(document 2): spec.weights.speed: expected `int`, got `float`; see kubectl explain schedulingpolicy.spec.wei",
    ),
}
"""By what is wrong: the file, and what is said of it."""


@pytest.fixture
def cluster(tmp_path: Path) -> Path:
    path = tmp_path / "nodes.yaml"
    path.write_text(CLUSTER, encoding="utf-8")
    return path


@pytest.mark.parametrize("wrong", REFUSED)
def test_a_job_that_cannot_be_planned_is_told_in_one_line(cli: Any, cluster: Path, wrong: str) -> None:
    text, told = REFUSED[wrong]
    result = cli("plan", "-f", "-", "--cluster", cluster, input=text)
    errors = [line for line in result.stderr.splitlines() if not line.startswith("warning: ")]
    assert result.exit_code == 1
    assert result.stdout == ""
    assert len(errors) == 1
    assert errors[0].startswith("error: ")
    assert told in errors[0]


def test_a_job_that_cannot_be_planned_takes_no_other_down(cli: Any, cluster: Path) -> None:
    good = one("seconds: 5").replace("name: bad", "name: good")
    result = cli("plan", "-f", "-", "--cluster", cluster, "-o", "json", input=f"{one('seconds: 0')}\n---\n{good}")
    bad, planned = json.loads(result.stdout)["jobs"]
    assert result.exit_code == 1
    assert bad["error"] == SECONDS + "0 is not above zero; give a positive quantity"
    assert planned["makespanSeconds"] == 5.0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nodes: []", "the cluster has no node; add one that offers cpu"),
        ("nodes: [{name: a, cpu: .nan, memory: 1Gi}]", "nodes[a].cpu: nan is not a finite number; write"),
        ("nodes: [{name: a, cpu: -4, memory: 1Gi}]", "nodes[a].cpu: -4 is not above zero; give"),
        ("nodes: [{name: a, cpu: 4, memory: 1Gi, count: 0}]", "nodes[a].count: is 0; give a number from 1"),
        (f"{CLUSTER}\nlink: {{bytesPerSecond: 0, latencySeconds: 0}}", "link.bytesPerSecond: 0 is not above zero;"),
        (f"{CLUSTER}\nlink: {{bytesPerSecond: 1, latencySeconds: -1}}", "link.latencySeconds: -1 is below 0;"),
    ],
)
def test_a_cluster_that_makes_no_sense_is_refused(cli: Any, tmp_path: Path, text: str, told: str) -> None:
    nodes = tmp_path / "nodes.yaml"
    nodes.write_text(text, encoding="utf-8")
    result = cli("plan", "-f", "-", "--cluster", nodes, input=one("seconds: 1"))
    assert result.exit_code == 1
    assert told in result.stderr


def planned(cli: Any, cluster: Path, text: str) -> dict[str, Any]:
    result = cli("plan", "-f", "-", "--cluster", cluster, "-o", "json", input=text)
    assert result.exit_code == 0, result.stderr
    job: dict[str, Any] = json.loads(result.stdout)["jobs"][0]
    return job


def test_a_graph_of_two_parts_is_planned_side_by_side(cli: Any, cluster: Path) -> None:
    job = planned(cli, cluster, two("", ""))
    assert [task["startSeconds"] for task in job["tasks"]] == [0.0, 0.0]


def test_a_run_time_that_was_concluded_is_marked_in_data_and_in_words(cli: Any, cluster: Path) -> None:
    text = on_gpu("nvidia-t4, nvidia-v100", "{device: nvidia-v100, seconds: 5}")
    (task,) = planned(cli, cluster, text)["tasks"]
    assert task["seconds"] == pytest.approx(5 / 0.52)
    assert (task["origin"], task["confidence"], task["scaledFrom"]) == ("estimated", "low", "nvidia-v100")
    assert "estimated, low confidence" in cli("plan", "-f", "-", "--cluster", cluster, input=text).stdout


def test_a_device_of_which_nothing_is_known_is_left_out_and_the_reason_told(cli: Any, cluster: Path) -> None:
    job = planned(cli, cluster, on_gpu("nvidia-t4, strange", "{device: nvidia-t4, seconds: 5}"))
    assert job["tasks"][0]["because"].endswith("; not on strange, where no run time is known")


def test_the_wide_form_tells_slack_reasons_and_the_policys_constants(cli: Any, cluster: Path) -> None:
    result = cli("plan", "-f", "-", "--cluster", cluster, "-o", "wide", input=two("", ", dependsOn: [a]"))
    head, *lines = result.stdout.splitlines()[1:]
    assert head.split()[-1] == "SLACK"
    assert [line.split()[-1] for line in lines[:2]] == ["0.0s", "0.0s"]
    assert lines[-3].startswith("a: cpu (5 s, ")
    assert lines[-1] == "by Balanced: weights.speed 25, weights.energy 25"


def test_a_wide_fan_out_is_planned(cli: Any, cluster: Path) -> None:
    work = {"runtimeOn": [{"device": "cpu", "seconds": 5}]}
    leaves = [{"name": f"t{n}", "templateRef": "cpu", "dependsOn": ["root"], "work": work} for n in range(1_000)]
    tasks = [{"name": "root", "templateRef": "cpu", "work": work}, *leaves]
    job = planned(cli, cluster, f"{HEAD}  tasks: {json.dumps(tasks)}\n")
    assert len(job["tasks"]) == 1_001
    assert job["makespanSeconds"] == 5.0 + 1_000 // 16 * 5.0 + 5.0

"""What if the whole cluster were different: both plans side by side, by the planner itself, from one recorded file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from heterosched.model import DEVICE_TYPES
from heterosched.planning.planner import plan
from heterosched.policy.hooks import known_rows
from heterosched_cli.devices import Device, Devices, Sample
from heterosched_cli.snapshot import read_snapshot, taken
from heterosched_cli.snapshot_world import request_of
from manifests import JobBuilder, a_job, a_policy, a_profile

NOW = 1_700_000_000.0
NODES = {"t4-0": "Tesla-T4", "v100-0": "Tesla-V100-SXM2-16GB"}
SECONDS = {"nvidia-t4": 400, "nvidia-v100": 100, "nvidia-a100": 50}
Json = dict[str, Any]


def a_node(name: str) -> Json:
    labels = {"kubernetes.io/hostname": name, "nvidia.com/gpu.product": NODES[name]}
    size = {"cpu": "16", "memory": "64Gi", "nvidia.com/gpu": "1"}
    status = {"allocatable": size, "conditions": [{"type": "Ready", "status": "True"}]}
    return {"metadata": {"name": name, "labels": labels}, "status": status}


def a_run(name: str, *devices: str) -> JobBuilder:
    names = devices or tuple(SECONDS)
    job = a_job(name, "ns").policy("Performance").task("t").gpus(1, *names)
    return job.runtime({device: SECONDS[device] for device in names})


def as_listed(job: JobBuilder, **status: Any) -> Json:
    manifest = job.manifest()
    manifest["metadata"] |= {
        "uid": manifest["metadata"]["name"],
        "creationTimestamp": "2023-11-14T22:00:00Z",
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "SECRET"},
    }
    manifest["spec"]["templates"][0]["template"]["spec"]["containers"][0]["env"] = [{"name": "X", "value": "SECRET"}]
    return {**manifest, "status": status}


def running(name: str, node: str, device: str, since: str = "2023-11-14T22:13:00Z") -> Json:
    """Planned and started 20 s before NOW."""
    task = {
        "name": "t",
        "state": "Running",
        "attempt": 1,
        "jobName": f"{name}-t-1",
        "templateHash": "x",
        "variant": "nvidia-t4,nvidia-v100,nvidia-a100",
        "planned": {"node": node, "device": device, "seconds": "100"},
        "actual": {"start": since},
        "workers": [{"index": 0, "node": node, "plannedNode": node, "device": device}],
    }
    accepted = {"type": "Accepted", "status": "True", "reason": "Valid", "message": "", "lastTransitionTime": since}
    return {"tasks": [task], "conditions": [accepted]}


def a_pod(name: str, node: str, job: str = "") -> Json:
    labels = {"heterosched.io/job": job, "heterosched.io/task": "t"} if job else {}
    limits = {"cpu": "1", "nvidia.com/gpu": "1"}
    spec = {"nodeName": node, "containers": [{"name": "c", "resources": {"limits": limits}}]}
    return {
        "metadata": {"name": name, "namespace": "ns", "labels": labels},
        "spec": spec,
        "status": {"phase": "Running"},
    }


def lists(*jobs: Json, pods: tuple[Json, ...] = (), **more: Any) -> dict[str, list[Json]]:
    kinds = ("throughputprofiles", "schedulingpolicies", "noderesourcetopologies", "priorityclasses")
    found: dict[str, list[Json]] = {kind: [] for kind in kinds}
    return {**found, "nodes": [a_node(name) for name in NODES], "pods": list(pods), "heterojobs": list(jobs), **more}


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    """One job runs on the V100 for another 80 s, two wait; something else holds the T4."""
    jobs = [
        as_listed(a_run("a"), **running("a", "v100-0", "nvidia-v100")),
        as_listed(a_run("b")),
        as_listed(a_run("c")),
    ]
    pods = (a_pod("a-t-1-0", "v100-0", "a"), a_pod("other", "t4-0"))
    path = tmp_path / "snapshot.json"
    path.write_bytes(msgspec.json.encode(taken(lists(*jobs, pods=pods), NOW, None)))
    return path


def asked(cli: Any, *arguments: Any) -> Json:
    result = cli("what-if", *arguments, "-o", "json")
    assert result.exit_code == 0, result.stderr
    found: Json = json.loads(result.stdout)
    return found


def finishes(outlook: Json) -> dict[str, float]:
    return {job["job"]: job["finishSeconds"] for job in outlook["jobs"]}


def test_more_devices_shorten_makespan_and_waiting(cli: Any, snapshot: Path) -> None:
    found = asked(cli, "--cluster", snapshot, "--add", "nvidia-a100=2")
    assert finishes(found["now"]) == {"ns/a": 80.0, "ns/b": 180.0, "ns/c": 280.0}
    assert finishes(found["whatIf"]) == {"ns/a": 80.0, "ns/b": 50.0, "ns/c": 50.0}
    assert (found["now"]["makespanSeconds"], found["whatIf"]["makespanSeconds"]) == (280.0, 80.0)
    assert (found["now"]["waitingSeconds"], found["whatIf"]["waitingSeconds"]) == (80.0 + 180.0, 0.0)
    assert found["whatIf"]["energyJoules"] < found["now"]["energyJoules"]
    assert found["changes"] == {"policy": "", "add": {"nvidia-a100": 2}, "remove": []}


def test_without_a_change_both_sides_are_the_planners_own_answer(cli: Any, snapshot: Path) -> None:
    found = asked(cli, "--cluster", snapshot)
    assert found["now"] == found["whatIf"]
    plans = plan(request_of(read_snapshot(snapshot), known_rows(), DEVICE_TYPES))
    ends = {f"ns/{key}": own.schedule.finish - NOW for key, own in plans.items()}
    assert finishes(found["now"]) == pytest.approx(ends)


def test_what_runs_on_a_removed_node_starts_anew_elsewhere(cli: Any, snapshot: Path) -> None:
    found = asked(cli, "--cluster", snapshot, "--remove", "v100-0", "--add", "nvidia-v100=1")
    assert max(finishes(found["whatIf"]).values()) == 300.0
    alone = cli("what-if", "--cluster", snapshot, "--remove", "v100-0")
    assert "waits for a node until further notice: t" in alone.stderr


def test_another_policy_is_asked_of_all_jobs(cli: Any, snapshot: Path, tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(json.dumps(a_policy("green", weights={"speed": 1, "energy": 99})), encoding="utf-8")
    found = asked(cli, "--cluster", snapshot, "--policy", "green", "-f", file, "--add", "nvidia-t4=2")
    assert found["whatIf"]["energyJoules"] <= found["now"]["energyJoules"]
    unknown = cli("what-if", "--cluster", snapshot, "--policy", "grene")
    assert unknown.exit_code == 1
    assert "--policy" in unknown.stderr


def test_the_table_has_a_line_per_job_and_the_totals_with_their_change(cli: Any, snapshot: Path) -> None:
    result = cli("what-if", "--cluster", snapshot, "--add", "nvidia-a100=2")
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["makespan", "4m40s", "1m20s", "-71.4%"] in lines
    assert lines[2][:3] == ["ns/b", "1m20s", "0.0s"]


def test_both_plans_are_drawn(cli: Any, snapshot: Path, tmp_path: Path) -> None:
    plot = tmp_path / "out.svg"
    result = cli("what-if", "--cluster", snapshot, "--add", "nvidia-a100=2", "--plot", plot)
    assert result.exit_code == 0, result.stderr
    drawn = plot.read_text(encoding="utf-8")
    assert drawn.count("<rect") == 1 + 2 + 6
    assert "ns/b what if: waits 0.0s, ends after 50.0s" in drawn
    refused = cli("what-if", "--cluster", snapshot, "--plot", tmp_path / "out.png")
    assert (refused.exit_code, "--plot" in refused.stderr) == (2, True)


def test_a_device_that_no_job_can_use_is_told(cli: Any, tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_bytes(msgspec.json.encode(taken(lists(as_listed(a_run("a", "nvidia-t4"))), NOW, None)))
    result = cli("what-if", "--cluster", path, "--add", "nvidia-a100=8")
    assert "nvidia-a100: no job is planned there" in result.stderr


def test_an_unknown_device_is_refused_unless_a_file_describes_it(cli: Any, snapshot: Path, tmp_path: Path) -> None:
    result = cli("what-if", "--cluster", snapshot, "--add", "acme-x=8")
    assert result.exit_code == 1
    assert "--add: acme-x: is no known device type; known are cpu, amd-mi210" in result.stderr
    file = tmp_path / "devices.yaml"
    row = {"name": "acme-x", "products": ["acme-x"], "memory": "48Gi", "idleWatts": 30, "busyWatts": 300}
    file.write_text(json.dumps({"devices": [{**row, "relativeSpeed": 2}]}), encoding="utf-8")
    assert asked(cli, "--cluster", snapshot, "--add", "acme-x=8", "--devices-file", file)["changes"]["add"] == {
        "acme-x": 8
    }


@pytest.mark.parametrize("wrong", ["nvidia-a100", "nvidia-a100=0", "=8", "nvidia-a100=many"])
def test_an_addition_that_is_none_is_refused(cli: Any, snapshot: Path, wrong: str) -> None:
    result = cli("what-if", "--cluster", snapshot, "--add", wrong)
    assert result.exit_code == 2
    assert "write DEVICE=COUNT" in result.stderr


def test_an_unknown_node_is_refused_with_those_there_are(cli: Any, snapshot: Path) -> None:
    result = cli("what-if", "--cluster", snapshot, "--remove", "v100-9")
    assert (result.exit_code, "it has t4-0, v100-0" in result.stderr) == (1, True)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is no snapshot"),
        ("{", "is no snapshot"),
        ('{"kind": "List", "version": 1}', "kind: is 'List', not 'ClusterSnapshot'"),
        ('{"kind": "ClusterSnapshot", "version": 2}', "version: is 2, this program reads 1; update this program"),
        ('{"kind": "ClusterSnapshot", "version": 1}', "takenAt: is not there"),
        ('{"kind": "ClusterSnapshot", "version": 1, "takenAt": "soon", "nodes": [{}]}', "takenAt: 'soon' is no time"),
        (
            '{"kind": "ClusterSnapshot", "version": 1, "takenAt": "2023-11-14T22:00:00Z", "nodes": []}',
            "nodes: there is",
        ),
        ('{"kind": "ClusterSnapshot", "version": 1, "takenAt": "x", "nodes": 3}', "nodes: Expected `array`"),
    ],
)
def test_a_broken_snapshot_is_refused_by_file_field_and_remedy(cli: Any, tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(text, encoding="utf-8")
    result = cli("what-if", "--cluster", path)
    assert result.exit_code == 1
    assert f"error: {path}: {told}" in result.stderr
    assert "update this program" in result.stderr or "take it anew with heterosched snapshot" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "name a RECORD or POD"),
        (("pod", "--add", "cpu=1"), "--add: for --cluster"),
        (("pod", "--cluster", "s.json"), "RECORD or POD: about a single decision"),
        (("--cluster", "s.json", "--without", "t4-0", "--set", "x:y=1"), "--without, --set: about a single decision"),
    ],
)
def test_the_two_forms_are_not_mixed(cli: Any, arguments: tuple[str, ...], told: str) -> None:
    result = cli("what-if", *arguments)
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.replace("│", " ").split())


def test_a_snapshot_holds_no_commands_and_no_environment() -> None:
    text = msgspec.json.encode(taken(lists(as_listed(a_run("a"))), NOW, None))
    assert b"SECRET" not in text
    assert b"nvidia.com/gpu" in text


def test_profiles_priorities_and_measurements_are_in_it() -> None:
    device = Device(
        node="v100-0", device="nvidia-v100", samples={"gpu_temperature": Sample(value=95.0, age_seconds=5.0)}
    )
    profile = a_profile("p", "ns")
    urgent = {"metadata": {"name": "urgent"}, "value": 1000}
    job = as_listed(a_run("a").spec(priorityClassName="urgent"))
    found = taken(lists(job, throughputprofiles=[profile], priorityclasses=[urgent]), NOW, Devices(nodes=[device]))
    again = msgspec.json.decode(msgspec.json.encode(found), type=type(found))
    request = request_of(again, known_rows(), DEVICE_TYPES)
    assert request.jobs[0].priority == 1000
    assert list(request.profiles) == [("ns", "p")]
    assert request.telemetry.values["gpu_temperature"][0] == 95.0
    assert request.now == NOW


def test_a_refused_job_is_told_once_by_the_operators_own_reason(cli: Any, tmp_path: Path) -> None:
    said = "spec.deadline: it had passed already when it was given; give a later one or remove it"
    refused = {"type": "Accepted", "status": "False", "reason": "DeadlinePassed", "lastTransitionTime": "x"}
    jobs = [
        as_listed(a_run(name), conditions=[{**refused, "message": f"HeteroJob ns/{name}: {said}"}]) for name in "abc"
    ]
    accepted = {**refused, "status": "True", "reason": "Valid", "message": "it can be planned"}
    jobs.append(as_listed(a_run("d"), conditions=[accepted]))
    path = tmp_path / "s.json"
    path.write_bytes(msgspec.json.encode(taken(lists(*jobs), NOW, None)))
    result = cli("what-if", "--cluster", path, "--add", "nvidia-a100=2")
    told = "HeteroJobs ns/a, ns/b, ns/c: the operator refuses it, DeadlinePassed: "
    assert result.stderr.splitlines() == [f"{told}{said}; they count in no total"]
    assert finishes(asked(cli, "--cluster", path)["now"]) == {"ns/a": None, "ns/b": None, "ns/c": None, "ns/d": 100.0}


def test_ended_and_unreadable_jobs_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    ended = {"type": "Completed", "status": "True", "reason": "x", "message": "", "lastTransitionTime": "x"}
    jobs = [as_listed(a_run("a"), conditions=[ended]), as_listed(a_run("b"), tasks=3), as_listed(a_run("c"))]
    request = request_of(taken(lists(*jobs), NOW, None), known_rows(), DEVICE_TYPES)
    assert [own.job.metadata.name for own in request.jobs] == ["c"]
    assert "HeteroJob ns/b: its status cannot be read" in capsys.readouterr().err

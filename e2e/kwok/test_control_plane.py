"""The control plane is real, its fake nodes behave by their device, and it leaves nothing behind however it ends."""

from __future__ import annotations

import io
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import cluster
import control_plane as command
from binaries import ControlPlaneError
from cluster import ControlPlane
from guardian import marked_processes
from inventory import read_state
from processes import free_port, wait_until
from progress import Progress
from prometheus import Server

SLOW, FAST, HOT, BARE = "cptslow-0", "cptfast-0", "cptfast-1", "cptcpu-0"
IDLE_W = 40.0
GPUS = 8


def a_node(name: str, product: str | None, **steering: str) -> dict[str, Any]:
    """A fake node; with a product it has 8 GPUs and a DCGM exporter."""
    gpu = {} if product is None else {"nvidia.com/gpu": "8"}
    labels = {"kubernetes.io/hostname": name}
    if product is not None:
        labels |= {"nvidia.com/gpu.product": product, "nvidia.com/gpu.count": "8", "nvidia.com/gpu.present": "true"}
    annotations = {f"sim.heterosched.io/{key.replace('_', '-')}": value for key, value in steering.items()}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": {"kwok.x-k8s.io/node": "fake", **annotations}},
        "status": {"capacity": {"cpu": "32", "memory": "128Gi", "pods": "110", **gpu}},
    }


def a_job(name: str, node: str, gpus: int = 0, **simulated: Any) -> dict[str, Any]:
    """A Job of one pod with two containers, bound to `node` by a selector, with simulation annotations."""
    annotations = {
        f"sim.heterosched.io/{key.replace('_', '-')}": value if isinstance(value, str) else json.dumps(value)
        for key, value in simulated.items()
    }
    limits = {"nvidia.com/gpu": gpus} if gpus else {}
    containers = [{"name": "main", "image": "none", "resources": {"limits": limits}}, {"name": "side", "image": "none"}]
    spec = {"restartPolicy": "Never", "nodeSelector": {"kubernetes.io/hostname": node}, "containers": containers}
    template = {"metadata": {"annotations": annotations}, "spec": spec}
    job_spec = {"backoffLimit": 0, "podReplacementPolicy": "Failed", "template": template}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": job_spec}


@pytest.fixture(scope="module")
def fleet(control_plane: ControlPlane) -> Iterator[ControlPlane]:
    """The module's cluster with one slow, two fast (one of them hot) and one GPU-less node."""
    nodes = [
        a_node(SLOW, "Tesla-T4"),
        a_node(FAST, "Tesla-V100-SXM2-32GB", idle_watts=str(IDLE_W)),
        a_node(HOT, "Tesla-V100-SXM2-32GB", gpu_temp="91.5", throttle_reasons="64", xid="79"),
        a_node(BARE, None, host_load="24.5"),
    ]
    apply(control_plane, "default", *nodes)
    names = [f"node/{node['metadata']['name']}" for node in nodes]
    control_plane.kubectl("wait", "--for=condition=Ready", "--timeout=30s", *names)
    yield control_plane
    control_plane.kubectl("delete", "--wait=false", *names)


@pytest.fixture(scope="module")
def prometheus(fleet: ControlPlane) -> Iterator[Server]:
    """A real Prometheus that has seen the fleet."""
    server = fleet.prometheus(name="prometheus-fleet")
    wanted = {SLOW, FAST, HOT, BARE}
    assert wait_until(lambda: wanted <= {labels["instance"] for labels, _ in server.query("node_load1")}, 30)
    yield server
    server.process.stop()


def apply(plane: ControlPlane, namespace: str, *objects: dict[str, Any]) -> None:
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
    plane.kubectl("apply", "--namespace", namespace, "--filename=-", stdin=text)


def pods(plane: ControlPlane, namespace: str, job: str) -> list[dict[str, Any]]:
    selector = f"--selector=batch.kubernetes.io/job-name={job}"
    text = plane.kubectl("get", "pods", "--namespace", namespace, selector, "--output=json")
    items: list[dict[str, Any]] = json.loads(text)["items"]
    return items


def the_pod(plane: ControlPlane, namespace: str, job: str, phase: str, timeout_s: float = 30.0) -> dict[str, Any]:
    """Wait until the Job's one pod is in `phase` and return it."""

    def there() -> bool:
        return [pod["status"].get("phase") for pod in pods(plane, namespace, job)] == [phase]

    assert wait_until(there, timeout_s, 0.2), pods(plane, namespace, job)
    return pods(plane, namespace, job)[0]


def run_time_s(pod: dict[str, Any]) -> float:
    """Seconds between the start that the pod's start stage saw and its end; the start is known to the second."""
    finished = next(c for c in pod["status"]["conditions"] if c["type"] == "sim.heterosched.io/Finished")
    end = datetime.fromisoformat(finished["message"].removeprefix("ended at "))
    return (end - datetime.fromisoformat(pod["status"]["startTime"])).total_seconds()


def only(prometheus: Server, expression: str) -> tuple[dict[str, str], float]:
    """The one series there is; none is there for a second where a busy machine has missed a scrape."""
    found = list[list[tuple[dict[str, str], float]]]()

    def asked() -> bool:
        found.append(prometheus.query(expression))
        return len(found[-1]) == 1

    assert wait_until(asked, 15.0, 0.5), (expression, found[-1])
    return found[-1][0]


def sole(prometheus: Server, expression: str) -> float:
    return only(prometheus, expression)[1]


def test_a_pod_runs_for_the_time_of_its_nodes_device(fleet: ControlPlane, namespace: str) -> None:
    seconds = {"cptfast": 2.5, "cptslow": 6}
    apply(fleet, namespace, a_job("fast", FAST, seconds=seconds), a_job("slow", SLOW, seconds=seconds))
    fleet.kubectl("wait", "--namespace", namespace, "--for=condition=Complete", "--timeout=60s", "job/fast", "job/slow")
    times = {job: run_time_s(the_pod(fleet, namespace, job, "Succeeded")) for job in ("fast", "slow")}
    assert 2.5 <= times["fast"] < 6 <= times["slow"]


def test_a_device_without_an_entry_takes_the_general_one(fleet: ControlPlane, namespace: str) -> None:
    apply(fleet, namespace, a_job("any", BARE, seconds={"cptfast": 600, "*": 1}))
    pod = the_pod(fleet, namespace, "any", "Succeeded")
    assert pod["spec"]["nodeName"] == BARE


def test_a_pod_without_a_time_runs_on_and_says_why(fleet: ControlPlane, namespace: str) -> None:
    apply(fleet, namespace, a_job("endless", FAST), a_job("unknown", FAST, seconds={"other": 0.1}))
    the_pod(fleet, namespace, "endless", "Running")
    unknown = the_pod(fleet, namespace, "unknown", "Running")
    reasons = {c["type"]: (c.get("reason"), c.get("message")) for c in unknown["status"]["conditions"]}
    reason, message = reasons["sim.heterosched.io/Finished"]
    assert reason == "NoRunTime"
    assert message == "sim.heterosched.io/seconds names neither cptfast nor *: runs until deleted"


def test_an_edit_while_it_runs_does_not_start_the_run_again(fleet: ControlPlane, namespace: str) -> None:
    apply(fleet, namespace, a_job("edited", FAST, seconds={"cptfast": 6}))
    name = the_pod(fleet, namespace, "edited", "Running")["metadata"]["name"]
    time.sleep(4)
    fleet.kubectl("annotate", "--namespace", namespace, f"pod/{name}", "note=edited")
    assert run_time_s(the_pod(fleet, namespace, "edited", "Succeeded")) < 4 + 6


def test_a_pod_fails_with_the_code_it_is_told(fleet: ControlPlane, namespace: str) -> None:
    apply(fleet, namespace, a_job("failing", FAST, seconds={"*": 0.5}, exit_code="42"))
    pod = the_pod(fleet, namespace, "failing", "Failed")
    codes = [status["state"]["terminated"]["exitCode"] for status in pod["status"]["containerStatuses"]]
    assert codes == [42, 42]
    fleet.kubectl("wait", "--namespace", namespace, "--for=condition=Failed", "--timeout=30s", "job/failing")


def test_a_deleted_pod_ends_and_its_job_replaces_it(fleet: ControlPlane, namespace: str) -> None:
    job = a_job("drained", FAST)
    job["spec"]["backoffLimit"] = 3
    apply(fleet, namespace, job)
    first = the_pod(fleet, namespace, "drained", "Running")["metadata"]["name"]
    fleet.kubectl("delete", "pod", first, "--namespace", namespace, "--timeout=30s")
    assert the_pod(fleet, namespace, "drained", "Running")["metadata"]["name"] != first


def test_prometheus_sees_the_exporters_series_at_their_names(prometheus: Server) -> None:
    temperature = f'DCGM_FI_DEV_GPU_TEMP{{Hostname="{HOT}"}}'
    labels, value = only(prometheus, temperature)
    assert value == 91.5
    assert labels["job"] == "dcgm-exporter"
    assert labels["instance"] == HOT
    assert labels["modelName"] == "Tesla-V100-SXM2-32GB"
    assert labels["gpu"] == "0"
    assert sole(prometheus, f'DCGM_FI_DEV_CLOCK_THROTTLE_REASONS{{Hostname="{HOT}"}}') == 64
    assert sole(prometheus, f'DCGM_FI_DEV_XID_ERRORS{{Hostname="{HOT}"}}') == 79
    assert sole(prometheus, f'DCGM_FI_DEV_GPU_TEMP{{Hostname="{FAST}"}}') == 40
    assert sole(prometheus, f'node_load1{{job="node-exporter",instance="{BARE}"}}') == 24.5
    assert prometheus.query(f'{{__name__=~"DCGM_.*",Hostname="{BARE}"}}') == []


def test_power_and_energy_follow_the_running_pods(fleet: ControlPlane, namespace: str, prometheus: Server) -> None:
    def now(expression: str) -> float:
        return sole(prometheus, expression)

    node = f'Hostname="{FAST}"'
    power, utilisation = f"sum(DCGM_FI_DEV_POWER_USAGE{{{node}}})", f"DCGM_FI_DEV_GPU_UTIL{{{node}}}"
    by_pods_mj = f"DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{{{node}}} - 1000 * {IDLE_W} * time()"
    assert now(power) == IDLE_W
    before = now(by_pods_mj)
    apply(fleet, namespace, a_job("hungry", FAST, 2, seconds={"*": 8}, watts={"cptslow": 5, "cptfast": 250.5}))
    of_idle_gpus = IDLE_W * (GPUS - 2) / GPUS
    assert wait_until(lambda: now(power) == of_idle_gpus + 250.5, 20, 0.2), now(power)
    assert now(utilisation) == 25
    pod = the_pod(fleet, namespace, "hungry", "Running")["metadata"]["name"]
    assert now(f'DCGM_FI_DEV_POWER_USAGE{{namespace="{namespace}",pod="{pod}"}}') == 250.5
    ran_s = run_time_s(the_pod(fleet, namespace, "hungry", "Succeeded"))
    assert ran_s >= 8
    assert wait_until(lambda: now(power) == IDLE_W, 20, 0.2), now(power)
    time.sleep(2)
    after = now(by_pods_mj)
    drawn_j = (after - before) / 1000
    added_w = 250.5 - IDLE_W * 2 / GPUS
    assert abs(drawn_j - ran_s * added_w) < 2 * added_w  # a scrape counts its whole second, and so do a pod's times


def test_prometheus_comes_back_on_its_own_data(fleet: ControlPlane, prometheus: Server) -> None:
    seen = sole(prometheus, f'count_over_time(node_load1{{instance="{BARE}"}}[1h])')
    prometheus.process.kill()
    with pytest.raises(OSError, match="refused"):
        prometheus.query("up")
    prometheus.restart()
    assert sole(prometheus, f'count_over_time(node_load1{{instance="{BARE}"}}[1h])') >= seen - 5


def test_the_api_server_can_be_killed_and_comes_back_with_its_data(fleet: ControlPlane, namespace: str) -> None:
    fleet.kubectl("create", "configmap", "kept", "--namespace", namespace)
    before = fleet.component("kube-apiserver").pid
    fleet.restart_apiserver(downtime_s=1.0)
    assert fleet.component("kube-apiserver").pid != before
    assert fleet.kubectl("get", "configmap", "kept", "--namespace", namespace, "--output=name") == "configmap/kept\n"


def test_a_stopped_component_says_so(fleet: ControlPlane) -> None:
    scheduler = fleet.component("kube-scheduler")
    scheduler.stop()
    with pytest.raises(ControlPlaneError, match=r"component kube-scheduler (is stopped|has ended)"):
        _ = scheduler.pid
    scheduler.start()
    assert scheduler.pid > 0
    with pytest.raises(ControlPlaneError, match="has no component kubelet; it has etcd, kube-apiserver"):
        fleet.component("kubelet")


def test_two_clusters_run_side_by_side(control_plane: ControlPlane, tmp_path: Path) -> None:
    with ControlPlane("beside", tmp_path, source="cache") as other:
        apply(other, "default", a_node("cptonly-0", None))
        other.kubectl("wait", "--for=condition=Ready", "--timeout=30s", "node/cptonly-0")
        assert "cptonly-0" not in control_plane.kubectl("get", "nodes", "--output=name")
        with pytest.raises(ControlPlaneError, match=r"cluster beside is up already; .* down --name beside"):
            ControlPlane("beside", tmp_path, source="cache").up()
        mark = other.mark
        assert len(marked_processes(mark)) == 5
    assert marked_processes(mark) == []
    assert not (tmp_path / "beside").exists()


def test_a_port_that_is_taken_meanwhile_costs_one_more_attempt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = io.StringIO()
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        taken = [squatter.getsockname()[1]]
        monkeypatch.setattr(cluster, "free_port", lambda: taken.pop() if taken else free_port())
        with ControlPlane("again", tmp_path, source="cache", progress=Progress(said)) as plane:
            assert plane.kubectl("get", "--raw", "/readyz") == "ok"
            assert len(marked_processes(plane.mark)) == 5
    assert "trying again with other ports" in said.getvalue()
    assert "kwok-controller.log: " in said.getvalue()


def an_up(workdir: Path, *options: str) -> tuple[subprocess.Popen[str], str]:
    """Run `control_plane.py up` until it says that the cluster runs; return it and the cluster's mark."""
    argv = [sys.executable, command.__file__, "up", "--name", "told", "--workdir", str(workdir), "--source=cache"]
    process = subprocess.Popen([*argv, *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    with process.stdout:
        assert any("running until Ctrl-C" in line or "end it: " in line for line in process.stdout)
    state = read_state(workdir / "told")
    assert state is not None
    return process, state["mark"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_nothing_is_left_when_the_command_is_ended(tmp_path: Path, number: signal.Signals) -> None:
    process, mark = an_up(tmp_path, "--prometheus-port=0")
    assert len(marked_processes(mark)) == 6
    process.send_signal(number)
    assert process.wait(30) == (-9 if number is signal.SIGKILL else 130)
    assert wait_until(lambda: not (tmp_path / "told").exists(), 30)
    assert marked_processes(mark) == []


def test_a_kept_cluster_stays_until_it_is_ended(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "mine.yaml"
    process, mark = an_up(tmp_path, "--keep", "--kubeconfig", str(kubeconfig))
    assert process.wait(30) == 0
    assert len(marked_processes(mark)) == 5
    assert "kwok-told" in kubeconfig.read_text()
    assert command.main(["down", "--name", "told", "--workdir", str(tmp_path)]) == 0
    assert marked_processes(mark) == []
    assert "kwok-told" not in kubeconfig.read_text()
    assert not (tmp_path / "told").exists()

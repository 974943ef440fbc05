"""`kubectl heterosched`, called by the real kubectl, shows a cluster at work, follows jobs to their end and imports."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from cuttable_proxy import CuttableProxy
from manifests import a_job
from processes import wait_until
from spaces import Space, lasting
from stack import Stack

FAILED, INTERRUPTED = 4, 130
NODES = ("cpu-0", "t4-0")
IMPORTS = Path(__file__).resolve().parents[2] / "tests" / "data" / "imports"


class Plugin:
    """kubectl with our programs on its PATH, and nothing of the user's own."""

    def __init__(self, stack: Stack, kubeconfig: Path) -> None:
        programs = os.pathsep.join((str(Path(sys.executable).parent), str(stack.plane.bin("kubectl").parent)))
        path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": path, "KUBECONFIG": str(kubeconfig)}
        self.environment["HETEROSCHED_DECISIONS_URL"] = stack.decisions_url

    def __call__(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        command = ["kubectl", "heterosched", *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, env=self.environment, input=stdin, timeout=120, check=False
        )

    @contextmanager
    def going_on(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """The program itself, started and not waited for; it never outlives the block."""
        command = [sys.executable, "-m", "heterosched_cli", *arguments]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, text=True, env=self.environment, stdout=pipe, stderr=pipe) as process:
            try:
                yield process
            finally:
                process.kill()

    def offered(self, *words: str) -> list[str]:
        """What kubectl offers at the Tab key behind `kubectl heterosched` and these words."""
        command = ["kubectl", "__complete", "heterosched", *words]
        done = subprocess.run(command, capture_output=True, text=True, env=self.environment, timeout=60, check=True)
        return [line.partition("\t")[0] for line in done.stdout.splitlines()]


def failing() -> dict[str, Any]:
    """A pod template whose simulated run ends with 3."""
    entry = lasting(0.2)
    entry["template"]["metadata"]["annotations"]["sim.heterosched.io/exit-code"] = "3"
    return entry


@pytest.fixture(scope="module")
def plugin(stack: Stack) -> Iterator[Plugin]:
    yield Plugin(stack, stack.plane.kubeconfig)


def resume(space: Space, job: str) -> None:
    """Let a suspended job begin: what is to be seen of its beginning needs a watch that is there before it."""
    space.plane.kubectl(
        "patch", "heterojob", job, f"-n={space.name}", "--type=merge", '--patch={"spec":{"suspend":false}}'
    )


def test_an_imported_workflow_is_followed_to_its_end(space: Space, plugin: Plugin) -> None:
    imported = plugin("import", "argo", str(IMPORTS / "argo-report.yaml"))
    assert imported.returncode == 0, imported.stderr
    job = yaml.safe_load(imported.stdout)
    job["spec"]["suspend"] = True
    space.apply(job)
    with plugin.going_on("jobs", "report", "--watch", "-n", space.name, "--timeout", "120s") as own:
        assert own.stdout is not None
        lines = [own.stdout.readline()]
        resume(space, "report")
        lines += own.stdout.read().splitlines()
        assert own.wait(60) == 0, lines
    assert f" {space.name}/report Completed: 8/8 done" in lines[-1]
    assert any("running" in line for line in lines[:-1])
    nodes = {task["name"]: task["workers"][0]["node"] for task in space.tasks("report").values()}
    assert (nodes["region-0-fit"], nodes["region-1-fit"]) == ("t4-0", "t4-0")
    assert plugin("jobs", "report", "--watch", "-n", space.name).returncode == 0


def test_a_job_that_fails_or_is_deleted_ends_its_watch_with_4(space: Space, plugin: Plugin) -> None:
    space.apply(a_job("bad").template(failing()).task("main").retries(0))
    failed = plugin("jobs", "bad", "-w", "-n", space.name, "-o", "json", "--timeout", "90s")
    assert failed.returncode == FAILED, failed.stdout + failed.stderr
    assert [json.loads(line)["name"] for line in failed.stdout.splitlines()][-1] == "bad"
    assert f"error: HeteroJob {space.name}/bad: TaskFailed" in failed.stderr
    space.apply(a_job("long").template(lasting(600)).task("main"))
    with plugin.going_on("jobs", "long", "--watch", "-n", space.name) as own:
        assert own.stdout is not None
        assert own.stderr is not None
        assert "long" in own.stdout.readline()
        space.plane.kubectl("delete", "heterojob", "long", f"--namespace={space.name}")
        assert own.wait(60) == FAILED
        assert "was deleted before it finished" in own.stderr.read()


def test_a_cut_watch_goes_on_where_it_stood(space: Space, stack: Stack, plugin: Plugin, tmp_path: Path) -> None:
    config = yaml.safe_load(stack.plane.kubeconfig.read_text())
    server = urlsplit(config["clusters"][0]["cluster"]["server"])
    assert server.hostname is not None
    assert server.port is not None
    host, port = server.hostname, server.port
    space.apply(a_job("through").suspended().template(lasting(1)).task("main"))

    async def follow() -> tuple[int | None, str, str]:
        proxy = CuttableProxy(host, port)
        await proxy.start()
        config["clusters"][0]["cluster"]["server"] = f"{server.scheme}://127.0.0.1:{proxy.port}"
        path = tmp_path / "through-a-proxy"
        path.write_text(yaml.safe_dump(config))
        own = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "heterosched_cli", "jobs", "through", "--watch", "--timeout", "90s"),
            *("-n", space.name, "--kubeconfig", str(path)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=plugin.environment,
        )
        assert own.stdout is not None
        assert own.stderr is not None
        first = await own.stdout.readline()
        await proxy.cut()
        complaint = await own.stderr.readline()
        resume(space, "through")
        await proxy.mend()
        rest, errors = await own.communicate()
        await proxy.cut()
        return own.returncode, (first + rest).decode(), (complaint + errors).decode()

    code, said, errors = asyncio.run(follow())
    assert code == 0, said + errors
    assert f"{space.name}/through Completed: 1/1 done" in said.splitlines()[-1]
    assert "trying again" in errors


def test_ctrl_c_ends_a_watch_at_once_and_says_nothing(space: Space, plugin: Plugin) -> None:
    space.apply(a_job("endless").template(lasting(600)).task("main"))
    for verb in (["jobs", "endless", "-n", space.name], ["top", "--interval", "0.5"]):
        with plugin.going_on(*verb, "--watch") as own:
            assert own.stdout is not None
            assert own.stderr is not None
            assert own.stdout.readline()
            own.send_signal(signal.SIGINT)
            assert own.wait(30) == INTERRUPTED
            assert own.stderr.read() == ""
    space.plane.kubectl("delete", "heterojob", "endless", f"--namespace={space.name}")


def test_top_shows_where_jobs_run_and_what_is_measured_there(space: Space, plugin: Plugin) -> None:
    space.apply(a_job("busy").template(lasting(600)).task("main").gpus(2, "nvidia-t4"))
    space.until("busy", "Running")

    seen: list[dict[str, Any]] = []

    def measured() -> bool:
        seen.append(json.loads(plugin("top", "t4-0", "-o", "json").stdout)["nodes"][0])
        return f"{space.name}/busy" in seen[-1]["jobs"] and seen[-1]["gpuWatts"] is not None

    assert wait_until(measured, 60.0, 0.5), seen[-1]
    assert (seen[-1]["held"]["gpus"], seen[-1]["offered"]["gpus"]) == (2, 4), seen[-1]
    assert seen[-1]["pods"] >= 1
    assert seen[-1]["ageSeconds"] < 60
    table = plugin("top", "--sort-by", "gpus").stdout.splitlines()
    assert [line.split()[0] for line in table[:3]] == ["NODE", "t4-0", "cpu-0"]
    devices = plugin("top", "--devices", "-o", "wide").stdout
    assert "nvidia-t4" in devices
    assert f"{space.name}/busy" in devices
    blind = plugin("top", "--extender", "http://127.0.0.1:9")
    assert blind.returncode == 0, blind.stderr
    assert "no telemetry, pods alone are shown" in blind.stderr
    assert blind.stdout.splitlines()[1].split()[:2] == ["cpu-0", "cpu"]
    gone = plugin("top", "t4-9")
    assert (gone.returncode, "no node t4-9 in the cluster" in gone.stderr) == (1, True)
    space.plane.kubectl("delete", "heterojob", "busy", f"--namespace={space.name}")


def test_profiles_and_policies_are_listed_with_their_users(space: Space, plugin: Plugin) -> None:
    devices = [{"device": "nvidia-t4", "seconds": "60", "watts": "65", "origin": "measured", "samples": 3}]
    api = "heterosched.io/v1alpha1"
    space.apply(
        {"apiVersion": api, "kind": "ThroughputProfile", "metadata": {"name": "encode"}, "spec": {"devices": devices}},
        {
            "apiVersion": api,
            "kind": "SchedulingPolicy",
            "metadata": {"name": "cool"},
            "spec": {"weights": {"thermal": 9}},
        },
        a_job("user").policy("cool").suspended().template(lasting(1)).task("main", work={"profile": "encode"}),
    )
    try:
        listed = plugin("profiles", "-n", space.name).stdout.splitlines()
        assert listed[1].split() == ["encode", "nvidia-t4", "seconds", "1", "measured", "3", "-", "1"]
        one = json.loads(plugin("profiles", "encode", "-n", space.name, "-o", "json").stdout)[0]
        assert (one["jobs"], one["devices"][0]["used"]) == ([f"{space.name}/user"], True)
        rows = {line.split()[0]: line for line in plugin("policies").stdout.splitlines()}
        assert "built-in" in rows["Energy"]
        assert "SchedulingPolicy" in rows["cool"]
        cool = json.loads(plugin("policies", "cool", "-o", "json").stdout)[0]
        assert (cool["weights"]["thermal"], cool["jobs"]) == (9, [f"{space.name}/user"])
    finally:
        space.plane.kubectl("delete", "schedulingpolicy", "cool")


def test_kubectl_completes_commands_options_and_names_of_the_cluster(space: Space, plugin: Plugin) -> None:
    space.apply(a_job("tabbed").suspended().template(lasting(1)).task("main"))
    assert {"jobs", "top", "plan", "why"} <= set(plugin.offered(""))
    assert plugin.offered("jobs", "-n", space.name, "ta") == ["tabbed", ":4"]
    assert plugin.offered("top", "t4") == ["t4-0", ":4"]
    assert plugin.offered("plan", "--policy", "En") == ["Energy", ":4"]
    assert plugin.offered("jobs", "-n", space.name[:8]) == [space.name, ":4"]
    assert plugin.offered("plan", "-f", "") == [":0"]


def test_a_plan_says_where_when_how_long_and_how_many_joules(space: Space, plugin: Plugin) -> None:
    job = (
        a_job("asked")
        .template(lasting(1))
        .task("main")
        .gpus(1, "nvidia-t4")
        .runtime({"nvidia-t4": 30})
        .deadline(within="10s")
    )
    told = plugin("plan", "-f", "-", "-n", space.name, stdin=json.dumps(job.manifest()))
    assert told.returncode == 3, told.stderr
    assert "t4-0" in told.stdout
    assert "makespan 3" in told.stdout
    assert "energy" in told.stdout
    assert "deadline and budget: LateBy" in told.stdout

"""Told to manage two namespaces, we act in these alone, by their Roles, and the scheduler asks its extender by TLS."""

from __future__ import annotations

import os
import ssl
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from certificates import Authority
from installed import HOME, OPERATOR, Installed, audited, requests, run_hook
from manifests import JobBuilder, a_job, a_profile
from processes import free_port, wait_until
from spaces import Space, a_fake_node, a_pod, lasting

NODES = ("v100-0", "v100-1", "cpu-0")
WORKDIR = Path(__file__).resolve().parents[2] / "build" / "e2e"
OURS, OTHERS = ("team-a", "team-b"), "team-c"
FOLDER = "/etc/heterosched/tls"
A_WHILE_S = 8.0
"""How long a job has to be left alone to count as such; one of ours is planned within a second."""

Json = dict[str, Any]


class Narrow(Installed):
    """For two namespaces, with TLS between scheduler and extender by `authority`."""

    authority: Authority

    def scheduler_settings(self) -> Json:
        """The chart's, with certificates where they are here."""
        text = yaml.safe_dump(super().scheduler_settings())
        certificate, key = self.authority.sign("scheduler")
        files = {"ca.crt": self.authority.certificate, "tls.crt": certificate, "tls.key": key}
        for name, path in files.items():
            text = text.replace(f"{FOLDER}/{name}", str(path))
        settings: Json = yaml.safe_load(text)
        return settings


@pytest.fixture(scope="module")
def stack() -> Iterator[Narrow]:
    with audited(f"e2e-namespaced-{os.getpid()}", WORKDIR) as plane:
        plane.kubectl("create", "--filename=-", stdin=yaml.safe_dump_all([a_fake_node(name) for name in NODES]))
        plane.kubectl("wait", "--for=condition=Ready", "nodes", "--all", "--timeout=60s")
        for name in (*OURS, OTHERS):
            plane.kubectl("create", "namespace", name)
        folder = plane.folder / "tls"
        folder.mkdir()
        authority = Authority(folder).create()
        certificate, key = authority.sign("extender")
        extender = {
            "HETEROSCHED_EXTENDER_NAMESPACES": ",".join(OURS),
            "HETEROSCHED_EXTENDER_TLS_CERT_FILE": str(certificate),
            "HETEROSCHED_EXTENDER_TLS_KEY_FILE": str(key),
            "HETEROSCHED_EXTENDER_TLS_CLIENT_CA_FILE": str(authority.certificate),
        }
        operator = {
            "HETEROSCHED_OPERATOR_NAMESPACES": ",".join(OURS),
            "HETEROSCHED_OPERATOR_LEASE_NAMESPACE": HOME,
            "HETEROSCHED_OPERATOR_LAUNCH_SECONDS": "1",
        }
        values = (
            f"namespaces={{{','.join(OURS)}}}",
            "extender.tls.mode=existingSecret",
            "extender.tls.existingSecret=t",
        )
        narrow = Narrow(plane, extender, operator, values)
        narrow.authority = authority
        narrow.up()
        yield narrow


def one(name: str, seconds: float = 0.5) -> JobBuilder:
    return a_job(name).template(lasting(seconds)).task("t", work={"profile": "sort"}).gpus(1, "nvidia-v100")


def test_jobs_of_both_namespaces_run_and_of_others_are_left_alone(stack: Narrow) -> None:
    spaces = {name: Space(stack.plane, name) for name in (*OURS, OTHERS)}
    for space in spaces.values():
        space.apply(a_profile("sort", devices=[{"device": "nvidia-v100", "seconds": "1"}]), one("job"))
    for name in OURS:
        spaces[name].until_completed("job")
    other, began = spaces[OTHERS], time.monotonic()
    while time.monotonic() - began < A_WHILE_S:
        assert other.status("job") == {} and not other.get("jobs")
        time.sleep(0.5)


def test_the_scheduler_is_asked_for_by_pods_of_any_namespace_over_tls(stack: Narrow) -> None:
    space = Space(stack.plane, OTHERS)
    strict = a_pod("strict", gpus=1)
    strict["spec"]["containers"][0]["resources"]["limits"]["heterosched.io/strict"] = 1
    space.apply(strict)
    space.until_bound("strict")
    assert stack.metric('heterosched_extender_request_seconds_count{verb="strict_filter"}') >= 1
    assert stack.metric("heterosched_extender_tls_not_after_seconds") > time.time()


def test_nobody_gets_advice_without_a_certificate(stack: Narrow) -> None:
    url = f"https://127.0.0.1:{stack.verbs_port}/filter"
    bare = ssl.create_default_context(cafile=str(stack.authority.certificate))
    for context in (bare, ssl.create_default_context()):
        opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))
        with pytest.raises((OSError, ssl.SSLError)):
            opener.open(urllib.request.Request(url, b"{}"), timeout=10).read()


def test_a_renewed_certificate_is_taken_up_without_a_restart(stack: Narrow) -> None:
    before = stack.metric("heterosched_extender_tls_not_after_seconds")
    stack.authority.sign("extender")
    seen = "heterosched_extender_tls_not_after_seconds"
    assert wait_until(lambda: stack.metric(seen) > before, 60.0, 1.0), stack.extender.output()[-2000:]
    space = Space(stack.plane, OURS[0])
    strict = a_pod("renewed", gpus=1)
    strict["spec"]["containers"][0]["resources"]["limits"]["heterosched.io/strict"] = 1
    space.apply(strict)
    space.until_bound("renewed")


def test_a_second_operator_is_noticed_and_does_no_harm(stack: Narrow) -> None:
    health, metrics = free_port(), free_port()
    command = [sys.executable, "-m", "heterosched_operator", f"--kubeconfig={stack.credentials('operator')}"]
    command += [f"--health-port={health}", f"--metrics-port={metrics}", f"--namespaces={','.join(OURS)}"]
    second = stack.plane.start_process("second-operator", command, {"HETEROSCHED_OPERATOR_LEASE_NAMESPACE": HOME})
    assert wait_until(lambda: "another operator is at work" in second.output(), 90.0, 0.5), second.output()[-2000:]
    space = Space(stack.plane, OURS[1])
    space.apply(one("both"))
    space.until_completed("both")
    assert len(space.pods("both")) == 1, "it ran once"
    second.stop(grace_s=30.0)
    assert second.returncode == 0, second.output()[-2000:]


def test_the_uninstallation_keeps_to_the_namespaces(stack: Narrow) -> None:
    mine, other = Space(stack.plane, OURS[0]), Space(stack.plane, OTHERS)
    mine.apply(one("long", 600.0))
    assert wait_until(lambda: mine.phases("long", "Running") == 1, 60.0, 0.3)
    done = run_hook(stack.plane, "heterosched-suspend", "suspend-all", "--by=a test", f"--namespaces={','.join(OURS)}")
    assert done.returncode == 0 and "1 HeteroJobs suspended" in done.stderr, done.stderr
    (job,) = (found for found in other.get("heterojobs") if found["metadata"]["name"] == "job")
    assert "suspend" not in job["spec"] or not job["spec"]["suspend"]
    assert wait_until(lambda: "run to their end" in mine.condition("long", "Suspended").get("message", ""), 30.0, 0.3)
    assert mine.phases("long", "Running") == 1, "what is bound runs on"


def test_no_request_was_refused_and_nothing_was_written_elsewhere(stack: Narrow) -> None:
    asked = requests(stack.plane)
    assert [found for found in asked if found.code == 403] == []
    reading = ("get", "list", "watch")
    wrote = {found.namespace for found in asked if found.account == OPERATOR and found.verb not in reading}
    assert wrote >= set(OURS)
    assert wrote <= {*OURS, HOME, ""}

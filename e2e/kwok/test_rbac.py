"""With the chart's roles alone everything works: no request is refused, and there is no rule that is not of use."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from typing import Any

import pytest
import yaml

from cluster import ControlPlane
from installed import HOME, OPERATOR, SCHEDULER, Installed, audited, kubeconfig_of, requests, rules_of, run_hook
from manifests import a_job, a_policy, a_profile
from processes import wait_until
from spaces import Space, a_fake_node, a_namespace, a_pod, lasting

NODES = ("t4-0", "v100-0", "v100-1", "cpu-0")
CRDS = Path(__file__).resolve().parents[1] / "crds"
WORKDIR = Path(__file__).resolve().parents[2] / "build" / "e2e"

QUICK = {"TELEMETRY_SECONDS": "1", "PODLESS_GRACE_SECONDS": "1", "RETRY_BASE_SECONDS": "0.5"}
CALLER = "heterosched-viewer"
HOOK = "heterosched-suspend"

UNSEEN = {
    ("heterosched.io", "heterojobs", "get"): "reads it anew after a conflict (tests/operator/test_executor.py)",
    ("heterosched.io", "schedulingpolicies", "get"): "after a conflict (tests/operator/test_approval.py)",
    ("heterosched.io", "throughputprofiles", "get"): "after a conflict (tests/operator/test_learning.py)",
    ("heterosched.io", "heterojobs/finalizers", "update"): "is asked of the authoriser by an admission plug-in",
}
"""Rules whose use cannot be brought about at will, or leaves no request of its own, and where it is shown instead."""

Json = dict[str, Any]


@pytest.fixture(scope="module")
def stack() -> Iterator[Installed]:
    with audited(f"e2e-rbac-{os.getpid()}", WORKDIR) as plane:
        plane.kubectl("create", "--filename=-", stdin=yaml.safe_dump_all([a_fake_node(name) for name in NODES]))
        plane.kubectl("wait", "--for=condition=Ready", "nodes", "--all", "--timeout=60s")
        plane.apply(CRDS)
        operator = {f"HETEROSCHED_OPERATOR_{name}": value for name, value in QUICK.items()}
        lease = {"HETEROSCHED_EXTENDER_SCHEDULER_LEASE": f"{HOME}/heterosched"}
        extender = {"HETEROSCHED_EXTENDER_DECISIONS_AUTH": "always", **lease}
        yield Installed(plane, extender, {**operator, "HETEROSCHED_OPERATOR_LEASE_NAMESPACE": HOME}).up()


@pytest.fixture(scope="module")
def space(stack: Installed) -> Iterator[Space]:
    with a_namespace(stack.plane, "rbac") as name:
        yield Space(stack.plane, name)


def refused(plane: ControlPlane) -> set[tuple[str, str, str, str, str]]:
    return {
        (own.account, own.verb, own.group, own.resource, own.namespace) for own in requests(plane) if own.code == 403
    }


def used(plane: ControlPlane, account: str) -> set[tuple[str, str, str]]:
    """(group, resource, verb) that an account has been allowed, found or not."""
    return {
        (own.group, own.resource, own.verb) for own in requests(plane) if own.account == account and own.code != 403
    }


def test_graphs_gangs_profiles_policies_and_their_end(stack: Installed, space: Space) -> None:
    space.apply(a_policy("mine"), a_profile("sort", devices=[{"device": "nvidia-v100", "seconds": "30"}]))
    graph = a_job("graph").policy("mine").template(lasting(1.0)).spec(ttlAfterFinished="1s")
    graph.task("first", work={"profile": "sort"}).gpus(1, "nvidia-v100").task("second").after("first").cpus(1)
    gang = a_job("gang").template(lasting(1.0)).task("train").gpus(1, "nvidia-v100")
    gang.workers(2, 2, gang=True, rendezvous=True)
    space.apply(graph, gang)
    space.until_completed("gang")
    learned = ("get", "throughputprofile", "sort", f"--namespace={space.name}", "--output=jsonpath={.status.devices}")
    assert wait_until(lambda: bool(space.plane.kubectl(*learned)), 60.0, 0.3)
    assert wait_until(lambda: not any(own["metadata"]["name"] == "graph" for own in space.get("heterojobs")), 60.0, 0.3)
    assert refused(stack.plane) == set()


def test_failures_suspension_and_cancellation(stack: Installed, space: Space) -> None:
    failing = lasting(0.5, "failing")
    failing["template"]["metadata"]["annotations"]["sim.heterosched.io/exit-code"] = "1"
    again = a_job("again").retries(1).template(failing).task("t").of("failing").gpus(1, "nvidia-v100")
    again.workers(2, 2, rendezvous=True)
    podless = lasting(1.0, "podless")
    podless["template"]["spec"]["serviceAccountName"] = "nobody"
    lacking = a_job("lacking").template(podless).task("t").of("podless").cpus(1)
    held = a_job("held").template(lasting(600.0)).task("t").cpus(1)
    gone = a_job("gone").template(lasting(600.0)).task("t").cpus(1)
    space.apply(again, lacking, held, gone)
    for name in ("held", "gone"):
        assert wait_until(lambda name=name: space.phases(name, "Running") == 1, 60.0, 0.3)  # type: ignore[misc]
    space.plane.kubectl("delete", "heterojob", "gone", f"--namespace={space.name}")
    patch = json.dumps({"spec": {"suspend": True}})
    space.plane.kubectl("patch", "heterojob", "held", f"--namespace={space.name}", "--type=merge", f"--patch={patch}")
    space.until("held", "Suspended")
    space.until("again", "Failed")
    space.until("lacking", "Blocked")
    space.plane.kubectl("delete", "heterojob", "lacking", f"--namespace={space.name}")
    assert refused(stack.plane) == set()


def test_plain_pods_strict_pods_and_who_asks_for_reasons(stack: Installed, space: Space) -> None:
    plain, strict = a_pod("plain"), a_pod("strict", gpus=1)
    strict["spec"]["containers"][0]["resources"]["limits"]["heterosched.io/strict"] = 1
    space.apply(plain, strict)
    space.until_bound("plain", "strict")
    token = stack.plane.kubectl("create", "token", CALLER, f"--namespace={HOME}", "--audience=heterosched.io").strip()
    url = f"{stack.decisions_url}/v1/decisions/{space.name}/strict"
    asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})

    def heard() -> bool:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked, timeout=10) as answer:
            return bool(json.load(answer)["bound"] == space.places()["strict"])

    assert wait_until(heard, 20.0, 0.3)  # of the binding, when kubectl does or a little later
    assert refused(stack.plane) == set()


def test_an_owner_reference_that_blocks_deletion_takes_the_right_to_the_finalizers(
    stack: Installed, space: Space
) -> None:
    """What the chart's role lets through is refused without that rule, so the rule is of use."""
    (held,) = (job for job in space.get("heterojobs") if job["metadata"]["name"] == "held")
    owner = {key: held["metadata"][key] for key in ("name", "uid")}
    owner |= {"apiVersion": held["apiVersion"], "kind": "HeteroJob", "controller": True, "blockOwnerDeletion": True}
    metadata = {"name": "child", "namespace": space.name, "ownerReferences": [owner]}
    template = lasting(1.0)["template"]
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": template}}
    role = stack.plane.kubectl("get", "clusterrole", OPERATOR, "--output=json")
    narrow = json.loads(role)
    narrow["rules"] = [rule for rule in narrow["rules"] if "heterojobs/finalizers" not in rule["resources"]]
    tried = ("create", "--dry-run=server", "--filename=-", f"--kubeconfig={kubeconfig_of(stack.plane, OPERATOR)}")
    stack.plane.kubectl(*tried, stdin=json.dumps(job))
    stack.plane.kubectl("replace", "--filename=-", stdin=json.dumps(narrow))
    try:
        assert wait_until(lambda: "finalizers" in complaint(stack.plane, *tried, stdin=json.dumps(job)), 20.0, 0.5)
    finally:
        stack.plane.kubectl("apply", "--server-side", "--force-conflicts", "--filename=-", stdin=bare(role))
    assert wait_until(lambda: not complaint(stack.plane, *tried, stdin=json.dumps(job)), 20.0, 0.5)


def complaint(plane: ControlPlane, *arguments: str, stdin: str) -> str:
    """What kubectl says when it fails; empty where it does not."""
    try:
        plane.kubectl(*arguments, stdin=stdin)
    except Exception as error:
        return str(error)
    return ""


def bare(role: str) -> str:
    """A role as it was, without what the API server keeps of it."""
    found = json.loads(role)
    return json.dumps({**found, "metadata": {"name": found["metadata"]["name"]}})


def test_the_uninstallation_does_with_its_own_roles(stack: Installed, space: Space) -> None:
    stack.scheduler.send_signal(SIGSTOP)
    space.apply(a_job("waiting").template(lasting(1.0)).task("t").gpus(1, "nvidia-t4"))
    assert wait_until(lambda: len(space.pods("waiting")) == 1, 60.0, 0.3), space.status("waiting")
    done = run_hook(stack.plane, HOOK, "suspend-all", "--by=a test")
    stack.scheduler.send_signal(SIGCONT)
    assert done.returncode == 0, done.stderr
    assert wait_until(lambda: space.pods("waiting") == [], 30.0, 0.3)
    space.until("waiting", "Suspended")
    assert space.condition("waiting", "Suspended")["reason"] == "Uninstalled"
    assert "suspended by a test" in space.condition("waiting", "Suspended")["message"]


@pytest.mark.parametrize("account", [OPERATOR, SCHEDULER, HOOK])
def test_every_rule_is_of_use(stack: Installed, space: Space, account: str) -> None:
    granted = set(rules_of(stack.objects, account))
    assert granted
    unused = granted - used(stack.plane, account) - UNSEEN.keys()
    assert unused == set(), f"{account} is allowed what it has not asked for"


def test_nothing_was_refused_to_the_very_end(stack: Installed, space: Space) -> None:
    refusals = {found for found in refused(stack.plane) if found[1:4] != ("create", "batch", "jobs")}
    assert refusals == set()
    assert {own.account for own in requests(stack.plane)} >= {OPERATOR, SCHEDULER, HOOK}


def test_rights_that_are_missing_turn_features_off_and_are_told(stack: Installed, space: Space) -> None:
    """Last, for it takes rights away: whoever installs by hand may not want to give all of them. (The kinds of DRA
    cannot be taken away here: kube-scheduler's own role, which the extender's pod has too, names them.)
    """
    lacking = {"noderesourcetopologies", "throughputprofiles", "resourcequotas"}
    for role in ("heterosched-extender", OPERATOR):
        found = json.loads(stack.plane.kubectl("get", "clusterrole", role, "--output=json"))
        for rule in found["rules"]:
            rule["resources"] = [name for name in rule["resources"] if name not in lacking]
        found["rules"] = [rule for rule in found["rules"] if rule["resources"]]
        stack.plane.kubectl("replace", "--filename=-", stdin=json.dumps(found))
    stack.operator.kill()
    stack.extender.kill()
    stack.start_extender()
    stack.start_operator()
    ready = text_of(f"{stack.decisions_url}/readyz?verbose")
    assert ready.startswith("ok\n")
    assert lacking - {"resourcequotas"} == {name for name in lacking if f"/{name}: " in ready}
    path = "/apis/heterosched.io/v1alpha1/throughputprofiles"
    assert stack.metric(f'heterosched_extender_watch_refused{{path="{path}",reason="Forbidden"}}') == 1.0
    space.apply(a_job("narrow").template(lasting(0.5)).task("t").gpus(1, "nvidia-v100"))
    space.until_completed("narrow")
    # What the probe says is kept for ten seconds.
    health = f"http://127.0.0.1:{stack.health_port}/healthz"
    assert wait_until(lambda: "/throughputprofiles" in text_of(health), 20.0, 0.5), text_of(health)
    assert 'heterosched_operator_watch_refused{path="/api/v1/resourcequotas",reason="Forbidden"} 1.0' in text_of(
        stack.metrics_url
    )


def text_of(url: str) -> str:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10) as answer:
        text: str = answer.read().decode()
        return text

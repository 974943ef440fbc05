"""An uninstallation suspends in the owner's place, takes back what has not begun, names the rest; and can be undone."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping
from typing import Any

import pytest

from heterosched.constants import ANNOTATION_SUSPENDED_BY
from heterosched.kube.errors import ApiError, ApiUnavailable, NotFound
from heterosched.kube.scope import Scope
from heterosched_operator.uninstalling import TRIES, Uninstaller
from manifests import a_job

Json = dict[str, Any]
JOBS, PODS, OURS = "/apis/batch/v1", "/api/v1", "/apis/heterosched.io/v1alpha1"


def a_heterojob(name: str, *, suspend: bool = False, completed: bool = False, by: str = "", gang: bool = False) -> Json:
    job = a_job(name, "ns").metadata(uid=f"uid-{name}").spec(suspend=suspend).task("t").workers(2, 2, gang=gang)
    manifest = job.manifest()
    if by:
        manifest["metadata"]["annotations"] = {ANNOTATION_SUSPENDED_BY: by}
    if completed:
        held = {"type": "Completed", "status": "True", "reason": "AllTasksSucceeded", "message": ""}
        manifest["status"] = {"conditions": [{**held, "lastTransitionTime": "2026-01-01T00:00:00Z"}]}
    return manifest


def a_child(owner: str, **status: Any) -> Json:
    labels = {"heterosched.io/job": owner, "heterosched.io/task": "t", "heterosched.io/attempt": "0"}
    own = {"kind": "HeteroJob", "name": owner, "uid": f"uid-{owner}", "controller": True, "apiVersion": "v1"}
    metadata = {"name": f"{owner}-t", "namespace": "ns", "uid": f"job-{owner}", "labels": labels}
    return {"metadata": {**metadata, "ownerReferences": [own]}, "spec": {"completions": 2}, "status": status}


def a_member(owner: str, index: int, node: str = "") -> Json:
    labels = {"heterosched.io/job": owner, "batch.kubernetes.io/job-completion-index": str(index)}
    own = {"kind": "Job", "name": f"{owner}-t", "uid": f"job-{owner}", "controller": True, "apiVersion": "v1"}
    metadata = {"name": f"{owner}-t-{index}", "namespace": "ns", "uid": f"pod-{owner}-{index}", "labels": labels}
    return {
        "metadata": {**metadata, "ownerReferences": [own]},
        "spec": {"schedulerName": "heterosched", "nodeName": node},
        "status": {"phase": "Running" if node else "Pending"},
    }


class Api:
    """Collections by their paths; a deleted Job takes its pods with it. `trouble`: what requests meet first."""

    def __init__(self, jobs: list[Json], children: list[Json] | None = None, pods: list[Json] | None = None) -> None:
        self.jobs = {job["metadata"]["name"]: job for job in jobs}
        self.children, self.pods = children or [], pods or []
        self.events: list[str] = []
        self.listed: list[str] = []
        self.writes = 0
        self.trouble: list[Exception] = []

    async def list(self, path: str, params: Mapping[str, str] | None = None) -> list[Json]:
        self.listed.append(path)
        if self.trouble:
            raise self.trouble.pop()
        if path.endswith("/heterojobs"):
            return copy.deepcopy(list(self.jobs.values()))
        if path.endswith("/jobs"):
            return copy.deepcopy(self.children)
        waiting = params is not None and "fieldSelector" in params
        return [pod for pod in copy.deepcopy(self.pods) if not waiting or not pod["spec"]["nodeName"]]

    async def patch(self, path: str, body: Json) -> Json:
        self.writes += 1
        if self.trouble:
            raise self.trouble.pop()
        job = self.jobs[path.rpartition("/")[2]]
        assert body["metadata"]["uid"] == job["metadata"]["uid"]
        job["spec"].update(body["spec"])
        notes = {**job["metadata"].get("annotations", {}), **body["metadata"]["annotations"]}
        job["metadata"]["annotations"] = {key: value for key, value in notes.items() if value is not None}
        return job

    async def post(self, path: str, body: Json) -> Json:
        self.events.append(body["reason"])
        return body

    async def delete(self, path: str, *, uid: str = "") -> Json:
        self.writes += 1
        self.children = [child for child in self.children if child["metadata"]["uid"] != uid]
        self.pods = [pod for pod in self.pods if pod["metadata"].get("ownerReferences", [{}])[0].get("uid") != uid]
        return {}

    def suspended_by(self) -> dict[str, str]:
        return {
            name: job["metadata"].get("annotations", {}).get(ANNOTATION_SUSPENDED_BY, "")
            for name, job in self.jobs.items()
        }


async def at_once(seconds: float) -> None:
    return


def an_uninstaller(api: Any, *names: str, dry: bool = False) -> Uninstaller:
    return Uninstaller(api, Scope(names), "a test", dry, clock=lambda: 0.0, sleep=at_once)


def a_cluster() -> Api:
    jobs = [a_heterojob(name) for name in ("runs", "waits", "part")]
    jobs += [a_heterojob("gang", gang=True), a_heterojob("mine", suspend=True), a_heterojob("done", completed=True)]
    children = [a_child(name) for name in ("runs", "waits", "part", "gang")]
    pods = [a_member("runs", 0, "n"), a_member("runs", 1, "n"), a_member("waits", 0), a_member("waits", 1)]
    pods += [a_member("part", 0, "n"), a_member("part", 1), a_member("gang", 0, "n"), a_member("gang", 1)]
    plain = {"name": "plain", "namespace": "elsewhere", "uid": "pod-plain"}
    return Api(jobs, children, [*pods, {"metadata": plain, "spec": {"nodeName": ""}, "status": {"phase": "Pending"}}])


async def test_what_has_begun_stays_and_what_waits_is_taken_back_for_good(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    api = a_cluster()
    tally = await an_uninstaller(api).suspend()
    assert {name for name, by in api.suspended_by().items() if by == "a test"} == {"runs", "waits", "part", "gang"}
    assert {name for name, job in api.jobs.items() if job["spec"]["suspend"]} == {
        "runs",
        "waits",
        "part",
        "gang",
        "mine",
    }
    assert {child["metadata"]["name"] for child in api.children} == {"runs-t", "part-t"}
    assert (tally.suspended, tally.taken_back, tally.run_on, tally.problems) == (4, 2, 2, [])
    assert api.events == ["SuspendedByUninstall"] * 4
    assert "Pod ns/part-t-1 waits until the scheduler is back" in caplog.text
    assert "Pod elsewhere/plain waits for a scheduler named heterosched and is of no HeteroJob" in caplog.text


async def test_a_second_time_changes_nothing() -> None:
    api = a_cluster()
    await an_uninstaller(api).suspend()
    api.writes, api.events = 0, []
    tally = await an_uninstaller(api).suspend()
    assert (api.writes, api.events, tally.suspended) == (0, [], 0)


async def test_a_dry_run_writes_nothing_and_says_what_it_would(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    api = a_cluster()
    tally = await an_uninstaller(api, dry=True).suspend()
    assert (api.writes, api.events) == (0, [])
    assert (tally.suspended, tally.taken_back) == (4, 2)
    assert "Job ns/waits-t: would be deleted" in caplog.text


async def test_resuming_is_for_what_an_uninstallation_has_suspended_alone() -> None:
    api = Api([a_heterojob("ours", suspend=True, by="release x"), a_heterojob("mine", suspend=True)])
    tally = await an_uninstaller(api).resume()
    assert (tally.resumed, api.suspended_by(), api.events) == (1, {"ours": "", "mine": ""}, ["ResumedByInstall"])
    assert {name: job["spec"]["suspend"] for name, job in api.jobs.items()} == {"ours": False, "mine": True}


async def test_only_the_named_namespaces_are_looked_at_but_waiting_pods_everywhere() -> None:
    api = Api([])
    await an_uninstaller(api, "a", "b").suspend()
    assert set(api.listed) == {f"{OURS}/namespaces/{name}/heterojobs" for name in "ab"} | {
        f"{base}/namespaces/{name}/{kind}" for name in "ab" for base, kind in ((JOBS, "jobs"), (PODS, "pods"))
    } | {"/api/v1/pods"}


async def test_without_the_crds_there_is_nothing_to_do() -> None:
    api = Api([])
    api.trouble = [NotFound("GET heterojobs", 404, "NotFound", "no such kind")]
    assert (await an_uninstaller(api).suspend()).problems == []


async def test_a_server_that_does_not_answer_is_asked_again_and_one_refusal_does_not_stop_the_rest() -> None:
    api = Api([a_heterojob("a"), a_heterojob("b")])
    api.trouble = [ApiUnavailable("GET", 503, "", "busy")] * (TRIES - 1)
    tally = await an_uninstaller(api).suspend()
    assert (tally.suspended, tally.problems) == (2, [])
    refusing = Api([a_heterojob("a"), a_heterojob("b")])
    work = an_uninstaller(refusing)
    jobs = await work._jobs()
    refusing.trouble = [ApiError("PATCH a", 403, "Forbidden", "no")]
    await work._each(work._suspend(job) for job in jobs or [])
    assert work.tally.suspended == 1
    assert work.tally.problems == ["PATCH a: 403 Forbidden: no"]

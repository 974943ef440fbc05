"""Actions reach the API server guarded by UID and version, and what fails keeps nothing else from being done."""

from __future__ import annotations

from typing import Any

import msgspec

from heterosched.api import HeteroJob
from heterosched.api.status import HeteroJobStatus
from heterosched.kube.errors import AlreadyExists, ApiError, ApiUnavailable, Conflict, NotFound, Rejected
from heterosched.telemetry.settings import TelemetrySettings
from heterosched_operator.actions import (
    Action,
    AskWhyNoPods,
    CreateJob,
    DeleteJob,
    DryRun,
    EmitEvent,
    LookForJob,
    PatchStatus,
    ReleaseGang,
)
from heterosched_operator.executor import Executor
from heterosched_operator.measuring import Meter
from heterosched_operator.metrics import Metrics
from heterosched_operator.posting import Poster
from heterosched_operator.store import Store
from heterosched_operator.world import Podless, Rules
from manifests import a_job

KEY = ("uid-j", "t", 0)


class Server:
    """Answers each (method, path) as it is told, and remembers what was asked."""

    def __init__(self, answers: dict[tuple[str, str], Any] | None = None) -> None:
        self.answers = answers or {}
        self.asked: list[tuple[str, str, Any]] = []

    def _answer(self, method: str, path: str, body: Any) -> Any:
        self.asked.append((method, path, body))
        answer = self.answers.get((method, path.rsplit("/", 1)[-1]), {"metadata": {"uid": "uid-new"}})
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def get(self, path: str, params: Any = None) -> Any:
        return self._answer("GET", path, None)

    async def post(self, path: str, body: Any, params: Any = None) -> Any:
        return self._answer("POST" if not (params or {}).get("dryRun") else "DRYRUN", path, body)

    async def patch(self, path: str, body: Any, kind: str = "merge", params: Any = None) -> Any:
        return self._answer("PATCH", path, body)

    async def delete(self, path: str, *, uid: str = "", propagation: str = "") -> Any:
        return self._answer("DELETE", path, (uid, propagation))


def a_hetero_job(version: str = "5") -> HeteroJob:
    own = {"uid": "uid-j", "resourceVersion": version, "namespace": "ns"}
    return msgspec.convert(a_job("j").metadata(**own).task("t").manifest(), HeteroJob)


def raw(version: str = "6", uid: str = "uid-j") -> dict[str, Any]:
    return a_job("j").metadata(uid=uid, resourceVersion=version, namespace="ns").task("t").manifest()


def an_executor(server: Server) -> tuple[Executor, Store]:
    kube: Any = server
    metrics = Metrics()
    store = Store(kube, Rules(), lambda: None)
    meter = Meter(TelemetrySettings(url=""), lambda *_: None, lambda _: None, delay=0, gap=1)
    return Executor(kube, store, Poster(kube, metrics, lambda: 0.0), meter, metrics, 4), store


def a_child(owner: str = "uid-j") -> dict[str, Any]:
    labels = {"heterosched.io/task": "t", "heterosched.io/attempt": "0"}
    owners = [{"kind": "HeteroJob", "name": "j", "uid": owner, "controller": True}]
    return {
        "metadata": {"name": "j-t-0", "namespace": "ns", "uid": "uid-c", "labels": labels, "ownerReferences": owners}
    }


PATCH = PatchStatus(HeteroJobStatus(observed_generation=1))
CREATE = CreateJob(KEY, {"metadata": {"name": "j-t-0"}}, "key")


async def carried(server: Server, *actions: Action) -> tuple[bool, Store]:
    executor, store = an_executor(server)
    store.jobs.put(raw("5"))
    return await executor.carry_out(a_hetero_job(), actions), store


async def test_a_status_patch_tests_uid_and_version_and_its_answer_is_seen_at_once() -> None:
    server = Server({("PATCH", "status"): raw("6")})
    done, store = await carried(server, PATCH)
    tests = {step["path"]: step["value"] for step in server.asked[0][2] if step["op"] == "test"}
    assert done
    assert tests == {"/metadata/uid": "uid-j", "/metadata/resourceVersion": "5"}
    assert store.jobs.items["uid-j"].metadata.resource_version == "6"


async def test_after_a_conflict_nothing_else_is_done_and_the_job_is_read_anew() -> None:
    server = Server({("PATCH", "status"): Rejected("PATCH", 422, "Invalid", "test failed"), ("GET", "j"): raw("9")})
    done, store = await carried(server, PATCH, CREATE)
    assert not done
    assert [method for method, _, _ in server.asked] == ["PATCH", "GET"]
    assert store.jobs.items["uid-j"].metadata.resource_version == "9"


async def test_a_job_that_is_gone_is_forgotten() -> None:
    server = Server({("PATCH", "status"): NotFound("PATCH", 404, "NotFound", "gone")})
    done, store = await carried(server, PATCH, CREATE)
    assert not done
    assert store.jobs.items == {}


async def test_a_job_that_exists_and_is_ours_is_success() -> None:
    taken = AlreadyExists("POST", 409, "AlreadyExists", "taken")
    done, store = await carried(Server({("POST", "jobs"): taken, ("GET", "j-t-0"): a_child()}), CREATE)
    assert done
    assert [child.metadata.uid for child in store.world(0.0).children["uid-j"]] == ["uid-c"]


async def test_a_job_of_somebody_elses_is_trouble() -> None:
    taken = AlreadyExists("POST", 409, "AlreadyExists", "taken")
    done, store = await carried(Server({("POST", "jobs"): taken, ("GET", "j-t-0"): a_child("uid-other")}), CREATE)
    assert not done
    assert "belongs to somebody else" in store.troubles[KEY]
    assert store.world(0.0).children == {}


async def test_a_refused_job_is_remembered_and_a_quota_is_trouble() -> None:
    _, store = await carried(Server({("POST", "jobs"): Rejected("POST", 422, "Invalid", "nonsense")}), CREATE)
    assert store.refusals["uid-j", "key"] == "nonsense"
    _, store = await carried(Server({("POST", "jobs"): ApiError("POST", 403, "Forbidden", "exceeded quota")}), CREATE)
    assert "exceeded quota" in store.troubles[KEY]
    assert store.refusals == {}


async def test_one_failure_keeps_nothing_else_from_being_done() -> None:
    server = Server({("DELETE", "a"): ApiError("DELETE", 500, "InternalError", "oops")})
    done, store = await carried(server, DeleteJob("a", "u1"), DeleteJob("b", "u2"), DryRun("k", {"metadata": {}}))
    assert not done
    assert ("DELETE", "/apis/batch/v1/namespaces/ns/jobs/b", ("u2", "Foreground")) in server.asked
    assert store.refusals["uid-j", "k"] == ""


async def test_a_dry_run_tells_refusals_from_quotas() -> None:
    server = Server({("DRYRUN", "jobs"): Rejected("POST", 422, "Invalid", "bad image")})
    _, store = await carried(server, DryRun("k", {"metadata": {}}))
    assert store.refusals["uid-j", "k"] == "bad image"
    server = Server({("DRYRUN", "jobs"): ApiError("POST", 403, "Forbidden", "exceeded quota")})
    _, store = await carried(server, DryRun("k", {"metadata": {}}))
    assert store.refusals["uid-j", "k"] == ""


async def test_what_is_gone_or_replaced_counts_as_deleted() -> None:
    for error in (NotFound("DELETE", 404, "NotFound", ""), Conflict("DELETE", 409, "Conflict", "uid")):
        done, _ = await carried(Server({("DELETE", "a"): error}), DeleteJob("a", "u"))
        assert done


async def test_absence_is_believed_from_the_api_server_alone() -> None:
    _, store = await carried(Server({("GET", "j-t-0"): NotFound("GET", 404, "NotFound", "")}), LookForJob(KEY, "j-t-0"))
    assert store.absent == {KEY}
    _, store = await carried(Server({("GET", "j-t-0"): a_child()}), LookForJob(KEY, "j-t-0"))
    assert store.absent == set()
    assert len(store.world(0.0).children["uid-j"]) == 1


async def test_a_release_removes_our_gate_only() -> None:
    server = Server()
    done, _ = await carried(server, ReleaseGang("uid-c", (("p0", "u0", ("other",)), ("p1", "u1", ()))))
    assert done
    assert [body[1]["value"] for _, _, body in server.asked] == [[{"name": "other"}], []]


async def test_events_name_the_job_and_never_hold_anything_up() -> None:
    server = Server({("PATCH", "status"): raw("6")})
    done, _ = await carried(server, PATCH, EmitEvent("Normal", "Planned", "by heft"))
    assert done
    assert [method for method, _, _ in server.asked] == ["PATCH"]


ASK = AskWhyNoPods(KEY, "j-t-0", "uid-c", 5.0)


async def test_the_latest_warning_about_a_job_says_why_it_makes_no_pods() -> None:
    events = [
        {"type": "Warning", "lastTimestamp": "2026-01-01T00:00:09Z", "message": "exceeded quota"},
        {"type": "Warning", "eventTime": "2026-01-01T00:00:03.000000Z", "message": "no service account"},
        {"type": "Normal", "lastTimestamp": "2026-01-01T00:00:11Z", "message": "Created pod"},
    ]
    done, store = await carried(Server({("GET", "events"): {"items": events}}), ASK)
    assert done
    assert store.world(9.0).podless == {KEY: Podless(5.0, "Job j-t-0 lacks pods: exceeded quota")}


async def test_without_an_answer_the_lack_of_pods_is_still_told() -> None:
    _, store = await carried(Server({("GET", "events"): {"items": None}}), ASK)
    assert store.podless[KEY].message.endswith("no Event says why")
    _, store = await carried(Server({("GET", "events"): ApiError("GET", 403, "Forbidden", "not allowed")}), ASK)
    assert store.podless[KEY].message.endswith("its Events cannot be read: not allowed")
    done, store = await carried(Server({("GET", "events"): ApiUnavailable("GET", 503, "", "later")}), ASK)
    assert not done
    assert store.podless == {}

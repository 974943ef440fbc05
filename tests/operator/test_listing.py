"""A namespace or kind that may not be listed is told and left as it was; the others are listed all the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from heterosched.api import HeteroJob, SchedulingPolicy, ThroughputProfile
from heterosched.kube.errors import ApiError, NotFound
from heterosched.kube.scope import Scope
from heterosched_operator.cache import Cache
from heterosched_operator.listing import OURS, Lists
from manifests import a_job, a_policy

Json = dict[str, Any]


class Api:
    """Collections by path; others are refused."""

    def __init__(self, **items: list[Json]) -> None:
        self.items = {f"{OURS}/{path.replace('__', '/')}": found for path, found in items.items()}
        self.version = 10

    async def get(self, path: str, params: Mapping[str, Any]) -> Json:
        if path not in self.items:
            raise ApiError(f"GET {path}", 403, "Forbidden", "not allowed")
        return {"metadata": {"resourceVersion": str(self.version)}, "items": self.items[path]}


def caches() -> dict[str, Cache[Any]]:
    def nothing() -> None:
        return

    kinds = {"heterojobs": HeteroJob, "schedulingpolicies": SchedulingPolicy, "throughputprofiles": ThroughputProfile}
    return {plural: Cache(kind, nothing) for plural, kind in kinds.items()}


def job(name: str, namespace: str, version: int) -> Json:
    return a_job(name, namespace).metadata(uid=name, resourceVersion=str(version)).manifest()


async def test_policies_are_listed_once_and_the_rest_in_each_namespace(caplog: pytest.LogCaptureFixture) -> None:
    policy = a_policy("p")
    policy["metadata"] |= {"uid": "p", "resourceVersion": "1"}
    api: Any = Api(namespaces__a__heterojobs=[job("one", "a", 1)], schedulingpolicies=[policy])
    known = caches()
    lists = Lists(api, Scope(("a", "b")), known)
    await lists.fill()
    await lists.fill()
    assert (set(known["heterojobs"].items), set(known["schedulingpolicies"].items)) == ({"one"}, {"p"})
    assert set(lists.refused) == {
        f"{OURS}/namespaces/b/heterojobs",
        *(f"{OURS}/namespaces/{name}/throughputprofiles" for name in "ab"),
    }
    assert caplog.text.count("namespaces/b/heterojobs: 403 Forbidden") == 1, "it is said once"


async def test_a_namespace_that_is_refused_for_a_while_keeps_its_jobs() -> None:
    a, b = job("one", "a", 1), job("two", "b", 2)
    api: Any = Api(namespaces__a__heterojobs=[a], namespaces__b__heterojobs=[b], schedulingpolicies=[])
    known = caches()
    lists = Lists(api, Scope(("a", "b")), {"heterojobs": known["heterojobs"]})
    await lists.fill()
    allowed = api.items.pop(f"{OURS}/namespaces/b/heterojobs")
    api.items[f"{OURS}/namespaces/a/heterojobs"] = []
    await lists.fill()
    assert set(known["heterojobs"].items) == {"two"}, "what was deleted in a is gone, of b nothing is concluded"
    api.items[f"{OURS}/namespaces/b/heterojobs"] = allowed
    await lists.fill()
    assert not lists.refused


async def test_missing_crds_are_told_to_who_waits_for_them() -> None:
    class Bare:
        async def get(self, path: str, params: Mapping[str, Any]) -> Json:
            raise NotFound(f"GET {path}", 404, "NotFound", "no such kind")

    api: Any = Bare()
    with pytest.raises(NotFound):
        await Lists(api, Scope(), caches()).fill()

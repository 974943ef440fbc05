"""Only beside the scheduler that leads are bindings without advice worth a word; a standby is rightly not asked."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from heterosched.kube.errors import NotFound
from heterosched_extender.leading import Leading


class Api:
    """Knows one Lease; no holder where it is None."""

    def __init__(self, holder: str | None = None) -> None:
        self.holder, self.asked = holder, ""

    async def get_raw(self, path: str, params: object) -> bytes:
        self.asked = path
        return json.dumps({"metadata": {}, "spec": {"holderIdentity": self.holder}}).encode()


def leading(api: Any, lease: str = "home/heterosched") -> Leading:
    return Leading(api, lease, since=5.0, clock=lambda: 100.0, host="pod-1")


async def test_the_only_scheduler_always_leads_and_nothing_is_asked() -> None:
    api = Api()
    found = leading(api, "")
    await found.run()
    assert (found.since, api.asked) == (5.0, "")


async def test_until_it_is_known_who_leads_nothing_is_judged() -> None:
    assert leading(Api()).since == math.inf


@pytest.mark.parametrize("holder", [None, "", "pod-2_abc", "pod-10_abc"])
async def test_beside_a_standby_nothing_is_judged(holder: str | None) -> None:
    api = Api(holder)
    found = leading(api)
    await found.look()
    assert found.since == math.inf
    assert api.asked == "/apis/coordination.k8s.io/v1/namespaces/home/leases/heterosched"


async def test_who_leads_from_the_start_judges_what_was_bound_while_it_was_away() -> None:
    found = leading(Api("pod-1_abc"))
    await found.look()
    assert found.since == 5.0


async def test_who_takes_over_judges_from_then_on_and_stops_when_it_loses_the_lead() -> None:
    api = Api("pod-2_abc")
    found = leading(api)
    await found.look()
    api.holder = "pod-1_abc"
    await found.look()
    await found.look()
    assert found.since == 100.0
    api.holder = "pod-2_def"
    await found.look()
    assert found.since == math.inf


async def test_a_lease_that_is_not_there_changes_nothing() -> None:
    class Missing:
        async def get_raw(self, path: str, params: object) -> bytes:
            raise NotFound(f"GET {path}", 404, "NotFound", "no such lease")

    found = leading(Missing())
    with pytest.raises(NotFound):
        await found.look()
    assert found.since == math.inf

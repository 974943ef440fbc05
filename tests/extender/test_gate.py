"""Decisions are for whom the API server knows and allows; nobody's token is kept, logged or confirmed without end."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Any

import pytest
from starlette.testclient import TestClient

from extender_calls import NOW
from heterosched.errors import InvalidInput
from heterosched.kube.errors import ApiError
from heterosched.settings import load
from heterosched_extender import gate as gate_module
from heterosched_extender.app import Asgi
from heterosched_extender.decisions import Decisions
from heterosched_extender.explanations import explanations
from heterosched_extender.gate import ACCESS_REVIEWS, TOKEN_REVIEWS, Guard, Wanted, gate_of, open_gate, wanted_of
from heterosched_extender.metrics import ExtenderCollector, registry_of
from heterosched_extender.ops import Operations, Still
from heterosched_extender.service import Service
from heterosched_extender.settings import Settings

POD = "/v1/decisions/team/fit-0"
AWAY = ("10.0.0.7", 50000)
HERE = ("127.0.0.1", 50000)


class Reviews:
    """An API server that knows users by token; `may` lists what each is allowed."""

    def __init__(self, users: Mapping[str, str], may: Mapping[str, set[Wanted]]) -> None:
        self.users, self.may = users, may
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.trouble: Exception | None = None
        self.hold: asyncio.Event | None = None

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self.asked.append((path, body["spec"]))
        if self.hold is not None:
            await self.hold.wait()
        if self.trouble is not None:
            raise self.trouble
        spec = body["spec"]
        if path == TOKEN_REVIEWS:
            user = self.users.get(spec["token"])
            bound = spec["token"].startswith("bound") is bool(spec.get("audiences"))
            who = {"username": user, "groups": ["g"], "uid": "1", "extra": {"k": ["v"]}}
            return {"status": {"authenticated": True, "user": who} if user and bound else {}}
        assert path == ACCESS_REVIEWS
        assert (spec["groups"], spec["uid"], spec["extra"]) == (["g"], "1", {"k": ["v"]})
        asked = spec["resourceAttributes"]
        assert asked["group"] == "heterosched.io"
        wanted = Wanted(asked["verb"], asked["resource"], asked["namespace"], asked["name"])
        return {"status": {"allowed": wanted in self.may[spec["user"]]}}


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def a_scope(
    token: str = "", path: str = POD, client: Any = AWAY, server: Any = ("10.0.0.2", 9102), **headers: str
) -> dict[str, Any]:
    given = {"authorization": f"Bearer {token}"} if token else {}
    all_headers = {**given, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return {
        "type": "http",
        "path": path,
        "client": client,
        "server": server,
        "headers": [(name.encode(), value.encode()) for name, value in all_headers.items()],
    }


def detail(refusal: Any) -> str:
    (_, body), _ = refusal
    return str(json.loads(body)["detail"])


def ann() -> Reviews:
    return Reviews({"plain": "ann", "bound": "viewer"}, {"ann": {wanted_of(POD)}, "viewer": {wanted_of(POD)}})


@pytest.mark.parametrize(
    ("path", "right"),
    [
        (POD, "get decisions.heterosched.io in namespace team"),
        ("/v1/decisions", "list decisions.heterosched.io cluster-wide"),
        ("/v1/decisions/fit-0", "list decisions.heterosched.io cluster-wide"),
        ("/v1/decisions//fit-0", "list decisions.heterosched.io cluster-wide"),
        ("/v1/decisions/team/fit-0/", "list decisions.heterosched.io cluster-wide"),
        ("/v1/capabilities", "get telemetry.heterosched.io cluster-wide"),
        ("/v1/tas", "get telemetry.heterosched.io cluster-wide"),
        ("/openapi.json", "list decisions.heterosched.io cluster-wide"),
    ],
)
def test_a_path_asks_for_one_right(path: str, right: str) -> None:
    assert str(wanted_of(path)) == right


@pytest.mark.parametrize(
    ("client", "server", "open"),
    [
        (HERE, ("127.0.0.1", 9102), True),
        (("::1", 1), ("::1", 9102), True),
        (("::ffff:127.0.0.1", 1), ("::ffff:127.0.0.1", 9102), True),
        (HERE, ("10.0.0.2", 9102), False),  # a mesh's proxy
        (AWAY, ("127.0.0.1", 9102), False),
        (("::12", 1), ("::1", 9102), False),
        (None, None, False),
    ],
)
async def test_only_loopback_passes_without_a_token(client: Any, server: Any, open: bool) -> None:
    scope = a_scope(client=client, server=server)
    refusal = await Guard(ann())(scope)
    assert (refusal is None) is open
    assert await Guard(ann(), "always")(scope) is not None


@pytest.mark.parametrize(
    "headers", [{"x_heterosched_token": "bound"}, {"authorization": "bearer  plain"}, {"authorization": "Bearer bound"}]
)
async def test_a_token_of_either_audience_in_either_header_is_taken(headers: dict[str, str]) -> None:
    assert await Guard(ann())(a_scope(**headers)) is None


@pytest.mark.parametrize("headers", [{}, {"authorization": "Basic plain"}, {"authorization": "Bearer"}])
async def test_without_a_token_the_answer_says_how_to_get_one(headers: dict[str, str]) -> None:
    reviews = ann()
    refusal = await Guard(reviews)(a_scope(**headers))
    assert refusal is not None
    assert (refusal[0][0], refusal[1][0]) == (401, b"www-authenticate")
    assert "kubectl create token heterosched-viewer" in detail(refusal)
    assert reviews.asked == []


async def test_an_unknown_token_is_401_and_a_missing_right_403() -> None:
    guard = Guard(ann())
    unknown = await guard(a_scope("stolen"))
    assert unknown is not None and unknown[0][0] == 401
    other = await guard(a_scope("plain", "/v1/decisions/other/fit-0"))
    assert other is not None and other[0][0] == 403
    assert detail(other).startswith("ann may not get decisions.heterosched.io in namespace other; bind ClusterRole")
    long = await guard(a_scope("x" * 20_000))
    assert long is not None and long[0][0] == 401


async def test_a_verdict_is_remembered_for_seconds_and_for_its_own_question_alone() -> None:
    reviews, clock = ann(), Clock()
    guard = Guard(reviews, clock=clock)
    for _ in range(3):
        assert await guard(a_scope("bound")) is None
    assert len(reviews.asked) == 2
    assert await guard(a_scope("bound", "/v1/tas")) is not None
    assert len(reviews.asked) == 4
    clock.now += gate_module.ALLOWED_SECONDS + 1
    reviews.may["viewer"].clear()
    assert await guard(a_scope("bound")) is not None
    reviews.may["viewer"].add(wanted_of(POD))
    assert await guard(a_scope("bound")) is not None
    clock.now += gate_module.REFUSED_SECONDS + 1
    assert await guard(a_scope("bound")) is None


async def test_what_is_remembered_is_bounded_and_holds_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_module, "MOST_KEPT", 8)
    guard = Guard(ann(), clock=Clock())
    for number in range(50):
        assert await guard(a_scope(f"secret-{number}")) is not None
    assert len(guard._kept) == 8
    assert "secret" not in repr(guard._kept)


async def test_trouble_is_503_not_remembered_and_told_without_the_token(caplog: pytest.LogCaptureFixture) -> None:
    reviews = ann()
    guard = Guard(reviews)
    reviews.trouble = ApiError(f"POST {TOKEN_REVIEWS}", 403, "Forbidden", "cannot create tokenreviews of plain")
    with caplog.at_level(logging.DEBUG):
        refusal = await guard(a_scope("plain"))
    assert refusal is not None and refusal[0][0] == 503
    assert "403 Forbidden" in detail(refusal) and "create tokenreviews and subjectaccessreviews" in detail(refusal)
    assert "plain" not in caplog.text and "ClusterRole heterosched-extender" in caplog.text
    reviews.trouble = None
    assert await guard(a_scope("plain")) is None


async def test_strangers_cannot_have_tokens_confirmed_without_end() -> None:
    reviews = ann()
    reviews.hold = asyncio.Event()
    guard = Guard(reviews)
    calls = [asyncio.create_task(guard(a_scope(f"t{number}"))) for number in range(gate_module.MOST_WAITING + 5)]
    await asyncio.sleep(0.01)
    assert len(reviews.asked) == gate_module.MOST_AT_ONCE
    sent_away = [task.result() for task in calls if task.done()]
    assert [refusal[0][0] for refusal in sent_away if refusal is not None] == [503] * 5
    reviews.hold.set()
    statuses = {refusal[0][0] for refusal in await asyncio.gather(*calls) if refusal is not None}
    assert statuses == {401, 503}


def test_probes_and_metrics_stay_open_and_a_refusal_loads_nothing() -> None:
    service, loaded = Service(Decisions(2**20, 3600)), list[int]()

    def load() -> Asgi:
        loaded.append(1)
        app: Asgi = explanations(service, lambda: NOW, "0")
        return app

    registry = registry_of(ExtenderCollector(service, clock=lambda: NOW))
    reviews = Reviews({"plain": "ann"}, {"ann": {Wanted("list", "decisions")}})
    client = TestClient(Operations(Still(), registry, load, Guard(reviews)))
    assert [client.get(path).status_code for path in ("/healthz", "/readyz", "/metrics")] == [200, 200, 200]
    refused = client.get("/v1/decisions")
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, 'Bearer realm="heterosched"')
    assert loaded == []
    assert client.get("/v1/decisions", headers={"Authorization": "Bearer plain"}).json() == []
    assert loaded == [1]


def test_the_setting_chooses_the_gate() -> None:
    assert gate_of(ann(), "never") is open_gate
    assert load(Settings, {}).decisions_auth == "auto"
    assert load(Settings, {"HETEROSCHED_EXTENDER_DECISIONS_AUTH": "always"}).decisions_auth == "always"
    with pytest.raises(InvalidInput, match="decisions_auth: Input should be 'auto', 'always' or 'never', got 'off'"):
        load(Settings, {"HETEROSCHED_EXTENDER_DECISIONS_AUTH": "off"})
    with pytest.raises(InvalidInput, match="decisions_auth: a file has no API server"):
        load(Settings, {}, None, {"snapshot": "nodes.json", "decisions_auth": "always"})

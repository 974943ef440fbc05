"""Over HTTP the verbs answer with a length and status 200 and refuse what is broken; FastAPI answers the rest."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

from extender_calls import NOW, a_call, a_pod_manifest, a_snapshot
from heterosched.policy import record as record_module
from heterosched.policy.explain import explain
from heterosched.policy.record import case_of, decode_record
from heterosched_extender.app import Verbs, nothing_else
from heterosched_extender.decisions import Decisions
from heterosched_extender.explanations import explanations
from heterosched_extender.metrics import ExtenderCollector, registry_of
from heterosched_extender.ops import Operations, Still
from heterosched_extender.service import Service

LIMIT = 100_000
NAMES = ["t4-0", "t4-1"]
CALL = a_call(a_pod_manifest("p"), NAMES)


@pytest.fixture
def service() -> Service:
    service = Service(Decisions(2**20, 3600), clock=lambda: NOW)
    service.snapshot = a_snapshot(t4=2)
    return service


@pytest.fixture
def health() -> Still:
    return Still()


@pytest.fixture
def client(service: Service, health: Still) -> TestClient:
    registry = registry_of(ExtenderCollector(service, clock=lambda: NOW))
    return TestClient(
        Verbs(service, Operations(health, registry, lambda: explanations(service, lambda: NOW, "0")), LIMIT)
    )


@pytest.mark.parametrize("path", ["/filter", "/strict/filter", "/prioritize"])
def test_a_verb_answers_json_with_its_length(client: TestClient, path: str) -> None:
    answer = client.post(path, content=CALL)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert "transfer-encoding" not in answer.headers
    assert answer.json()


@pytest.mark.parametrize(
    "body, status, words",
    [(b"{", 400, "ExtenderArgs"), (b"x" * (LIMIT + 1), 413, "over the limit of 100000 bytes")],
)
def test_a_body_that_cannot_be_used_is_refused_with_the_reason(
    client: TestClient, body: bytes, status: int, words: str
) -> None:
    answer = client.post("/prioritize", content=body)
    assert answer.status_code == status
    assert words in answer.json()["error"]


def test_a_body_in_pieces_is_put_together_and_measured(client: TestClient) -> None:
    def pieces(body: bytes) -> Any:
        yield from (body[at : at + 50] for at in range(0, len(body), 50))

    assert client.post("/filter", content=pieces(CALL)).json()["NodeNames"] == NAMES
    assert client.post("/filter", content=pieces(b"x" * (LIMIT + 1))).status_code == 413


def test_a_verb_is_posted(client: TestClient) -> None:
    answer = client.get("/filter")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


def test_the_strict_filter_is_unavailable_before_the_first_sync(client: TestClient, service: Service) -> None:
    service.snapshot = None
    assert client.post("/strict/filter", content=CALL).status_code == 503
    assert client.post("/filter", content=CALL).status_code == 200


def test_the_port_of_the_verbs_answers_nothing_else(service: Service) -> None:
    client = TestClient(Verbs(service, nothing_else, LIMIT))
    assert client.get("/metrics").status_code == 404
    assert client.post("/prioritize", content=CALL).status_code == 200


def test_probes_say_what_is_wrong(client: TestClient, health: Still) -> None:
    assert client.get("/healthz").text == "ok"
    assert client.get("/readyz").status_code == 200
    health.stopping = True
    answer = client.get("/readyz")
    assert (answer.status_code, answer.text) == (503, "stopping")


def test_decisions_are_served_as_json_and_as_text(client: TestClient) -> None:
    client.post("/filter", content=CALL)
    client.post("/prioritize", content=CALL)
    for path in ("/v1/decisions/default/p", "/v1/decisions/p"):
        found = client.get(path, params={"node": "t4-1"}).json()
        assert found["best"]["node"] == "t4-0"
        assert found["asked"]["node"] == "t4-1"
    assert [each["pod"] for each in client.get("/v1/decisions").json()] == ["p"]
    assert [client.get("/v1/decisions", params={"limit": limit}).status_code for limit in (50, 51)] == [200, 422]
    text = client.get("/v1/decisions/default/p", params={"format": "text"})
    assert text.headers["content-type"].startswith("text/plain")
    assert "advised t4-0" in text.text


def test_a_record_is_served_that_decides_the_same_elsewhere(client: TestClient) -> None:
    client.post("/filter", content=CALL)
    client.post("/prioritize", content=CALL)
    answer = client.get("/v1/decisions/default/p", params={"format": "record"})
    assert answer.status_code == 200
    explained = client.get("/v1/decisions/default/p", params={"node": "t4-1"})
    case = case_of(decode_record(answer.content, "record"))
    assert msgspec.json.encode(explain(case, "t4-1")) == explained.content


def test_a_form_that_is_not_known_is_refused(client: TestClient) -> None:
    client.post("/prioritize", content=CALL)
    assert client.get("/v1/decisions/default/p", params={"format": "xml"}).status_code == 422


def test_a_record_of_too_many_nodes_is_refused_with_the_way_out(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.post("/prioritize", content=CALL)
    monkeypatch.setattr(record_module, "MOST_NODES", 1)
    answer = client.get("/v1/decisions/default/p", params={"format": "record"})
    assert answer.status_code == 413
    assert "format=json" in answer.json()["detail"]


def test_a_pod_without_a_decision_is_not_found_with_the_reason(client: TestClient) -> None:
    answer = client.get("/v1/decisions/default/nobody")
    assert answer.status_code == 404
    assert "no decision about pod nobody" in answer.json()["detail"]


def test_calls_show_in_the_metrics(client: TestClient) -> None:
    client.post("/filter", content=CALL)
    client.post("/prioritize", content=CALL)
    client.post("/prioritize", content=b"{")
    lines = client.get("/metrics").text.splitlines()
    for line in (
        'heterosched_extender_request_seconds_count{verb="filter"} 1.0',
        'heterosched_extender_candidates_total{verb="prioritize"} 2.0',
        'heterosched_extender_errors_total{verb="prioritize"} 1.0',
        'heterosched_extender_decisions_total{policy="Balanced"} 1.0',
        'heterosched_extender_terms_absent_total{term="speed"} 1.0',
        "heterosched_extender_nodes 2.0",
        "heterosched_extender_telemetry_up 0.0",
    ):
        assert line in lines


async def test_a_client_that_leaves_before_its_body_is_complete_gets_no_answer(service: Service) -> None:
    sent: list[Any] = []
    messages = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/filter", "headers": []}
    await Verbs(service, nothing_else, LIMIT)(scope, receive, send)
    assert sent == []
    assert json.dumps(dict(service.stats.errors)) == "{}"

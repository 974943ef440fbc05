"""Probes and metrics answer by themselves; explanations are loaded once, when somebody first asks for one."""

from __future__ import annotations

from starlette.testclient import TestClient

from extender_calls import NOW, a_snapshot
from heterosched_extender.app import Asgi
from heterosched_extender.decisions import Decisions
from heterosched_extender.explanations import explanations
from heterosched_extender.metrics import ExtenderCollector, registry_of
from heterosched_extender.ops import Operations, Still
from heterosched_extender.service import Service


def a_client(service: Service, loaded: list[int]) -> TestClient:
    def load() -> Asgi:
        loaded.append(1)
        app: Asgi = explanations(service, lambda: NOW, "0")
        return app

    return TestClient(Operations(Still(), registry_of(ExtenderCollector(service, clock=lambda: NOW)), load))


def test_probes_and_metrics_load_nothing() -> None:
    loaded: list[int] = []
    client = a_client(Service(Decisions(2**20, 3600)), loaded)
    assert client.get("/healthz").text == "ok"
    assert client.head("/readyz").status_code == 200
    assert "heterosched_extender_request_seconds" in client.get("/metrics").text
    assert client.post("/metrics").status_code == 405
    assert loaded == []


def test_explanations_are_loaded_once() -> None:
    loaded: list[int] = []
    with a_client(Service(Decisions(2**20, 3600)), loaded) as client:
        assert client.get("/v1/decisions").json() == []
        assert client.get("/openapi.json").json()["info"]["title"] == "HeteroSched extender"
        assert client.get("/nowhere").status_code == 404
    assert loaded == [1]


def test_capabilities_are_served_for_all_nodes_or_one() -> None:
    service = Service(Decisions(2**20, 3600))
    with a_client(service, []) as client:
        assert client.get("/v1/capabilities").status_code == 503
        service.snapshot = a_snapshot(t4=2)
        assert [one["node"] for one in client.get("/v1/capabilities").json()["nodes"]] == ["t4-0", "t4-1"]
        (one,) = client.get("/v1/capabilities", params={"node": "t4-1"}).json()["nodes"]
        assert one["estimated"] == {"idle_watts": "device table, nvidia-t4"}
        both = client.get("/v1/capabilities", params={"node": ["t4-1", "x", "t4-0"]}).json()["nodes"]
        assert [own["node"] for own in both] == ["t4-1", "t4-0"]
        assert client.get("/v1/capabilities", params={"node": "x"}).status_code == 404

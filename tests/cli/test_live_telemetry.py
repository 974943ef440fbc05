"""A live plan avoids hot nodes and counts measured prices as an extender tells them, or says that it does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from answering import answering
from heterosched.model import NO_TELEMETRY
from heterosched.policy.table import BUILT_IN
from heterosched_cli import live_world
from heterosched_cli.cluster_file import read_cluster
from heterosched_cli.devices import Device, Devices, Sample
from heterosched_cli.live_telemetry import live_telemetry, remarks, telemetry_of
from heterosched_cli.places import Extenders
from heterosched_cli.plan import World
from manifests import a_job, a_policy

NOW = 1_700_000_000.0
CLUSTER = """
nodes:
- {name: t4, count: 2, device: nvidia-t4, gpus: 1, cpu: 8, memory: 64Gi}
"""


def answer(**samples: dict[str, tuple[float, float]]) -> bytes:
    nodes = [
        {
            "node": node,
            "device": "nvidia-t4",
            "samples": {m: {"value": v, "ageSeconds": a} for m, (v, a) in own.items()},
        }
        for node, own in samples.items()
    ]
    return msgspec.json.encode({"nodes": nodes})


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A live cluster of two T4 nodes, t4-0 and t4-1."""
    path = tmp_path / "nodes.yaml"
    path.write_text(CLUSTER, encoding="utf-8")
    monkeypatch.setattr(live_world, "live_world", lambda own, now, *_: World(read_cluster(path, now)))


def manifests() -> str:
    job = a_job("one").policy("green").task("only").gpus(1, "nvidia-t4").manifest()
    job["spec"]["tasks"][0]["work"] = {"runtimeOn": [{"device": "nvidia-t4", "seconds": 100, "watts": 36}]}
    policy = a_policy("green", weights={"speed": 1, "energy": 1}, priceQuery="tariff", pricePerKWh="1")
    return yaml.safe_dump_all([policy, job])


def planned(cli: Any, url: str) -> tuple[dict[str, Any], str]:
    result = cli("plan", "-f", "-", "--extender", url, "-o", "json", input=manifests())
    assert result.exit_code == 0, result.stderr
    job: dict[str, Any] = json.loads(result.stdout)["jobs"][0]
    return job, result.stderr


@pytest.mark.usefixtures("live")
@pytest.mark.parametrize(("hot", "cool"), [("t4-0", "t4-1"), ("t4-1", "t4-0")])
def test_a_hot_node_is_avoided_and_energy_has_its_measured_price(cli: Any, hot: str, cool: str) -> None:
    figures = {name: {"gpu_temperature": (95.0 if name == hot else 50.0, 5.0)} for name in (hot, cool)}
    priced = {name: {**own, "price/green": (0.5, 5.0)} for name, own in figures.items()}
    with answering({"/v1/capabilities": answer(**priced)}) as (url, asked):
        job, told = planned(cli, url)
        table = cli("plan", "-f", "-", "--extender", url, input=manifests()).stdout
    assert asked[0] == "/v1/capabilities?limit=20000"
    assert (job["tasks"][0]["nodes"], list(job["avoided"])) == ([cool], [hot])
    assert (job["cost"], job["priceSource"]) == (pytest.approx(3600 / 3.6e6 * 0.5), "query")
    assert "not considered" not in told
    assert "USD (measured price)" in table
    assert f"avoided for heat or faults: {hot}" in table


@pytest.mark.usefixtures("live")
def test_a_hot_node_that_has_to_be_used_is_not_said_to_be_avoided(cli: Any) -> None:
    figures = {name: {"gpu_temperature": (95.0, 5.0)} for name in ("t4-0", "t4-1")}
    with answering({"/v1/capabilities": answer(**figures)}) as (url, _):
        shown = cli("plan", "-f", "-", "--extender", url, "-o", "wide", input=manifests()).stdout.splitlines()
    used, avoided = (next(line for line in shown if word in line) for word in ("used although", "avoided for"))
    assert {used.split()[-5], avoided.split()[5]} == {"t4-0", "t4-1"}
    assert "t4-0: a GPU is at its limit of 90 degrees Celsius" in shown


@pytest.mark.usefixtures("live")
def test_without_an_extender_the_plan_is_made_and_says_what_it_ignores(cli: Any) -> None:
    job, told = planned(cli, "http://127.0.0.1:9")
    assert (job["avoided"], job["priceSource"], job["cost"]) == ({}, "fixed", pytest.approx(0.001))
    assert "heat and faults of nodes, and measured prices and CO2, are not considered: extender http" in told
    assert "HETEROSCHED_DECISIONS_URL" in told


@pytest.mark.usefixtures("live")
def test_figures_that_are_too_old_or_not_there_count_for_nothing(cli: Any) -> None:
    with answering({"/v1/capabilities": answer(**{"t4-0": {"gpu_temperature": (95.0, 100.0)}})}) as (url, _):
        job, told = planned(cli, url)
    assert (job["avoided"], job["priceSource"]) == ({}, "fixed")
    assert "SchedulingPolicy green: spec.priceQuery: the extender has no figure" in told
    assert "the extender tells of 1 of 2 nodes" in told


def test_samples_keep_their_age_and_what_no_node_has_is_unknown() -> None:
    nodes = [
        Device(node="a", device="x", samples={"host_load": Sample(value=0.5, age_seconds=40.0)}),
        Device(node="b", device="x", samples={"gpu_xid": Sample(value=79.0, age_seconds=2.0)}),
    ]
    found = telemetry_of(Devices(nodes=nodes), NOW)
    values, ages = found.aligned("host_load", ("a", "b", "c"), NOW, 60.0)
    assert (values[0], ages[0]) == (0.5, 40.0)
    assert str(values[1:].tolist()) == "[nan, nan]"


def test_an_extender_without_measurements_says_why_there_are_none() -> None:
    empty = Devices(nodes=[Device(node="a", device="x")], telemetry_error="Prometheus is down")
    (told,) = remarks(empty, telemetry_of(empty, NOW), [BUILT_IN["Balanced"]], 1)
    assert told.endswith("are not considered: Prometheus is down")
    assert live_telemetry(Extenders(("http://127.0.0.1:9",)), NOW, [], 1) is NO_TELEMETRY

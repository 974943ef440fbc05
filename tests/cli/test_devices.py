"""`heterosched devices` shows what is measured of each node, how old it is, and why the rest is not measured."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from answering import answering
from heterosched_cli.devices import COLUMNS, FIGURES, Device, Sample, cells, reasons

SILENT = "no series is about this node"
ANSWER: dict[str, Any] = {
    "totals": {"host_cpu": {"measured": 2, "unavailable": 3}},
    "maxAgeSeconds": 60.0,
    "telemetryError": "",
    "nodes": [
        {
            "node": "t4-0",
            "device": "nvidia-t4",
            "measured": {"host_cpu": 4.6, "gpu_temperature": 12.0, "numa_topology": 90000.0},
            "estimated": {"idle_watts": "device table, nvidia-t4"},
            "unavailable": {"gpu_xid": SILENT},
            "samples": {
                "host_cpu": {"value": 0.25, "ageSeconds": 4.6},
                "gpu_temperature": {"value": 91.4, "ageSeconds": 12.0},
                "host_load": {"value": 7.0, "ageSeconds": 500.0},
                "price/green": {"value": 0.125, "ageSeconds": 100.0},
            },
            "ofALaterVersion": 1,
        },
        {
            "node": "cpu-0",
            "device": "cpu",
            "measured": {},
            "estimated": {},
            "unavailable": {"host_cpu": "the last sample is 110 s old", "gpu_xid": SILENT},
        },
    ],
}
TAS: dict[str, Any] = {
    "telemetryError": "",
    "policies": [
        {
            "namespace": "team",
            "name": "cool",
            "order": "temp LessThan",
            "strategies": [
                {
                    "strategy": "dontschedule",
                    "nodes": 5,
                    "examples": {name: "temp 95 GreaterThan 80" for name in ("a", "b", "c", "d")},
                    "labels": {},
                    "unknown": {"temp": 2},
                }
            ],
        }
    ],
}


def encoded(content: dict[str, Any]) -> bytes:
    return msgspec.json.encode(content)


def test_each_node_has_its_figures_their_age_and_the_reasons_for_what_is_not_there(cli: Any) -> None:
    with answering({"/v1/capabilities": encoded(ANSWER)}) as (url, asked):
        result = cli("devices", "--extender", url, "--limit", "2")
    assert (result.exit_code, asked) == (0, ["/v1/capabilities?limit=2"])
    columns, first, second, *told = result.stdout.splitlines()
    assert columns.split() == [
        *["NODE", "DEVICE", "GPU", "CELSIUS", "GPU", "WATTS", "HOST", "WATTS", "CPU", "LOAD", "FAULTS"],
        *["OLDEST", "ESTIMATED", "UNAVAILABLE"],
    ]
    assert first.split() == ["t4-0", "nvidia-t4", "91", "-", "-", "25%", "-", "-", "12.0s", "idle_watts", "gpu_xid"]
    assert second.split()[-2:] == ["host_cpu,", "gpu_xid"]
    assert told == [
        f"unavailable: gpu_xid on t4-0, cpu-0: {SILENT}",
        "unavailable: host_cpu on cpu-0: the last sample is 110 s old",
        "a sample older than 1m00s does not count",
    ]
    assert "the first 2 of 5 nodes by name" in result.stderr


def test_wide_gives_the_age_of_every_metric_and_json_all_that_was_said(cli: Any) -> None:
    with answering({"/v1/capabilities": encoded(ANSWER)}) as (url, _):
        wide = cli("devices", "--extender", url, "-o", "wide").stdout
        data = json.loads(cli("devices", "--extender", url, "-o", "json").stdout)
        names = cli("devices", "--extender", url, "-o", "name").stdout
    assert (
        "host_cpu 0.25 (4.6s), gpu_temperature 91.4 (12.0s), numa_topology (25h00m), price/green 0.125 (1m40s)" in wide
    )
    assert "idle_watts (device table, nvidia-t4)" in wide
    assert data == ANSWER
    assert names.split() == ["node/t4-0", "node/cpu-0"]


def test_nodes_are_asked_about_by_name_and_an_unknown_one_is_a_no(cli: Any) -> None:
    with answering({"/v1/capabilities": encoded(ANSWER)}) as (url, asked):
        assert cli("devices", "t4-0", "cpu-0", "--extender", url).exit_code == 0
        partly = cli("devices", "t4-0", "lost", "--extender", url)
    assert asked == ["/v1/capabilities?node=t4-0&node=cpu-0", "/v1/capabilities?node=t4-0&node=lost"]
    assert (partly.exit_code, "t4-0" in partly.stdout) == (1, True)
    assert "error: the extender knows no node lost; check the name" in partly.stderr
    with answering({}) as (url, _):
        result = cli("devices", "gone", "--extender", url)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "error: no extender knows gone; check the name" in result.stderr


def test_watts_and_faults_have_columns_and_a_sample_that_is_too_old_shows_no_value() -> None:
    figures = {"gpu_watts": 210.4, "host_watts": 90.0, "host_load": 0.5, "gpu_throttling": 1.0, "gpu_xid": 79.0}
    samples = {metric: Sample(value=value, age_seconds=3.0) for metric, value in figures.items()}
    samples |= {"gpu_temperature": Sample(value=99.0, age_seconds=300.0)}
    measured = {**dict.fromkeys(figures, 3.0), "exporters_down": 3.0}
    samples["exporters_down"] = Sample(value=0.0, age_seconds=3.0)
    found = dict(zip(COLUMNS, cells(Device(node="a", device="x", measured=measured, samples=samples)), strict=True))
    assert [found[name] for name in FIGURES] == ["", "210", "90", "", "0.50"]
    assert found["FAULTS"] == "throttles, XID 79"


def test_without_telemetry_the_answer_says_so_and_what_goes_on(cli: Any) -> None:
    with answering({"/v1/capabilities": encoded({**ANSWER, "telemetryError": "Prometheus is down"})}) as (url, _):
        result = cli("devices", "--extender", url)
    rest = "terms without figures are absent, all others decide"
    assert f"telemetry: Prometheus is down; figures count until they are 1m00s old, {rest}" in result.stdout
    bare = {"nodes": [{"node": "a", "device": "cpu"}], "maxAgeSeconds": 60.0, "telemetryError": "none is configured"}
    with answering({"/v1/capabilities": encoded(bare)}) as (url, _):
        assert f"telemetry: none is configured; {rest}" in cli("devices", "--extender", url).stdout


def test_the_first_extender_that_answers_counts(cli: Any) -> None:
    with answering({"/v1/capabilities": 503}) as (one, _), answering({"/v1/capabilities": encoded(ANSWER)}) as (two, _):
        urls = ("--extender", "http://127.0.0.1:9", "--extender", one, "--extender", two, "--extender", "http://[")
        result = cli("devices", *urls, "-o", "name")
        nobody = cli("devices", "--extender", one)
    assert (result.exit_code, result.stdout.split()) == (0, ["node/t4-0", "node/cpu-0"])
    assert nobody.exit_code == 1
    assert "answers 503" in nobody.stderr
    assert "HETEROSCHED_DECISIONS_URL" in nobody.stderr


def test_taspolicies_are_shown_with_the_nodes_that_violate_them(cli: Any) -> None:
    with answering({"/v1/tas": encoded(TAS)}) as (url, _):
        table = cli("devices", "--tas", "--extender", url).stdout.splitlines()
        data = json.loads(cli("devices", "--tas", "--extender", url, "-o", "json").stdout)
    assert data == TAS
    assert table[1].split()[:4] == ["team/cool", "scheduleonmetric", "-", "orders"]
    assert "dontschedule" in table[2]
    assert "c (temp 95 GreaterThan 80) and 2 more   temp on 2 nodes" in table[2]


def test_a_cluster_without_taspolicies_says_so(cli: Any) -> None:
    with answering({"/v1/tas": encoded({"policies": [], "telemetryError": ""})}) as (url, _):
        result = cli("devices", "--tas", "--extender", url)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no TASPolicy in the cluster" in result.stderr


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b'{"nodes": 1}'])
def test_a_stranger_on_the_port_is_named(cli: Any, answer: bytes) -> None:
    with answering({"/v1/capabilities": answer}) as (url, _):
        result = cli("devices", "--extender", url)
    assert (result.exit_code, "answers what is no report" in result.stderr) == (1, True)


def test_metrics_that_are_missing_together_are_told_together() -> None:
    nodes = [Device(node=f"n{n}", device="cpu", unavailable={"host_cpu": "off", "host_load": "off"}) for n in range(5)]
    assert list(reasons(nodes)) == ["unavailable: host_cpu, host_load on n0, n1, n2 and 2 more: off"]

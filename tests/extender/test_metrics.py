"""Every metric stands in the catalogue with a help text, and the catalogue holds nothing that is not exported."""

from __future__ import annotations

from dataclasses import replace

from prometheus_client import generate_latest

from extender_calls import NOW, a_snapshot, telemetry_of
from heterosched_extender.decisions import Decisions
from heterosched_extender.metrics import CATALOGUE, PREFIX, ExtenderCollector, registry_of
from heterosched_extender.service import Service


def exported(service: Service) -> str:
    watches = lambda: [("/api/v1/nodes", 3.5, 2)]  # noqa: E731
    return generate_latest(registry_of(ExtenderCollector(service, watches, lambda: NOW))).decode()


def a_service() -> Service:
    service = Service(Decisions(2**20, 3600), clock=lambda: NOW)
    service.snapshot = a_snapshot(telemetry_of(NOW - 4, host_load={"t4-0": 0.5}), t4=2)
    return service


def test_the_catalogue_and_the_exposition_agree() -> None:
    lines = [line for line in exported(a_service()).splitlines() if line.startswith("# HELP ")]
    shown = {line.split(" ")[2].removeprefix(PREFIX).removesuffix("_total") for line in lines}
    assert shown == set(CATALOGUE)
    assert all(len(text) > 10 for _, text, _ in CATALOGUE.values())


def test_ages_and_watches_are_told() -> None:
    text = exported(a_service())
    assert 'heterosched_extender_telemetry_age_seconds{metric="host_load"} 4.0' in text
    assert 'heterosched_extender_telemetry_nodes{metric="host_load"} 1.0' in text
    assert 'heterosched_extender_watch_age_seconds{path="/api/v1/nodes"} 3.5' in text
    assert 'heterosched_extender_watch_failures_total{path="/api/v1/nodes"} 2.0' in text


def test_latencies_fall_into_cumulative_buckets() -> None:
    service = a_service()
    for seconds in (0.00005, 0.0004, 5.0):
        service.stats.seconds["filter"].observe(seconds)
    text = exported(service)
    for bound, count in (("0.0001", 1), ("0.0005", 2), ("1.0", 2), ("+Inf", 3)):
        assert f'request_seconds_bucket{{le="{bound}",verb="filter"}} {float(count)}' in text
    assert 'heterosched_extender_request_seconds_sum{verb="filter"} 5.00045' in text


def test_before_the_first_sync_there_are_counters_but_no_snapshot() -> None:
    text = exported(Service(Decisions(2**20, 3600)))
    assert "\nheterosched_extender_nodes " not in text
    assert "heterosched_extender_hints 0.0" in text


def test_a_refused_query_is_counted_by_itself_and_the_source_stays_up() -> None:
    service = a_service()
    telemetry = replace(telemetry_of(NOW, host_load={"t4-0": 0.5}), refused={"gpu_temperature": "parse error"})
    service.snapshot = a_snapshot(telemetry, t4=2)
    text = exported(service)
    assert 'heterosched_extender_telemetry_refused{metric="gpu_temperature"} 1.0' in text
    assert "heterosched_extender_telemetry_up 1.0" in text

"""Boards and alerts ask for metrics and labels that exist, in PromQL that Prometheus takes, and alerts go off."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from helm_chart import CHART, ROOT, one, rendered
from heterosched_extender.metrics import CATALOGUE, PREFIX
from heterosched_operator.metrics import Metrics

BOARDS = sorted((CHART / "files" / "dashboards").glob("*.json"))
RULES = CHART / "files" / "rules" / "heterosched.yaml"
NAME = re.compile(r"\b(?:heterosched|DCGM|node|kepler|kube)_\w+")
BY = re.compile(r"\bby \(([^)]*)\)")
MATCHER = re.compile(r"[{,](\w+)=")
OF_A_SCRAPE = {"namespace", "pod", "instance", "job"}
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}


def series() -> dict[str, set[str]]:
    """All series of ours, with their labels."""
    found = {
        f"{PREFIX}{name}{suffix}": {*labels, *(["le"] if suffix == "_bucket" else [])}
        for name, (kind, _, labels) in CATALOGUE.items()
        for suffix in SUFFIXES[kind]
    }
    for metric in vars(Metrics()).values():
        if hasattr(metric, "_labelnames"):
            for family in metric.describe():
                for suffix in SUFFIXES[family.type]:
                    le = ["le"] if suffix == "_bucket" else []
                    found[f"{family.name}{suffix}"] = {*metric._labelnames, *le}
    return found


SERIES = series()
HARDWARE = (ROOT / "docs" / "reference" / "telemetry.md").read_text()


def panels(board: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(board.read_text())["panels"]
    return found


def queries() -> Iterator[tuple[str, str]]:
    """Where each query stands, and the query."""
    for board in BOARDS:
        for panel in panels(board):
            for target in panel["targets"]:
                yield (
                    f"{board.stem}: {panel['title']} {target['refId']}",
                    target["expr"].replace("$__rate_interval", "5m"),
                )
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]


ALL = dict(queries())


def promtool(*arguments: str) -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool (Debian package prometheus) is not on PATH")
    done = subprocess.run([found, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("where", ALL)
def test_every_query_asks_for_series_and_labels_that_exist(where: str) -> None:
    names = NAME.findall(ALL[where])
    assert names, ALL[where]
    ours = [name for name in names if name.startswith("heterosched_")]
    assert [name for name in ours if name not in SERIES] == []
    assert [name for name in names if name not in ours and not re.search(rf"\b{name}\b", HARDWARE)] == []
    asked = {label.strip() for found in BY.findall(ALL[where]) for label in found.split(",")}
    asked |= set(MATCHER.findall(ALL[where]))
    if ours:
        assert asked <= {label for name in ours for label in SERIES[name]} | OF_A_SCRAPE


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.stem)
def test_a_legend_names_labels_that_its_query_keeps(board: Path) -> None:
    for panel in panels(board):
        for target in panel["targets"]:
            kept = {label.strip() for found in BY.findall(target["expr"]) for label in found.split(",")}
            legend = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            assert legend == kept - {"le"}, panel["title"]


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.stem)
def test_panels_fill_their_rows_without_covering_each_other(board: Path) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels(board):
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
    assert len({panel["id"] for panel in panels(board)}) == len(panels(board))


def test_prometheus_takes_every_query(tmp_path: Path) -> None:
    asked = [{"record": f"asked:{number}", "expr": query} for number, query in enumerate(ALL.values())]
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "asked", "rules": asked}]}))
    assert f"{len(ALL)} rules found" in promtool("check", "rules", "--lint=none", str(file))
    assert "SUCCESS" in promtool("check", "rules", str(RULES))


def test_alerts_go_off_for_what_they_are_about_and_for_nothing_else(tmp_path: Path) -> None:
    healthy = {
        "heterosched_extender_nodes": "60x60",
        "heterosched_operator_heterojobs": "3x60",
        'heterosched_extender_pods_bound_total{how="as_advised",namespace="n",pod="p"}': "0+5x60",
        'heterosched_extender_pods_bound_total{how="without_advice",namespace="n",pod="p"}': "0x60",
        'heterosched_extender_request_seconds_bucket{verb="filter",le="0.001"}': "0+100x60",
        'heterosched_extender_request_seconds_bucket{verb="filter",le="+Inf"}': "0+100x60",
        "heterosched_extender_telemetry_up": "1x60",
        "heterosched_operator_watch_age_seconds": "20x60",
        "heterosched_operator_others": "0x60",
        # A feature that is off because its kind is nowhere installed is no trouble.
        'heterosched_extender_watch_refused{path="/noderesourcetopologies",reason="NotFound"}': "1x60",
        'heterosched_operator_watch_refused{path="/noderesourcetopologies",reason="NotFound"}': "1x60",
        "heterosched_extender_tls_not_after_seconds": f"{30 * 86400}x60",
    }
    troubled = {
        'heterosched_extender_pods_bound_total{how="without_advice",namespace="n",pod="p"}': "0+1x60",
        'heterosched_extender_request_seconds_bucket{verb="filter",le="0.001"}': "0x60",
        'heterosched_extender_request_seconds_bucket{verb="filter",le="1"}': "0+100x60",
        'heterosched_extender_request_seconds_bucket{verb="filter",le="+Inf"}': "0+100x60",
        'heterosched_extender_errors_total{verb="filter"}': "0+1x60",
        "heterosched_extender_telemetry_up": "0x60",
        'heterosched_extender_telemetry_refused{metric="gpu_watts"}': "1x60",
        'heterosched_extender_telemetry_age_seconds{metric="gpu_watts"}': "400x60",
        "heterosched_operator_errors_total": "0+1x60",
        'heterosched_operator_action_failures_total{kind="create"}': "0+1x60",
        "heterosched_operator_watch_age_seconds": "400x60",
        "heterosched_operator_deadlines_missed_total": "0+1x60",
        "heterosched_operator_others": "1x60",
        'heterosched_extender_watch_refused{path="/taspolicies",reason="Forbidden"}': "1x60",
        "heterosched_extender_tls_not_after_seconds": f"{6 * 86400}x60",
    }
    groups = yaml.safe_load(RULES.read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]

    def case(values: dict[str, str], firing: set[str]) -> dict[str, Any]:
        counted = [
            {
                "expr": f'count(ALERTS{{alertname="{rule["alert"]}",alertstate="firing"}}) > 0',
                "eval_time": "45m",
                "exp_samples": [{"labels": "{}", "value": 1}] if rule["alert"] in firing else [],
            }
            for rule in rules
        ]
        listed = [{"series": name, "values": text} for name, text in values.items()]
        return {"interval": "1m", "input_series": listed, "promql_expr_test": counted}

    absent = {"HeteroSchedSchedulerAbsent", "HeteroSchedOperatorAbsent"}
    tests = [case(healthy, set()), case(troubled, {rule["alert"] for rule in rules})]
    assert absent <= {rule["alert"] for rule in rules}
    file = tmp_path / "tests.yaml"
    file.write_text(
        yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}, sort_keys=False)
    )
    assert "SUCCESS" in promtool("test", "rules", str(file))


def test_the_rule_object_holds_the_file_without_telemetry_where_no_prometheus_is_named() -> None:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    switched = "monitoring.prometheusRule.enabled=true"
    named = one(rendered(switched, "prometheus.url=http://p:9090"), "PrometheusRule", "heterosched")
    assert named["spec"]["groups"] == groups
    unnamed = one(rendered(switched), "PrometheusRule", "heterosched")
    assert [group["name"] for group in unnamed["spec"]["groups"]] == ["heterosched"]


def test_boards_reach_grafana_as_they_are() -> None:
    objects = rendered("monitoring.grafana.enabled=true,monitoring.grafana.annotations.grafana_folder=HeteroSched")
    for board in BOARDS:
        found = one(objects, "ConfigMap", f"heterosched-board-{board.stem}")
        assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert found["metadata"]["annotations"] == {"grafana_folder": "HeteroSched"}
        assert json.loads(found["data"][f"heterosched-{board.stem}.json"]) == json.loads(board.read_text())


def test_monitors_and_policies_name_ports_that_the_pods_have() -> None:
    objects = rendered(
        "monitoring.serviceMonitor.enabled=true,monitoring.serviceMonitor.kubeScheduler=true,networkPolicy.enabled=true"
    )
    for name in ("operator", "scheduler"):
        pod = one(objects, "Deployment", f"heterosched-{name}")["spec"]["template"]
        every = [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]
        ports = {port["name"]: port["containerPort"] for container in every for port in container.get("ports", [])}
        monitor = one(objects, "ServiceMonitor", f"heterosched-{name}")["spec"]
        wanted = monitor["selector"]["matchLabels"].items()
        (service,) = (
            entry for entry in objects if entry["kind"] == "Service" and wanted <= entry["metadata"]["labels"].items()
        )
        assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
        offered = {port["name"]: port["targetPort"] for port in service["spec"]["ports"]}
        assert {offered[endpoint["port"]] for endpoint in monitor["endpoints"]} <= ports.keys()
        policy = one(objects, "NetworkPolicy", f"heterosched-{name}")["spec"]
        assert policy["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
        assert {port["port"] for rule in policy["ingress"] for port in rule["ports"]} == set(ports.values())

"""Prometheus is told to scrape the fake nodes as their exporters and our processes beside them, on loopback alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

import prometheus


def a_configuration(**targets: list[str]) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(prometheus.configuration(10247, 1.0, targets))
    return loaded


def test_the_fake_nodes_are_discovered_from_kwok() -> None:
    config = a_configuration()
    assert config["global"] == {"scrape_interval": "1000ms", "scrape_timeout": "1000ms"}
    discovery = config["scrape_configs"][0]["http_sd_configs"][0]
    assert discovery["url"] == "http://127.0.0.1:10247/discovery/prometheus"


def test_a_fraction_of_a_second_is_a_valid_interval() -> None:
    config = yaml.safe_load(prometheus.configuration(1, 0.25, {}))
    assert config["global"]["scrape_interval"] == "250ms"


def test_our_processes_are_jobs_of_their_own() -> None:
    jobs = a_configuration(extender=["127.0.0.1:1", "127.0.0.1:2"], operator=["127.0.0.1:3"])["scrape_configs"][1:]
    assert [(job["job_name"], job["static_configs"][0]["targets"]) for job in jobs] == [
        ("extender", ["127.0.0.1:1", "127.0.0.1:2"]),
        ("operator", ["127.0.0.1:3"]),
    ]


def test_it_listens_on_loopback_and_keeps_its_data_to_itself() -> None:
    command = prometheus.command("/usr/bin/prometheus", Path("/x/p.yml"), Path("/x/data"), 9090)
    assert command[:2] == ["/usr/bin/prometheus", "--config.file=/x/p.yml"]
    assert {"--storage.tsdb.path=/x/data", "--web.listen-address=127.0.0.1:9090"} <= set(command)


def test_a_server_that_is_not_there_is_not_ready() -> None:
    assert not prometheus.Client("http://127.0.0.1:1").ready()

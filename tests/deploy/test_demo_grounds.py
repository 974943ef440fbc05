"""The demo tells of each decision which measurements it rested on, who published them, and how old they were."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import pytest
from rich.console import Console

import grounds


def a_pod(name: str, job: str = "train") -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "demo", "labels": {"heterosched.io/job": job}}}


def a_term(term: str, age: float, **inputs: float) -> dict[str, Any]:
    publisher = "dcgm-exporter" if term == "thermal" else "node-exporter, with cores of pods just advised"
    return {"term": term, "value": 1.0, "origin": f"telemetry of {publisher}", "ageSeconds": age, "inputs": inputs}


def a_decision(*terms: dict[str, Any]) -> dict[str, Any]:
    return {"at": "2026-01-15T09:30:12Z", "bound": "t4-0", "best": {"node": "t4-0", "terms": list(terms)}}


HOT = a_decision(a_term("thermal", 0.84, celsius=71.0), a_term("load", 1.4, hostLoad=0.25))
COOL = a_decision(a_term("thermal", 2.31, celsius=40.0), a_term("load", 1.4, hostLoad=0.25))
BLIND = a_decision({"term": "thermal", "value": None, "absent": "no sample younger than 60 s"})


def gathered(*decisions: dict[str, Any] | None) -> list[grounds.Row]:
    by_pod = dict(enumerate(decisions))
    pods = [a_pod(f"train-{number}") for number in by_pod]
    return grounds.gather(pods, lambda namespace, pod: by_pod[int(pod.rpartition("-")[2])])


def shown(rows: list[grounds.Row], avoided: Iterable[grounds.Row] = (), **sources: str) -> str:
    out = io.StringIO()
    grounds.show(rows, sources, avoided, Console(file=out, width=200))
    return out.getvalue()


def asked_about(node: str, **lost: float) -> dict[str, Any]:
    """A decision for t4-0 and what it says of `node` at 93 degrees, which is behind by `lost` in each term."""
    terms: list[dict[str, Any]] = [
        {"term": term, "value": 1.0, "part": 0.2, "inputs": {}} for term in ("speed", "plan", "fit", "thermal")
    ]
    there = [{**term, "part": 0.2 - lost.get(term["term"], 0.0), "inputs": {"celsius": 93.0}} for term in terms]
    best = {"node": "t4-0", "score": 10, "terms": terms}
    return {**COOL, "best": best, "asked": {"node": node, "score": 7, "terms": there}}


def test_every_decision_that_is_kept_has_its_figures_with_origin_and_age() -> None:
    first, second = gathered(HOT, None, COOL)
    assert (first["pod"], second["pod"], first["node"]) == ("train-0", "train-2", "t4-0")
    assert first["telemetry"]["thermal"] == {
        "origin": "telemetry of dcgm-exporter",
        "ageSeconds": 0.84,
        "inputs": {"celsius": 71.0},
    }


def test_a_job_shows_the_range_of_its_decisions_and_where_its_run_times_came_from() -> None:
    text = shown(gathered(HOT, COOL), train="run time: the job")
    assert "40 to 71 °C, dcgm-exporter, 0.8 to 2.3 s old" in text
    assert "0.25, node-exporter, 1.4 s old" in text
    assert "run time: the job" in text


def test_a_term_without_data_is_told_with_its_reason_and_counted() -> None:
    assert "no sample younger than 60 s" in shown(gathered(BLIND))
    assert "71 °C, dcgm-exporter, 0.8 s old (1 without)" in shown(gathered(HOT, BLIND))


def test_a_node_that_only_heat_speaks_against_is_told_with_its_temperature_and_what_it_lost() -> None:
    (row,) = gathered(COOL)
    one = grounds.passed_over(row, asked_about("t4-1", thermal=0.14, plan=0.12))
    assert one is not None
    assert (one["node"], one["celsius"], one["taken"], one["takenCelsius"]) == ("t4-1", 93.0, "t4-0", 40.0)
    text = shown([row], [one])
    assert "40 °C, dcgm-exporter, 2.3 s old; not t4-1: 93 °C" in text
    assert "train went to t4-0 (40 °C), not to t4-1, which is as fast and as idle but at 93 °C" in text
    assert "score 10 against 7 (lost by plan 0.12, thermal 0.14)" in " ".join(text.split())
    assert "the plan had gone around it, too" in " ".join(text.split())


@pytest.mark.parametrize(
    "decision",
    [
        asked_about("t4-1", plan=0.12),
        asked_about("t4-1", thermal=0.14, speed=0.01),
        asked_about("t4-0", thermal=0.14),
        {**COOL, "askedAnswer": "t4-1 was no candidate"},
    ],
    ids=["no heat", "slower", "the one that was taken", "no candidate"],
)
def test_where_heat_alone_decided_nothing_nothing_is_claimed(decision: dict[str, Any]) -> None:
    (row,) = gathered(COOL)
    assert grounds.passed_over(row, decision) is None

"""Each term is shown with the raw figures that it was made of, on every node that has them."""

from __future__ import annotations

import numpy as np
import pytest

from cases import AT, a_case, a_scene, a_sensor, an_ask, some_nodes
from heterosched.policy.decide import Case
from heterosched.policy.decision import NodeScore, TermShare
from heterosched.policy.explain import explain
from heterosched.policy.inputs import camel
from heterosched.policy.table import TERMS


def shares(case: Case, node: str) -> dict[str, TermShare]:
    found = explain(case, node).asked
    assert isinstance(found, NodeScore)
    return {share.term: share for share in found.terms}


def test_the_figures_of_a_node_are_named_term_by_term() -> None:
    told = shares(a_case(), "t4-0")
    assert told["speed"].inputs == {"seconds": 20.0, "fewestSeconds": 10.0}
    assert told["energy"].inputs["joules"] == 20.0 * 70.0
    assert told["energy"].inputs["wakingWatts"] == 0.0
    assert told["plan"].inputs == {"planned": 0.0, "sameDevice": 1.0, "leadLeft": pytest.approx(0.8)}
    assert told["load"].inputs == {"hostCpu": 0.2, "hostLoad": 0.1, "hintedCores": 3.0, "cores": 32.0}
    assert told["fit"].inputs["freeGpus"] == 2.0
    assert told["data"].inputs == {"inputsHere": 0.0, "inputs": 1.0}
    assert told["thermal"].inputs == {"celsius": 84.0, "throttling": 0.0}
    assert told["thermal"].constants == {
        "maxAgeSeconds": 60.0,
        "warnCelsius": 80.0,
        "limitCelsius": 90.0,
        "xidHeadroom": 0.0,
        "unreachableHeadroom": 0.5,
    }


def test_the_figures_make_the_values() -> None:
    told = shares(a_case(), "v100-0")
    joules = told["energy"].inputs
    assert joules["joules"] == (joules["watts"] + joules["wakingWatts"]) * joules["seconds"]
    assert told["energy"].value == joules["fewestJoules"] / joules["joules"]
    assert told["fit"].value == 0.5 * (1 - told["fit"].inputs["change"] / told["fit"].inputs["largestNodeGpus"])
    assert told["data"].value == told["data"].inputs["inputsHere"] / told["data"].inputs["inputs"]


def test_a_figure_that_a_node_lacks_is_left_out_and_the_term_says_why() -> None:
    told = shares(a_case(), "v100-1")
    assert told["load"].inputs == {"hintedCores": 0.0, "cores": 32.0}
    assert told["thermal"].inputs == {}
    assert "no sample younger than 60 s" in told["load"].absent


def test_a_planned_node_without_headroom_says_so() -> None:
    hot = a_scene(sensors={"gpu_temperature": a_sensor([50.0, 95.0, 50.0, 50.0, float("nan")])})
    told = shares(a_case(scene=hot), "t4-1")
    assert told["plan"].inputs == {"planned": 1.0, "sameDevice": 1.0, "leadLeft": 0.0}
    assert told["plan"].value == told["plan"].constants["planSameDevice"] == 0.5


def test_a_pod_that_brings_nothing_has_its_terms_absent() -> None:
    bare = an_ask(gpus=0.0, seconds={}, watts={}, planned=(), inputs=())
    scene = a_scene(sensors={}, telemetry_error="refused", nodes=some_nodes(gpus=np.zeros(5), free_gpus=np.zeros(5)))
    told = shares(a_case(scene=scene, ask=bare, hinted=None), "t4-0")
    assert {term: bool(told[term].absent) for term in TERMS} == dict.fromkeys(TERMS, True)
    assert told["load"].absent == "no sample younger than 60 s"
    assert {term for term in TERMS if told[term].inputs} == {"fit", "load"}


@pytest.mark.parametrize(("term", "age"), [("load", 12.0), ("thermal", 5.0)])
def test_the_age_is_that_of_the_oldest_figure(term: str, age: float) -> None:
    case = a_case()
    assert case.at == AT
    assert shares(case, "t4-0")[term].age_seconds == age


def test_names_are_written_as_in_json() -> None:
    assert camel("max_age_seconds") == "maxAgeSeconds"


def test_why_figures_are_missing_stands_once_among_the_remarks() -> None:
    scene = a_scene(
        sensors={},
        telemetry_error="Prometheus is away",
        refused={"host_cpu": "parse error", "tas/other": "its own affair"},
    )
    told = explain(a_case(scene=scene))
    assert [remark for remark in told.remarks if "away" in remark] == ["telemetry: Prometheus is away"]
    assert "host_cpu: parse error" in told.remarks
    assert "its own affair" not in str(told)

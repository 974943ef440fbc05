"""Price and CO2 come from a policy's own queries into decisions, plans and outcomes; broken ones harm nobody else."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from manifests import JobBuilder, a_job, a_policy
from processes import wait_until
from spaces import Space, lasting
from stack import Stack

NODES = ("t4-0", "t4-1", "t4-2")
Json = dict[str, Any]
SECONDS, WATTS = 5.0, 300.0


def per_node(*figures: float) -> str:
    """PromQL that gives each node its figure."""
    known = zip(NODES, figures, strict=True)
    return " or ".join(f'label_replace(vector({figure}), "node", "{name}", "", "")' for name, figure in known)


def apply_policy(space: Space, name: str, **spec: Any) -> None:
    weights = {"energy": 80, "speed": 10, "load": 5, "plan": 5}
    space.apply(a_policy(name, weights=weights, currency="EUR", **spec))


def a_run(name: str, policy: str) -> JobBuilder:
    template = lasting(SECONDS)
    template["template"]["metadata"]["annotations"]["sim.heterosched.io/watts"] = json.dumps({"*": WATTS})
    job = a_job(name).policy(policy).template(template).task("t")
    return job.gpus(1, "nvidia-t4").runtime({"nvidia-t4": SECONDS})


def first_planned(space: Space, job: str) -> str:
    """The node of the job's first plan that rests on a price."""
    assert wait_until(lambda: space.status(job).get("plan", {}).get("priceSource") == "query", 60.0, 0.3), space.status(
        job
    )
    found: str = space.tasks(job)["t"]["planned"]["node"]
    return found


def policy_known(stack: Stack, policy: str, kind: str = "price") -> bool:
    """Whether the extender has a figure of the policy's query for every node."""
    return stack.metric(f'heterosched_extender_telemetry_nodes{{metric="{kind}/{policy}"}}') == len(NODES)


@pytest.mark.e2e
def test_jobs_go_where_energy_is_cheap_and_their_cost_is_that_of_the_node(stack: Stack, space: Space) -> None:
    cheap = {"t4-1": per_node(0.4, 0.1, 0.3), "t4-2": per_node(0.4, 0.5, 0.2)}
    prices = {"t4-1": 0.1, "t4-2": 0.2}
    for number, (node, query) in enumerate(cheap.items()):
        policy = f"cheap-{number}"
        apply_policy(space, policy, priceQuery=query, carbonQuery="vector(250)", weighEnergyBy="Cost")
        assert wait_until(partial(policy_known, stack, policy), 60.0, 0.5)
        job = f"run-{number}"
        waiting = a_run(job, policy).spec(suspend=True).manifest()
        space.apply(waiting)
        assert first_planned(space, job) == node
        waiting["spec"]["suspend"] = False
        space.apply(waiting)
        status = space.until_completed(job)
        (task,) = status["tasks"]
        assert task["workers"][0]["node"] == node
        assert (float(task["pricePerKWh"]), float(task["carbonPerKWh"])) == (prices[node], 250.0)
        outcome = status["outcome"]
        assert float(outcome["energyJoules"]) == pytest.approx(SECONDS * WATTS, rel=0.4)
        kilowatt_hours = float(outcome["energyJoules"]) / 3.6e6
        assert float(outcome["cost"]) == pytest.approx(kilowatt_hours * prices[node], abs=1e-6)
        assert float(outcome["carbonGrams"]) == pytest.approx(kilowatt_hours * 250, abs=2e-3)
        assert (outcome["priceSource"], outcome["currency"]) == ("query", "EUR")
        assert "not in force" not in space.condition(job, "Accepted")["message"]
        (pod,) = space.pods(job)
        decision = stack.decision(space.name, pod["metadata"]["name"])
        assert decision is not None and decision["best"]["node"] == node
        (term,) = [own for own in decision["best"]["terms"] if own["term"] == "energy"]
        assert term["inputs"]["nodePricePerKWh"] == prices[node]
        assert term["inputs"]["weighedJoules"] == term["inputs"]["fewestWeighedJoules"]
        assert f"SchedulingPolicy {policy}: spec.priceQuery by node" in term["origin"]
        assert term["ageSeconds"] < 60


@pytest.mark.e2e
def test_a_broken_query_is_told_to_its_own_jobs_and_costs_nobody_else_anything(stack: Stack, space: Space) -> None:
    apply_policy(space, "broken", priceQuery="avg(price", weighEnergyBy="Cost", pricePerKWh="0.5")
    apply_policy(space, "sound", priceQuery="vector(-50)")
    assert wait_until(lambda: policy_known(stack, "sound"), 60.0, 0.5)
    space.apply(a_run("one", "broken"), a_run("other", "sound"))
    one, other = (space.until_completed(job)["outcome"] for job in ("one", "other"))
    assert (one["priceSource"], float(one["pricePerKWh"])) == ("fixed", 0.5)
    assert (other["priceSource"], float(other["pricePerKWh"])) == ("query", -50.0)
    assert float(other["cost"]) == pytest.approx(-50 * float(other["energyJoules"]) / 3.6e6, abs=1e-6)
    assert float(other["cost"]) < -0.01

    def told() -> bool:
        message: str = space.condition("again", "Accepted").get("message", "")
        return "SchedulingPolicy broken spec.priceQuery yields nothing" in message and "pricePerKWh counts" in message

    space.apply(a_run("again", "broken").spec(suspend=True))
    assert wait_until(told, 60.0, 0.5), space.condition("again", "Accepted")
    assert space.condition("again", "TelemetryAvailable")["status"] == "True"
    assert stack.metric("heterosched_extender_telemetry_up") == 1.0
    (pod,) = space.pods("one")
    decision = stack.decision(space.name, pod["metadata"]["name"])
    assert decision is not None
    assert any("spec.priceQuery of SchedulingPolicy broken says nothing" in remark for remark in decision["remarks"])
    (load,) = [own for own in decision["best"]["terms"] if own["term"] == "load"]
    assert load["value"] is not None
    log = stack.extender.output()
    assert log.count("SchedulingPolicy broken: spec.priceQuery") == 1
    assert "correct the PromQL" in log

"""A sample that was too old to count is named with its age, at the term that did without it."""

from __future__ import annotations

from cases import a_case, a_scene, a_sensor, an_ask
from heterosched.policy.decide import Case
from heterosched.policy.decision import TermShare
from heterosched.policy.explain import explain
from heterosched.policy.render import render

NAN = float("nan")


def told(case: Case, node: str, term: str) -> TermShare:
    score = explain(case, node).asked
    assert score is not None
    return next(share for share in score.terms if share.term == term)


def scene_of(**ages: float) -> Case:
    """All nodes but v100-1 were measured, each metric so many seconds ago; Balanced takes 60."""
    values = [0.3, 0.3, 0.3, NAN, 0.3]
    return a_case(scene=a_scene(sensors={metric: a_sensor(values, age) for metric, age in ages.items()}))


def test_a_term_all_of_whose_samples_are_stale_is_absent_and_says_how_old_they_are() -> None:
    case = scene_of(host_cpu=93.0, host_load=200.0)
    share = told(case, "t4-0", "load")
    assert (share.value, share.stale) == (None, {"host_cpu": 93.0, "host_load": 200.0})
    assert share.absent == "stale: host_cpu 93 s old, host_load 200 s old; no sample younger than 60 s"
    assert "  load     absent: stale: host_cpu 93 s old, host_load 200 s old" in render(explain(case))


def test_a_term_that_goes_on_with_the_rest_says_what_it_did_not_count() -> None:
    case = scene_of(host_cpu=5.0, host_load=93.0)
    share = told(case, "t4-0", "load")
    assert (share.age_seconds, share.stale, share.absent) == (5.0, {"host_load": 93.0}, "")
    assert "stale, not counted: host_load 93 s old" in render(explain(case, "t4-0"))


def test_what_was_never_measured_is_not_stale() -> None:
    share = told(scene_of(host_cpu=93.0), "v100-1", "load")
    assert (share.stale, share.absent) == ({}, "no sample younger than 60 s")


def test_what_the_pod_does_not_ask_about_is_not_stale() -> None:
    case = a_case(
        scene=a_scene(sensors={"gpu_temperature": a_sensor([50.0] * 5, 93.0)}), ask=an_ask(gpus=0.0, planned=())
    )
    share = told(case, "t4-0", "thermal")
    assert (share.stale, share.absent) == ({}, "the pod uses no GPU")


def test_fresh_samples_leave_the_explanation_as_it_was() -> None:
    decision = explain(a_case())
    assert decision.best is not None
    assert all(share.stale == {} for share in decision.best.terms)

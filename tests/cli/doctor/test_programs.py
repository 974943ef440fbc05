"""The doctor knows programs that are missing, of another version, without a leader, or more than they should be."""

from __future__ import annotations

from typing import Any

import pytest

from sickroom import (
    DEPLOYMENTS,
    LEASE,
    LEASES,
    NAMESPACE,
    OPERATOR,
    OPERATOR_LEASE,
    SCHEDULER,
    Illness,
    a_deployment,
    a_lease,
    a_list,
    a_pod,
    ago,
    an_event,
    assert_found,
    elsewhere,
    healthy,
    of_program,
    two,
)

ILL: dict[str, Illness] = {
    "no operator": ("operator", {DEPLOYMENTS: a_list(SCHEDULER)}, "FAIL", ("no operator is installed", "helm install")),
    "an operator of another release": (
        "operator",
        of_program(
            {
                **OPERATOR,
                "metadata": {
                    **OPERATOR["metadata"],
                    "labels": {**OPERATOR["metadata"]["labels"], "app.kubernetes.io/version": "0.0.1"},
                },
            },
            a_pod("operator"),
        ),
        "WARN",
        ("is release 0.0.1", "helm upgrade"),
    ),
    "another operator": (
        "operator",
        {OPERATOR_LEASE: {"spec": {"renewTime": ago(1), "holderIdentity": "laptop_12ab"}}},
        "FAIL",
        ("another operator is at work", "laptop_12ab", "stop"),
    ),
    "an operator without a sign of life": (
        "operator",
        {OPERATOR_LEASE: {"spec": {"renewTime": ago(900), "holderIdentity": "heterosched-operator-1_12ab"}}},
        "WARN",
        ("no sign of life", "kubectl logs"),
    ),
    "two replicas": ("operator", of_program(two(OPERATOR), a_pod("operator")), "FAIL", ("more than one replica",)),
    "no replica": (
        "operator",
        of_program({**OPERATOR, "spec": {**OPERATOR["spec"], "replicas": 0}}),
        "FAIL",
        ("scaled to nothing", "kubectl scale deployment -n sched heterosched-operator --replicas 1"),
    ),
    "no scheduler": ("scheduler", {DEPLOYMENTS: a_list(OPERATOR)}, "FAIL", ("no scheduler", "wait for ever")),
    "a scheduler of another minor": (
        "scheduler",
        of_program(a_deployment("scheduler", "mirror/kube-scheduler:v1.37.0")),
        "FAIL",
        ("kube-scheduler is 1.37", "the API server is v1.36.3", "scheduler.image.tag"),
    ),
    "a scheduler one minor behind": (
        "scheduler",
        of_program(a_deployment("scheduler", "registry.k8s.io/kube-scheduler:v1.35.0")),
        "WARN",
        ("kube-scheduler is 1.35",),
    ),
    "a scheduler by its digest": (
        "scheduler",
        of_program(a_deployment("scheduler", "mirror/kube-scheduler@sha256:0a"), a_pod("scheduler")),
        "SKIP",
        ("which version", "kube-scheduler@sha256:0a", "scheduler.image.tag"),
    ),
    "nobody has the lease": ("scheduler", of_program(two(SCHEDULER)), "FAIL", ("no scheduler leads", "no lease")),
    "an old lease": (
        "scheduler",
        {
            **of_program(two(SCHEDULER)),
            LEASE: {"spec": {"renewTime": ago(500), "holderIdentity": "gone"}},
        },
        "FAIL",
        ("no scheduler leads", "of gone is 5"),
    ),
    "a lease that nobody has held": (
        "scheduler",
        {**of_program(two(SCHEDULER)), LEASE: {"spec": {}}},
        "FAIL",
        ("no scheduler leads", "nobody has ever held lease sched/heterosched"),
    ),
    "a lease that was given up": (
        "scheduler",
        {**of_program(two(SCHEDULER)), LEASE: {"spec": {"renewTime": ago(500), "holderIdentity": ""}}},
        "FAIL",
        ("no scheduler leads", "lease sched/heterosched, given up, is 5"),
    ),
    "two releases": (
        "releases",
        {DEPLOYMENTS: a_list(OPERATOR, elsewhere(OPERATOR))},
        "FAIL",
        ("several installations", "namespace other; release hs in namespace sched", "helm uninstall"),
    ),
    "two schedulers of our name": (
        "names",
        {"/api/v1/events": a_list(an_event("heterosched-scheduler-1"), an_event("laptop"))},
        "FAIL",
        ("another scheduler calls itself heterosched", "laptop is at work", "its last Event is 1m00s old"),
    ),
    "an old Event of a scheduler that still runs": (
        "names",
        {
            "/api/v1/events": a_list(an_event("mine", 600.0)),
            "/api/v1/pods": a_list({"metadata": {"name": "mine", "namespace": "x"}, "status": {"phase": "Running"}}),
        },
        "FAIL",
        ("another scheduler calls itself heterosched", "pod x/mine runs"),
    ),
    "an old Event of a scheduler that leads": (
        "names",
        {
            "/api/v1/events": a_list(an_event("mine", 600.0)),
            LEASES: a_list(a_lease("heterosched", "mine_12ab")),
        },
        "FAIL",
        ("another scheduler calls itself heterosched", "mine renews lease heterosched"),
    ),
    "an Event of a scheduler that was there before": (
        "names",
        {
            "/api/v1/events": a_list(an_event("mine", 600.0)),
            "/api/v1/pods": a_list(),
            LEASES: a_list(a_lease("heterosched", "mine_12ab", 300.0)),
        },
        "WARN",
        ("called itself heterosched within 15 minutes", "mine 10m00s ago", "nothing else shows", "goes 15 minutes"),
    ),
}


@pytest.mark.parametrize("illness", ILL)
def test_an_illness_is_named_with_its_remedy(examine: Any, illness: str) -> None:
    check, answers, *_ = ILL[illness]
    assert_found(examine({**healthy(), **answers}, check), ILL[illness])


def test_in_a_namespace_that_is_named_a_lease_is_asked_for_by_its_name(examine: Any) -> None:
    """To list leases takes a right that the chart's account has not."""
    rival = {
        f"/api/v1/namespaces/{NAMESPACE}/{kind}": a_list(*own)
        for kind, own in (("pods", []), ("events", [an_event("mine", 600.0)]))
    }
    answers = {**healthy(), "/api/v1/events": a_list(an_event("mine", 600.0)), **rival, LEASES: 403}
    lease = {LEASE: a_lease("heterosched", "mine_12ab")}
    for more, level in (({}, "WARN"), (lease, "FAIL")):
        found = {own["check"]: own for own in examine({**answers, **more}, namespace=NAMESPACE)}
        assert found["names"]["level"] == level, found["names"]

"""The configuration of the second kube-scheduler: our profile and the two extender entries.

The default scheduler is never touched: an extender switches opportunistic batching off for every pod of its process. A
pure function, so that demo, tests and chart render the same file; run it to print YAML.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import yaml

PROFILE = "heterosched"
STRICT_RESOURCE = "heterosched.io/strict"
TAS_RESOURCE = "telemetry/scheduling"
"""Pods of Intel's Telemetry Aware Scheduling ask for it; no node offers it, so it must be ignored here too."""

IN_TREE_WEIGHTS = {
    "TaintToleration": 3,
    "NodeAffinity": 2,
    "PodTopologySpread": 2,
    "InterPodAffinity": 2,
    "DynamicResources": 2,
    "NodeResourcesFit": 1,
    "NodeResourcesBalancedAllocation": 1,
    "ImageLocality": 1,
    "PodGroupPodsCount": 1,
}
"""Every scorer that a default profile of Kubernetes 1.34 to 1.37 may have, feature gates included
(kubernetes/kubernetes pkg/scheduler/apis/config/v1/default_plugins.go). Each gives a node up to 100 points times its
weight.
"""

EXTENDER_WEIGHT = 10 * sum(IN_TREE_WEIGHTS.values()) + 1
"""One step of our 0..10 counts 10 x weight points: the scheduler multiplies by MaxNodeScore / MaxExtenderPriority = 10.
All in-tree scorers together make at most 100 x 15 = 1,500: from 151 on a single step outweighs them; they decide ties.
"""

HTTP_TIMEOUT = "1s"
"""A verb takes about a millisecond. While the extender hangs a pod waits this long for either verb and goes without: it
bounds what a hung extender costs, and still lets the stalls of a busy machine pass.
"""

STRICT_HTTP_TIMEOUT = "3s"
"""Pods of the strict entry wait in any case when it does not answer; a few late answers are worth having."""


def scheduler_config(
    kubeconfig: str,
    extender: str = "http://127.0.0.1:9101",
    *,
    leader_elect: bool = False,
    qps: float = 5000,
    burst: int = 5000,
    http_timeout: str = HTTP_TIMEOUT,
) -> dict[str, Any]:
    """A KubeSchedulerConfiguration. `kubeconfig` "": in-cluster credentials; `extender`: where the verbs are served.

    The client's default of 50 requests per second would cap the scheduler at about 50 pods per second.
    """
    return {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "leaderElection": {"leaderElect": leader_elect, **({"resourceName": PROFILE} if leader_elect else {})},
        "clientConnection": {"kubeconfig": kubeconfig, "qps": qps, "burst": burst},
        # Sampling comes before the extender: with the default it would see about 500 of 5,000 nodes.
        "percentageOfNodesToScore": 100,
        "profiles": [{"schedulerName": PROFILE}],
        "extenders": [_advice(extender, http_timeout), _strict(extender)],
    }


def _advice(extender: str, timeout: str) -> dict[str, Any]:
    """For every pod of the profile; when it does not answer the scheduler goes on without.

    The filter passes on the best nodes alone, since by the weight no other one could win: the scheduler then spends
    nothing on scoring the rest. It asks ignorable entries last, so that none but another ignorable one comes after.
    """
    return {
        "urlPrefix": f"{extender}/narrow",
        "filterVerb": "filter",
        "prioritizeVerb": "prioritize",
        # In-tree filters choose nodes to evict pods from; ours may turn such a node down whoever is evicted.
        "preemptVerb": "preempt",
        "weight": EXTENDER_WEIGHT,
        "httpTimeout": timeout,
        "nodeCacheCapable": True,
        "ignorable": True,
    }


def _strict(extender: str) -> dict[str, Any]:
    """Only for pods that request one of the resources, and never skipped: they wait until it answers."""
    return {
        "urlPrefix": f"{extender}/strict",
        "filterVerb": "filter",
        "preemptVerb": "preempt",
        "httpTimeout": STRICT_HTTP_TIMEOUT,
        "nodeCacheCapable": True,
        "ignorable": False,
        "managedResources": [
            {"name": resource, "ignoredByScheduler": True} for resource in (STRICT_RESOURCE, TAS_RESOURCE)
        ],
    }


def main() -> int:
    """Print the configuration."""
    parser = argparse.ArgumentParser(description="print the KubeSchedulerConfiguration of the second scheduler")
    parser.add_argument("--kubeconfig", default="", help="credentials of the scheduler; in-cluster where left out")
    parser.add_argument("--extender", default="http://127.0.0.1:9101", help="where the extender serves its verbs")
    parser.add_argument("--leader-elect", action="store_true", help="for more than one replica")
    given = parser.parse_args()
    config = scheduler_config(given.kubeconfig, given.extender, leader_elect=given.leader_elect)
    yaml.safe_dump(config, sys.stdout, sort_keys=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())

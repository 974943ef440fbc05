"""A recorded cluster with an installation that is well, to be made ill in one respect at a time."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

Json = dict[str, Any]
NAMESPACE = "sched"
RELEASE = version("heterosched-cli")
NOW = datetime.now(UTC)
POD = f"/api/v1/namespaces/{NAMESPACE}/pods"
PROXY = f"{POD}/heterosched-scheduler-1:9102/proxy"
CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{}.heterosched.io"
METRICS = """\
# TYPE heterosched_extender_nodes gauge
heterosched_extender_nodes 2.0
# TYPE heterosched_extender_telemetry_up gauge
heterosched_extender_telemetry_up 1.0
# TYPE heterosched_extender_telemetry_nodes gauge
heterosched_extender_telemetry_nodes{metric="gpu_temperature"} 1.0
heterosched_extender_telemetry_nodes{metric="host_load"} 2.0
# TYPE heterosched_extender_telemetry_age_seconds gauge
heterosched_extender_telemetry_age_seconds{metric="host_load"} 4.0
# TYPE heterosched_extender_watch_age_seconds gauge
heterosched_extender_watch_age_seconds{path="/api/v1/nodes"} 12.0
heterosched_extender_watch_age_seconds{path="/api/v1/pods"} 1.0
# TYPE heterosched_extender_watch_failures counter
heterosched_extender_watch_failures_total{path="/api/v1/nodes"} 0.0
"""


def ago(seconds: float) -> str:
    """A time before the test began, as the API server writes it."""
    return datetime.fromtimestamp(NOW.timestamp() - seconds, UTC).isoformat().replace("+00:00", "Z")


def a_list(*items: Json) -> Json:
    """A list as the API server gives it."""
    return {"metadata": {}, "items": list(items)}


def a_deployment(component: str, image: str, **status: Any) -> Json:
    """One of ours, with one replica that is available."""
    labels = {"name": "heterosched", "instance": "hs", "component": component, "version": RELEASE}
    named = {f"app.kubernetes.io/{name}": value for name, value in labels.items()}
    spec = {"serviceAccountName": f"heterosched-{component}", "containers": [{"name": component, "image": image}]}
    return {
        "metadata": {"name": f"heterosched-{component}", "namespace": NAMESPACE, "labels": named},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"c": component}}, "template": {"spec": spec}},
        "status": {"availableReplicas": 1, **status},
    }


def a_pod(component: str, container: Json | None = None, **status: Any) -> Json:
    """A pod of such a Deployment."""
    statuses = [container or {"name": component, "state": {"running": {}}, "restartCount": 0}]
    return {
        "metadata": {
            "name": f"heterosched-{component}-1",
            "namespace": NAMESPACE,
            "labels": {"app.kubernetes.io/component": component},
        },
        "spec": {"containers": [{"name": component}]},
        "status": {"phase": "Running", "podIP": "10.0.0.9", "containerStatuses": statuses, **status},
    }


def a_node(name: str, product: str = "", gpus: int = 0, labels: dict[str, str] | None = None) -> Json:
    """A node, with GPUs of a product."""
    allocatable = {"cpu": "8", **({"nvidia.com/gpu": str(gpus)} if gpus else {})}
    own = {**({"nvidia.com/gpu.product": product} if product else {}), **(labels or {})}
    return {"metadata": {"name": name, "labels": own}, "status": {"allocatable": allocatable}}


def a_job(name: str = "train", age: float = 3600.0, **status: Any) -> Json:
    """A HeteroJob that the operator has seen, and that is measured."""
    status.setdefault("conditions", [a_condition("TelemetryAvailable", "True")])
    metadata = {"name": name, "namespace": "team", "creationTimestamp": ago(age)}
    return {"metadata": metadata, "status": {"observedGeneration": 1, **status}}


def a_condition(type: str, status: str, **more: str) -> Json:
    """A condition."""
    return {"type": type, "status": status, **more}


def a_crd(kind: str) -> Json:
    """A CRD of ours that is served."""
    return {
        "metadata": {"name": f"{kind}.heterosched.io", "labels": {"app.kubernetes.io/version": RELEASE}},
        "spec": {"versions": [{"name": "v1alpha1", "served": True}]},
        "status": {"conditions": [a_condition("Established", "True")]},
    }


def healthy() -> dict[str, Any]:
    """The answers of an API server beside which all is well."""
    operator = a_deployment("operator", f"heterosched/operator:{RELEASE}")
    scheduler = a_deployment("scheduler", "registry.k8s.io/kube-scheduler:v1.36.3")
    capabilities = {"totals": {}, "maxAgeSeconds": 60.0, "telemetryError": "", "version": RELEASE, "nodes": []}
    return {
        "/version": {"gitVersion": "v1.36.3"},
        **{CRD.format(kind): a_crd(kind) for kind in ("heterojobs", "schedulingpolicies", "throughputprofiles")},
        "/apis/apps/v1/deployments": a_list(operator, scheduler),
        POD: lambda request: a_list(a_pod("operator" if "operator" in request.query else "scheduler")),
        "/api/v1/pods": lambda request: a_list(*([] if "Pending" in request.query else [a_pod("scheduler")])),
        "/api/v1/events": a_list(),
        f"{PROXY}/readyz": b"ok",
        f"{PROXY}/metrics": METRICS.encode(),
        f"{PROXY}/v1/capabilities": capabilities,
        f"POST /api/v1/namespaces/{NAMESPACE}/serviceaccounts/heterosched-viewer/token": (
            201,
            {"status": {"token": "t"}},
        ),
        "POST /apis/authorization.k8s.io/v1/subjectaccessreviews": (201, {"status": {"allowed": True}}),
        "/api/v1/nodes": a_list(a_node("t4-0", "Tesla-T4", 4), a_node("cpu-0")),
        "/apis/heterosched.io/v1alpha1": {"resources": []},
        "/apis/heterosched.io/v1alpha1/heterojobs": a_list(a_job()),
        "/apis/resource.k8s.io/v1": {"resources": []},
        "/apis/resource.k8s.io/v1/resourceslices": a_list({"spec": {"driver": "gpu.nvidia.com"}}),
    }


DEPLOYMENTS = "/apis/apps/v1/deployments"
JOBS = "/apis/heterosched.io/v1alpha1/heterojobs"
REVIEWS = "POST /apis/authorization.k8s.io/v1/subjectaccessreviews"
TOKEN = f"POST /api/v1/namespaces/{NAMESPACE}/serviceaccounts/heterosched-viewer/token"
OPERATOR = a_deployment("operator", "heterosched/operator:0.1.0")
SCHEDULER = a_deployment("scheduler", "registry.k8s.io/kube-scheduler:v1.36.3")
OPERATOR_LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/heterosched-operator"
LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/heterosched"
LEASES = "/apis/coordination.k8s.io/v1/leases"


def of_program(deployment: Any, *pods: Any) -> dict[str, Any]:
    """Answers with this Deployment beside the other program's, and these pods."""
    other = SCHEDULER if "operator" in deployment["metadata"]["name"] else OPERATOR
    return {DEPLOYMENTS: a_list(deployment, other), POD: a_list(*pods)}


def waiting(reason: str, **more: Any) -> dict[str, Any]:
    """A container that waits for this reason."""
    state = {"waiting": {"reason": reason, "message": f"{reason}: no such thing"}}
    return {"name": "operator", "image": "heterosched/operator:9", "state": state, "restartCount": 1, **more}


def metrics(**changes: str) -> dict[str, Any]:
    """The extender's metrics with other lines for the metrics of these names."""
    lines = METRICS.splitlines()
    for name, value in changes.items():
        lines = [value if line.startswith(f"heterosched_extender_{name}") else line for line in lines]
    return {f"{PROXY}/metrics": "\n".join([*lines, ""]).encode()}


def more_metrics(line: str) -> dict[str, Any]:
    """The extender's metrics and this line."""
    return {f"{PROXY}/metrics": f"{METRICS}heterosched_extender_{line}\n".encode()}


def capabilities(**fields: Any) -> dict[str, Any]:
    """What the extender knows of nodes, with other values."""
    return {f"{PROXY}/v1/capabilities": {**healthy()[f"{PROXY}/v1/capabilities"], **fields}}


def an_event(instance: str, seconds: float = 60.0, **fields: Any) -> dict[str, Any]:
    """An Event that this instance of a scheduler has posted."""
    return {"metadata": {}, "reportingInstance": f"heterosched-{instance}", "eventTime": ago(seconds), **fields}


def a_lease(name: str, holder: str, seconds: float = 2.0) -> dict[str, Any]:
    """A lease that was renewed so long ago."""
    spec = {"holderIdentity": holder, "renewTime": ago(seconds)}
    return {"metadata": {"name": name, "namespace": "kube-system"}, "spec": spec}


def two(deployment: Any) -> Any:
    """The Deployment with two replicas."""
    return {**deployment, "spec": {**deployment["spec"], "replicas": 2}, "status": {"availableReplicas": 2}}


def elsewhere(deployment: Any) -> Any:
    """The Deployment in another namespace."""
    return {**deployment, "metadata": {**deployment["metadata"], "namespace": "other"}}


def managing(*namespaces: str) -> dict[str, Any]:
    """Both programs in the namespaced mode, with rights in these namespaces beside reading what is cluster-wide."""
    annotation = {"heterosched.io/namespaces": ",".join(namespaces)}
    told = [{**own, "metadata": {**own["metadata"], "annotations": annotation}} for own in (OPERATOR, SCHEDULER)]
    cluster_wide = ("nodes", "pods", "schedulingpolicies")

    def judge(request: Any) -> Any:
        asked = request.body["spec"]["resourceAttributes"]
        reads = asked["resource"] in cluster_wide or asked["group"].endswith("k8s.io")
        return 201, {"status": {"allowed": reads or asked["namespace"] in namespaces}}

    return {DEPLOYMENTS: a_list(*told), REVIEWS: judge}


def no_right_to(*resources: str) -> Any:
    """Reviews that refuse these resources."""
    return lambda request: (
        201,
        {"status": {"allowed": request.body["spec"]["resourceAttributes"]["resource"] not in resources}},
    )


Illness = tuple[str, dict[str, Any], str, tuple[str, ...]]
"""What is wrong: the check that says so, the answers that make it so, how bad it is, and words of the finding."""


def assert_found(found: list[dict[str, str]], illness: Illness) -> None:
    """The check has said what it should."""
    _, _, level, words = illness
    text = " ".join(f"{own['what']} {own['why']} {own['remedy']}" for own in found)
    assert level in {own["level"] for own in found}, found
    assert [word for word in words if word not in text] == [], text

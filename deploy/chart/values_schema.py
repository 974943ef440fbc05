"""The schema of the chart's values: strict, so that a key that is misspelt is refused instead of ignored.

Descriptions come from the comments in values.yaml, and what `operator.config` and `extender.config` may hold from the
settings of the programs themselves: none of it is written down twice.
"""

from __future__ import annotations

from heterosched.settings import ServiceSettings
from heterosched.telemetry.queries import SAMPLED, table
from heterosched_extender.settings import Settings as ExtenderSettings
from heterosched_operator.settings import Settings as OperatorSettings
from kubernetes_schema import (
    AFFINITY,
    ANNOTATIONS,
    GO_DURATION,
    LABELS,
    PEER,
    QUANTITY,
    RESOURCES,
    SCRAPE_INTERVAL,
    TOLERATION,
    Schema,
    closed,
    like,
    several,
    texts,
)

CHARTS_OWN = frozenset(
    {
        "kubeconfig",
        "context",
        "snapshot",
        "namespaces",
        "lease_namespace",
        "devices_file",
        "state_file",
        "scheduler_lease",
    }
    | {"verbs_host", "verbs_port", "ops_port", "health_port", "metrics_port"}
    | {"tls_cert_file", "tls_key_file", "tls_client_ca_file"}
    | {f"prometheus_{name}" for name in ("url", "user", "node_label", "queries")}
    | {f"prometheus_{name}_file" for name in ("token", "password", "ca", "cert", "key")}
)
"""Settings that the chart gives by values of their own, or whose change would contradict its manifests."""

STRING: Schema = {"type": "string"}
BOOLEAN: Schema = {"type": "boolean"}
NAME: Schema = {"type": "string", "pattern": "^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$", "maxLength": 253}
URL = like(
    "an address like http://prometheus.monitoring:9090",
    r"(https?://(.*@)?([^\s/?#@:\[\]]+|\[[0-9a-fA-F:]+\])(:[0-9]{1,5})?([/?#]\S*)?)?",
)
"""With credentials too: heterosched.checkValues refuses them without repeating them, as Helm would here."""
POD: dict[str, Schema] = {
    "resources": RESOURCES,
    "nodeSelector": LABELS,
    "tolerations": several(TOLERATION),
    "affinity": AFFINITY,
    "podAnnotations": ANNOTATIONS,
    "podLabels": LABELS,
    "priorityClassName": NAME,
}


IMAGE = closed(
    {
        "repository": {"type": "string", "pattern": "^[a-zA-Z0-9][-a-zA-Z0-9._/:]*[a-zA-Z0-9]$"},
        "tag": {"type": "string", "pattern": "^[A-Za-z0-9_.-]{0,128}$"},
        "digest": {"type": "string", "pattern": "^(sha256:[0-9a-f]{64})?$"},
        "pullPolicy": {"enum": ["Always", "IfNotPresent", "Never"]},
    }
)
DEVICE: Schema = {
    **closed(
        {
            "name": {"type": "string", "pattern": "^[a-z0-9]([-._a-z0-9]{0,61}[a-z0-9])?$"},
            "products": {"type": "array", "items": STRING, "minItems": 1},
            **{key: QUANTITY for key in ("memory", "idleWatts", "busyWatts", "relativeSpeed", "capWatts")},
            "resource": STRING,
            "curve": {"type": "object", "additionalProperties": QUANTITY},
            "source": STRING,
        }
    ),
    "required": ["name", "products", "memory", "idleWatts", "busyWatts", "relativeSpeed"],
}
PROMQL: Schema = {"type": "string", "pattern": like("PromQL that is not empty", r"\s*\S[\s\S]*")}
QUERIES = closed({key: query for name in table() for key, query in ((name, PROMQL), (name + SAMPLED, STRING))})
"""By the names of the metrics, as the programs take them."""
ISSUER: Schema = {
    **closed(
        {
            "name": {**NAME, "minLength": 1},
            "kind": texts(like("a kind like ClusterIssuer", "[A-Z][A-Za-z0-9]*"), 63),
            "group": NAME,
        }
    ),
    "dependentRequired": {"kind": ["name"], "group": ["name"]},
    "if": {"properties": {"group": {"enum": ["", "cert-manager.io"]}}},
    "then": {"properties": {"kind": {"enum": ["Issuer", "ClusterIssuer"]}}},
}
"""External issuers have kinds of their own (AWSPCAClusterIssuer), by whose group they are known."""
SECRET_KEYS = ["token", "user", "password", "ca.crt", "tls.crt", "tls.key"]


def settings_schema(kind: type[ServiceSettings]) -> Schema:
    """What a program's `config` value may hold: its settings but for those that the chart gives itself."""
    known = kind.model_json_schema()["properties"]
    return closed({name: _bare(schema) for name, schema in known.items() if name not in CHARTS_OWN})


def _bare(schema: Schema) -> Schema:
    """A setting without what pydantic adds for its own sake: titles and defaults."""
    return {key: value for key, value in schema.items() if key not in ("title", "default", "format")}


def _parts() -> dict[str, Schema]:
    """The programs: operator, scheduler, extender."""
    tls = closed(
        {
            "mode": {"enum": ["off", "existingSecret", "certManager"]},
            "existingSecret": NAME,
            "issuerRef": ISSUER,
            "duration": GO_DURATION,
        }
    )
    budget = closed(
        {
            "enabled": BOOLEAN,
            "maxUnavailable": {  # with none no drain of their nodes would ever end
                "anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": "^(100|[1-9][0-9]?)%$"}]
            },
        }
    )
    scheduler = {
        "replicas": {"type": "integer", "minimum": 1, "maximum": 9},
        "image": IMAGE,
        "verbosity": {"type": "integer", "minimum": 0, "maximum": 10},
        "qps": {"type": "number", "exclusiveMinimum": 0},
        "burst": {"type": "integer", "minimum": 1},
        **POD,
        "podDisruptionBudget": budget,
    }
    extender = {
        "image": IMAGE,
        "config": settings_schema(ExtenderSettings),
        "tls": tls,
        "resources": POD["resources"],
    }
    operator = {"image": IMAGE, "config": settings_schema(OperatorSettings), **POD}
    return {"operator": closed(operator), "scheduler": closed(scheduler), "extender": closed(extender)}


def _surroundings() -> dict[str, Schema]:
    """What stands around the programs: policies, monitoring, hooks."""
    monitors = {"enabled": BOOLEAN, "interval": SCRAPE_INTERVAL, "labels": LABELS, "kubeScheduler": BOOLEAN}
    return {
        "aggregateRoles": BOOLEAN,
        "priorityClasses": closed(
            {"create": BOOLEAN, "value": {"type": "integer", "minimum": 0, "maximum": 1_000_000_000}}
        ),
        "networkPolicy": closed({"enabled": BOOLEAN, "ingressFrom": several(PEER)}),
        "monitoring": closed(
            {
                "serviceMonitor": closed(monitors),
                "prometheusRule": closed({"enabled": BOOLEAN, "labels": LABELS}),
                "grafana": closed({"enabled": BOOLEAN, "labels": LABELS, "annotations": ANNOTATIONS}),
            }
        ),
        "uninstall": closed(
            {
                "suspendJobs": BOOLEAN,
                "resumeJobs": BOOLEAN,
                "timeoutSeconds": {"type": "integer", "minimum": 1},
                "podAnnotations": ANNOTATIONS,
            }
        ),
        "tests": closed({"enabled": BOOLEAN, "image": IMAGE, "podAnnotations": ANNOTATIONS}),
    }


def values_schema(comments: dict[tuple[str, ...], str]) -> Schema:
    """The whole schema; `comments`: what values.yaml says of each value, by its path."""
    properties: dict[str, Schema] = {
        "global": {"type": "object", "description": "Helm gives it to charts that are part of another one; not read."},
        "imageRegistry": {"type": "string", "pattern": "^([a-zA-Z0-9][-a-zA-Z0-9._/:]*)?$"},
        "imagePullSecrets": {"type": "array", "items": {**closed({"name": NAME}), "required": ["name"]}},
        "namespaces": {
            "type": "array",
            "items": {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"},
            "uniqueItems": True,
        },
        "runAsUser": {"type": ["integer", "null"], "minimum": 1},
        "crds": closed({"install": BOOLEAN, "keep": BOOLEAN}),
        "prometheus": closed(
            {
                "url": {"type": "string", "pattern": URL},
                "existingSecret": NAME,
                "secretKeys": {"type": "array", "items": {"enum": SECRET_KEYS}, "uniqueItems": True},
                "nodeLabel": {"type": "string", "pattern": "^([a-zA-Z_][a-zA-Z0-9_]*)?$"},
                "queries": QUERIES,
            }
        ),
        "devices": {"type": "array", "items": DEVICE},
        **_parts(),
        **_surroundings(),
    }
    described = {name: _described(schema, (name,), comments) for name, schema in properties.items()}
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Values of the chart heterosched"}
    return {**head, **closed(described)}


def _described(schema: Schema, path: tuple[str, ...], comments: dict[tuple[str, ...], str]) -> Schema:
    found = {"description": comments[path], **schema} if path in comments else dict(schema)
    if "properties" in schema:
        found["properties"] = {
            name: _described(part, (*path, name), comments) for name, part in schema["properties"].items()
        }
    return found

"""The truth of the demo: how long each task really takes on each device, and what it really draws.

The figures of the manifests, perturbed once per run and task, go into a ConfigMap. An admission policy of the real API
server copies them onto each pod as it is created, in the annotations that the simulated hardware reads (see
deploy/control-plane/stages). The planner reads neither: it knows the manifests only.
"""

from __future__ import annotations

import itertools
import json
import math
import random
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from binaries import ControlPlaneError
from cluster import ControlPlane
from fleet import short_name
from heterosched.constants import ANNOTATION_PLAN, ENV_WORLD_SIZE, LABEL_JOB, LABEL_TASK
from heterosched.model import DEVICE_TYPES
from heterosched.model.devices import CPU, SOCKET_BUSY_WATTS
from heterosched.units import parse_quantity
from processes import wait_until

SPREAD = 0.06
"""Standard deviation of the logarithm of a perturbation: about +-6 % from run to run."""
REPEAT_SPREAD = 0.02
"""The same of one run and the next of the same work on the same device type: less than from a table to the truth."""
LINK_BYTES_PER_SECOND = 1.25e9
CORES_PER_SOCKET = 16
UNKNOWN_SECONDS = 20.0
"""Run time of a task that the truth does not know: a job that somebody applies to a kept demo ends, too."""
UNKNOWN_WATTS = {short_name(name): device.busy_watts for name, device in DEVICE_TYPES.items()}
"""What a task that the truth does not know draws on each device: as much as the device does when busy."""
CONFIG_MAP = "simulated-truth"
POLICY = "simulated-hardware"
TOGETHER = ".together"
"""Ends the key of a training whose workers are all planned for one node: their gradients pass no network."""
PREFIX = "sim.heterosched.io/"

Figures = Mapping[str, tuple[float, float]]
"""Device type -> (seconds, watts of one pod)."""


def install(plane: ControlPlane, truth: Mapping[str, Figures], namespace: str) -> None:
    """Hand `truth` to the pods of every namespace from now on, kept in a ConfigMap of `namespace`.

    Returns once the API server does so: a policy takes effect a moment after it is written, and a pod created before
    would run for ever. Raises ControlPlaneError where it does not.
    """
    manifests = yaml.safe_dump_all(build_manifests(truth, namespace))
    plane.kubectl("apply", "--server-side", "--filename=-", stdin=manifests)
    job, task, *world_size = next(iter(truth)).split(".")
    container: dict[str, Any] = {"name": "main", "image": "example.com/probe:1"}
    if world_size:
        container["env"] = [{"name": ENV_WORLD_SIZE, "value": world_size[0]}]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "truth-probe", "labels": {LABEL_JOB: job, LABEL_TASK: task}},
        "spec": {"containers": [container]},
    }
    ask = ("create", f"--namespace={namespace}", "--dry-run=server", "--output=json", "--filename=-")

    def handed_over() -> bool:
        try:
            answer = json.loads(plane.kubectl(*ask, stdin=json.dumps(pod)))
        except ControlPlaneError:
            return False
        return bool(json.loads(answer["metadata"].get("annotations", {}).get(f"{PREFIX}seconds", "{}")))

    if not wait_until(handed_over, 30.0, 0.2):
        raise ControlPlaneError(f"pods get no true run times: see the MutatingAdmissionPolicy {POLICY}")


def build_truth(manifests: Iterable[dict[str, Any]], rng: random.Random) -> dict[str, Figures]:
    """`job.task` (training of n workers: `job.task.n`, and with TOGETHER) -> the true figures on each device type."""
    truth: dict[str, Figures] = {}
    for manifest in manifests:
        for task in manifest["spec"]["tasks"]:
            key = f"{manifest['metadata']['name']}.{task['name']}"
            truth.update(_training(key, task, rng) if "training" in task["work"] else {key: _runtimes(task, rng)})
    return truth


def build_repeated(
    manifests: Iterable[dict[str, Any]], device: str, published: tuple[float, float], rng: random.Random
) -> dict[str, Figures]:
    """The truth of jobs of one task that all do the same: `published` seconds and watts on `device`, near enough."""
    seconds, watts = (value * _perturbation(rng) for value in published)
    return {
        f"{manifest['metadata']['name']}.{manifest['spec']['tasks'][0]['name']}": {
            device: (seconds * _perturbation(rng, REPEAT_SPREAD), watts * _perturbation(rng, REPEAT_SPREAD))
        }
        for manifest in manifests
    }


def _perturbation(rng: random.Random, spread: float = SPREAD) -> float:
    return math.exp(rng.gauss(0.0, spread))


def _runtimes(task: dict[str, Any], rng: random.Random) -> Figures:
    slower, hungrier = _perturbation(rng), _perturbation(rng)
    cores = 1.0
    return {
        row["device"]: (
            parse_quantity(row["seconds"]) * slower,
            parse_quantity(row.get("watts", _watts(row["device"], cores))) * hungrier,
        )
        for row in task["work"]["runtimeOn"]
    }


def _training(key: str, task: dict[str, Any], rng: random.Random) -> dict[str, Figures]:
    """Data-parallel training: compute time shrinks with the workers, the ring all-reduce over the network does not."""
    training, workers = task["work"]["training"], task["workers"]
    gradient = parse_quantity(training["gradientBytes"])
    slower = {row["device"]: _perturbation(rng) for row in training["throughputOn"]}
    hungrier = {row["device"]: _perturbation(rng) for row in training["throughputOn"]}
    truth: dict[str, Figures] = {}
    sizes = range(workers["min"], workers["max"] + 1)
    for n, apart in itertools.product(sizes, (True, False)):
        exchange = 2 * (n - 1) / n * gradient / LINK_BYTES_PER_SECOND if apart else 0.0
        truth[f"{key}.{n}" + ("" if apart else TOGETHER)] = {
            row["device"]: (
                training["iterations"]
                * (
                    training["globalBatch"] / n / parse_quantity(row["samplesPerSecond"]) * slower[row["device"]]
                    + exchange
                ),
                parse_quantity(row.get("watts", _watts(row["device"], 0.0))) * hungrier[row["device"]],
            )
            for row in training["throughputOn"]
        }
    return truth


def _watts(device: str, cores: float) -> float:
    return cores * SOCKET_BUSY_WATTS / CORES_PER_SOCKET if device == CPU else DEVICE_TYPES[device].busy_watts


def _table(figures: Figures, column: int) -> str:
    """The JSON map that the simulated hardware reads; the CPU is what every node has."""
    return json.dumps({"*" if d == CPU else short_name(d): round(row[column], 3) for d, row in figures.items()})


def build_manifests(truth: Mapping[str, Figures], namespace: str) -> list[dict[str, Any]]:
    """The ConfigMap with the truth, and the admission policy that hands it to the simulated hardware."""
    data = {}
    for key, figures in truth.items():
        data[f"{key}.seconds"] = _table(figures, 0)
        data[f"{key}.watts"] = _table(figures, 1)
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": CONFIG_MAP, "namespace": namespace},
            "data": data,
        },
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingAdmissionPolicy",
            "metadata": {"name": POLICY},
            "spec": _policy_spec(),
        },
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingAdmissionPolicyBinding",
            "metadata": {"name": POLICY},
            "spec": {
                "policyName": POLICY,
                "paramRef": {"name": CONFIG_MAP, "namespace": namespace, "parameterNotFoundAction": "Deny"},
            },
        },
    ]


def _policy_spec() -> dict[str, Any]:
    def annotation(column: str, unknown: dict[str, float]) -> str:
        name = f"variables.key + '.{column}'"
        return f"'{PREFIX}{column}': {name} in params.data ? params.data[{name}] : '{json.dumps(unknown)}'"

    label = "object.metadata.labels['{}']"
    env = "object.spec.containers[0].?env.orValue([])"
    world = f"{env}.filter(e, e.name == '{ENV_WORLD_SIZE}').map(e, '.' + e.value)"
    note = f"object.metadata.?annotations[?'{ANNOTATION_PLAN}'].orValue('')"
    nodes = f"{note}.find(r'\"nodes\":\\[[^\\]]*').replace('\"nodes\":[', '').split(',')"
    together = f"size(variables.world) > 0 && variables.nodes.all(n, n == variables.nodes[0]) ? '{TOGETHER}' : ''"
    return {
        "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "matchConstraints": {
            "resourceRules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
            ]
        },
        "matchConditions": [
            {
                "name": "task-of-a-heterojob",
                "expression": f"has(object.metadata.labels) && '{LABEL_TASK}' in object.metadata.labels",
            }
        ],
        "failurePolicy": "Fail",
        "reinvocationPolicy": "Never",
        "variables": [
            {"name": "world", "expression": world},
            {"name": "nodes", "expression": nodes},
            {"name": "together", "expression": together},
            {
                "name": "key",
                "expression": f"{label.format(LABEL_JOB)} + '.' + {label.format(LABEL_TASK)}"
                " + (size(variables.world) > 0 ? variables.world[0] : '') + variables.together",
            },
        ],
        "mutations": [
            {
                "patchType": "ApplyConfiguration",
                "applyConfiguration": {
                    "expression": "Object{metadata: Object.metadata{annotations: {"
                    + f"{annotation('seconds', {'*': UNKNOWN_SECONDS})}, {annotation('watts', UNKNOWN_WATTS)}"
                    + "}}}"
                },
            }
        ],
    }

"""Fluent builders of API objects as plain dicts, as a user's YAML would arrive: a test shows only what it is about.

``a_job("train").task("fit").gpus(2).after("prepare").policy("Energy").manifest()`` reads as the sentence it means: job
words set the job, task words set the task named last. A job without any ``task`` gets one called ``main`` at the first
task word or at ``manifest()``.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, TypeAlias

API_VERSION = "heterosched.io/v1alpha1"

Manifest: TypeAlias = dict[str, Any]


def a_template(name: str = "main", **pod_spec: Any) -> Manifest:
    """One entry of ``spec.templates``: a container ``main`` asking for one CPU; ``pod_spec`` adds to the pod's spec."""
    container = {"name": "main", "image": "busybox:1.37", "resources": {"requests": {"cpu": "1", "memory": "1Gi"}}}
    return {"name": name, "template": {"spec": {"restartPolicy": "Never", "containers": [container], **pod_spec}}}


class JobBuilder:
    """A HeteroJob in the making; every word returns the builder, ``manifest()`` returns an independent dict."""

    def __init__(self, name: str, namespace: str | None = None) -> None:
        metadata: Manifest = {"name": name}
        if namespace is not None:
            metadata["namespace"] = namespace
        self._manifest: Manifest = {
            "apiVersion": API_VERSION,
            "kind": "HeteroJob",
            "metadata": metadata,
            "spec": {"templates": [], "tasks": []},
        }

    # --- the job -----------------------------------------------------------------------------------------------------

    def spec(self, **fields: Any) -> JobBuilder:
        """Set fields of ``spec`` as they are, for everything that has no word of its own."""
        self._manifest["spec"].update(fields)
        return self

    def metadata(self, **fields: Any) -> JobBuilder:
        """Set fields of ``metadata``, for instance ``uid`` or ``generation``."""
        self._manifest["metadata"].update(fields)
        return self

    def policy(self, name: str) -> JobBuilder:
        """``spec.policy``."""
        return self.spec(policy=name)

    def strategy(self, name: str) -> JobBuilder:
        """``spec.strategy``."""
        return self.spec(strategy=name)

    def suspended(self) -> JobBuilder:
        """``spec.suspend: true``."""
        return self.spec(suspend=True)

    def deadline(self, *, within: str | None = None, at: str | None = None) -> JobBuilder:
        """``spec.deadline`` in either form."""
        return self.spec(deadline={key: value for key, value in (("within", within), ("at", at)) if value is not None})

    def retries(self, limit: int) -> JobBuilder:
        """``spec.failurePolicy.backoffLimit``."""
        return self.spec(failurePolicy={**self._manifest["spec"].get("failurePolicy", {}), "backoffLimit": limit})

    def template(self, template: Manifest) -> JobBuilder:
        """Add a named template (see ``a_template``); ``main`` is added where a task needs it and nobody gave it."""
        self._manifest["spec"]["templates"].append(template)
        return self

    # --- tasks -------------------------------------------------------------------------------------------------------

    def task(self, name: str, **fields: Any) -> JobBuilder:
        """Add a task, of the template ``main`` unless told; the task words that follow are about it."""
        self._manifest["spec"]["tasks"].append({"name": name, "templateRef": "main", **fields})
        return self

    def after(self, *names: str) -> JobBuilder:
        """``dependsOn`` of the current task."""
        self._task["dependsOn"] = list(names)
        return self

    def of(self, template: str) -> JobBuilder:
        """``templateRef`` of the current task."""
        self._task["templateRef"] = template
        return self

    def variant(self, *devices: str, **fields: Any) -> JobBuilder:
        """Add a variant for these devices to the current task."""
        self._task.setdefault("variants", []).append({"devices": list(devices), **fields})
        return self

    def gpus(self, count: int, *devices: str) -> JobBuilder:
        """Add a variant that takes ``count`` whole GPUs, on any of ``devices`` (a V100 where none is named)."""
        return self.variant(*(devices or ("nvidia-v100",)), resources={"limits": {"nvidia.com/gpu": count}})

    def cpus(self, count: int) -> JobBuilder:
        """Add a variant for nodes without a GPU that takes ``count`` CPUs."""
        return self.variant("cpu", resources={"requests": {"cpu": str(count)}})

    def allow(self, *devices: str, numa: str | None = None) -> JobBuilder:
        """``devices`` of the current task: the device types it may run on and its wish for NUMA alignment."""
        self._task["devices"] = {"allow": list(devices), **({} if numa is None else {"numa": numa})}
        return self

    def workers(self, least: int, most: int, **fields: bool) -> JobBuilder:
        """``workers`` of the current task; ``gang=True`` and ``rendezvous=True`` as in the API."""
        self._task["workers"] = {"min": least, "max": most, **fields}
        return self

    def runtime(self, seconds: Mapping[str, str | float]) -> JobBuilder:
        """Seconds by device type for the current task, written as the API's quantity strings."""
        self._work["runtimeOn"] = [{"device": device, "seconds": f"{value}"} for device, value in seconds.items()]
        return self

    def features(self, **features: Any) -> JobBuilder:
        """``work.features`` of the current task."""
        self._work["features"] = features
        return self

    def training(self, throughput: Mapping[str, str | float], **fields: Any) -> JobBuilder:
        """Distributed training: samples per second and worker by device type; ``fields`` replace the defaults."""
        rows = [{"device": device, "samplesPerSecond": f"{value}"} for device, value in throughput.items()]
        defaults: Manifest = {"globalBatch": 1024, "iterations": 20_000, "gradientBytes": "100Mi", "throughputOn": rows}
        self._work["training"] = {**defaults, **fields}
        return self

    def output(self, name: str, size: str, **where: str) -> JobBuilder:
        """Add an output to the current task: ``volumeClaim=...`` or ``uri=...``, or neither."""
        self._task.setdefault("outputs", []).append({"name": name, "size": size, **where})
        return self

    def input(self, name: str, **fields: str) -> JobBuilder:
        """Add an input to the current task; ``**{"from": task}`` for an output, ``size=...`` for external data."""
        self._task.setdefault("inputs", []).append({"name": name, **fields})
        return self

    # --- the result --------------------------------------------------------------------------------------------------

    def manifest(self) -> Manifest:
        """The job as a dict of its own: changing it does not change the builder."""
        _ = self._task
        manifest = copy.deepcopy(self._manifest)
        spec = manifest["spec"]
        given = {template["name"] for template in spec["templates"]}
        if "main" not in given and any(task.get("templateRef") == "main" for task in spec["tasks"]):
            spec["templates"].append(a_template())
        return manifest

    @property
    def _task(self) -> Manifest:
        tasks = self._manifest["spec"]["tasks"]
        if not tasks:
            self.task("main")
        current: Manifest = tasks[-1]
        return current

    @property
    def _work(self) -> Manifest:
        work: Manifest = self._task.setdefault("work", {})
        return work


def a_job(name: str = "job", namespace: str | None = None) -> JobBuilder:
    """A HeteroJob; valid as soon as ``manifest()`` is called."""
    return JobBuilder(name, namespace)


def a_policy(name: str = "green", *, weights: Mapping[str, int] | None = None, **spec: Any) -> Manifest:
    """A SchedulingPolicy; by default time and energy count the same."""
    body = {"weights": dict(weights) if weights is not None else {"speed": 50, "energy": 50}, **spec}
    return {"apiVersion": API_VERSION, "kind": "SchedulingPolicy", "metadata": {"name": name}, "spec": body}


def a_profile(name: str = "resnet50", namespace: str | None = None, **spec: Any) -> Manifest:
    """A ThroughputProfile; by default one measured V100 row."""
    metadata: Manifest = {"name": name, **({} if namespace is None else {"namespace": namespace})}
    row = {"device": "nvidia-v100", "samplesPerSecond": "390", "watts": "250", "origin": "measured", "samples": 3}
    return {
        "apiVersion": API_VERSION,
        "kind": "ThroughputProfile",
        "metadata": metadata,
        "spec": {"devices": [row], **spec},
    }


def a_fan(name: str = "fan", *, width: int = 100, tasks: int = 150, namespace: str | None = None) -> Manifest:
    """A job of ``tasks`` tasks: ``width`` that start at once, a ``join`` that awaits them, and a chain behind it."""
    job = a_job(name, namespace)
    branches = [f"branch-{number:03d}" for number in range(width)]
    for branch in branches:
        job.task(branch).cpus(4).gpus(1, "nvidia-t4", "nvidia-v100").runtime(
            {"cpu": 600, "nvidia-t4": 12.5, "nvidia-v100": 6}
        )
    job.task("join").after(*branches).cpus(2).runtime({"cpu": 30})
    previous = "join"
    for number in range(tasks - width - 1):
        job.task(f"step-{number:03d}").after(previous).cpus(1).runtime({"cpu": 5})
        previous = f"step-{number:03d}"
    return job.manifest()

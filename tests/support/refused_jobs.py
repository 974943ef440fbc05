"""HeteroJobs that the API server must refuse, each with the field and the remedy that its message must name."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

from manifests import Manifest, a_fan, a_job, a_template


class Refused(NamedTuple):
    """A bad object: ``field`` and ``remedy`` must both stand in what the API server says."""

    name: str
    manifest: Manifest
    field: str
    remedy: str


def _pod(**spec: Any) -> Manifest:
    """A job whose template's pod spec is changed; None removes a field."""
    template = a_template()
    pod = template["template"]["spec"]
    for key, value in spec.items():
        if value is None:
            del pod[key]
        else:
            pod[key] = value
    return a_job().template(template).manifest()


def _task(**fields: Any) -> Manifest:
    return a_job().task("a", **fields).manifest()


def _work(**work: Any) -> Manifest:
    return _task(work=work)


def _changed(manifest: Manifest, change: Callable[[Manifest], object]) -> Manifest:
    changed = copy.deepcopy(manifest)
    change(changed)
    return changed


_LONG = "n" * 40
_DEVICE_ROW = {"device": "cpu", "seconds": "1"}
QUANTITY = "must be a quantity above 0 and below 1e18"
_TRAINING = {"globalBatch": 4, "iterations": 10}

REFUSED_JOBS = [
    Refused(
        "no-tasks", _changed(a_job().manifest(), lambda m: m["spec"].update(tasks=[])), "spec.tasks", "at least 1 items"
    ),
    Refused("501-tasks", a_fan("many", width=499, tasks=501), "spec.tasks", "at most 500 items"),
    Refused("duplicate-task", a_job().task("a").task("a").manifest(), "spec.tasks[1]", "Duplicate value"),
    Refused(
        "depends-on-itself", a_job().task("a").after("a").manifest(), "spec.tasks[0].dependsOn", "remove its own name"
    ),
    Refused(
        "duplicate-dependency",
        a_job().task("a").task("b").after("a", "a").manifest(),
        "spec.tasks[1].dependsOn[1]",
        "Duplicate value",
    ),
    Refused(
        "unknown-template",
        a_job().template(a_template()).task("a").of("trainer").manifest(),
        "spec.tasks",
        'the templateRef of tasks ["a"] is not the name of an entry of spec.templates, correct it or add the template',
    ),
    Refused(
        "no-template-ref",
        _changed(a_job().manifest(), lambda m: m["spec"]["tasks"][0].pop("templateRef")),
        "spec.tasks[0].templateRef",
        "Required value",
    ),
    Refused(
        "no-templates",
        _changed(a_job().manifest(), lambda m: m["spec"].pop("templates")),
        "spec.templates",
        "Required value",
    ),
    Refused(
        "duplicate-template",
        a_job().template(a_template()).template(a_template()).manifest(),
        "spec.templates[1]",
        "Duplicate value",
    ),
    Refused(
        "template-without-containers",
        _pod(containers=None),
        "spec.templates[0].template.spec.containers",
        "Required value",
    ),
    Refused("template-with-empty-containers", _pod(containers=[]), "template.spec.containers", "at least 1 items"),
    Refused(
        "restart-always", _pod(restartPolicy="Always"), "template.spec", "restartPolicy must be Never or OnFailure"
    ),
    Refused("node-name", _pod(nodeName="v100-0"), "template.spec", "remove nodeName"),
    Refused(
        "task-name-in-capitals",
        a_job().task("Train").manifest(),
        "spec.tasks[0].name",
        "lower-case letters, digits and '-'",
    ),
    Refused("job-name-with-dot", a_job("a.b").manifest(), "metadata.name", "use lower-case letters"),
    Refused("names-too-long", a_job(_LONG).task(_LONG).manifest(), "metadata.name", "shorten them to 53 characters"),
    Refused(
        "rendezvous-name-with-digit",
        a_job("1st").task("a").workers(2, 2, rendezvous=True).manifest(),
        "metadata.name",
        "must begin with a letter",
    ),
    Refused(
        "both-deadlines",
        a_job().deadline(within="2h", at="2030-01-01T00:00:00Z").manifest(),
        "spec.deadline",
        "exactly one of the two",
    ),
    Refused("empty-deadline", a_job().deadline().manifest(), "spec.deadline", "exactly one of the two"),
    Refused("deadline-in-days", a_job().deadline(within="2 days").manifest(), "spec.deadline.within", "such as 2h30m"),
    Refused("deadline-zero", a_job().deadline(within="0s").manifest(), "spec.deadline.within", "above zero"),
    Refused("deadline-tomorrow", a_job().deadline(at="tomorrow").manifest(), "spec.deadline.at", "date-time"),
    Refused(
        "ttl-negative",
        a_job().spec(ttlAfterFinished="-1h").manifest(),
        "spec.ttlAfterFinished",
        "hours, minutes and seconds",
    ),
    Refused(
        "active-deadline-zero",
        a_job().spec(activeDeadlineSeconds=0).manifest(),
        "spec.activeDeadlineSeconds",
        "greater than or equal to 1",
    ),
    Refused(
        "energy-budget-negative", a_job().spec(energyBudgetJoules="-5M").manifest(), "spec.energyBudgetJoules", QUANTITY
    ),
    Refused(
        "energy-budget-huge", a_job().spec(energyBudgetJoules="1e30").manifest(), "spec.energyBudgetJoules", QUANTITY
    ),
    Refused("power-cap-zero", a_job().spec(powerCapWatts=0).manifest(), "spec.powerCapWatts", QUANTITY),
    Refused("power-cap-word", a_job().spec(powerCapWatts="much").manifest(), "spec.powerCapWatts", QUANTITY),
    Refused("power-cap-float", a_job().spec(powerCapWatts=12.5).manifest(), "spec.powerCapWatts", "integer,string"),
    Refused(
        "backoff-negative",
        a_job().retries(-1).manifest(),
        "spec.failurePolicy.backoffLimit",
        "greater than or equal to 0",
    ),
    Refused(
        "backoff-huge",
        a_job().retries(10**9).manifest(),
        "spec.failurePolicy.backoffLimit",
        "less than or equal to 100",
    ),
    Refused(
        "exit-code-action",
        a_job().spec(failurePolicy={"onExitCodes": [{"action": "Panic", "values": [1]}]}).manifest(),
        "onExitCodes[0].action",
        "FailTask",
    ),
    Refused(
        "exit-code-zero",
        a_job().spec(failurePolicy={"onExitCodes": [{"action": "Count", "values": [0]}]}).manifest(),
        "onExitCodes[0].values[0]",
        "greater than or equal to 1",
    ),
    Refused("strategy-with-space", a_job().strategy("my best").manifest(), "spec.strategy", "the name of a strategy"),
    Refused(
        "min-above-max", a_job().task("a").workers(3, 2).manifest(), "spec.tasks[0].workers", "raise max or lower min"
    ),
    Refused(
        "workers-zero",
        a_job().task("a").workers(0, 2).manifest(),
        "spec.tasks[0].workers.min",
        "greater than or equal to 1",
    ),
    Refused(
        "workers-huge",
        a_job().task("a").workers(1, 10**6).manifest(),
        "spec.tasks[0].workers.max",
        "less than or equal to 1024",
    ),
    Refused(
        "rendezvous-alone",
        a_job().task("a").workers(1, 1, rendezvous=True).manifest(),
        "spec.tasks[0].workers",
        "set max (or min) to 2 or more",
    ),
    Refused(
        "device-twice-in-variant",
        a_job().task("a").gpus(1, "nvidia-t4", "nvidia-t4").manifest(),
        "variants[0].devices[1]",
        "Duplicate value",
    ),
    Refused(
        "device-in-two-variants",
        a_job().task("a").gpus(1, "nvidia-t4").gpus(2, "nvidia-t4").manifest(),
        "spec.tasks[0].variants",
        "keep it in one of them",
    ),
    Refused(
        "variant-without-device", a_job().task("a").variant().manifest(), "variants[0].devices", "at least 1 items"
    ),
    Refused(
        "device-name", a_job().task("a").variant("Tesla V100").manifest(), "variants[0].devices[0]", "should match"
    ),
    Refused(
        "device-allowed-without-variant",
        a_job().task("a").cpus(1).allow("nvidia-t4").manifest(),
        "spec.tasks[0].devices.allow",
        "add it to a variant or remove it",
    ),
    Refused(
        "device-allowed-twice", a_job().task("a").allow("cpu", "cpu").manifest(), "devices.allow[1]", "Duplicate value"
    ),
    Refused("numa-word", a_job().task("a").allow("cpu", numa="Always").manifest(), "devices.numa", "Preferred"),
    Refused("runtime-zero", a_job().task("a").runtime({"cpu": 0}).manifest(), "runtimeOn[0].seconds", QUANTITY),
    Refused("runtime-negative", a_job().task("a").runtime({"cpu": -3}).manifest(), "runtimeOn[0].seconds", QUANTITY),
    Refused("runtime-huge", a_job().task("a").runtime({"cpu": "9E"}).manifest(), "runtimeOn[0].seconds", QUANTITY),
    Refused("runtime-nan", a_job().task("a").runtime({"cpu": "NaN"}).manifest(), "runtimeOn[0].seconds", QUANTITY),
    Refused(
        "runtime-device-twice", _work(runtimeOn=[_DEVICE_ROW, _DEVICE_ROW]), "work.runtimeOn[1]", "Duplicate value"
    ),
    Refused("runtime-without-seconds", _work(runtimeOn=[{"device": "cpu"}]), "runtimeOn[0].seconds", "Required value"),
    Refused(
        "runtime-and-training", _work(runtimeOn=[_DEVICE_ROW], training=_TRAINING), "spec.tasks[0].work", "not both"
    ),
    Refused(
        "throughput-device-twice",
        a_job().training({}, throughputOn=[{"device": "cpu", "samplesPerSecond": "1"}] * 2).manifest(),
        "throughputOn[1]",
        "Duplicate value",
    ),
    Refused("throughput-zero", a_job().training({"cpu": 0}).manifest(), "throughputOn[0].samplesPerSecond", QUANTITY),
    Refused(
        "batch-below-workers",
        a_job().task("a").workers(2, 8).training({"cpu": 1}, globalBatch=4).manifest(),
        "work.training.globalBatch",
        "lower workers.max",
    ),
    Refused("iterations-missing", _work(training={"globalBatch": 4}), "work.training.iterations", "Required value"),
    Refused(
        "gradient-negative",
        _work(training={**_TRAINING, "gradientBytes": "-1"}),
        "work.training.gradientBytes",
        "0 or more bytes",
    ),
    Refused(
        "intensity-percent",
        a_job().features(intensityPercent=170).manifest(),
        "features.intensityPercent",
        "less than or equal to 100",
    ),
    Refused("flops-negative", a_job().features(flops="-3e12").manifest(), "features.flops", 'such as "3e12"'),
    Refused(
        "output-in-two-places",
        a_job().output("x", "1Gi", volumeClaim="pvc", uri="s3://b/x").manifest(),
        "spec.tasks[0].outputs[0]",
        "volumeClaim or uri, not both",
    ),
    Refused(
        "output-twice",
        a_job().output("x", "1Gi").output("x", "2Gi").manifest(),
        "spec.tasks[0].outputs[1]",
        "Duplicate value",
    ),
    Refused("output-huge", a_job().output("x", "1e25").manifest(), "spec.tasks[0].outputs[0].size", "check the unit"),
    Refused(
        "external-input-without-size", a_job().input("imagenet").manifest(), "spec.tasks[0].inputs[0].size", "add size"
    ),
    Refused(
        "input-of-a-task-with-place",
        a_job().task("b").input("x", **{"from": "a", "uri": "s3://b/x"}).manifest(),
        "spec.tasks[0].inputs[0]",
        "remove volumeClaim and uri",
    ),
    Refused(
        "input-size-negative",
        a_job().input("x", size="-1Gi").manifest(),
        "spec.tasks[0].inputs[0].size",
        "0 or more bytes",
    ),
]

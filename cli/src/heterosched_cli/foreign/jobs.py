"""Job, JobSet and Pod as HeteroJobs. What serves for ever is refused, with what to do instead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from heterosched_cli.foreign.assemble import MOST_RETRIES, Task, Work
from heterosched_cli.foreign.findings import Findings
from heterosched_cli.foreign.pods import Json, left_out, pod_of

OPT_IN: Final = "set schedulerName: heterosched in its pod template, and annotate that with heterosched.io/policy"
ENDLESS: Final = "its pods never end, and a HeteroJob is work that ends"
REFUSED: Final = {
    "Deployment": (ENDLESS, OPT_IN),
    "ReplicaSet": (ENDLESS, OPT_IN),
    "ReplicationController": (ENDLESS, OPT_IN),
    "StatefulSet": (ENDLESS, OPT_IN),
    "DaemonSet": ("it puts a pod on every node, so there is nothing to place", "leave it as it is"),
    "CronJob": (
        "it is a clock and no work",
        "import one run of it: kubectl create job NAME --from=cronjob/NAME --dry-run=client -o yaml | "
        "heterosched import job -",
    ),
}
"""Kinds that run pods and are no jobs: the reason, and what to do."""
JOB_BACKOFF: Final = 6
"""What the API server writes where a Job names no backoffLimit."""
JOB_TAKEN: Final = frozenset(
    [
        "parallelism",
        "completions",
        "completionMode",
        "backoffLimit",
        "activeDeadlineSeconds",
        "ttlSecondsAfterFinished",
        "suspend",
        "template",
        "podFailurePolicy",
        "selector",
    ]
)
JOB_IDLE: Final = {"podReplacementPolicy": "left out: an attempt's pods are gone before the next attempt"}
JOB_WHY: Final = {
    "manualSelector": "remove it, and the selector with it",
    "backoffLimitPerIndex": "use backoffLimit, or import each index as a Job of its own",
    "maxFailedIndexes": "use backoffLimit",
    "successPolicy": "split what decides from what does not into two jobs",
    "managedBy": "remove it: the operator manages what comes of it",
}
ACTIONS: Final = {"FailJob": "FailTask", "Ignore": "Ignore", "Count": "Count"}
SET_TAKEN: Final = frozenset(["replicatedJobs", "suspend", "failurePolicy", "ttlSecondsAfterFinished", "network"])
SET_WHY: Final = {
    "successPolicy": "split what decides from what does not into two jobs",
    "startupPolicy": "name what has to be finished first in dependsOn with status Complete",
    "coordinator": "use workers.rendezvous in the HeteroJob (MASTER_ADDR, RANK)",
    "managedBy": "remove it: the operator manages what comes of it",
}
ENTRY_TAKEN: Final = frozenset(["name", "replicas", "template", "dependsOn", "groupName"])


def work_of_job(content: Json, source: str, found: Findings) -> Work:
    """One task; its pods are its workers."""
    spec = found.mapping(content.get("spec"), "spec")
    name, namespace = named(content)
    workers = _workers(spec, "spec", found)
    task = Task(name, "spec", pod_of(found.mapping(spec.get("template"), "spec.template"), "spec.template", found))
    task.workers = workers
    return Work(name, namespace, source, [task], _terms(spec, "spec", found))


def work_of_pod(content: Json, source: str, found: Findings) -> Work:
    """One task with one worker, which is not repeated: nobody would repeat the pod either."""
    name, namespace = named(content)
    metadata = found.mapping(content.get("metadata"), "metadata")
    given = {"metadata": metadata, "spec": content.get("spec")}
    task = Task(name, "spec", pod_of(given, "", found))
    return Work(name, namespace, source, [task], {"failurePolicy": {"backoffLimit": 0}})


def work_of_jobset(content: Json, source: str, found: Findings) -> Work:
    """A task for each replica of each of its jobs."""
    spec = found.mapping(content.get("spec"), "spec")
    name, namespace = named(content)
    found.only(spec, "spec", SET_TAKEN, {}, SET_WHY)
    tasks: dict[str, list[Task]] = {}
    terms: list[tuple[str, Json]] = []
    for entry in found.items(spec.get("replicatedJobs"), "spec.replicatedJobs"):
        path = f"spec.replicatedJobs[{entry.get('name') if isinstance(entry, dict) else '?'}]"
        own = found.mapping(entry, path)
        found.only(own, path, ENTRY_TAKEN, {}, {})
        whole = found.mapping(own.get("template"), f"{path}.template")
        inner, at = found.mapping(whole.get("spec"), f"{path}.template.spec"), f"{path}.template.spec"
        left_out(whole, f"{path}.template.", found)
        replicas = found.whole(own.get("replicas"), f"{path}.replicas")
        group = str(own.get("name") or "")
        pod = pod_of(found.mapping(inner.get("template"), f"{at}.template"), f"{at}.template", found)
        workers, after = _workers(inner, at, found), list(_before(own, path, tasks, found))
        count = 1 if replicas is None else replicas
        names = [group] if count == 1 else [f"{group}-{index}" for index in range(count)]
        tasks[group] = [Task(one, path, pod, after, workers) for one in names]
        terms.append((path, _terms(inner, at, found)))
    _together(spec, tasks, found)
    return Work(name, namespace, source, [task for own in tasks.values() for task in own], _shared(spec, terms, found))


def named(content: Json) -> tuple[str, str]:
    """Name (of generateName where that is all there is) and namespace."""
    metadata = content.get("metadata") if isinstance(content.get("metadata"), dict) else {}
    assert isinstance(metadata, dict)
    name = metadata.get("name") or str(metadata.get("generateName") or "").rstrip("-.")
    return str(name or content.get("kind") or "job"), str(metadata.get("namespace") or "")


def _workers(spec: Json, path: str, found: Findings) -> int:
    """How many pods work at the same time: all of them, for a task has its workers together."""
    parallel = found.whole(spec.get("parallelism"), f"{path}.parallelism", 1)  # 0 holds a Job back: suspend says so
    parallel = 1 if parallel is None else parallel
    completions = found.whole(spec.get("completions"), f"{path}.completions", 1)
    if completions is None:
        if parallel > 1:
            problem = "without completions the pods share a work queue, and a task ends when all workers have succeeded"
            found.add(f"{path}.completions", problem, f"set it to {parallel}")
        return 1
    if parallel < completions:
        problem = f"{parallel} of {completions} pods at a time, and a task runs all of its workers at once"
        found.add(f"{path}.parallelism", problem, f"set it to {completions}, or import several smaller jobs")
    return completions


def _terms(spec: Json, path: str, found: Findings) -> Json:
    """What a Job says of its end: retries, deadline, time to live."""
    found.only(spec, path, JOB_TAKEN, JOB_IDLE, JOB_WHY)
    limit = found.whole(spec.get("backoffLimit"), f"{path}.backoffLimit")
    limit = JOB_BACKOFF if limit is None else limit
    if limit > MOST_RETRIES:
        found.add(f"{path}.backoffLimit", f"{limit} retries, a task has at most {MOST_RETRIES}", "lower it")
    terms: Json = {"failurePolicy": {"backoffLimit": limit}}
    rules = list(_rules(found.mapping(spec.get("podFailurePolicy"), f"{path}.podFailurePolicy"), path, found))
    if rules:
        terms["failurePolicy"]["onExitCodes"] = rules
    active = found.whole(spec.get("activeDeadlineSeconds"), f"{path}.activeDeadlineSeconds", 1)
    if active is not None:
        terms["activeDeadlineSeconds"] = active
    alive = found.whole(spec.get("ttlSecondsAfterFinished"), f"{path}.ttlSecondsAfterFinished")
    if alive is not None:
        terms["ttlAfterFinished"] = f"{alive}s"
    if spec.get("suspend"):
        terms["suspend"] = True
    return terms


def _rules(policy: Json, path: str, found: Findings) -> Iterator[Json]:
    for index, given in enumerate(found.items(policy.get("rules"), f"{path}.podFailurePolicy.rules")):
        at = f"{path}.podFailurePolicy.rules[{index}]"
        rule = found.mapping(given, at)
        action, codes = str(rule.get("action")), rule.get("onExitCodes")
        if not codes:
            types = {str(found.mapping(own, at).get("type")) for own in found.items(rule.get("onPodConditions"), at)}
            if (types, action) != ({"DisruptionTarget"}, "Ignore"):  # which holds for every task anyhow
                found.add(f"{at}.onPodConditions", "no rule but Ignore for DisruptionTarget is known", "remove it")
            continue
        if action not in ACTIONS:
            found.add(f"{at}.action", f"{action} has no counterpart", f"use one of {', '.join(ACTIONS)}")
            continue
        codes = found.mapping(codes, f"{at}.onExitCodes")
        kept = {key: codes[key] for key in ("operator", "values", "containerName") if codes.get(key)}
        yield {"action": ACTIONS[action], **kept}


def _before(entry: Json, path: str, tasks: dict[str, list[Task]], found: Findings) -> Iterator[str]:
    for index, given in enumerate(found.items(entry.get("dependsOn"), f"{path}.dependsOn")):
        at = f"{path}.dependsOn[{index}]"
        own = found.mapping(given, at)
        if own.get("status") != "Complete":
            problem = f"{own.get('name')} has to be {own.get('status')}, and a task waits until others have succeeded"
            found.add(at, problem, "use status Complete, or put both into one pod")
        elif own.get("name") not in tasks:
            found.add(at, f"there is no job {own.get('name')} before it", "name one that stands earlier")
        else:
            yield from (task.name for task in tasks[str(own["name"])])


def _together(spec: Json, tasks: dict[str, list[Task]], found: Findings) -> None:
    if found.mapping(spec.get("network"), "spec.network").get("subdomain"):
        remedy = "let the workers of one task meet by workers.rendezvous (MASTER_ADDR), and remove it"
        found.add("spec.network.subdomain", "tasks have no host names in common", remedy)
    if sum(not task.after for own in tasks.values() for task in own) > 1:
        text = "tasks may start one after the other, and do not find one another by JobSet's host names"
        found.remark("spec.replicatedJobs", text)


def _shared(spec: Json, terms: list[tuple[str, Json]], found: Findings) -> Json:
    """What the jobs of a set say of their end has to be the same for all; the set's own word goes before."""
    shared: Json = terms[0][1] if terms else {}
    for path, own in terms[1:]:
        if own != shared:
            problem = f"differs from {terms[0][0]} in backoffLimit, deadline or time to live, which hold for all tasks"
            found.add(f"{path}.template.spec", problem, "make them alike")
    policy = found.mapping(spec.get("failurePolicy"), "spec.failurePolicy")
    found.only(policy, "spec.failurePolicy", ("maxRestarts", "restartStrategy"), {}, {"rules": "use podFailurePolicy"})
    restarts = found.whole(policy.get("maxRestarts"), "spec.failurePolicy.maxRestarts")
    if restarts:
        text = f"{restarts} restarts of the set become as many more retries of each task that fails, of that task alone"
        found.remark("spec.failurePolicy.maxRestarts", text)
        failure = shared.get("failurePolicy", {})
        limit = min(MOST_RETRIES, failure.get("backoffLimit", 0) + restarts)
        shared = {**shared, "failurePolicy": {**failure, "backoffLimit": limit}}
    alive = found.whole(spec.get("ttlSecondsAfterFinished"), "spec.ttlSecondsAfterFinished")
    return {
        **shared,
        **({} if alive is None else {"ttlAfterFinished": f"{alive}s"}),
        **({"suspend": True} if spec.get("suspend") else {}),
    }


READERS: Final[dict[str, Callable[[Json, str, Findings], Work]]] = {
    "Job": work_of_job,
    "JobSet": work_of_jobset,
    "Pod": work_of_pod,
}
"""By kind."""


def reader_of(kind: str, found: Findings) -> Callable[[Json, str, Findings], Work]:
    """What reads the kind. Raises Unsupported, with the reason where we know one."""
    if kind not in READERS:
        reason: Any = REFUSED.get(kind, ("is none of Job, JobSet and Pod", "take such an object out of the file"))
        found.add("kind", f"{kind or '(none)'}: {reason[0]}", reason[1])
        found.check()
    return READERS[kind]

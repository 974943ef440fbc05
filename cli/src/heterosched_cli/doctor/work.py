"""Checks of what people have submitted: jobs that nobody acts on, pods that are refused, pods that wait for long."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from heterosched.constants import GROUP, SCHEDULER_NAME, VERSION
from heterosched.kube.errors import ApiError, ApiUnavailable
from heterosched_cli.doctor.cluster import Cluster, Json, condition, key_of, moment, namespace_of
from heterosched_cli.doctor.registry import SET_URL, Findings, check, counted, fail, ok, skip, some, warn
from heterosched_cli.doctor.rights import managed
from heterosched_cli.doctor.unheeded import HETEROJOBS, PENDING, PODS, UNHEEDED_SECONDS, age, jobs_left

PENDING_SECONDS = 300.0
RECENT_SECONDS = 3600.0


@check("jobs", "the operator acts on every HeteroJob", "list heterojobs, deployments")
async def jobs(cluster: Cluster) -> Findings:
    """In the namespaced mode it leaves those of other namespaces alone, and nobody tells their owner."""
    if await cluster.there(f"/apis/{GROUP}/{VERSION}") is None:
        return [ok("there are no HeteroJobs", "their CRD is not installed")]
    found = await cluster.list(HETEROJOBS)
    unheeded = jobs_left(await cluster.earliest(), found)
    findings = Findings()
    for own in await cluster.component("operator") if unheeded else ():
        places = managed(own)
        left = [job for job in unheeded if places and namespace_of(job) not in places]
        if left:
            why = f"the operator looks after the namespaces {some(places)} alone"
            remedy = f"add {namespace_of(left[0])} to the chart's `namespaces`, or submit elsewhere"
            findings.append(warn(f"nobody acts on {some([key_of(job) for job in left])}", why, remedy))
            unheeded = [job for job in unheeded if job not in left]
    if unheeded:
        why = f"no status after {UNHEEDED_SECONDS:.0f} s: the operator is down, or looks after other namespaces"
        findings.append(
            fail(f"nobody acts on {some([key_of(job) for job in unheeded])}", why, "see the check `operator`")
        )
    stuck = [own for own in found if condition(own, "Blocked").get("status") == "True"]
    for own in stuck[:5]:
        why = str(condition(own, "Blocked").get("message"))
        findings.append(warn(f"HeteroJob {key_of(own)} is blocked", why, "mend what the message says"))
    return findings or [
        ok(f"{counted(len(found), 'HeteroJob')}, none is left alone" if found else "there are no HeteroJobs")
    ]


@check("operator-telemetry", "the operator reads Prometheus, as its jobs say", "list heterojobs")
async def operator_telemetry(cluster: Cluster) -> Findings:
    """The condition TelemetryAvailable of jobs that have not ended."""
    if await cluster.there(f"/apis/{GROUP}/{VERSION}") is None:
        return [skip("there are no HeteroJobs that would say so", "their CRD is not installed")]
    going = [job for job in await cluster.list(HETEROJOBS) if not (job.get("status") or {}).get("completionTime")]
    told = [condition(job, "TelemetryAvailable") for job in going]
    away = next((own for own in told if own.get("reason") == "PrometheusUnavailable"), None)
    if away is not None and "has no series" in str(away.get("message")):
        remedy = "install dcgm-exporter and have Prometheus scrape it; a cluster without GPUs needs none"
        return [warn("Prometheus answers the operator, and has nothing to measure energy by", away["message"], remedy)]
    if away is not None:
        remedy = f"check its credentials, or {SET_URL}"
        return [fail("Prometheus does not answer the operator", str(away.get("message")), remedy)]
    if any(own.get("reason") == "NotConfigured" for own in told):
        return [warn("the operator has no Prometheus: no energy is measured", "prometheus.url is empty", SET_URL)]
    if not any(own.get("status") == "True" for own in told):
        return [
            skip(
                "no job that is under way says so",
                "submit one, or see the metric heterosched_operator_telemetry_available",
            )
        ]
    return [ok("the operator reads Prometheus")]


@check("refused", "nobody refuses the pods of jobs", "list events, jobs")
async def refused(cluster: Cluster) -> Findings:
    """Pod security, quotas, webhooks: the Job controller's words, of Jobs that are still there."""
    events = await cluster.list("/api/v1/events", fieldSelector="reason=FailedCreate,involvedObject.kind=Job")
    said: Counter[str] = Counter()
    where: dict[str, str] = {}
    for event in await _of_living(cluster, [event for event in events if _recent(cluster, event)]):
        said[str(event.get("message"))[:300]] += 1
        where.setdefault(str(event.get("message"))[:300], key_of({"metadata": event["involvedObject"]}))
    findings = Findings()
    for message, _ in said.most_common(5):
        remedy = "meet what admission asks for in spec.templates of the HeteroJob, or raise the quota"
        if "PodSecurity" in message:
            remedy = "add the securityContext that the namespace's pod security level asks for to the job's template"
        findings.append(warn(f"pods of Job {where[message]} are refused", message, remedy))
    return findings or [ok("no pod of a Job was refused within the hour")]


def _recent(cluster: Cluster, event: Json) -> bool:
    return cluster.now - moment(str(event.get("lastTimestamp") or event.get("eventTime") or "")) < RECENT_SECONDS


async def _of_living(cluster: Cluster, events: Sequence[Json]) -> Sequence[Json]:
    """Events outlive their objects, also one that has been made anew by the same name; all of them where Jobs may not
    be listed.
    """
    if not events:
        return events
    try:
        uids = {own["metadata"].get("uid") for own in await cluster.list("/apis/batch/v1/jobs")}
    except ApiUnavailable:
        raise
    except ApiError:
        return events
    return [event for event in events if event["involvedObject"].get("uid") in uids]


@check("pending", f"pods of scheduler {SCHEDULER_NAME} do not wait for long", "list pods")
async def pending(cluster: Cluster) -> Findings:
    """Pods without a node, and the scheduler's words."""
    found = await cluster.list(PODS, fieldSelector=PENDING)
    now = await cluster.earliest()
    waiting = [pod for pod in found if not pod["spec"].get("nodeName") and age(now, pod) > PENDING_SECONDS]
    by_reason: dict[str, list[str]] = {}
    for pod in waiting:
        told = condition(pod, "PodScheduled")
        gated = "scheduling gates: its gang is not complete" if pod["spec"].get("schedulingGates") else ""
        silent = "no scheduler has looked at it: see the check `scheduler`"
        by_reason.setdefault(gated or str(told.get("message") or silent), []).append(key_of(pod))
    findings = []
    for why, names in sorted(by_reason.items(), key=lambda own: -len(own[1]))[:5]:
        remedy = "heterosched jobs NAME says what a job waits for; add nodes, or ask for less"
        wait = f"{counted(len(names), 'pod')} {'waits' if len(names) == 1 else 'wait'}"
        findings.append(warn(f"{wait} longer than {PENDING_SECONDS / 60:.0f} minutes: {some(names)}", why, remedy))
    return findings or [ok("no pod waits for long" if found else f"no pod of scheduler {SCHEDULER_NAME} waits")]

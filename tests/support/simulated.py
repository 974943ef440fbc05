"""A cluster in memory for the operator's pure half: it obeys actions as API server, Job controller and kubelet would.

``SimulatedCluster(a_job("j").task("a").manifest())`` knows one HeteroJob; ``decide()`` asks the operator, ``obey()``
carries out what it wants, ``control()`` plays the Job controller, ``bind()`` and ``end()`` scheduler and kubelet. Every
object has the shape that the real API server gives it; nothing about the operator is replaced.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from heterosched.api import HeteroJob, ThroughputProfile, decode_note
from heterosched.api.status import HeteroJobStatus, TaskStatus, status_of, wire_status
from heterosched.constants import LABEL_COMPLETION_INDEX, LABEL_TASK
from heterosched.kube.objects import JobObject, PodObject
from heterosched.model import NO_TELEMETRY, Cluster, Demand, Node, Telemetry
from heterosched.model.topology import Topology
from heterosched.policy.table import BUILT_IN, PolicyRow
from heterosched.units import format_time
from heterosched_operator.actions import (
    Action,
    AskWhyNoPods,
    CreateJob,
    CreateService,
    DeleteHeteroJob,
    DeleteJob,
    DryRun,
    EmitEvent,
    LookForJob,
    MeasureEnergy,
    PatchStatus,
    ReleaseGang,
    TeachProfile,
)
from heterosched_operator.advice import planned
from heterosched_operator.gangs import bind_clocks
from heterosched_operator.kinds import ResourceQuota
from heterosched_operator.learning import taught
from heterosched_operator.reconcile import Decision, reconcile
from heterosched_operator.world import Energy, Podless, Rules, TelemetryState, World

Json = dict[str, Any]
START = 1_700_000_000.0
PRODUCTS = {"nvidia-t4": "Tesla-T4", "nvidia-v100": "Tesla-V100-SXM2-16GB"}


def nodes(t4: int = 2, v100: int = 2, cpu: int = 2) -> tuple[Node, ...]:
    """Nodes of 16 cores, 64 GiB and, where they have any, 4 GPUs."""
    kinds = (("t4", "nvidia-t4", t4), ("v100", "nvidia-v100", v100), ("cpu", "cpu", cpu))
    return tuple(
        Node(
            f"{short}-{number}",
            device,
            Demand(16, 64 * 2**30, 0 if device == "cpu" else 4),
            labels={
                "kubernetes.io/hostname": f"{short}-{number}",
                **({"nvidia.com/gpu.product": PRODUCTS[device]} if device in PRODUCTS else {}),
            },
        )
        for short, device, count in kinds
        for number in range(count)
    )


@dataclass
class SimulatedCluster:
    """One HeteroJob and its children. ``attempted`` lists (task, attempt, UID) of every Job ever created."""

    manifest: Json
    rules: Rules = field(default_factory=lambda: Rules(launch_seconds=0.0, free_retries=5))
    nodes: tuple[Node, ...] = field(default_factory=nodes)
    telemetry: TelemetryState = field(default_factory=TelemetryState)
    now: float = START
    refuse: dict[str, str] = field(default_factory=dict)
    jobs: dict[str, Json] = field(default_factory=dict)
    pods: dict[str, Json] = field(default_factory=dict)
    services: dict[str, Json] = field(default_factory=dict)
    attempted: list[tuple[str, int, str]] = field(default_factory=list)
    events: list[EmitEvent] = field(default_factory=list)
    refusals: dict[tuple[str, str], str] = field(default_factory=dict)
    troubles: dict[tuple[str, str, int], str] = field(default_factory=dict)
    absent: set[tuple[str, str, int]] = field(default_factory=set)
    releases: dict[str, float] = field(default_factory=dict)
    podless: dict[tuple[str, str, int], Podless] = field(default_factory=dict)
    priorities: dict[str, int] = field(default_factory=dict)
    energies: dict[tuple[str, str, int], Energy] = field(default_factory=dict)
    policies: dict[str, PolicyRow] = field(default_factory=lambda: dict(BUILT_IN))
    quotas: tuple[ResourceQuota, ...] = ()
    topologies: dict[str, Topology] = field(default_factory=dict)
    profiles: dict[tuple[str, str], ThroughputProfile] = field(default_factory=dict)
    readings: Telemetry = NO_TELEMETRY
    deleted: bool = False

    def __post_init__(self) -> None:
        self._numbers = 0
        metadata = self.manifest["metadata"]
        metadata.setdefault("namespace", "ns")
        metadata.setdefault("uid", "uid-job")
        metadata.setdefault("generation", 1)
        metadata.setdefault("creationTimestamp", format_time(self.now))
        metadata["resourceVersion"] = str(self._next())

    # --- looking -----------------------------------------------------------------------------------------------------

    @property
    def job(self) -> HeteroJob:
        """The HeteroJob as it is stored."""
        return msgspec.convert(copy.deepcopy(self.manifest), HeteroJob)

    @property
    def status(self) -> HeteroJobStatus:
        """Its status."""
        return status_of(self.job)

    def task(self, name: str) -> TaskStatus:
        """The status of a task."""
        return next(record for record in self.status.tasks if record.name == name)

    def reason(self, type: str) -> tuple[str, str]:
        """Status and reason of a condition; empty where it is not set."""
        found = self.status.condition(type)
        return ("", "") if found is None else (found.status, found.reason)

    def live_jobs(self, task: str) -> list[Json]:
        """Jobs of a task that could still run pods."""
        return [job for job in self.jobs.values() if job["metadata"]["labels"][LABEL_TASK] == task and not _over(job)]

    def live_pods(self, task: str) -> list[Json]:
        """Pods of a task that have not ended."""
        return [pod for pod in self.pods.values() if pod["metadata"]["labels"][LABEL_TASK] == task and not _ended(pod)]

    def world(self, stale: SimulatedCluster | None = None) -> World:
        """What the operator knows; with ``stale`` its watches of Jobs and pods show an earlier state."""
        shown = stale or self
        job = self.job
        children = tuple(msgspec.convert(raw, JobObject) for raw in shown.jobs.values())
        pods = tuple(msgspec.convert(raw, PodObject) for raw in shown.pods.values())
        return World(
            now=self.now,
            cluster=Cluster(self.nodes, topologies=dict(self.topologies)),
            jobs={} if self.deleted else {job.metadata.uid: job},
            children={job.metadata.uid: children} if children else {},
            pods={(job.metadata.namespace, job.metadata.name): pods} if pods else {},
            refusals=dict(self.refusals),
            troubles=dict(self.troubles),
            absent=frozenset(self.absent),
            releases=dict(self.releases),
            podless=dict(self.podless),
            priorities=dict(self.priorities),
            energies=dict(self.energies),
            policies=dict(self.policies),
            profiles=dict(self.profiles),
            telemetry=self.telemetry,
            readings=self.readings,
            quotas=self.quotas,
            rules=self.rules,
        )

    # --- the operator ------------------------------------------------------------------------------------------------

    def _next(self) -> int:
        """A number that no object has yet."""
        self._numbers += 1
        return self._numbers

    def decide(self, stale: SimulatedCluster | None = None) -> Decision:
        """What the operator wants now."""
        world = self.world(stale)
        observations, advices, unreadable = planned(world)
        assert not unreadable
        self.releases = bind_clocks(world.releases, observations.values(), self.now)
        uid = str(self.manifest["metadata"]["uid"])
        return reconcile(observations[uid], world, advices[uid]) if uid in observations else Decision()

    def obey(self, actions: Iterable[Action], version: str | None = None) -> None:
        """Carry actions out in order; a status patch of an outdated ``version`` drops the rest, as in the executor."""
        version = version or str(self.manifest["metadata"]["resourceVersion"])
        for action in actions:
            if isinstance(action, PatchStatus):
                if version != self.manifest["metadata"]["resourceVersion"]:
                    return
                self.manifest["status"] = wire_status(action.status)
                self._touch()
            else:
                self._obey(action)

    def operate(self, rounds: int = 1) -> None:
        """Decide and obey."""
        for _ in range(rounds):
            self.obey(self.decide().actions)

    def restart(self) -> None:
        """The operator's memory is lost."""
        self.refusals.clear()
        self.troubles.clear()
        self.absent.clear()
        self.releases.clear()
        self.podless.clear()
        self.energies.clear()

    def _obey(self, action: Action) -> None:
        uid = str(self.manifest["metadata"]["uid"])
        match action:
            case DryRun():
                image = action.body["spec"]["template"]["spec"]["containers"][0].get("image", "")
                self.refusals[uid, action.key] = self.refuse.get(image, "")
            case CreateJob():
                self._create(action)
            case LookForJob():
                if action.name not in self.jobs:
                    self.absent.add(action.attempt)
            case DeleteJob():
                job = self.jobs.get(action.name)
                if job is not None and job["metadata"]["uid"] == action.uid:
                    job["metadata"].setdefault("deletionTimestamp", format_time(self.now))
            case ReleaseGang():
                for name, pod_uid, others in action.pods:
                    if name in self.pods and self.pods[name]["metadata"]["uid"] == pod_uid:
                        self.pods[name]["spec"]["schedulingGates"] = [{"name": gate} for gate in others]
            case _:
                self._obey_other(action)

    def _obey_other(self, action: Action) -> None:
        match action:
            case EmitEvent():
                self.events.append(action)
            case CreateService():
                self.services[action.body["metadata"]["name"]] = action.body
            case AskWhyNoPods():
                self.podless[action.attempt] = Podless(action.at, f"Job {action.name} lacks pods: exceeded quota")
            case MeasureEnergy():
                measured = action.pods and set(action.pods) <= {f"ns/{name}" for name in self.pods}
                self.energies[action.attempt] = Energy(1000.0 if measured else None)
            case TeachProfile():
                for key, profile in self.profiles.items():
                    if profile.metadata.uid == action.uid:
                        status = taught(profile, action.runs, self.rules.energy_source, action.at)
                        self.profiles[key] = msgspec.structs.replace(profile, status=status)
            case DeleteHeteroJob():
                self.deleted = True

    def _create(self, action: CreateJob) -> None:
        name = action.body["metadata"]["name"]
        if name in self.jobs:
            return
        self.absent.discard(action.attempt)
        job = copy.deepcopy(action.body)
        job["metadata"].update(uid=f"uid-{self._next()}", creationTimestamp=format_time(self.now))
        job["status"] = {}
        self.jobs[name] = job
        self.attempted.append((action.attempt[1], action.attempt[2], job["metadata"]["uid"]))

    def _touch(self) -> None:
        self.manifest["metadata"]["resourceVersion"] = str(self._next())

    # --- the user ----------------------------------------------------------------------------------------------------

    def edit(self, **spec: Any) -> None:
        """Change fields of the spec."""
        self.manifest["spec"].update(spec)
        self.manifest["metadata"]["generation"] += 1
        self._touch()

    # --- Job controller, scheduler, kubelet --------------------------------------------------------------------------

    def control(self) -> None:
        """One pass of the Job controller and of the garbage collector over everything."""
        for name, job in list(self.jobs.items()):
            own = [pod for pod in self.pods.values() if _owner(pod) == job["metadata"]["uid"]]
            if "deletionTimestamp" in job["metadata"]:
                for pod in own:
                    del self.pods[pod["metadata"]["name"]]
                del self.jobs[name]
            elif not _over(job):
                self._control(job, own)

    def _control(self, job: Json, own: list[Json]) -> None:
        workers = job["spec"]["completions"]
        failed = [pod for pod in own if pod["status"]["phase"] == "Failed" and not _disrupted(pod)]
        if failed:
            for pod in own:
                if not _ended(pod):
                    del self.pods[pod["metadata"]["name"]]
            self._conclude(job, "Failed")
            return
        done = {_index(pod) for pod in own if pod["status"]["phase"] == "Succeeded"}
        if len(done) == workers:
            self._conclude(job, "Complete")
            return
        there = {_index(pod) for pod in own if not _ended(pod)} | done
        for index in range(workers):
            if index not in there:
                self._add_pod(job, index)

    def _conclude(self, job: Json, type: str) -> None:
        moment = format_time(self.now)
        job["status"]["conditions"] = [{"type": type, "status": "True", "lastTransitionTime": moment}]
        if type == "Complete":
            job["status"]["completionTime"] = moment

    def _add_pod(self, job: Json, index: int) -> None:
        template = copy.deepcopy(job["spec"]["template"])
        metadata = template["metadata"]
        metadata["labels"] = {**metadata["labels"], LABEL_COMPLETION_INDEX: str(index)}
        uid = f"uid-{self._next()}"
        owner = {"kind": "Job", "name": job["metadata"]["name"], "uid": job["metadata"]["uid"], "controller": True}
        metadata.update(
            name=f"{job['metadata']['name']}-{index}-{uid}",
            namespace=job["metadata"]["namespace"],
            uid=uid,
            ownerReferences=[owner],
            creationTimestamp=format_time(self.now),
        )
        self.pods[metadata["name"]] = {"metadata": metadata, "spec": template["spec"], "status": {"phase": "Pending"}}

    def bind(self, pod: Json) -> None:
        """The pod gets its planned node and starts, unless a gate holds it."""
        note = decode_note(pod["metadata"]["annotations"])
        if not pod["spec"].get("schedulingGates") and not _ended(pod):
            pod["spec"]["nodeName"] = note.nodes[_index(pod)] if note is not None and note.nodes else "cpu-0"
            running = {"name": "main", "state": {"running": {"startedAt": format_time(self.now)}}}
            pod["status"] = {"phase": "Running", "containerStatuses": [running]}

    def end(self, pod: Json, exit_code: int = 0, disrupted: bool = False) -> None:
        """A bound pod ends: with an exit code, or disrupted."""
        started = pod["status"]["containerStatuses"][0]["state"]["running"]["startedAt"]
        code = 143 if disrupted else exit_code
        over = {"exitCode": code, "startedAt": started, "finishedAt": format_time(self.now)}
        pod["status"] = {
            "phase": "Succeeded" if code == 0 else "Failed",
            "containerStatuses": [{"name": "main", "state": {"terminated": over}}],
        }
        if disrupted:
            pod["status"]["conditions"] = [
                {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}
            ]

    def reject(self, pod: Json, reason: str = "UnexpectedAdmissionError", node: str = "cpu-0") -> None:
        """The kubelet refuses a bound pod: no container of it ever starts."""
        pod["spec"]["nodeName"] = node
        pod["status"] = {"phase": "Failed", "reason": reason}

    def run(self, seconds: float = 1.0, tasks: Sequence[str] = (), exit_code: int = 0) -> None:
        """Bind and end every pod (of these tasks), as time passes."""
        pods = [pod for pod in self.pods.values() if not tasks or pod["metadata"]["labels"][LABEL_TASK] in tasks]
        for pod in pods:
            if pod["status"]["phase"] == "Pending":
                self.bind(pod)
        self.now += seconds
        for pod in pods:
            if pod["status"]["phase"] == "Running":
                self.end(pod, exit_code)
        self.control()

    def to_the_end(self, rounds: int = 60) -> None:
        """Everything goes well from here on."""
        for _ in range(rounds):
            self.operate()
            self.control()
            self.run()
            if self.status.is_true("Completed") or self.status.is_true("Failed"):
                return


def _owner(pod: Json) -> str:
    return str(pod["metadata"]["ownerReferences"][0]["uid"])


def _index(pod: Json) -> int:
    return int(pod["metadata"]["labels"][LABEL_COMPLETION_INDEX])


def _ended(pod: Json) -> bool:
    return pod["status"]["phase"] in ("Succeeded", "Failed")


def _disrupted(pod: Json) -> bool:
    return any(own["type"] == "DisruptionTarget" for own in pod["status"].get("conditions", ()))


def _over(job: Json) -> bool:
    return bool(job["status"].get("conditions"))

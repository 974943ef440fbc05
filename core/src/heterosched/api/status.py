"""The status of a HeteroJob on the wire: what the operator writes, and what the CLI and others read.

Fractions are decimal strings and times RFC 3339, as the CRD demands; an empty string stands for an absent field.
"""

from __future__ import annotations

from typing import Any

import msgspec

from heterosched.api.heterojob import HeteroJob, Wire


class Condition(Wire, frozen=True, kw_only=True):
    """A Kubernetes condition; `status` is True, False or Unknown, `reason` one CamelCase word."""

    type: str
    status: str
    reason: str
    message: str
    last_transition_time: str
    observed_generation: int = 0


class Planned(Wire, frozen=True, kw_only=True):
    """What the plan expects of a task: place (of worker 0), times, seconds and joules, and the power cap of its devices
    that these are for.
    """

    node: str = ""
    device: str = ""
    start: str = ""
    finish: str = ""
    seconds: str = ""
    energy_joules: str = ""
    power_cap_watts: str = ""


class Actual(Wire, frozen=True, kw_only=True):
    """What happened: first start and last finish among the workers."""

    start: str = ""
    finish: str = ""
    seconds: str = ""


class Worker(Wire, frozen=True, kw_only=True):
    """A worker of the current attempt; `planned_node` as it stood when the task was released."""

    index: int
    node: str = ""
    planned_node: str = ""
    device: str = ""
    share: int | None = None
    gpu_ids: list[str] = []
    cpus: str = ""


class TaskStatus(Wire, frozen=True, kw_only=True):
    """Where a task stands.

    `job_name` is set as long as an attempt is open (from before its Job is created until Job and pods are gone or
    finished); `template_hash` remains, so that it also says that attempt number `attempt` has been used. `kept_nodes`:
    of a training that is being resized the nodes of its next attempt, until that is opened. `price_per_kwh`,
    `carbon_per_kwh` (grams): of a finished task, as the policy's queries had them when its energy was measured.
    """

    name: str
    state: str = ""
    reason: str = ""
    message: str = ""
    rank: str = ""
    on_critical_path: bool = False
    attempt: int = 0
    failures: int = 0
    free_retries: int = 0
    done_share: str = ""
    kept_nodes: list[str] = []
    variant: str = ""
    template_hash: str = ""
    job_name: str = ""
    planned: Planned = Planned()
    actual: Actual = Actual()
    energy_joules: str = ""
    energy_source: str = ""
    price_per_kwh: str = msgspec.field(default="", name="pricePerKWh")
    carbon_per_kwh: str = msgspec.field(default="", name="carbonPerKWh")
    workers: list[Worker] = []


class Baseline(Wire, frozen=True, kw_only=True):
    """The same job under a simpler strategy, on the same cost model."""

    strategy: str = ""
    makespan_seconds: str = ""
    energy_joules: str = ""


class PlanStatus(Wire, frozen=True, kw_only=True):
    """Summary of the plan: of the whole job until its first task starts; later only `finish` follows the events.

    `makespan` is `makespan_seconds` for people: columns of kubectl cannot format.
    """

    strategy: str = ""
    computed_at: str = ""
    start: str = ""
    finish: str = ""
    makespan_seconds: str = ""
    makespan: str = ""
    energy_joules: str = ""
    energy_source: str = ""
    cost: str = ""
    currency: str = ""
    price_per_kwh: str = msgspec.field(default="", name="pricePerKWh")
    price_source: str = ""
    carbon_grams: str = ""
    gap_percent: str = ""
    inputs_age: str = ""
    baseline: Baseline = Baseline()


class DeadlineStatus(Wire, frozen=True, kw_only=True):
    """Whether the job will be in time; `verdict` is Feasible, LateBy, OverBudget or NeedsDevice."""

    at: str = ""
    verdict: str = ""
    message: str = ""


class Outcome(Wire, frozen=True, kw_only=True):
    """What came of it, beside the plan and against a baseline on the same cost model.

    `price_source`: query, fixed (the policy's pricePerKWh), or mixed where some nodes or tasks have the one, some the
    other. `carbon_grams` is empty unless all of the energy has a figure.
    """

    seconds: str = ""
    planned_seconds: str = ""
    energy_joules: str = ""
    planned_energy_joules: str = ""
    energy_source: str = ""
    cost: str = ""
    currency: str = ""
    price_per_kwh: str = msgspec.field(default="", name="pricePerKWh")
    price_source: str = ""
    carbon_grams: str = ""
    against: str = ""
    saved_seconds_percent: str = ""
    saved_energy_percent: str = ""
    verdict: str = ""


class HeteroJobStatus(Wire, frozen=True, kw_only=True):
    """The whole status."""

    observed_generation: int = 0
    state: str = ""
    progress: str = ""
    start_time: str = ""
    completion_time: str = ""
    conditions: list[Condition] = []
    deadline: DeadlineStatus = DeadlineStatus()
    plan: PlanStatus = PlanStatus()
    tasks: list[TaskStatus] = []
    outcome: Outcome = Outcome()

    def condition(self, type: str) -> Condition | None:
        """The condition of this type, if it has been set."""
        return next((condition for condition in self.conditions if condition.type == type), None)

    def is_true(self, type: str) -> bool:
        """Whether the condition of this type holds."""
        found = self.condition(type)
        return found is not None and found.status == "True"


_HELD = frozenset({"WaitingForDevice", "WaitingForPower", "WaitingForGang", "WaitingForDeadlineSlack", "QuotaExceeded"})


def state_of(status: HeteroJobStatus) -> str:
    """The condition that says most, in one word; with its reason where the job does not go on. For lists: what waits
    for a job or acts on it reads the conditions.
    """
    for type in ("Failed", "Completed", "Suspended", "Blocked", "Running"):
        found = status.condition(type)
        if found is not None and found.status == "True":
            return f"{type}: {found.reason}" if type in ("Failed", "Blocked") else type
    accepted = status.condition("Accepted")
    if accepted is not None and accepted.status == "Unknown":
        return f"Pending: {accepted.reason}"
    for type, otherwise in (("Accepted", "Rejected"), ("Planned", "Unplanned")):
        found = status.condition(type)
        if found is not None and found.status == "False":
            return f"{otherwise}: {found.reason}"
    planned = status.condition("Planned")
    if planned is not None and planned.status == "True":
        waits = [task.reason for task in status.tasks if task.state == "Ready" and task.reason in _HELD]
        if waits:
            return f"Waiting: {waits[0]}"
        return "EstimatesMissing" if planned.reason == "EstimatesMissing" else "Planned"
    return "Pending"


def wire_status(status: HeteroJobStatus) -> dict[str, Any]:
    """The status as JSON, without structs in which nothing is set."""
    encoded: dict[str, Any] = msgspec.to_builtins(status)
    for holder in (encoded, encoded.get("plan", {}), *encoded.get("tasks", ())):
        for name in [name for name, value in holder.items() if value == {}]:
            del holder[name]
    return encoded


def status_of(job: HeteroJob) -> HeteroJobStatus:
    """The typed status of a job. Raises msgspec.ValidationError where somebody else wrote what the CRD would refuse."""
    return msgspec.convert(job.status, HeteroJobStatus)

"""SchedulingPolicy and ThroughputProfile on the wire."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from heterosched.api.heterojob import Metadata, Wire
from heterosched.api.status import Condition
from heterosched.units import Quantity


class Weights(Wire, frozen=True, kw_only=True):
    """Weight of each score term in percent of nothing in particular: only their proportions count."""

    speed: int = 0
    energy: int = 0
    plan: int = 0
    numa: int = 0
    load: int = 0
    fit: int = 0
    data: int = 0
    thermal: int = 0
    metric: int = 0


class Thermal(Wire, frozen=True, kw_only=True):
    """GPU temperatures between which headroom falls from whole to none, what faults leave of it, and whether nodes
    without any are ruled out for sure.
    """

    warn_celsius: int = 80
    limit_celsius: int = 90
    xid_percent: int = 0
    unreachable_percent: int = 50
    exclusion: Literal["Preferred", "Required"] = "Preferred"


class TelemetryLimits(Wire, frozen=True, kw_only=True):
    """How old a sample may be before its score term is absent."""

    max_age_seconds: int = 60


class Scoring(Wire, frozen=True, kw_only=True):
    """Constants of single score terms; see `heterosched.policy.table.PolicyRow`."""

    same_device_percent: int = 50
    headroom_percent: int = 75
    hint_seconds: int = 30
    typical_shapes: int = 8
    any_size_pods: int = 10


class PowerGroup(Wire, frozen=True, kw_only=True):
    """A cap in watts over the nodes with these labels."""

    name: str
    node_selector: dict[str, str]
    watts: Quantity


class PowerCaps(Wire, frozen=True, kw_only=True):
    """What the jobs may draw in all; nothing is capped by default."""

    cluster_watts: Quantity | None = None
    groups: list[PowerGroup] = []


class Jps(Wire, frozen=True, kw_only=True):
    """Parameters of JPS; see `heterosched.jps.Parameters`."""

    samples: int = 128
    alpha: Quantity = "0"
    beta: Quantity = "1"
    explore: Quantity = "0.15"
    energy_weight: Quantity = "0"
    fairness_floor: Quantity = "0.9"
    mode: Literal["auto", "guided", "uniform"] = "auto"


class Waiting(Wire, frozen=True, kw_only=True):
    """Who waits for whom, and for what; and what makes a plan change."""

    urgent_slack: str = "1h"
    keep_percent: int = 10
    autoscaled_devices: list[str] = []


class SchedulingPolicySpec(Wire, frozen=True, kw_only=True):
    """A row of the policy table. `preemption` is kept as it is written and not in force."""

    weights: Weights
    price_per_kwh: Quantity = msgspec.field(default="0.15", name="pricePerKWh")
    currency: str = "USD"
    thermal: Thermal = Thermal()
    telemetry: TelemetryLimits = TelemetryLimits()
    scoring: Scoring = Scoring()
    hook: str = ""
    power_caps: PowerCaps = PowerCaps()
    jps: Jps = Jps()
    waiting: Waiting = Waiting()
    node_selector: dict[str, str] = {}
    price_query: str = ""
    carbon_query: str = ""
    weigh_energy_by: Literal["Joules", "Cost", "Carbon"] = "Joules"
    preemption: dict[str, Any] = {}


class SchedulingPolicyStatus(Wire, frozen=True, kw_only=True):
    """Whether the policy is in use, by its condition Accepted."""

    observed_generation: int = 0
    conditions: list[Condition] = []


class SchedulingPolicy(Wire, frozen=True, kw_only=True):
    """A policy of the cluster's own."""

    metadata: Metadata
    spec: SchedulingPolicySpec
    status: SchedulingPolicyStatus = SchedulingPolicyStatus()


class CappedRun(Wire, frozen=True, kw_only=True):
    """What the task takes on the device type under a power cap: seconds, and mean watts of one device."""

    cap_watts: Quantity
    seconds: Quantity
    watts: Quantity


class ProfileDevice(Wire, frozen=True, kw_only=True):
    """What a task takes on one device type: seconds (with `caps`: under power caps too), or samples per second and
    worker.
    """

    device: str
    seconds: Quantity | None = None
    samples_per_second: Quantity | None = None
    watts: Quantity | None = None
    origin: str = "estimated"
    samples: int = 0
    caps: list[CappedRun] = []


class ThroughputProfileSpec(Wire, frozen=True, kw_only=True):
    """Figures by device type."""

    devices: list[ProfileDevice] = []


class LearnedRun(Wire, frozen=True, kw_only=True):
    """A finished task's own figures; `run` is UID of the HeteroJob, task and attempt. Outliers are in no mean."""

    run: str
    finished_at: str
    seconds: str = ""
    samples_per_second: str = ""
    watts: str = ""
    outlier: bool = False


class LearnedDevice(Wire, frozen=True, kw_only=True):
    """What finished tasks taught about one device type: `samples` of the recent ones stand behind the figures."""

    device: str
    seconds: Quantity | None = None
    samples_per_second: Quantity | None = None
    watts: Quantity | None = None
    origin: str = "measured"
    samples: int = 0
    confidence_percent: int = 0
    updated_at: str | None = None
    recent: list[LearnedRun] = []


class ThroughputProfileStatus(Wire, frozen=True, kw_only=True):
    """What was learned; a row that rests on enough comes before the one of the same device in the spec."""

    observed_generation: int = 0
    updated_at: str | None = None
    devices: list[LearnedDevice] = []
    conditions: list[Condition] = []


class ThroughputProfile(Wire, frozen=True, kw_only=True):
    """Figures of a task or model that several jobs share."""

    metadata: Metadata
    spec: ThroughputProfileSpec
    status: ThroughputProfileStatus = ThroughputProfileStatus()

    @property
    def label(self) -> str:
        """How errors name it."""
        return f"ThroughputProfile {self.metadata.namespace}/{self.metadata.name}"

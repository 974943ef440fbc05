"""HeteroJob on the wire: typed structs of the fields that HeteroSched reads; unknown fields are ignored.

`crds/heterojobs.yaml` is the source of the schema; a test holds these structs to it. Quantities, durations and times
stay as written here: `heterosched.planning` converts them, with the field's name at hand for the error.
"""

from __future__ import annotations

from typing import Any

import msgspec

from heterosched.units import Quantity


class Wire(msgspec.Struct, rename="camel", frozen=True, kw_only=True, omit_defaults=True):
    """Base of all structs: camelCase on the wire, immutable, absent where default."""


class Metadata(Wire, frozen=True, kw_only=True):
    """The parts of ObjectMeta that we use."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class Deadline(Wire, frozen=True, kw_only=True):
    """`within` of the creation, or `at` a time; never both."""

    within: str | None = None
    at: str | None = None


class ExitCodes(Wire, frozen=True, kw_only=True):
    """What container exit codes mean for retries: `In` or `NotIn` `values` -> FailTask, Ignore (free) or Count.

    `container_name` empty: any container.
    """

    action: str
    operator: str = "In"
    values: list[int] = []
    container_name: str = ""


class FailurePolicy(Wire, frozen=True, kw_only=True):
    """How often a task is tried again, and what counts."""

    backoff_limit: int = 3
    disruptions_count: bool = False
    on_exit_codes: list[ExitCodes] = []


class Template(Wire, frozen=True, kw_only=True):
    """A named pod template, kept as it was written."""

    name: str
    template: dict[str, Any]


class Data(Wire, frozen=True, kw_only=True):
    """An input or output: with `volumeClaim` or `uri` as its mechanism; without one no transfer time is counted."""

    name: str
    size: Quantity | None = None
    volume_claim: str | None = None
    uri: str | None = None
    from_: str | None = msgspec.field(default=None, name="from")

    @property
    def moves(self) -> bool:
        """Whether a mechanism is named that moves it."""
        return bool(self.volume_claim or self.uri)


class Resources(Wire, frozen=True, kw_only=True):
    """As in a container: quantities by resource name."""

    requests: dict[str, Quantity] = {}
    limits: dict[str, Quantity] = {}

    @property
    def given(self) -> bool:
        """Whether it says anything; then it replaces requests and limits as a whole."""
        return bool(self.requests or self.limits)


class Variant(Wire, frozen=True, kw_only=True):
    """What differs per device: resources, image, environment. The plan picks one."""

    devices: list[str]
    name: str = ""
    resources: Resources = Resources()
    image: str | None = None
    env: list[dict[str, Any]] = []


class Workers(Wire, frozen=True, kw_only=True):
    """Number of pods of a task; the plan sizes it between `min` and `max` (absent: as many as `min`)."""

    min: int = 1
    max: int | None = None
    gang: bool = False
    rendezvous: bool = False

    @property
    def most(self) -> int:
        """The largest number of pods."""
        return self.min if self.max is None else self.max


class Devices(Wire, frozen=True, kw_only=True):
    """Device types that a task without variants may use (empty: any), and its NUMA wish."""

    allow: list[str] = []
    numa: str = "None"


class RuntimeOn(Wire, frozen=True, kw_only=True):
    """Run time on a device type; `watts`: mean power of one device meanwhile, its idle draw included."""

    device: str
    seconds: Quantity
    watts: Quantity | None = None


class ThroughputOn(Wire, frozen=True, kw_only=True):
    """Training throughput of one worker on a device type."""

    device: str
    samples_per_second: Quantity
    watts: Quantity | None = None


class Features(Wire, frozen=True, kw_only=True):
    """For models that predict what is not given."""

    size: Quantity | None = None
    intensity_percent: int | None = None
    memory: Quantity | None = None
    flops: Quantity | None = None


class Training(Wire, frozen=True, kw_only=True):
    """A distributed training run: its length in iterations of a global batch."""

    global_batch: int
    iterations: int
    gradient_bytes: Quantity | None = None
    allow_restarts: bool = False
    throughput_on: list[ThroughputOn] = []


class Work(Wire, frozen=True, kw_only=True):
    """What the planner knows of a task; all optional."""

    profile: str | None = None
    runtime_on: list[RuntimeOn] = []
    features: Features = Features()
    training: Training | None = None


class TaskSpec(Wire, frozen=True, kw_only=True):
    """A node of the job's graph."""

    name: str
    template_ref: str = ""
    depends_on: list[str] = []
    inputs: list[Data] = []
    outputs: list[Data] = []
    variants: list[Variant] = []
    workers: Workers = Workers()
    devices: Devices = Devices()
    work: Work = Work()


class HeteroJobSpec(Wire, frozen=True, kw_only=True):
    """What the user asks for."""

    tasks: list[TaskSpec]
    templates: list[Template] = []
    policy: str = "Balanced"
    strategy: str = "Auto"
    suspend: bool = False
    priority_class_name: str = ""
    deadline: Deadline | None = None
    energy_budget_joules: Quantity | None = None
    power_cap_watts: Quantity | None = None
    active_deadline_seconds: int | None = None
    ttl_after_finished: str | None = None
    failure_policy: FailurePolicy = FailurePolicy()


class HeteroJob(Wire, frozen=True, kw_only=True):
    """A HeteroJob; its status is read with `heterosched.api.status`."""

    metadata: Metadata
    spec: HeteroJobSpec
    status: dict[str, Any] = {}

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return f"{self.metadata.namespace}/{self.metadata.name}"

    @property
    def label(self) -> str:
        """How errors and Events name it."""
        return f"HeteroJob {self.key}"

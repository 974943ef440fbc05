"""The record of a decision as it is answered over HTTP, printed and compared: `/v1/decisions` and `heterosched why`."""

from __future__ import annotations

import msgspec

from heterosched.policy.hooks import HookEffect


class TermShare(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One term on one node: `part` = `weight` x `value`. `absent` says why there is no value; then weight and part are
    0.

    `policy_weight` is the row's own weight, `weight` the share that it comes to on this node. `inputs` are the figures
    that the value was made of (seconds, joules, watts, degrees Celsius, cores, GPUs; flags are 0 or 1), `constants` the
    columns of the policy table that took part. `age_seconds`: of the oldest measurement among the inputs. `stale`: the
    metrics whose last sample was too old to count, with its age in seconds.
    """

    term: str
    value: float | None
    weight: float
    part: float
    origin: str = ""
    age_seconds: float | None = None
    absent: str = ""
    policy_weight: int = 0
    inputs: dict[str, float] = {}
    constants: dict[str, float] = {}
    stale: dict[str, float] = {}


class NodeScore(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A candidate: the integer that the scheduler got, the weighted mean behind it (None: no term had data), its
    parts.
    """

    node: str
    device: str
    score: int
    mean: float | None
    terms: tuple[TermShare, ...]


class Alternative(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A candidate that lost: `difference` is how far its mean lies behind the best one's, `decisive` that by term."""

    node: str
    device: str
    score: int
    mean: float
    difference: float
    decisive: dict[str, float]


class Rejection(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Nodes that the extender's filter turned down for one reason; `examples` names a few of the `count`."""

    reason: str
    count: int
    examples: tuple[str, ...]


class Decision(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Why a pod was advised to a node. `best` is the advice, `bound` where the pod went, `asked` the node in question.

    `candidates` are the nodes that kube-scheduler's own filters had left; `difference` is best less runner-up, of the
    means. `decisive` gives that difference by term, largest first. `alternatives` are the best of the candidates that
    lost, the runner-up first. `planned` is what the pod's plan says, and on what grounds; `hook` what a plug-in did.
    """

    namespace: str
    pod: str
    uid: str
    at: str
    policy: str
    candidates: int
    best: NodeScore | None = None
    tied: int = 0
    runner_up: NodeScore | None = None
    difference: float | None = None
    decisive: dict[str, float] = {}
    rejected: tuple[Rejection, ...] = ()
    bound: str = ""
    asked: NodeScore | None = None
    asked_answer: str = ""
    remarks: tuple[str, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    planned: str = ""
    hook: HookEffect | None = None

"""Policies by plug-in: rows of the policy table, and a hook that may adjust a row's weights pod by pod.

A distribution offers an object under the entry point group `heterosched.policies`; see `PolicyHook` for what it must
have. A hook acts on the rows that name it (`hook`), its own or those of a SchedulingPolicy (`spec.hook`), never on
others. It must be a pure function: the clock is handed in, and what it made of the weights is recorded with the
decision, so that explanations and replays do not need to ask it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Final, Protocol, runtime_checkable

import msgspec

from heterosched.errors import HeteroSchedError, InvalidInput
from heterosched.policy.table import BUILT_IN, PolicyRow, check_weights

ENTRY_POINTS: Final = "heterosched.policies"
SECONDS_PER_HOUR: Final = 3600.0
HOURS_PER_DAY: Final = 24.0


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a hook may look at: the pod's demand and figures (by device type; per worker), and when it is scheduled.

    GPUs and cores, seconds, watts; `at` in epoch seconds. `planned_device` is "" for a pod without a plan.
    """

    namespace: str
    at: float
    gpus: float = 0.0
    cores: float = 0.0
    seconds: Mapping[str, float] = field(default_factory=dict)
    watts: Mapping[str, float] = field(default_factory=dict)
    planned_device: str = ""

    @property
    def hour(self) -> float:
        """Hour of the day in UTC, from 0 to below 24."""
        return self.at / SECONDS_PER_HOUR % HOURS_PER_DAY


@runtime_checkable
class PolicyHook(Protocol):
    """What an entry point gives: an object, or a class that makes one without arguments."""

    name: str

    def rows(self) -> Iterable[PolicyRow]:
        """Rows that the plug-in adds to the policy table; none of a name that is there already."""
        ...

    def weights(self, row: PolicyRow, occasion: Occasion) -> Mapping[str, int]:
        """The weights for this pod, instead of `row.weights`: whole numbers by term, not all zero."""
        ...


class HookEffect(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What a hook made of a row's weights. `problem`: why the row's own weights were kept."""

    hook: str
    before: dict[str, int]
    after: dict[str, int]
    problem: str = ""


@dataclass(frozen=True)
class Plugins:
    """The installed plug-ins: hooks by name, their rows by name, and what is wrong with the others."""

    hooks: Mapping[str, PolicyHook] = field(default_factory=dict)
    rows: Mapping[str, PolicyRow] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


@cache
def plugins() -> Plugins:
    """All installed plug-ins, looked up once. One that cannot be used is left out and named, it takes nobody along."""
    hooks: dict[str, PolicyHook] = {}
    rows: dict[str, PolicyRow] = {}
    problems: list[str] = []
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name):
        try:
            hook = _loaded(point)
            added = {row.name: _checked(row, rows) for row in hook.rows()}
        except Exception as error:  # whatever a plug-in raises, the others go on
            problems.append(f"policy plug-in {point.name} ({point.value}) is not used: {error or type(error).__name__}")
            continue
        hooks[point.name] = hook
        rows.update(added)
    return Plugins(hooks, rows, tuple(problems))


def known_rows() -> Mapping[str, PolicyRow]:
    """The policy table without the cluster's own objects: the built-in rows and those of plug-ins."""
    return {**plugins().rows, **BUILT_IN}


def _loaded(point: EntryPoint) -> PolicyHook:
    found = point.load()
    hook = found() if isinstance(found, type) else found
    if not isinstance(hook, PolicyHook):
        raise InvalidInput(f"plug-in {point.name}", "", "it is no PolicyHook", "give it name, rows() and weights()")
    if hook.name != point.name:
        raise InvalidInput(f"plug-in {point.name}", "name", f"is {hook.name!r}", "name it as its entry point")
    return hook


def _checked(row: PolicyRow, others: Mapping[str, PolicyRow]) -> PolicyRow:
    if row.name in BUILT_IN or row.name in others:
        raise InvalidInput(f"policy {row.name}", "name", "there is such a policy already", "choose another name")
    check_weights(row.weights, f"policy {row.name}")
    return row


def adjusted(row: PolicyRow, occasion: Occasion, hooks: Mapping[str, PolicyHook]) -> tuple[PolicyRow, HookEffect]:
    """The row with its hook's weights for this pod; with its own, and the reason, where the hook cannot give any."""
    before = dict(row.weights)
    hook = hooks.get(row.hook)
    if hook is None:
        problem = f"the plug-in {row.hook} is not installed"
        return row, HookEffect(hook=row.hook, before=before, after=before, problem=problem)
    try:
        after = dict(hook.weights(row, occasion))
        check_weights(after, f"plug-in {row.hook}")
    except Exception as error:  # advice must not fail with a plug-in; the explanation says what happened
        problem = str(error) if isinstance(error, HeteroSchedError) else f"{type(error).__name__}: {error}"
        return row, HookEffect(hook=row.hook, before=before, after=before, problem=problem)
    return row.weighing(after), HookEffect(hook=row.hook, before=before, after=after)

"""Argo Workflow and WorkflowTemplate as a HeteroJob: `steps` and `dag` spelled out into tasks with dependencies.

Only what is known before the workflow runs can be planned: parameters with values, `withItems`, nested templates. What
is decided at run time (conditions, values and artifacts handed on, hooks) is named, and then nothing is imported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, count
from typing import Any, Final

from heterosched_cli.foreign import argo_fields as fields
from heterosched_cli.foreign.argo_pods import SPEC_FIELDS, pod_template
from heterosched_cli.foreign.argo_values import filled, item_scope, items_of, parameters, text_of
from heterosched_cli.foreign.assemble import MOST_RETRIES, MOST_TASKS, Task, Work
from heterosched_cli.foreign.findings import Findings
from heterosched_cli.foreign.jobs import named
from heterosched_cli.foreign.pods import Json, pod_of

DEEPEST: Final = 20


def work_of_workflow(content: Json, library: Mapping[tuple[str, str], Json], source: str, found: Findings) -> Work:
    """All tasks of the workflow; `library`: spec by kind and name of the WorkflowTemplates at hand."""
    name, namespace = named(content)
    spec = _merged(found.mapping(content.get("spec"), "spec"), library, found)
    found.only(spec, "spec", fields.WORKFLOW_TAKEN, fields.WORKFLOW_IDLE, fields.WORKFLOW_WHY)
    values = parameters(spec.get("arguments"), "spec.arguments", found)
    scope = {f"workflow.parameters.{key}": text_of(value) for key, value in values.items() if value is not None}
    scope |= {"workflow.name": name, "workflow.entrypoint": str(spec.get("entrypoint"))}
    scope |= {"workflow.namespace": namespace} if namespace else {}
    walk = _Walk(spec, library, scope, found)
    entry = str(spec.get("entrypoint") or "")
    if not entry:
        found.add("spec.entrypoint", "is not there", "name the template with which the workflow begins")
    else:
        walk.template(_Where(entry, "spec.entrypoint", spec), {}, [], frozenset())
    return Work(name, namespace, source, walk.tasks, _terms(spec, walk.retries, found))


def _merged(spec: Json, library: Mapping[tuple[str, str], Json], found: Findings) -> Json:
    """With the spec of `workflowTemplateRef` below its own; arguments are merged one by one."""
    reference = found.mapping(spec.get("workflowTemplateRef"), "spec.workflowTemplateRef")
    if not reference:
        return spec
    base = _library(reference, library, "spec.workflowTemplateRef", found)
    own = parameters(spec.get("arguments"), "spec.arguments", found)
    below = parameters(base.get("arguments"), "spec.arguments", found)
    both = [{"name": key, "value": value} for key, value in {**below, **own}.items()]
    return {**base, **spec, "arguments": {"parameters": both}}


def _library(reference: Json, library: Mapping[tuple[str, str], Json], path: str, found: Findings) -> Json:
    kind, name = fields.TEMPLATES[bool(reference.get("clusterScope"))], str(reference.get("name"))
    if (kind, name) not in library:
        remedy = f"append it to the file: kubectl get {kind.lower()} {name} -o yaml"
        found.add(path, f"the {kind} {name} is not in the file", remedy)
    return library.get((kind, name), {})


def _terms(spec: Json, retries: Mapping[str, int], found: Findings) -> Json:
    terms: Json = {"failurePolicy": {"backoffLimit": max(retries.values(), default=0)}}
    if len(set(retries.values())) > 1:
        shown = ", ".join(f"{path}: {limit}" for path, limit in retries.items())
        problem = f"templates are retried differently often ({shown}), a HeteroJob has one limit for all"
        found.add("spec.templates", problem, "give each the same retryStrategy.limit (none counts as 0)")
    active = found.whole(spec.get("activeDeadlineSeconds"), "spec.activeDeadlineSeconds", 1)
    if active is not None:
        terms["activeDeadlineSeconds"] = active
    alive = found.mapping(spec.get("ttlStrategy"), "spec.ttlStrategy")
    spans = {found.whole(value, f"spec.ttlStrategy.{key}") for key, value in alive.items()}
    if len(spans) == 1 and None not in spans and ("secondsAfterCompletion" in alive or len(alive) == 2):
        terms["ttlAfterFinished"] = f"{spans.pop()}s"
    elif alive:
        found.add("spec.ttlStrategy", "one time holds for every end", "use secondsAfterCompletion alone")
    return {**terms, **({"suspend": True} if spec.get("suspend") else {})}


@dataclass(frozen=True, slots=True)
class _Where:
    """A template by name (or `inline`), the `path` that asks for it, and the spec whose templates are meant."""

    name: str
    path: str
    spec: Json
    inline: Json | None = None


@dataclass(slots=True)
class _Walk:
    """From the entry point down; `retries`: limit by path of each template with a container."""

    spec: Json
    library: Mapping[tuple[str, str], Json]
    scope: Mapping[str, str]
    found: Findings
    tasks: list[Task] = field(default_factory=list)
    retries: dict[str, int] = field(default_factory=dict)

    def template(
        self, where: _Where, given: Mapping[str, str], names: Sequence[str], after: frozenset[str]
    ) -> frozenset[str]:
        """Add the tasks of a template behind those in `after`; the tasks behind which comes what follows it."""
        template, path = self._find(where)
        if template is None:
            return after
        if len(names) > DEEPEST or len(self.tasks) > MOST_TASKS:
            problem = "it contains itself, or too much" if len(names) > DEEPEST else f"more than {MOST_TASKS} tasks"
            self.found.add(path, problem, "spell out a recursion of known depth, or split the workflow")
            return after
        if template.get("steps") or template.get("dag"):
            self.found.only(template, path, fields.GROUP_TAKEN, fields.GROUP_IDLE, fields.GROUP_WHY)
        else:
            self.found.only(template, path, fields.TEMPLATE_TAKEN, fields.TEMPLATE_IDLE, fields.TEMPLATE_WHY)
        scope = {**self.scope, **self._inputs(template, given, path)}
        if template.get("steps"):
            return self._steps(_Where("", f"{path}.steps", where.spec), template["steps"], scope, names, after)
        if template.get("dag"):
            return self._dag(_Where("", f"{path}.dag", where.spec), template["dag"], scope, names, after)
        if not template.get("container") and not template.get("script"):
            remedy = "give it container, script, steps or dag"
            self.found.add(path, "has nothing that a task could run", remedy)
            return after
        return self._task(template, path, scope, names, after)

    def _find(self, where: _Where) -> tuple[Json | None, str]:
        if where.inline is not None:
            return where.inline, f"{where.path}.inline"
        known = self.found.items(where.spec.get("templates"), "spec.templates")
        for own in known:
            if isinstance(own, dict) and own.get("name") == where.name:
                return own, f"spec.templates[{where.name}]"
        shown = ", ".join(str(own.get("name")) for own in known if isinstance(own, dict)) or "none"
        self.found.add(where.path, f"there is no template {where.name}", f"there are {shown}")
        return None, where.path

    def _inputs(self, template: Json, given: Mapping[str, str], path: str) -> dict[str, str]:
        declared = parameters(template.get("inputs"), f"{path}.inputs", self.found)
        values: dict[str, str] = {}
        for name, default in declared.items():
            if name in given:
                values[f"inputs.parameters.{name}"] = given[name]
            elif default is not None:
                at = f"{path}.inputs.parameters[{name}]"
                values[f"inputs.parameters.{name}"] = filled(text_of(default), self.scope, at, self.found)
        return values

    def _task(
        self, template: Json, path: str, scope: Mapping[str, str], names: Sequence[str], after: frozenset[str]
    ) -> frozenset[str]:
        name = self._unused("-".join(names) or str(template.get("name") or "main"))
        whole = {key: value for key, value in template.items() if key not in ("inputs", "retryStrategy")}
        pod = pod_template(filled(whole, scope, path, self.found), self._filled_spec(), path, self.found)
        self.retries[path] = self._retries(template, path)
        self.tasks.append(Task(name, path, pod_of(pod, path, self.found), sorted(after)))
        return frozenset({name})

    def _unused(self, name: str) -> str:
        """`a-b` may come of a step b of a, and of a step a-b."""
        known = {task.name for task in self.tasks}
        return next(own for own in chain((name,), (f"{name}-{number}" for number in count(2))) if own not in known)

    def _filled_spec(self) -> Json:
        """What the workflow says of all pods, with its parameters."""
        wanted = (*SPEC_FIELDS, "volumes", "podMetadata", "podPriorityClassName")
        return {
            key: filled(self.spec[key], self.scope, f"spec.{key}", self.found) for key in wanted if key in self.spec
        }

    def _retries(self, template: Json, path: str) -> int:
        strategy = self.found.mapping(template.get("retryStrategy"), f"{path}.retryStrategy")
        self.found.only(
            strategy, f"{path}.retryStrategy", fields.RETRY_TAKEN, {}, {"expression": "use spec.failurePolicy"}
        )
        if strategy.get("retryPolicy") not in fields.RETRIED:
            remedy = f"use one of {', '.join(map(str, fields.RETRIED[1:]))}, or let the container tell by its exit code"
            self.found.add(
                f"{path}.retryStrategy.retryPolicy", "a task that fails is repeated, whatever failed", remedy
            )
        if strategy.get("backoff"):
            self.found.remark(f"{path}.retryStrategy.backoff", "left out: retries wait as the operator has them wait")
        limit = filled(strategy.get("limit"), self.scope, f"{path}.retryStrategy.limit", self.found)
        number = self.found.whole(limit, f"{path}.retryStrategy.limit")
        if number is None:
            number = MOST_RETRIES if strategy else 0  # Argo repeats without end where no limit is given
        return min(number, MOST_RETRIES)

    def _steps(
        self, where: _Where, groups: Any, scope: Mapping[str, str], names: Sequence[str], after: frozenset[str]
    ) -> frozenset[str]:
        """Groups one after the other, what is in a group side by side."""
        for number, group in enumerate(self.found.items(groups, where.path)):
            ends: set[str] = set()
            for index, given in enumerate(self.found.items(group, f"{where.path}[{number}]")):
                step = self.found.mapping(given, f"{where.path}[{number}][{index}]")
                path = f"{where.path}[{number}][{step.get('name', index)}]"
                ends |= self._call(_Where("", path, where.spec), step, scope, names, after)
            after = frozenset(ends) or after
        return after

    def _dag(
        self, where: _Where, dag: Any, scope: Mapping[str, str], names: Sequence[str], after: frozenset[str]
    ) -> frozenset[str]:
        given = self.found.mapping(dag, where.path)
        self.found.only(given, where.path, ("tasks",), {}, {"failFast": "remove it", "target": "remove other tasks"})
        listed = self.found.items(given.get("tasks"), f"{where.path}.tasks")
        tasks = {str(own.get("name")): own for own in listed if isinstance(own, dict)}
        needs = {name: self._needs(own, f"{where.path}.tasks[{name}]", tasks) for name, own in tasks.items()}
        ends: dict[str, frozenset[str]] = {}
        for name in in_order(needs, where.path, self.found):
            before = frozenset().union(*(ends[need] for need in needs[name])) if needs[name] else after
            own = _Where("", f"{where.path}.tasks[{name}]", where.spec)
            ends[name] = self._call(own, tasks[name], scope, names, before)
        needed = {need for own in needs.values() for need in own}
        last = [own for name, own in ends.items() if name not in needed]
        return frozenset().union(*last) or after

    def _needs(self, task: Json, path: str, known: Mapping[str, Json]) -> list[str]:
        """Names in `dependencies`, or in `depends` where that asks for success alone."""
        needs = [str(name) for name in self.found.items(task.get("dependencies"), f"{path}.dependencies")]
        text = str(task.get("depends") or "")
        for term in re.split(r"&&", text.replace("(", " ").replace(")", " ")) if text else ():
            name, _, state = term.strip().partition(".")
            if not re.fullmatch(r"[-\w]+", name) or state not in ("", "Succeeded"):
                remedy = "a task waits for the success of others: join names by &&"
                self.found.add(f"{path}.depends", f"{term.strip()!r} has no counterpart", remedy)
                continue
            needs.append(name)
        for name in needs:
            if name not in known:
                self.found.add(path, f"depends on {name}, which is not there", f"there are {', '.join(known)}")
        return [name for name in dict.fromkeys(needs) if name in known]

    def _call(
        self, where: _Where, step: Json, scope: Mapping[str, str], names: Sequence[str], after: frozenset[str]
    ) -> frozenset[str]:
        """A step or a task of a dag, once or for each of its items."""
        self.found.only(step, where.path, fields.STEP_TAKEN, {}, fields.STEP_WHY)
        own, items = str(step.get("name") or "step"), items_of(step, scope, where.path, self.found)
        rounds: list[tuple[str, dict[str, str]]] = [(own, {})]
        if items is not None:
            rounds = [(f"{own}-{index}", item_scope(item)) for index, item in enumerate(items)]
        target = self._target(where, step)
        ends: set[str] = set()
        for name, extra in rounds:
            values = parameters(step.get("arguments"), f"{where.path}.arguments", self.found)
            at = f"{where.path}.arguments.parameters"
            known = {
                key: filled(text_of(value), {**scope, **extra}, f"{at}[{key}]", self.found)
                for key, value in values.items()
                if value is not None
            }
            ends |= self.template(target, known, [*names, name], after)
        return frozenset(ends) or after

    def _target(self, where: _Where, step: Json) -> _Where:
        reference = self.found.mapping(step.get("templateRef"), f"{where.path}.templateRef")
        if reference:
            spec = _library(reference, self.library, f"{where.path}.templateRef", self.found)
            return _Where(str(reference.get("template")), f"{where.path}.templateRef", spec)
        inline = step.get("inline")
        return _Where(
            str(step.get("template")),
            f"{where.path}.template",
            where.spec,
            inline if isinstance(inline, dict) else None,
        )


def in_order(needs: Mapping[str, Iterable[str]], path: str, found: Findings) -> Iterator[str]:
    """The names so that each comes after those it needs; a cycle is a problem, and what hangs on it is left out."""
    open = {name: set(own) for name, own in needs.items()}
    while open:
        free = [name for name, own in open.items() if not own]
        if not free:
            found.add(f"{path}.tasks", f"{', '.join(open)} wait for one another", "break the cycle")
            return
        for name in free:
            yield name
            del open[name]
        for own in open.values():
            own.difference_update(free)

"""Pages made from the code: conditions and Events, metrics, settings, policies and devices, strategies, queries."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from dataclasses import fields

from heterosched.algorithms.base import strategies
from heterosched.algorithms.fractions import fraction_strategies
from heterosched.jps.parameters import Parameters
from heterosched.model.devices import DEVICE_TYPES
from heterosched.planning.planner import AUTO_STRATEGY
from heterosched.policy import table
from heterosched.settings import ServiceSettings
from heterosched.telemetry import queries
from heterosched_extender.metrics import CATALOGUE, PREFIX
from heterosched_extender.settings import Settings as ExtenderSettings
from heterosched_operator import conditions, events
from heterosched_operator.metrics import Metrics
from heterosched_operator.settings import Settings as OperatorSettings
from pages.markdown import NOTE, rows


def constants(module: object) -> Iterator[tuple[str, list[str]]]:
    """The string constants of a module, grouped by the comment above each group."""
    source = inspect.getsource(module)  # type: ignore[arg-type]
    group, found = "", list[str]()
    for line in source.splitlines():
        if line.startswith("# "):
            if found:
                yield group, found
            group, found = line[2:].rstrip("."), []
        elif line.startswith(("def ", "class ")):
            break
        elif ": Final = " in line and group:
            found.append(str(ast.literal_eval(line.split(" = ", 1)[1])))
    if found:
        yield group, found


def conditions_page() -> str:
    """Condition types, their reasons, and the reasons of Events."""
    parts = ["# Conditions and Events of a HeteroJob", NOTE]
    for title, module in (("Conditions", conditions), ("Events", events)):
        parts.append(f"## {title}")
        for group, names in constants(module):
            parts.append(f"{group}: " + ", ".join(f"`{name}`" for name in names) + ".")
    return "\n\n".join(parts)


def metrics_page() -> str:
    """Metrics of the extender and the operator."""
    extender = (
        (f"`{PREFIX}{name}`", kind, ", ".join(labels), text) for name, (kind, text, labels) in CATALOGUE.items()
    )
    operator = sorted(
        (f"`{family.name}`", family.type, "", family.documentation) for family in Metrics().registry.collect()
    )
    header = ("metric", "kind", "labels", "meaning")
    return "\n\n".join(
        ["# Metrics", NOTE, "## Extender", rows(header, extender), "## Operator", rows(header, operator)]
    )


def settings_page() -> str:
    """Settings of the services."""
    parts = [
        "# Settings",
        NOTE,
        "Command line over environment over file (`--config`, YAML or TOML) over these defaults. `--show-config` "
        "prints what is in effect; every wrong key or value is named.",
    ]
    services: dict[str, type[ServiceSettings]] = {
        "heterosched-extender": ExtenderSettings,
        "heterosched-operator": OperatorSettings,
    }
    for name, kind in services.items():
        prefix = str(kind.model_config["env_prefix"])
        body = (
            (f"`{field}`", f"`{prefix}{field.upper()}`", f"`{info.default}`", info.description)
            for field, info in kind.model_fields.items()
        )
        parts += [f"## {name}", rows(("key", "environment", "default", "meaning"), body)]
    return "\n\n".join(parts)


def policies_page() -> str:
    """The policy table and the device table."""
    policies = ((row.name, *(row.weights.get(term, 0) for term in table.TERMS)) for row in table.BUILT_IN.values())
    devices = (
        (
            f"`{device.name}`",
            f"{device.idle_watts:g}",
            f"{device.busy_watts:g}",
            f"{device.memory_bytes / 2**30:g}",
            f"{device.relative_speed:g}",
        )
        for device in DEVICE_TYPES.values()
    )
    return "\n\n".join(
        [
            "# Policies and devices",
            NOTE,
            "## Weights of the score terms",
            rows(("policy", *table.TERMS), policies),
            "## Other constants of a policy",
            "What the built-in policies have; a SchedulingPolicy sets each of them (`kubectl explain "
            "schedulingpolicy.spec`). `heterosched.policy.table.PolicyRow` says what each means.",
            rows(("constant", "default"), _constants()),
            "## Parameters of JPS",
            rows(("parameter", *table.BUILT_IN), _jps()),
            "## Device types",
            "Used only where nothing is given or measured, marked `estimated`; sources in `heterosched.model.devices`.",
            rows(("device", "idle W", "busy W", "memory GiB", "speed (V100 = 1)"), devices),
        ]
    )


def _constants() -> Iterator[tuple[str, object]]:
    row = table.BUILT_IN[table.DEFAULT]
    for own in fields(row):
        value = getattr(row, own.name)
        if own.name not in ("name", "weights", "jps", "idle"):
            yield f"`{own.name}`", value or "none" if isinstance(value, str | tuple | dict) else f"{value:g}"


def _jps() -> Iterator[tuple[object, ...]]:
    parameters = [row.jps for row in table.BUILT_IN.values()]
    for own in fields(Parameters):
        yield f"`{own.name}`", *(getattr(given, own.name) for given in parameters)


def strategies_page() -> str:
    """What may stand in `spec.strategy`, and the strategies that choose a GPU's part of one task."""
    body = (
        (f"`{name}`", *told(sys.modules[kind.__module__].__doc__ or "")) for name, kind in sorted(strategies().items())
    )
    parts = (
        (f"`{name}`", inspect.cleandoc(own.__doc__ or "").splitlines()[0])
        for name, own in sorted(fraction_strategies().items())
    )
    auto = f"`Auto`, the default, is `{AUTO_STRATEGY}` for graphs and `jps` for distributed training"
    return "\n\n".join(
        [
            "# Strategies",
            NOTE,
            f"`spec.strategy` of a HeteroJob. {auto} (sampling-based joint placement of all training jobs that wait). "
            "More come by the entry point `heterosched.strategies`.",
            rows(("strategy", "in short", "method and source"), body),
            "## Which part of one task a GPU takes",
            "A second, smaller interface: `heterosched.algorithms.fractions`, entry point `heterosched.fractions`.",
            rows(("strategy", "fraction of the task that goes to the GPU"), parts),
        ]
    )


def told(text: str) -> tuple[str, str]:
    """The first sentence of a docstring and the rest, each on one line."""
    first, _, rest = text.strip().partition("\n\n")
    return " ".join(first.split()).rstrip("."), " ".join(rest.split())


def telemetry_page() -> str:
    """The PromQL queries."""
    listed = ((name, query) for name, found in queries.table().items() for query in found)
    body = ((f"`{name}`", f"`{query.value}`", query.combine, query.origin) for name, query in listed)
    return "\n\n".join(
        [
            "# Telemetry queries",
            NOTE,
            "Each can be overridden. A value out of its range, NaN, or from the future is rejected and counted.",
            rows(("metric", "query", "of several devices", "origin"), body),
        ]
    )

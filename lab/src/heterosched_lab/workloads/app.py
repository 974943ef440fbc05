"""The workloads as commands: one per program, with its sizes as options. What runs them is imported when they run."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from heterosched.errors import InvalidInput
from heterosched_lab.workloads.catalogue import MODEL, PROGRAMS
from heterosched_lab.workloads.energy import POWERCAP, PowerModel
from heterosched_lab.workloads.resnet import DEVICES

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    help="Run one of the workloads as real processes and measure it.",
)
USUAL = PowerModel()
COMMON: dict[str, tuple[type, Any, str]] = {
    "workers": (int, 0, "Worker processes; 0: one per core that may be used, from 2 to 8."),
    "distribution": (str, "both", "static (equal shares beforehand), dynamic (each takes the next chunk) or both."),
    "iterations": (int, 5, "Runs that count, of each distribution."),
    "warm_up": (int, 1, "Runs before them that do not count."),
    "seed": (int, 42, "Seed of the first run; each later one counts on by one."),
    "part": (str, "", "A part of the work, such as 0/4 for the first quarter; empty for all of it."),
    "deadline": (float, 0.0, "Seconds after which a chunk counts as late; 0: there is no deadline."),
    "powercap": (Path, POWERCAP, "Where the kernel shows its energy counters."),
    "idle_watts": (float, USUAL.idle_watts, "Power at rest, for the estimate where energy cannot be measured."),
    "core_watts": (float, USUAL.core_watts, "Power that a computing core adds, for the same estimate."),
}
"""Options that all workloads share: type, default and help."""


def _option(name: str, kind: Any, default: Any, text: str, *, flag: str = "") -> inspect.Parameter:
    declared = Annotated[kind, typer.Option(flag or f"--{name.replace('_', '-')}", help=text)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=declared)


def _parameters(kind: type[Any]) -> list[inspect.Parameter]:
    """The command's options: the program's sizes, then what all share."""
    types = get_type_hints(kind)
    sizes = [
        _option(one.name, types[one.name], one.default, one.metadata["help"])
        for one in fields(kind)
        if one.default is not MISSING
    ]
    more = [_option("device", str, "cpu", f"Simulated device: {' or '.join(DEVICES)}.")] if kind is MODEL else []
    common = [_option(name, *declared) for name, declared in COMMON.items()]
    return [*sizes, *more, *common, _option("as_json", bool, False, "Findings as JSON.", flag="--json")]


def _command(kind: type[Any]) -> Callable[..., None]:
    def run(**given: Any) -> None:
        from heterosched_lab.workloads.session import Session, carried_out, simulated

        program = kind(**{one.name: given.pop(one.name) for one in fields(kind)})
        as_json, device = given.pop("as_json"), given.pop("device", "")
        given["model"] = PowerModel(given.pop("idle_watts"), given.pop("core_watts"))
        session = Session(**given)
        if kind is MODEL:
            if device not in DEVICES:
                remedy = f"use {' or '.join(DEVICES)}"
                raise InvalidInput(f"workload {kind.name}", "device", f"unknown: {device!r}", remedy)
            found = simulated(program, device, session)
        else:
            found = carried_out(program, session)
        typer.echo(json.dumps(found, indent=2) if as_json else "\n".join(_lines(found)))

    parameters = _parameters(kind)
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    run.__doc__ = f"{kind.title}: {' '.join((kind.__doc__ or '').split())}"
    return run


def _lines(found: dict[str, Any]) -> list[str]:
    """The findings for people."""
    sizes = ", ".join(f"{name} {value}" for name, value in found["sizes"].items())
    lines = [f"{found['workload']}: {sizes}; {found['workers']} workers"]
    for side, one in found["summary"].items():
        time, energy = one["seconds"], one["joules"]
        lines.append(
            f"  {side:8}{time['mean']:10.3f} s (std {time['std']:.3f}, p95 {time['p95']:.3f}, p99 {time['p99']:.3f})"
            f"{energy['mean']:10.1f} J {one['energy_source']}  {one['throughput']:.4g} {found['unit']}/s"
            f"  {one['peak_bytes'] / 2**20:.0f} MiB  {one['cpu_percent']:.0f} % CPU"
        )
    lines += [
        f"  {one['measure']:15}{one['change_percent']:+7.1f} %  p {one['welch']['p']:.3f}  {one['verdict']}"
        for one in found["comparison"]
    ]
    answer = found["runs"][0]["answer"]
    return [*lines, "  " + ", ".join(f"{name} {value:.10g}" for name, value in answer.items())]


for _name, _kind in {**PROGRAMS, MODEL.name: MODEL}.items():
    app.command(_name)(_command(_kind))

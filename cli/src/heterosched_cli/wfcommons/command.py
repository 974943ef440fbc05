"""`heterosched import wfcommons`: from a file to a manifest on standard output."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

import typer

from heterosched.model import CPU, DEVICE_TYPES
from heterosched_cli.files import STDIN, title_of
from heterosched_cli.output import Format, warn, write_data
from heterosched_cli.wfcommons.convert import LONGEST_JOB_NAME, Conversion, job_name, to_manifest
from heterosched_cli.wfcommons.instance import read_instance

CLIENT_APPLY_BYTES = 260_000
"""`kubectl apply` keeps the manifest in an annotation, and an object has at most 256 KiB of these."""


def convert_file(
    file: Path,
    options: Mapping[str, str],
    time_scale: float,
    data_scale: float | None,
    gpu_speedup: str,
    format: Format,
) -> None:
    """Write the manifest. Raises BadParameter (options), InvalidInput and BadRows (a file that cannot be used)."""
    stem = "workflow" if file == STDIN else re.sub(r"(\.json)?(\.gz)?$", "", file.name)
    choice = Conversion(
        **{**options, "name": _checked_name(options["name"]) or job_name(stem)},
        time_scale=_scale(time_scale, "--time-scale"),
        data_scale=_scale(time_scale if data_scale is None else data_scale, "--data-scale"),
        gpu_speedup=_speeds(gpu_speedup),
    )
    for device in choice.gpu_speedup:
        if device not in DEVICE_TYPES:
            warn(_unknown(device))
    manifest = to_manifest(read_instance(file), choice, title_of(file))
    size = len(json.dumps(manifest, separators=(",", ":")))
    if size > CLIENT_APPLY_BYTES:
        warn(f"{choice.name} takes {size:,} bytes: apply it with kubectl create, or kubectl apply --server-side")
    if format is Format.NAME:
        print(f"heterojob/{choice.name}")
    else:
        write_data(manifest, Format.JSON if format is Format.JSON else Format.YAML)


def _unknown(device: str) -> str:
    """It may be a row of the cluster's own devices_file, so it is written all the same."""
    near = get_close_matches(device, sorted(DEVICE_TYPES), cutoff=0.5)
    remedy = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(sorted(DEVICE_TYPES))}"
    return f"--gpu-speedup: no known device type is called {device}, unless a devices_file of yours has it; {remedy}"


def _checked_name(name: str) -> str:
    if name and (len(name) > LONGEST_JOB_NAME or not re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", name)):
        problem = f"{name!r}: at most {LONGEST_JOB_NAME} lower-case letters, digits and '-'"
        raise typer.BadParameter(problem, param_hint="--name")
    return name


def _scale(value: float, option: str) -> float:
    if not math.isfinite(value) or value < 0 or (value == 0 and option == "--time-scale"):
        raise typer.BadParameter(f"{value:g}: give a finite number above zero", param_hint=option)
    return value


def _speeds(text: str) -> dict[str, float]:
    """`nvidia-t4=2.0,nvidia-v100=4` as a mapping."""
    found: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        match = re.fullmatch(r"([a-z0-9](?:[-.a-z0-9]*[a-z0-9])?)=(\d+(?:\.\d+)?)", part)
        if match is None or float(match[2]) <= 0 or match[1] == CPU:
            problem = f"{part!r}: write device=factor, such as nvidia-t4=2.0 (not for {CPU}, whose times are measured)"
            raise typer.BadParameter(problem, param_hint="--gpu-speedup")
        if match[1] in found:
            raise typer.BadParameter(f"{match[1]} stands twice", param_hint="--gpu-speedup")
        found[match[1]] = float(match[2])
    if len(found) > 7:
        raise typer.BadParameter("more than 7 devices, a task has at most 8 variants", param_hint="--gpu-speedup")
    return found

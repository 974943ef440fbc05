"""The contest's settings and its `config.yaml`: the published keys, their older names, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from heterosched.algorithms.fractions import SplitModel
from heterosched.errors import InvalidInput

MODELS = ("parallel", "legacy_linear")
MODES = ("plain", "realistic")
LEGACY = SplitModel(gpu_watts=50.0, cpu_watts=30.0, dollars_per_kwh=0.15, linear=True)
"""The published model: times add up, 50 W and 30 W, 0.15 USD per kWh."""
LARGEST, MOST_GPUS = 1e9, 10_000
"""Sizes, MB and GPUs beyond are slips of the pen, which would end in the arithmetic or fill the memory."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All that a contest depends on. Sizes have no unit, memory is in MB, rates in tasks per second, power in watts.

    `retrain_interval`: after so many tasks strategies that learn are taught again. `window`: most tasks that a graph
    strategy plans together. `gpu_idle_watts` (per GPU) and `cpu_idle_watts` count in the parallel model alone: a tenth
    of full power, as for devices whose makers publish no idle draw. `ordered`: whether tasks of the realistic mode
    wait for earlier ones.
    """

    num_gpus: int = 4
    retrain_interval: int = 50
    num_tasks: int = 10_000
    seed: int = 42
    model: str = "parallel"
    gpu_memory_mb: float = 8000.0
    window: int = 64
    size_range: tuple[float, float] = (500, 1500)
    intensity_range: tuple[float, float] = (0.1, 0.9)
    memory_range: tuple[float, float] = (50, 150)
    arrival_rate: float = 2.0
    mode: str = "plain"
    ordered: bool = True
    gpu_power_watts: float = 50.0
    cpu_power_watts: float = 30.0
    gpu_idle_watts: float = 5.0
    cpu_idle_watts: float = 3.0
    dollars_per_kwh: float = 0.15
    matrix_sizes: tuple[int, ...] = (256, 512, 1024, 2048)
    matmul_runs: int = 5
    results: Path = Path("data/results")
    plots: Path = Path("data/results/plots")
    profile: Path = Path("data/profiles/hardware_profile.json")
    history: Path = Path("data/long_term_history.csv")

    @property
    def split_model(self) -> SplitModel:
        """What a task costs: the production model with these figures."""
        watts = (self.gpu_power_watts, self.cpu_power_watts, self.dollars_per_kwh)
        return SplitModel(*watts, linear=self.model == "legacy_linear")


@dataclass(frozen=True, slots=True)
class _Key:
    """Where a key of the file goes, and what reads its value: returns it, or raises ValueError with the remedy."""

    field: str
    read: Callable[[Any], Any]


def _number(least: float, above: bool = False) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        numeric = isinstance(value, int | float) and not isinstance(value, bool)
        if not numeric or not least <= value < math.inf or (above and value == least):
            raise ValueError(f"give a finite number {'above' if above else 'of at least'} {least:g}")
        return float(value)

    return read


def _whole(least: int, most: float = math.inf) -> Callable[[Any], int]:
    remedy = f"give a whole number of at least {least}" + (f", at most {most}" if most < math.inf else "")

    def read(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(remedy)
        return value

    return read


def _range(least: float, most: float = LARGEST, whole: bool = False) -> Callable[[Any], tuple[float, float]]:
    kind = "whole numbers" if whole else "numbers"
    remedy = f"give two {kind} [least, most] of at least {least:g}, at most {most:g}"

    def read(value: Any) -> tuple[float, float]:
        good = isinstance(value, list) and len(value) == 2
        good = good and all(isinstance(end, int | float) and not isinstance(end, bool) for end in value)
        if not good or not least <= value[0] <= value[1] <= most:
            raise ValueError(remedy)
        if whole and not all(isinstance(end, int) for end in value):
            raise ValueError(remedy)
        return (value[0], value[1])

    return read


def _one_of(names: tuple[str, ...]) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in names:
            raise ValueError(f"use one of {', '.join(names)}")
        return str(value)

    return read


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("give true or false")
    return value


def _path(value: Any) -> Path:
    if not isinstance(value, str) or not value:
        raise ValueError("give a path")
    return Path(value)


def _sizes(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(n, int) and 1 <= n <= 16_384 for n in value):
        raise ValueError("give a list of whole numbers from 1 to 16384")
    return tuple(value)


KEYS: Mapping[str, _Key] = {
    "simulation.num_gpus": _Key("num_gpus", _whole(1, MOST_GPUS)),
    "simulation.retrain_interval": _Key("retrain_interval", _whole(1)),
    "simulation.num_tasks": _Key("num_tasks", _whole(1)),
    "simulation.seed": _Key("seed", _whole(0)),
    "simulation.model": _Key("model", _one_of(MODELS)),
    "simulation.gpu_memory_mb": _Key("gpu_memory_mb", _number(0.0)),
    "simulation.window": _Key("window", _whole(1)),
    "workload.size_range": _Key("size_range", _range(1, whole=True)),
    "workload.intensity_range": _Key("intensity_range", _range(0, 1)),
    "workload.memory_range": _Key("memory_range", _range(0, whole=True)),
    "workload.arrival_rate": _Key("arrival_rate", _number(0.0, above=True)),
    "workload.mode": _Key("mode", _one_of(MODES)),
    "workload.dependencies": _Key("ordered", _flag),
    "power.gpu_power_w": _Key("gpu_power_watts", _number(0.0)),
    "power.cpu_power_w": _Key("cpu_power_watts", _number(0.0)),
    "power.gpu_idle_w": _Key("gpu_idle_watts", _number(0.0)),
    "power.cpu_idle_w": _Key("cpu_idle_watts", _number(0.0)),
    "power.dollars_per_kwh": _Key("dollars_per_kwh", _number(0.0)),
    "profiling.matrix_sizes": _Key("matrix_sizes", _sizes),
    "profiling.iterations": _Key("matmul_runs", _whole(1)),
    "profiling.profile_output": _Key("profile", _path),
    "output.results_dir": _Key("results", _path),
    "output.plots_dir": _Key("plots", _path),
    "output.history": _Key("history", _path),
}

ALIASES: Mapping[str, str] = {
    "hardware.num_virtual_gpus": "simulation.num_gpus",
    "workload_generation.num_tasks": "simulation.num_tasks",
    "workload_generation.seed": "simulation.seed",
    "workload_generation.task_size_range": "workload.size_range",
    "workload_generation.compute_intensity_range": "workload.intensity_range",
    "workload_generation.memory_range": "workload.memory_range",
    "workload_generation.arrival_rate": "workload.arrival_rate",
}
"""The names that the original's own configuration file has for the same things."""


def read_settings(path: Path | None, base: Settings = Settings()) -> Settings:
    """The settings of a file over `base`; None: `base` alone. Raises InvalidInput (file, key, remedy)."""
    if path is None:
        return base
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidInput(str(path), "", f"cannot be read: {error}", "give a YAML file") from error
    return settings_from(content if content is not None else {}, str(path), base)


def settings_from(content: Any, file: str, base: Settings = Settings()) -> Settings:
    """The settings of a parsed file over `base`. Raises InvalidInput (file, key, remedy)."""
    found: dict[str, Any] = {}
    source: dict[str, str] = {}
    for given, value in _flat(content, file):
        key = ALIASES.get(given, given)
        if key not in KEYS:
            raise InvalidInput(file, given, "unknown key", _remedy(given))
        if key in source:
            raise InvalidInput(file, given, f"the same as {source[key]}", "keep one of them")
        source[key] = given
        try:
            found[KEYS[key].field] = KEYS[key].read(value)
        except ValueError as error:
            raise InvalidInput(file, given, f"{value!r}", str(error)) from error
    if "results" in found and "plots" not in found:
        found["plots"] = found["results"] / "plots"
    return replace(base, **found)


def _flat(content: Any, file: str) -> list[tuple[str, Any]]:
    if not isinstance(content, dict):
        raise InvalidInput(file, "", "is no mapping of sections", "begin with `simulation:` or `workload:`")
    pairs: list[tuple[str, Any]] = []
    sections = {key.partition(".")[0] for key in (*KEYS, *ALIASES)}
    for section, rows in content.items():
        if section not in sections:
            raise InvalidInput(file, str(section), "unknown key", f"use one of {', '.join(sorted(sections))}")
        if not isinstance(rows, dict):
            raise InvalidInput(file, str(section), "is no mapping", f"put keys below `{section}:`")
        pairs += [(f"{section}.{name}", value) for name, value in rows.items()]
    return pairs


def _remedy(given: str) -> str:
    near = get_close_matches(given, (*KEYS, *ALIASES), n=1)
    section = given.partition(".")[0]
    known = sorted(key.partition(".")[2] for key in (*KEYS, *ALIASES) if key.startswith(f"{section}."))
    guess = f"did you mean {near[0]}? " if near else ""
    return f"{guess}{section} has {', '.join(known)}; remove it otherwise"

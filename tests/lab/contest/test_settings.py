"""Every key of config.yaml changes the setting it names; anything else is refused with file, key and remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from heterosched.errors import InvalidInput
from heterosched_lab.contest.settings import ALIASES, KEYS, LEGACY, Settings, read_settings, settings_from

OTHER: dict[str, Any] = {
    "simulation.num_gpus": 2,
    "simulation.retrain_interval": 10,
    "simulation.num_tasks": 7,
    "simulation.seed": 1,
    "simulation.model": "legacy_linear",
    "simulation.gpu_memory_mb": 100,
    "simulation.window": 8,
    "workload.size_range": [1, 2],
    "workload.intensity_range": [0.2, 0.3],
    "workload.memory_range": [5, 6],
    "workload.arrival_rate": 9,
    "workload.mode": "realistic",
    "workload.dependencies": False,
    "power.gpu_power_w": 200,
    "power.cpu_power_w": 100,
    "power.gpu_idle_w": 0,
    "power.cpu_idle_w": 0,
    "power.dollars_per_kwh": 0.3,
    "profiling.matrix_sizes": [16],
    "profiling.iterations": 1,
    "profiling.profile_output": "p.json",
    "output.results_dir": "r",
    "output.plots_dir": "r/p",
    "output.history": "h.csv",
}


def one(key: str, value: Any) -> Settings:
    section, _, name = key.partition(".")
    return settings_from({section: {name: value}}, "config.yaml")


@pytest.mark.parametrize("key", KEYS)
def test_every_key_changes_its_setting(key: str) -> None:
    field = KEYS[key].field
    assert getattr(one(key, OTHER[key]), field) != getattr(Settings(), field)


@pytest.mark.parametrize(("alias", "key"), ALIASES.items())
def test_the_original_files_names_mean_the_same(alias: str, key: str) -> None:
    assert one(alias, OTHER[key]) == one(key, OTHER[key])


def test_the_five_published_keys_in_one_file(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        "simulation:\n  num_gpus: 4\n  retrain_interval: 50\n\nworkload:\n  size_range: [500, 1500]\n"
        "  intensity_range: [0.1, 0.9]\n  memory_range: [50, 150]\n",
        encoding="utf-8",
    )
    assert read_settings(file) == Settings()


def test_the_example_at_the_root_says_the_defaults() -> None:
    assert read_settings(Path(__file__).resolve().parents[3] / "config.yaml") == Settings()


@pytest.mark.parametrize(
    ("content", "key", "remedy"),
    [
        ({"simulation": {"num_gpu": 4}}, "simulation.num_gpu", "did you mean simulation.num_gpus"),
        ({"ml_models": {}}, "ml_models", "use one of .*simulation"),
        ({"simulation": {"num_gpus": 0}}, "simulation.num_gpus", "whole number of at least 1"),
        ({"simulation": {"num_gpus": 10**12}}, "simulation.num_gpus", "at most 10000"),
        ({"workload": {"size_range": [1, 10**23]}}, "workload.size_range", "at most 1e\\+09"),
        ({"simulation": {"num_gpus": True}}, "simulation.num_gpus", "whole number"),
        ({"simulation": {"model": "magic"}}, "simulation.model", "parallel, legacy_linear"),
        ({"simulation": 4}, "simulation", "put keys below"),
        ({"workload": {"size_range": [3, 2]}}, "workload.size_range", r"\[least, most\]"),
        ({"workload": {"size_range": [1.5, 2]}}, "workload.size_range", "whole numbers"),
        ({"workload": {"size_range": [0, 2]}}, "workload.size_range", "at least 1"),
        ({"workload": {"intensity_range": [0, 1.1]}}, "workload.intensity_range", "at most 1"),
        ({"workload": {"memory_range": [-1, 2]}}, "workload.memory_range", "at least 0"),
        ({"workload": {"arrival_rate": 0}}, "workload.arrival_rate", "above 0"),
        ({"workload": {"arrival_rate": float("nan")}}, "workload.arrival_rate", "finite"),
        ({"workload": {"dependencies": 1}}, "workload.dependencies", "true or false"),
        ({"power": {"gpu_power_w": -1}}, "power.gpu_power_w", "at least 0"),
        ({"profiling": {"matrix_sizes": []}}, "profiling.matrix_sizes", "list of whole numbers"),
        ({"output": {"history": ""}}, "output.history", "a path"),
    ],
)
def test_bad_files_are_refused_by_file_key_and_remedy(content: Any, key: str, remedy: str) -> None:
    with pytest.raises(InvalidInput, match=remedy) as caught:
        settings_from(content, "my.yaml")
    assert caught.value.object == "my.yaml"
    assert caught.value.field == key


def test_one_thing_said_twice_is_refused() -> None:
    content = {"simulation": {"num_gpus": 4}, "hardware": {"num_virtual_gpus": 2}}
    with pytest.raises(InvalidInput, match=r"the same as simulation\.num_gpus; keep one"):
        settings_from(content, "my.yaml")


@pytest.mark.parametrize("text", ["[1, 2]", "simulation: [", "\tx"])
def test_what_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"config\.yaml"):
        read_settings(file)


def test_a_missing_file_is_refused_and_an_empty_one_says_nothing(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_settings(tmp_path / "none.yaml")
    (tmp_path / "empty.yaml").write_text("", encoding="utf-8")
    assert read_settings(tmp_path / "empty.yaml") == Settings()


def test_plots_lie_below_the_results_unless_told_otherwise() -> None:
    assert settings_from({"output": {"results_dir": "out"}}, "f").plots == Path("out/plots")
    assert settings_from({"output": {"results_dir": "out", "plots_dir": "p"}}, "f").plots == Path("p")


def test_the_legacy_model_is_the_published_one() -> None:
    assert one("simulation.model", "legacy_linear").split_model == LEGACY
    assert (LEGACY.gpu_watts, LEGACY.cpu_watts, LEGACY.dollars_per_kwh) == (50.0, 30.0, 0.15)

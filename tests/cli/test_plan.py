"""`heterosched plan --cluster` gives exact times, joules and savings without a cluster, or names the field at fault."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from manifests import a_job, a_policy, a_profile

CLUSTER = """
nodes:
- {name: v100, count: 1, device: nvidia-v100, gpus: 1, cpu: 8, memory: 64Gi}
- {name: t4, count: 1, device: nvidia-t4, gpus: 1, cpu: 8, memory: 64Gi}
"""


@pytest.fixture
def cluster(tmp_path: Path) -> Path:
    path = tmp_path / "nodes.yaml"
    path.write_text(CLUSTER, encoding="utf-8")
    return path


def a_chain() -> dict[str, Any]:
    """Two GPU tasks one after the other: on the V100 1,000 J and 10 s each, on the T4 700 J and 20 s."""
    rows = [
        {"device": "nvidia-v100", "seconds": 10, "watts": 100},
        {"device": "nvidia-t4", "seconds": 20, "watts": 35},
    ]
    job = a_job("chain").policy("Performance")
    job.task("first").gpus(1, "nvidia-v100", "nvidia-t4").task("second").gpus(1, "nvidia-v100", "nvidia-t4").after(
        "first"
    )
    manifest = job.manifest()
    for task in manifest["spec"]["tasks"]:
        task["work"] = {"runtimeOn": rows}
    return manifest


def text_of(*manifests: dict[str, Any]) -> str:
    return yaml.safe_dump_all(manifests)


def planned(
    cli: Any, cluster: Path, *manifests: dict[str, Any], options: tuple[str, ...] = (), code: int = 0
) -> dict[str, Any]:
    result = cli("plan", "-f", "-", "--cluster", cluster, "-o", "json", *options, input=text_of(*manifests))
    assert result.exit_code == code, result.stderr
    job: dict[str, Any] = json.loads(result.stdout)["jobs"][0]
    return job


def test_the_guide_shows_what_the_program_says(cli: Any) -> None:
    root = Path(__file__).resolve().parents[2]
    block = (root / "docs" / "guide" / "cli.md").read_text(encoding="utf-8").split("```console\n")[1].split("```")[0]
    command, *shown = block.splitlines()
    given = [str(root / word) if word.startswith("examples/") else word for word in command.split()[2:]]
    told = cli(*given).stdout.splitlines()
    assert len(shown) > 5
    assert [line for line in shown if line != "..." and line not in told] == []


def test_the_figures_of_a_plan(cli: Any, cluster: Path) -> None:
    job = planned(cli, cluster, a_chain())
    assert (job["namespace"], job["name"], job["policy"]) == ("default", "chain", "Performance")
    assert job["makespanSeconds"] == 20.0
    assert job["energyJoules"] == 2000.0
    assert job["cost"] == pytest.approx(2000 / 3.6e6 * 0.15, abs=1e-9)
    assert job["criticalPath"] == ["first", "second"]
    first, second = job["tasks"]
    assert (first["name"], first["device"], first["nodes"]) == ("first", "nvidia-v100", ["v100-0"])
    assert (first["startSeconds"], first["finishSeconds"], first["seconds"], first["joules"]) == (
        0.0,
        10.0,
        10.0,
        1000.0,
    )
    assert (second["startSeconds"], second["finishSeconds"], second["onCriticalPath"]) == (10.0, 20.0, True)


def test_the_policy_of_the_command_line_counts(cli: Any, cluster: Path) -> None:
    job = planned(cli, cluster, a_chain(), options=("--policy", "Energy"))
    assert job["policy"] == "Energy"
    assert {task["device"] for task in job["tasks"]} == {"nvidia-t4"}
    assert job["energyJoules"] == 1400.0


def test_the_baseline_is_the_same_work_by_fifo(cli: Any, cluster: Path) -> None:
    job = planned(cli, cluster, a_chain(), options=("--strategy", "fifo"))
    assert job["strategy"] == "fifo"
    assert job["against"]["makespanSeconds"] == job["makespanSeconds"]
    assert (job["against"]["savedSecondsPercent"], job["against"]["verdict"]) == (0.0, "Neutral")


def test_energy_saved_is_better_for_a_policy_that_weighs_energy(cli: Any, cluster: Path) -> None:
    job = planned(cli, cluster, a_chain(), options=("--policy", "Energy"))
    base = job["against"]
    saved = (base["energyJoules"] - job["energyJoules"]) / base["energyJoules"] * 100
    assert base["savedEnergyPercent"] == pytest.approx(saved, abs=1e-3)
    assert base["verdict"] == ("Better" if saved > 1 else "Neutral")


def test_policies_and_profiles_of_the_files_count(cli: Any, cluster: Path) -> None:
    row = {"device": "nvidia-t4", "seconds": "30", "watts": "60", "origin": "measured"}
    profile = a_profile("model", devices=[row])
    policy = a_policy("green", weights={"energy": 100}, pricePerKWh="3.6", currency="EUR")
    job = a_job("one").policy("green").task("only", work={"profile": "model"}).gpus(1, "nvidia-t4").manifest()
    answer = planned(cli, cluster, policy, profile, job)
    assert (answer["makespanSeconds"], answer["energyJoules"], answer["energySource"]) == (30.0, 1800.0, "measured")
    assert (answer["cost"], answer["currency"]) == (pytest.approx(0.0018), "EUR")


def test_without_a_run_time_there_are_places_but_no_figures(cli: Any, cluster: Path) -> None:
    answer = planned(cli, cluster, a_job("dark").task("only").manifest())
    assert answer["estimatesMissing"] == ["only"]
    assert answer["makespanSeconds"] is None
    assert answer["against"] is None
    (task,) = answer["tasks"]
    assert task["nodes"]
    assert (task["startSeconds"], task["seconds"], task["joules"], task["onCriticalPath"]) == (None, None, None, False)


def test_a_profile_that_no_file_holds_is_named_with_the_files(cli: Any, cluster: Path) -> None:
    job = a_job("encode").task("t", work={"profile": "sort"}).gpus(1, "nvidia-v100").manifest()
    result = cli("plan", "-f", "-", "--cluster", cluster, input=text_of(job))
    assert (
        "HeteroJob default/encode: there is no ThroughputProfile sort of namespace default in standard input "
        "(spec.tasks[t].work.profile): correct the name or give it with -f too: "
        f"with --cluster {cluster} no cluster is asked" in result.stderr
    )
    elsewhere = a_profile("sort", namespace="team", devices=[{"device": "nvidia-v100", "seconds": "30"}])
    assert (
        "sort of namespace default"
        in cli("plan", "-f", "-", "--cluster", cluster, input=text_of(job, elsewhere)).stderr
    )
    told = cli("plan", "-f", "-", "--cluster", cluster, "-n", "team", input=text_of(job, elsewhere))
    assert (told.exit_code, told.stderr) == (0, "")


def test_a_deadline_counts_from_now(cli: Any, cluster: Path) -> None:
    manifest = a_chain()
    manifest["spec"]["deadline"] = {"within": "15s"}
    assert planned(cli, cluster, manifest, code=3)["verdict"] == "LateBy 5 s"
    manifest["spec"]["deadline"] = {"within": "1h"}
    assert planned(cli, cluster, manifest)["verdict"] == "Feasible"


def test_limits_that_cannot_be_kept_have_an_exit_code_and_the_ways_that_are_possible(cli: Any, cluster: Path) -> None:
    manifest = a_chain()
    manifest["spec"].update(deadline={"within": "5s"}, energyBudgetJoules="10")
    result = cli("plan", "-f", "-", "--cluster", cluster, input=text_of(manifest))
    assert result.exit_code == 3
    verdict, possible, cost = result.stdout.splitlines()[-3:]
    assert verdict == "deadline and budget: LateBy 35 s, OverBudget by 1390 J"
    assert possible == "possible: 20.0s for 2 kJ, 40.0s for 1.4 kJ"
    assert cost.startswith("the energy budget comes before time: this way takes 20 s longer than the fastest one; ")


def test_a_deadline_of_the_past_is_an_error_with_a_remedy(cli: Any, cluster: Path) -> None:
    manifest = a_chain()
    manifest["spec"]["deadline"] = {"at": "2020-01-01T00:00:00Z"}
    result = cli("plan", "-f", "-", "--cluster", cluster, input=text_of(manifest))
    assert result.exit_code == 1
    assert "spec.deadline: 2020-01-01T00:00:00Z has passed already" in result.stderr
    assert "give a later one or remove it" in result.stderr


def test_a_table_in_a_pipe_is_plain_and_says_what_the_data_says(cli: Any, cluster: Path) -> None:
    result = cli("plan", "-f", "-", "--cluster", cluster, input=text_of(a_chain()))
    head, columns, *rows = result.stdout.splitlines()
    assert head.startswith("default/chain: policy Performance")
    assert columns.split()[:4] == ["TASK", "DEVICE", "NODES", "WORKERS"]
    assert rows[0].split()[:8] == ["first", "nvidia-v100", "v100-0", "1", "0.0s", "10.0s", "10.0", "1000"]
    assert rows[2].startswith("makespan 20.0s, energy 2 kJ")
    assert "\x1b" not in result.stdout


def test_names_and_wide_and_yaml(cli: Any, cluster: Path) -> None:
    text = text_of(a_chain())
    assert cli("plan", "-f", "-", "--cluster", cluster, "-o", "name", input=text).stdout == "heterojob/chain\n"
    assert "VARIANT" in cli("plan", "-f", "-", "--cluster", cluster, "-o", "wide", input=text).stdout
    data = yaml.safe_load(cli("plan", "-f", "-", "--cluster", cluster, "-o", "yaml", input=text).stdout)
    assert data["jobs"][0]["makespanSeconds"] == 20.0


def test_several_files_are_planned_together(cli: Any, cluster: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        manifest = a_chain()
        manifest["metadata"]["name"] = name
        (tmp_path / f"{name}.yaml").write_text(text_of(manifest), encoding="utf-8")
    result = cli("plan", "-f", tmp_path / "a.yaml", "-f", tmp_path / "b.yaml", "--cluster", cluster, "-o", "json")
    first, second = json.loads(result.stdout)["jobs"]
    assert (first["name"], second["name"]) == ("a", "b")
    taken = {(task["nodes"][0], task["startSeconds"]) for job in (first, second) for task in job["tasks"]}
    assert len(taken) == 4


def test_a_job_that_cannot_be_planned_does_not_hide_the_others(cli: Any, cluster: Path) -> None:
    lost = a_job("lost").task("only").gpus(1, "nvidia-h100").runtime({"nvidia-h100": 5}).manifest()
    result = cli("plan", "-f", "-", "--cluster", cluster, "-o", "json", input=text_of(lost, a_chain()))
    assert result.exit_code == 1
    assert "no node offers nvidia-h100" in result.stderr
    bad, good = json.loads(result.stdout)["jobs"]
    assert "nvidia-h100" in bad["error"]
    assert good["makespanSeconds"] == 20.0


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"policy": "Fast"}, "spec.policy: unknown policy 'Fast'"),
        ({"strategy": "magic"}, "spec.strategy: unknown strategy 'magic'"),
        ({"tasks": "none"}, "spec.tasks: expected `array`"),
        ({"tasks": [{"name": "a", "templateRef": "nope"}]}, "spec.tasks[a].templateRef: there is no template 'nope'"),
        (
            {"tasks": [{"name": "a", "templateRef": "main", "dependsOn": ["b"]}]},
            "spec.tasks[a].dependsOn: unknown task 'b'",
        ),
    ],
)
def test_an_invalid_manifest_is_named_with_its_field(
    cli: Any, cluster: Path, spec: dict[str, Any], message: str
) -> None:
    manifest = a_job("bad").task("a").manifest()
    manifest["spec"].update(spec)
    result = cli("plan", "-f", "-", "--cluster", cluster, input=text_of(manifest))
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("error: HeteroJob ")
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_what_is_no_part_of_a_plan_is_said_to_be_left_out(cli: Any, cluster: Path) -> None:
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c"}}
    result = cli("plan", "-f", "-", "--cluster", cluster, input=text_of(claim, a_chain()))
    assert result.exit_code == 0
    assert "kind PersistentVolumeClaim has no say in a plan, left out" in result.stderr
    assert cli("plan", "-f", "-", "--cluster", cluster, input=text_of(claim)).exit_code == 1


def test_the_same_job_twice_is_refused(cli: Any, cluster: Path) -> None:
    result = cli("plan", "-f", "-", "--cluster", cluster, input=text_of(a_chain(), a_chain()))
    assert (result.exit_code, "HeteroJob default/chain: metadata.name: stands 2 times" in result.stderr) == (1, True)


def test_without_a_cluster_the_error_says_how_to_plan_all_the_same(cli: Any, examples: Path) -> None:
    result = cli("plan", "-f", examples / "graph.yaml")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.rstrip().endswith("or plan without a cluster with --cluster FILE")


def test_the_list_of_commands_is_not_cut_off(cli: Any) -> None:
    listed = cli("--help").stdout.partition("Commands:")[2]
    assert "What is measured of each node, and how old it is." in listed
    assert "..." not in listed


def test_wrong_usage_has_its_own_exit_code(cli: Any) -> None:
    assert cli("plan").exit_code == 2
    assert cli("plan", "-f", "x", "-o", "xml").exit_code == 2


@pytest.mark.parametrize("name", ["one-task", "graph", "training"])
def test_the_examples_can_be_planned(cli: Any, examples: Path, name: str) -> None:
    result = cli("plan", "-f", examples / f"{name}.yaml", "--cluster", examples / "clusters/small.yaml", "-o", "json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout)["jobs"][0]["makespanSeconds"] > 0


def test_offline_work_imports_no_kubernetes_client(examples: Path) -> None:
    arguments = ["plan", "-f", str(examples / "graph.yaml"), "--cluster", str(examples / "clusters/small.yaml")]
    code = (
        f"import sys; sys.argv[1:] = {arguments!r}; from heterosched_cli.app import app; app(standalone_mode=False);"
        "print('SLOW', sorted({'kubernetes', 'aiohttp', 'httpx2', 'rich', 'asyncio'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "SLOW []"

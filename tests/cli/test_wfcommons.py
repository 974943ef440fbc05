"""A recorded workflow becomes a HeteroJob with order, seconds and bytes as measured, or every bad row is named."""

from __future__ import annotations

import copy
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

LAST = "a_very_long_name_of_a_task_that_joins_what_the_others_have_left_behind"
Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def diamond(data: Path) -> Path:
    return data / "wf-diamond.json"


def converted(cli: Any, file: Path, *options: str) -> dict[str, Any]:
    result = cli("import", "wfcommons", file, "-o", "json", *options)
    assert (result.exit_code, result.stderr) == (0, "")
    manifest: dict[str, Any] = json.loads(result.stdout)
    return manifest


def tasks_of(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Tasks by the name that they had in the workflow."""
    found = {}
    for task in manifest["spec"]["tasks"]:
        environment = {entry["name"]: entry["value"] for entry in task["variants"][0]["env"]}
        found[environment["WORKFLOW_TASK"]] = task
    return found


def test_tasks_keep_their_order_and_their_seconds(cli: Any, diamond: Path) -> None:
    manifest = converted(cli, diamond)
    assert manifest["metadata"]["name"] == "wf-diamond"
    tasks = tasks_of(manifest)
    name = {original: task["name"] for original, task in tasks.items()}
    assert "dependsOn" not in tasks["Split_A"]
    assert tasks["work.1"]["dependsOn"] == [name["Split_A"]]
    assert tasks[LAST]["dependsOn"] == sorted([name["work.1"], name["work_1"]])
    seconds = {original: task["work"]["runtimeOn"] for original, task in tasks.items()}
    assert seconds["Split_A"] == [{"device": "cpu", "seconds": "10.5"}]
    assert seconds[LAST] == [{"device": "cpu", "seconds": "0.125"}]


def test_names_are_labels_within_the_bound_and_the_originals_are_kept(cli: Any, diamond: Path) -> None:
    manifest = converted(cli, diamond, "--name", "a-name-of-thirty-characters-00")
    tasks = tasks_of(manifest)
    names = [task["name"] for task in tasks.values()]
    assert set(tasks) == {"Split_A", "work.1", "work_1", LAST}
    assert len(set(names)) == 4
    assert all(len(name) + 30 <= 53 for name in names)


def test_resources_are_those_that_were_measured(cli: Any, diamond: Path) -> None:
    tasks = tasks_of(converted(cli, diamond))
    assert tasks["Split_A"]["variants"][0]["resources"] == {"requests": {"cpu": "2", "memory": "4000000"}}
    assert tasks["work.1"]["variants"][0]["resources"] == {"requests": {"cpu": "3"}}
    assert tasks["work_1"]["variants"][0]["resources"] == {"requests": {"cpu": "1"}}


def test_bytes_between_tasks_are_those_that_the_reader_reads(cli: Any, diamond: Path) -> None:
    tasks = tasks_of(converted(cli, diamond))
    split = tasks["Split_A"]["name"]
    (output,) = tasks["Split_A"]["outputs"]
    assert (output["size"], output["uri"]) == ("2500", "file:///workflow/wf-diamond/split-a")
    first = next(entry for entry in tasks["work.1"]["inputs"] if "from" in entry)
    assert first == {"name": output["name"], "from": split, "size": "2000"}
    assert tasks["work_1"]["inputs"] == [{"name": output["name"], "from": split, "size": "2500"}]
    sizes = sorted(int(entry["size"]) for entry in tasks[LAST]["inputs"])
    assert sizes == [40, 7_000_000_000]


def test_files_of_nobody_are_external_and_shared(cli: Any, diamond: Path) -> None:
    tasks = tasks_of(converted(cli, diamond))
    external = [{e["name"]: e["size"] for e in tasks[id]["inputs"] if "from" not in e} for id in ("Split_A", "work.1")]
    assert external == [{"in-txt": "1000", "table-csv": "42"}, {"table-csv": "42"}]


def test_without_a_prefix_moving_is_not_counted(cli: Any, diamond: Path) -> None:
    manifest = converted(cli, diamond, "--uri-prefix", "")
    assert "uri" not in json.dumps(manifest)
    assert tasks_of(manifest)["Split_A"]["outputs"][0]["size"] == "2500"


def test_scales_apply_to_seconds_and_bytes_and_are_noted(cli: Any, diamond: Path) -> None:
    manifest = converted(cli, diamond, "--time-scale", "0.1")
    split = tasks_of(manifest)["Split_A"]
    assert (split["work"]["runtimeOn"][0]["seconds"], split["outputs"][0]["size"]) == ("1.05", "250")
    assert manifest["metadata"]["annotations"]["heterosched.io/scale"] == "measured seconds x 0.1, bytes x 0.1"
    assert split["variants"][0]["env"][1] == {"name": "WORKFLOW_SECONDS", "value": "1.05"}
    unscaled = tasks_of(converted(cli, diamond, "--time-scale", "0.1", "--data-scale", "1"))["Split_A"]
    assert unscaled["outputs"][0]["size"] == "2500"


def test_a_speed_that_nobody_measured_is_marked_as_an_assumption(cli: Any, diamond: Path) -> None:
    manifest = converted(cli, diamond, "--gpu-speedup", "nvidia-t4=2.0,nvidia-v100=4")
    note = manifest["metadata"]["annotations"]["heterosched.io/assumptions"]
    assert note.startswith("not measured, assumed at import: nvidia-t4 2 times")
    split = tasks_of(manifest)["Split_A"]
    assert {row["device"]: row["seconds"] for row in split["work"]["runtimeOn"]} == {
        "cpu": "10.5",
        "nvidia-t4": "5.25",
        "nvidia-v100": "2.625",
    }
    assert split["variants"][2]["resources"]["limits"] == {"nvidia.com/gpu": 1}


def test_a_device_that_nobody_knows_is_written_with_a_warning_that_names_near_ones(cli: Any, diamond: Path) -> None:
    speeds = "nvidia-v10=2,nvidia-t4=2"
    result = cli("import", "wfcommons", diamond, "--gpu-speedup", speeds)
    assert result.exit_code == 0
    assert "nvidia-v10" in yaml.safe_load(result.stdout)["metadata"]["annotations"]["heterosched.io/assumptions"]
    assert result.stderr.startswith("warning: --gpu-speedup: no known device type is called nvidia-v10, unless")
    assert "did you mean nvidia-v100" in result.stderr
    assert "nvidia-t4, unless" not in result.stderr
    strange = cli("import", "wfcommons", diamond, "--gpu-speedup", "qqqq=2")
    assert "known are amd-" in strange.stderr


def test_without_that_option_nothing_is_assumed(cli: Any, diamond: Path) -> None:
    manifest = converted(cli, diamond)
    assert set(manifest["metadata"]["annotations"]) == {"heterosched.io/source"}
    assert {row["device"] for task in manifest["spec"]["tasks"] for row in task["work"]["runtimeOn"]} == {"cpu"}


def test_an_image_of_the_users_runs_its_own_command(cli: Any, diamond: Path) -> None:
    own = converted(cli, diamond, "--image", "example.com/wf:1", "--policy", "Energy", "-n", "team")
    container = own["spec"]["templates"][0]["template"]["spec"]["containers"][0]
    assert (container["image"], "command" in container) == ("example.com/wf:1", False)
    assert (own["spec"]["policy"], own["metadata"]["namespace"]) == ("Energy", "team")
    stand_in = converted(cli, diamond)["spec"]["templates"][0]["template"]["spec"]["containers"][0]
    assert "WORKFLOW_SECONDS" in stand_in["command"][-1]


def test_gzip_and_standard_input_and_yaml_give_the_same(cli: Any, diamond: Path, tmp_path: Path) -> None:
    packed = tmp_path / "wf-diamond.json.gz"
    packed.write_bytes(gzip.compress(diamond.read_bytes()))
    spec = converted(cli, diamond)["spec"]
    assert converted(cli, packed)["spec"] == spec
    result = cli("import", "wfcommons", "-", "--name", "wf-diamond", input=packed.read_bytes())
    assert yaml.safe_load(result.stdout)["spec"] == spec


def test_the_result_can_be_planned_with_transfers(cli: Any, diamond: Path, examples: Path) -> None:
    manifest = cli("import", "wfcommons", diamond).stdout
    result = cli("plan", "-f", "-", "--cluster", examples / "clusters/small.yaml", "-o", "json", input=manifest)
    assert (result.exit_code, result.stderr) == (0, "")
    (job,) = json.loads(result.stdout)["jobs"]
    assert job["makespanSeconds"] >= 10.5 + 40 + 0.125


def changed(diamond: Path, folder: Path, change: Change) -> Path:
    content = json.loads(diamond.read_text(encoding="utf-8"))
    change(content)
    path = folder / "bad.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def spec(content: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = content["workflow"]["specification"]
    return found


def runs(content: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = content["workflow"]["execution"]["tasks"]
    return found


BAD: dict[str, tuple[Change, str]] = {
    "no format": (lambda c: c.pop("schemaVersion"), "schemaVersion: is none, not 1.5"),
    "old format": (lambda c: c.update(schemaVersion="1.3"), "schemaVersion: is 1.3, not 1.5"),
    "no tasks": (lambda c: spec(c).update(tasks=[]), "specification.tasks: 0 tasks"),
    "no execution": (lambda c: c["workflow"].pop("execution"), "missing required field `execution`"),
    "text for a time": (
        lambda c: runs(c)[1].update(runtimeInSeconds="long"),
        "workflow.execution.tasks[work.1].runtimeInSeconds: Expected `float`, got `str`",
    ),
    "no id": (
        lambda c: spec(c)["tasks"][2].pop("id"),
        "workflow.specification.tasks[2]: Object missing required field `id`",
    ),
    "zero time": (
        lambda c: runs(c)[2].update(runtimeInSeconds=0),
        "tasks[work_1].runtimeInSeconds: 0.0; give a figure above",
    ),
    "negative time": (lambda c: runs(c)[2].update(runtimeInSeconds=-1), "tasks[work_1].runtimeInSeconds: -1.0"),
    "huge time": (lambda c: runs(c)[2].update(runtimeInSeconds=1e300), "tasks[work_1].runtimeInSeconds: 1e+300"),
    "no time": (lambda c: runs(c).pop(0), "workflow.execution.tasks[Split_A].runtimeInSeconds: not there"),
    "negative cores": (lambda c: runs(c)[0].update(coreCount=-2), "tasks[Split_A].coreCount: -2.0"),
    "unknown parent": (
        lambda c: spec(c)["tasks"][1]["parents"].append("ghost"),
        "workflow.specification.tasks[work.1].parents: unknown task 'ghost'",
    ),
    "unknown file": (
        lambda c: spec(c)["tasks"][1]["inputFiles"].append("ghost"),
        "workflow.specification.tasks[work.1].inputFiles: unknown file 'ghost'",
    ),
    "negative size": (lambda c: spec(c)["files"][0].update(sizeInBytes=-5), "files[in.txt].sizeInBytes: -5 bytes"),
    "two writers": (
        lambda c: spec(c)["tasks"][1]["outputFiles"].append("d"),
        "tasks[work_1].outputFiles: 'd' is written by 'work.1' too",
    ),
    "id twice": (
        lambda c: spec(c)["tasks"].append(copy.deepcopy(spec(c)["tasks"][0])),
        "workflow.specification.tasks[Split_A]: the id stands 2 times",
    ),
    "file twice": (
        lambda c: spec(c)["files"].append({"id": "a", "sizeInBytes": 1}),
        "workflow.specification.files[a]: the id stands 2 times",
    ),
    "cycle": (lambda c: spec(c)["tasks"][0]["parents"].append("work.1"), "the dependencies form a cycle: "),
    "too many": (
        lambda c: spec(c).update(tasks=[{"id": f"t{number}"} for number in range(501)]),
        "workflow.specification.tasks: 501 tasks; choose an instance of 1 to 500 tasks",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_row_is_named_and_nothing_is_written(cli: Any, diamond: Path, tmp_path: Path, case: str) -> None:
    change, message = BAD[case]
    path = changed(diamond, tmp_path, change)
    result = cli("import", "wfcommons", path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"error: {path}: ")
    assert message in result.stderr


def test_all_bad_rows_are_named_at_once(cli: Any, diamond: Path, tmp_path: Path) -> None:
    path = changed(diamond, tmp_path, lambda c: [row.update(runtimeInSeconds=0) for row in runs(c)])
    lines = cli("import", "wfcommons", path).stderr.splitlines()
    assert len(lines) == 4
    assert all(line.startswith("error: ") for line in lines)


def test_a_time_scaled_to_nothing_is_named(cli: Any, diamond: Path) -> None:
    result = cli("import", "wfcommons", diamond, "--time-scale", "1e-6")
    assert result.exit_code == 1
    assert f"workflow.execution.tasks[{LAST}].runtimeInSeconds: 0.125 s become 1.25e-07 s" in result.stderr


def test_a_damaged_file_is_named(cli: Any, diamond: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.json.gz"
    cut.write_bytes(gzip.compress(diamond.read_bytes())[:-20])
    assert "cut.json.gz: damaged gzip file" in cli("import", "wfcommons", cut).stderr
    text = tmp_path / "text.json"
    text.write_text("hello", encoding="utf-8")
    assert "text.json: no WfCommons instance" in cli("import", "wfcommons", text).stderr


@pytest.mark.parametrize(
    "options",
    [
        ("--name", "Bad_Name"),
        ("--name", "a" * 31),
        ("--time-scale", "0"),
        ("--time-scale", "nan"),
        ("--data-scale", "-1"),
        ("--gpu-speedup", "nvidia-t4"),
        ("--gpu-speedup", "nvidia-t4=0"),
        ("--gpu-speedup", "cpu=2"),
        ("--gpu-speedup", "nvidia-t4=2,nvidia-t4=3"),
    ],
)
def test_options_that_make_no_sense_are_wrong_usage(cli: Any, diamond: Path, options: tuple[str, ...]) -> None:
    result = cli("import", "wfcommons", diamond, *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert options[0] in result.stderr

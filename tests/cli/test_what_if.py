"""`heterosched what-if` replays a record to the byte, shows both decisions side by side, and names what changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from answering import answering
from cases import a_case, an_ask
from heterosched.policy.explain import explain
from heterosched.policy.record import decode_record, encode_record
from heterosched.policy.table import BUILT_IN
from manifests import a_policy

PATH = "/v1/decisions/team/train-0"
CASE = a_case(ask=an_ask(BUILT_IN["Energy"], planned=(), planned_device=""))
RECORD = encode_record(CASE, "0.1.0")


@pytest.fixture
def record(tmp_path: Path) -> Path:
    path = tmp_path / "record.json"
    path.write_bytes(RECORD)
    return path


def test_without_a_change_the_decision_is_the_same_byte_for_byte(cli: Any, record: Path) -> None:
    result = cli("what-if", record, "-o", "json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    once = msgspec.json.encode(explain(CASE))
    assert [msgspec.json.format(json.dumps(found[side]), indent=0) for side in ("recorded", "replayed")] == [
        msgspec.json.format(once, indent=0).decode()
    ] * 2
    assert found["changed"] == []
    assert cli("what-if", record, "-o", "json").stdout == result.stdout
    assert result.stderr == ""


def test_both_decisions_stand_side_by_side_with_what_changed(cli: Any, record: Path) -> None:
    result = cli("what-if", record, "--policy", "Performance")
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].startswith("pod team/train-0, decided 20")
    assert next(line for line in lines if line.startswith("policy")).split() == ["policy", "Energy", "Performance"]
    assert next(line for line in lines if line.startswith("advised")).split()[1] == "t4-1"
    assert "advised t4-1 -> v100-0" in lines
    assert cli("what-if", record).stdout.splitlines()[-1] == "the same decision, to the last bit"


def test_nodes_and_measurements_can_be_changed_together(cli: Any, record: Path) -> None:
    options = (
        "--without",
        "t4-1",
        "--with",
        "cpu-0",
        "--set",
        "gpu_temperature:t4-0=95",
        "--set",
        "host_load:t4-0=0.9",
    )
    result = cli("what-if", record, *options, "-o", "json")
    assert result.exit_code == 0, result.stderr
    replayed = json.loads(result.stdout)["replayed"]
    assert "rejected" not in replayed
    assert cli("what-if", record, *options, "-o", "name").stdout.strip() == f"node/{replayed['best']['node']}"
    assert replayed["best"]["node"] != "t4-1"


def test_a_policy_that_does_not_exist_yet_can_be_tried(cli: Any, record: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "policy.yaml"
    manifest.write_text(yaml.safe_dump(a_policy("fast", weights={"speed": 1})), encoding="utf-8")
    result = cli("what-if", record, "-f", manifest, "--policy", "fast", "-o", "json")
    assert result.exit_code == 0, result.stderr
    replayed = json.loads(result.stdout)["replayed"]
    assert (replayed["policy"], replayed["best"]["device"]) == ("fast", "nvidia-v100")


def test_the_record_of_a_pod_is_fetched_and_kept(cli: Any, tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    with answering({PATH: RECORD}) as (url, asked), answering({}) as (other, _):
        options = ("--extender", url, "--extender", other, "--save", kept)
        result = cli("what-if", "team/train-0", "--policy", "Performance", *options)
    assert result.exit_code == 0, result.stderr
    assert asked == [f"{PATH}?format=record"]
    assert kept.read_bytes() == RECORD
    assert cli("what-if", kept, "--policy", "Performance").stdout == result.stdout
    assert cli("what-if", "-", "--policy", "Performance", input=RECORD).stdout == result.stdout


def test_another_version_that_decided_otherwise_is_pointed_out(cli: Any, tmp_path: Path) -> None:
    old = decode_record(RECORD, "record")
    decision = msgspec.structs.replace(old.decision, remarks=("as it was then",))
    path = tmp_path / "old.json"
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(old, version="0.0.9", decision=decision)))
    result = cli("what-if", path)
    assert result.exit_code == 0
    assert "version 0.0.9 of the extender decided otherwise" in result.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--policy", "Fast"), "--policy: spec.policy: unknown policy 'Fast'; use one of Balanced, Energy"),
        (("--without", "nowhere"), "the record knows no such node; it knows t4-0"),
        (("--set", "fan:t4-0=9"), "no score term reads this metric"),
        (("--save", "/no/such/folder/x"), "--save: /no/such/folder/x"),
    ],
)
def test_what_cannot_be_changed_is_named(cli: Any, record: Path, options: tuple[str, ...], words: str) -> None:
    result = cli("what-if", record, *options)
    assert (result.exit_code, result.stdout) == (1, "")
    assert words in result.stderr


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("gpu_temperature=95", "write METRIC:NODE=NUMBER"),
        ("gpu_temperature:t4-0=hot", "write METRIC:NODE=NUMBER"),
        ("gpu_temperature:t4-0=inf", "write METRIC:NODE=NUMBER"),
        ("gpu_temperature:t4-0=NaN", "write METRIC:NODE=NUMBER"),
        ("gpu_temperature:t4-0=-500", "give a value from -50 to 150, or =none"),
        ("host_cpu:t4-0=80", "give a value from 0 to 1, or =none"),
        ("price/green:t4-0=2000000", "give a value from -1e+06 to 1e+06, or =none"),
        ("carbon/green:t4-0=-1", "give a value from 0 to 10000, or =none"),
    ],
)
def test_a_measurement_that_is_none_is_wrong_usage(cli: Any, record: Path, given: str, words: str) -> None:
    result = cli("what-if", record, "--set", given)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr


def test_a_file_that_is_no_policy_and_a_record_that_is_none_are_named(cli: Any, record: Path, tmp_path: Path) -> None:
    other = tmp_path / "job.yaml"
    other.write_text("kind: HeteroJob\n", encoding="utf-8")
    assert "HeteroJob is no policy" in cli("what-if", record, "-f", other, "--policy", "x").stderr
    assert "it is no record" in cli("what-if", "-", input=b"{").stderr
    assert "check the path" in cli("what-if", tmp_path / "gone.json").stderr
    with answering({PATH: b"<html>"}) as (url, _):
        result = cli("what-if", "team/train-0", "--extender", url)
    assert (result.exit_code, "answers what is no decision" in result.stderr) == (1, True)


def test_a_price_can_be_set_for_a_policy_that_asks_for_one_and_its_name_is_offered(
    cli: Any, record: Path, tmp_path: Path
) -> None:
    manifest = tmp_path / "policy.yaml"
    green = a_policy("green", weights={"energy": 1}, priceQuery="price", weighEnergyBy="Cost", pricePerKWh="0.1")
    manifest.write_text(yaml.safe_dump(green), encoding="utf-8")
    options = ("what-if", record, "-f", manifest, "--policy", "green", "-o", "json", "--set")
    wrong = cli(*options, "price/gren:t4-0=1")
    assert (wrong.exit_code, "exporters_down, price/green" in wrong.stderr) == (1, True)
    found = cli(*options, "price/green:t4-0=0")
    assert found.exit_code == 0, found.stderr
    assert json.loads(found.stdout)["replayed"]["best"]["node"] == "t4-0"

"""Every published workflow of up to 500 tasks becomes a job that can be planned; larger ones are refused clearly."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from heterosched.api import HeteroJob
from heterosched_cli.decode import decode
from heterosched_cli.files import Document

DATA = Path(os.environ.get("HETEROSCHED_DATA") or Path(__file__).resolve().parents[2].parent / "shared" / "data")
FILES = sorted((DATA / "wfinstances").glob("*.json.gz"))


@pytest.mark.slow
@pytest.mark.skipif(not FILES, reason=f"no workflow instances in {DATA} (set HETEROSCHED_DATA)")
def test_all_published_instances(cli: Any) -> None:
    converted = 0
    for file in FILES:
        count = len(json.loads(gzip.decompress(file.read_bytes()))["workflow"]["specification"]["tasks"])
        result = cli("import", "wfcommons", file, "-o", "json")
        if count > 500:
            assert result.exit_code == 1, file.name
            assert f"workflow.specification.tasks: {count} tasks" in result.stderr
            continue
        assert result.exit_code == 0, f"{file.name}: {result.stderr}"
        _check(json.loads(result.stdout), count, file.name)
        converted += 1
    assert converted > len(FILES) // 2


def _check(manifest: dict[str, Any], count: int, name: str) -> None:
    warnings: list[str] = []
    job = decode(Document(name, manifest), HeteroJob, warnings.append)
    assert not warnings
    names = {task.name for task in job.spec.tasks}
    assert len(names) == count
    longest = max(map(len, names)) + len(job.metadata.name)
    assert longest <= 53, f"{name}: names of {longest} characters together"
    for task in job.spec.tasks:
        assert set(task.depends_on) <= names
        assert len(task.inputs) <= 499
        assert {entry.from_ for entry in task.inputs if entry.from_} <= set(task.depends_on)
    assert len(msgspec.json.encode(manifest)) < 1_000_000, f"{name} is too large for the API server"


@pytest.mark.skipif(not FILES, reason=f"no workflow instances in {DATA} (set HETEROSCHED_DATA)")
def test_one_of_them_is_planned_around_its_longest_chain(cli: Any, examples: Path) -> None:
    file = next(file for file in FILES if file.name.startswith("srasearch"))
    manifest = cli("import", "wfcommons", file).stdout
    answer = cli("plan", "-f", "-", "--cluster", examples / "clusters/small.yaml", "-o", "json", input=manifest)
    (job,) = json.loads(answer.stdout)["jobs"]
    chain = {task["name"]: task["seconds"] for task in job["tasks"] if task["onCriticalPath"]}
    assert job["makespanSeconds"] >= sum(chain.values()) - 1e-6

"""The workflows, which run nowhere but on a forge, name what there is: targets of make, images, architectures."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from documented import ROOT
from recipes import IMAGES, PLATFORMS

FOLDER = ROOT / ".github" / "workflows"
WORKFLOWS: dict[str, dict[str, Any]] = {path.stem: yaml.safe_load(path.read_text()) for path in FOLDER.glob("*.yml")}
TARGETS = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def steps(workflow: str) -> list[dict[str, Any]]:
    return [step for job in WORKFLOWS[workflow]["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_targets_exist_and_actions_have_a_version(workflow: str) -> None:
    made = [line for step in steps(workflow) for line in step.get("run", "").splitlines() if line.startswith("make ")]
    assert made
    assert {target for line in made for target in line.split()[1:]} <= TARGETS
    assert all(re.search(r"@v[0-9]+", step["uses"]) for step in steps(workflow) if "uses" in step)


def test_a_release_publishes_every_image_for_every_architecture() -> None:
    release = WORKFLOWS["release"]
    assert release["env"]["IMAGES"].split() == [image.name for image in IMAGES]
    machines = release["jobs"]["images"]["strategy"]["matrix"]["include"]
    assert [machine["arch"] for machine in machines] == list(PLATFORMS)
    (joined,) = (step["run"] for step in steps("release") if "imagetools create" in step.get("run", ""))
    assert all(f'"$name-{arch}"' in joined for arch in PLATFORMS)


def test_nothing_is_published_before_all_of_it_is_made() -> None:
    jobs = WORKFLOWS["release"]["jobs"]
    assert (jobs["images"]["needs"], jobs["release"]["needs"]) == ("check", "images")
    runs = [step.get("run", "") for step in jobs["release"]["steps"]]
    made = runs.index("make release")
    assert all(made < runs.index(run) for run in runs if re.search(r"imagetools|helm push|gh release", run))
    writes = {name for name, job in jobs.items() if "write" in job.get("permissions", {}).values()}
    assert writes == {"images", "release"}

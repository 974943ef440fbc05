"""The manifests in examples/ as objects, with what a test has to change in them: another image, or a simulated run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

Json = dict[str, Any]

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PREFIX = "sim.heterosched.io/"
"""Annotations that fake nodes read (deploy/control-plane/README.md); the examples themselves are for real ones."""


def documents(path: Path) -> list[Json]:
    """The objects of a file."""
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def pod_templates(document: Json) -> Iterator[Json]:
    """Every pod template of a HeteroJob, Job, Deployment or JobSet; none of any other kind."""
    spec = document.get("spec", {})
    if document["kind"] == "HeteroJob":
        yield from (entry["template"] for entry in spec["templates"])
    elif document["kind"] in ("Job", "Deployment"):
        yield spec["template"]
    elif document["kind"] == "JobSet":
        yield from (entry["template"]["spec"]["template"] for entry in spec["replicatedJobs"])


def with_image(document: Json, image: str) -> Json:
    """The same object with `image` in every container."""
    changed = deepcopy(document)
    for template in pod_templates(changed):
        for container in (*template["spec"].get("initContainers", ()), *template["spec"]["containers"]):
            container["image"] = image
    for task in changed.get("spec", {}).get("tasks", ()):
        for variant in task.get("variants", ()):
            if "image" in variant:
                variant["image"] = image
    return changed


def simulated(document: Json, seconds: Mapping[str, float] | float, watts: Mapping[str, float] | None = None) -> Json:
    """The same object, whose pods run so long and draw so much on fake nodes, by short device name or everywhere."""
    changed = deepcopy(document)
    table = dict(seconds) if isinstance(seconds, Mapping) else {"*": seconds}
    for template in pod_templates(changed):
        metadata = template.setdefault("metadata", {})
        notes = metadata.setdefault("annotations", {})
        notes[f"{PREFIX}seconds"] = json.dumps(table)
        if watts is not None:
            notes[f"{PREFIX}watts"] = json.dumps(dict(watts))
    return changed

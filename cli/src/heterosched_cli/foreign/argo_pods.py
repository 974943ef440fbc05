"""The pod that Argo would make of a template with a container or a script."""

from __future__ import annotations

import copy
from typing import Any, Final

from heterosched_cli.foreign.findings import Findings
from heterosched_cli.foreign.pods import Json

SPEC_FIELDS: Final = [
    "nodeSelector",
    "tolerations",
    "affinity",
    "serviceAccountName",
    "automountServiceAccountToken",
    "imagePullSecrets",
    "hostNetwork",
    "dnsPolicy",
    "dnsConfig",
    "hostAliases",
    "securityContext",
]
"""Fields of a workflow that go to all of its pods under the same name."""
TEMPLATE_FIELDS: Final = [
    "nodeSelector",
    "tolerations",
    "affinity",
    "serviceAccountName",
    "automountServiceAccountToken",
    "securityContext",
    "hostAliases",
    "activeDeadlineSeconds",
    "priorityClassName",
]
"""Fields of a template that go before those of the workflow."""
SHELLS: Final = {
    "sh": "-c",
    "bash": "-c",
    "ash": "-c",
    "dash": "-c",
    "python": "-c",
    "python2": "-c",
    "python3": "-c",
    "node": "-e",
    "perl": "-e",
    "ruby": "-e",
}
"""Interpreters that take a whole script as one argument, and after which option."""


def pod_template(template: Json, workflow: Json, path: str, found: Findings) -> Json:
    """A pod template with `metadata` and `spec`; `workflow` is the workflow's spec."""
    spec: Json = {name: workflow[name] for name in SPEC_FIELDS if _says(workflow.get(name))}
    spec |= {name: template[name] for name in TEMPLATE_FIELDS if _says(template.get(name))}
    if workflow.get("podPriorityClassName") and not spec.get("priorityClassName"):
        spec["priorityClassName"] = workflow["podPriorityClassName"]
    volumes = [*_list(workflow.get("volumes")), *_list(template.get("volumes"))]
    if volumes:
        spec["volumes"] = volumes
    starting = [_container(own, f"{path}.initContainers", found) for own in _list(template.get("initContainers"))]
    if starting:
        spec["initContainers"] = starting
    kind = "script" if template.get("script") else "container"
    main = _container(template.get(kind), f"{path}.{kind}", found)
    if kind == "script":
        main = _script(main, f"{path}.script", found)
    spec |= {"restartPolicy": "Never", "containers": [{"name": "main", **main}]}
    metadata = {
        name: merged
        for name in ("labels", "annotations")
        if (merged := {**_part(workflow.get("podMetadata"), name), **_part(template.get("metadata"), name)})
    }
    return {"metadata": metadata, "spec": spec}


def _container(given: Any, path: str, found: Findings) -> Json:
    own = copy.deepcopy(found.mapping(given, path))
    own.pop("mirrorVolumeMounts", None)
    if not own.get("image"):
        found.add(f"{path}.image", "is not there", "name the image")
    return own


def _script(container: Json, path: str, found: Findings) -> Json:
    """Argo hands the source over as a file; an interpreter takes it as an argument just as well."""
    source, command = str(container.pop("source", "")), [str(part) for part in _list(container.pop("command", None))]
    option = SHELLS.get(command[0].rpartition("/")[2]) if command else None
    if option is None:
        known = ", ".join(SHELLS)
        problem = f"{command[0] if command else 'no command'} is no interpreter that takes a script as an argument"
        found.add(f"{path}.command", problem, f"use one of {known}, or put the script into the image")
        return container
    arguments = [str(part) for part in _list(container.pop("args", None))]
    return {**container, "command": [*command, option, source, *(["script", *arguments] if arguments else [])]}


def _says(value: Any) -> bool:
    """False says something: that no token is mounted."""
    return value not in (None, "", [], {})


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _part(metadata: Any, name: str) -> Json:
    own = metadata.get(name) if isinstance(metadata, dict) else None
    return own if isinstance(own, dict) else {}

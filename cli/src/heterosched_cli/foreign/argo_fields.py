"""Which fields of an Argo Workflow are taken over, which are left out without harm, and what to do about all others."""

from __future__ import annotations

from typing import Final

from heterosched_cli.foreign.argo_pods import SPEC_FIELDS, TEMPLATE_FIELDS

KINDS: Final = ("Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate")
TEMPLATES: Final = KINDS[1:]
WORKFLOW_TAKEN: Final = frozenset(
    [
        "entrypoint",
        "arguments",
        "templates",
        "volumes",
        "podMetadata",
        "podPriorityClassName",
        "activeDeadlineSeconds",
        "ttlStrategy",
        "suspend",
        "workflowTemplateRef",
    ]
) | frozenset(SPEC_FIELDS)
_LEFT: Final = "left out: it does not change what the tasks do"
WORKFLOW_IDLE: Final = dict.fromkeys(
    [
        "podGC",
        "archiveLogs",
        "executor",
        "artifactGC",
        "artifactRepositoryRef",
        "workflowMetadata",
        "metrics",
        "podDisruptionBudget",
        "volumeClaimGC",
        "schedulerName",
    ],
    _LEFT,
)
WORKFLOW_WHY: Final = {
    "onExit": "run what it does as a task at the end, or from outside",
    "hooks": "run what they do as tasks",
    "volumeClaimTemplates": "create the PersistentVolumeClaim beforehand and name it in volumes",
    "synchronization": "use a ResourceQuota, or separate jobs",
    "parallelism": "remove it: the plan runs as much at a time as the cluster holds (or use powerCapWatts)",
    "retryStrategy": "put it into the templates with containers",
    "templateDefaults": "write the defaults into the templates",
    "priority": "use podPriorityClassName",
    "podSpecPatch": "write it into the templates",
}
TEMPLATE_TAKEN: Final = frozenset(
    ["name", "inputs", "container", "script", "steps", "dag", "metadata", "volumes", "initContainers", "retryStrategy"]
) | frozenset(TEMPLATE_FIELDS)
TEMPLATE_IDLE: Final = dict.fromkeys(
    ["memoize", "metrics", "archiveLocation", "executor", "resubmitPendingPods", "schedulerName", "annotations"], _LEFT
)
TEMPLATE_WHY: Final = {
    "resource": "apply that object from a container with kubectl, or beforehand",
    "suspend": "split the workflow there: spec.suspend holds a whole HeteroJob",
    "http": "make the request from a container",
    "plugin": "use a container",
    "data": "use a container",
    "containerSet": "use one task for each container, or one container",
    "sidecars": "make it an init container with restartPolicy: Always",
    "daemon": "run what serves others outside of the job",
    "timeout": "use activeDeadlineSeconds",
    "outputs": "let the task write to a volume or URI, and the next one read there",
    "synchronization": "use a ResourceQuota, or separate jobs",
    "parallelism": "remove it: the plan runs as much at a time as the cluster holds",
    "podSpecPatch": "write it into the template",
    "failFast": "remove it: a failed task ends the job",
}
GROUP_TAKEN: Final = ("name", "inputs", "steps", "dag")
"""Fields of a template with steps or a dag. What is said of pods there, Argo hands to none of them either."""
GROUP_IDLE: Final = {
    **TEMPLATE_IDLE,
    **dict.fromkeys(sorted({*TEMPLATE_FIELDS, "metadata", "volumes"} - {"activeDeadlineSeconds"}), _LEFT),
}
GROUP_WHY: Final = {
    **TEMPLATE_WHY,
    "retryStrategy": "put it into the templates with containers: a task is repeated, a group of them is not",
    "activeDeadlineSeconds": "put it into the templates with containers, or into the workflow's spec",
}
STEP_TAKEN: Final = frozenset(["name", "template", "inline", "templateRef", "arguments", "depends", "dependencies"]) | {
    "withItems",
    "withParam",
    "withSequence",
}
STEP_WHY: Final = {
    "when": "a condition is known at run time only: decide it now, and leave the step out or the condition away",
    "continueOn": "a failed task ends the job: let the container itself end with 0",
    "onExit": "run what it does as a task after this one",
    "hooks": "run what they do as tasks",
}
RETRY_TAKEN: Final = ("limit", "retryPolicy", "backoff")
RETRIED: Final = (None, "OnFailure", "Always")
"""Retry policies that repeat what has failed; the others repeat some of it."""

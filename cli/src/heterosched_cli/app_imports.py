"""The commands that turn what others wrote into HeteroJobs."""

from __future__ import annotations

import typer

from heterosched_cli import options as opt
from heterosched_cli.group import EPILOG, SETTINGS
from heterosched_cli.output import Format

imports = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings=SETTINGS,
    help="Turn records, workflows and jobs of others into HeteroJobs.",
)


@imports.command(epilog=EPILOG, short_help="The HeteroJob of a recorded scientific workflow.")
def wfcommons(
    file: opt.Instance,
    name: opt.JobName = "",
    namespace: opt.JobNamespace = "",
    policy: opt.JobPolicy = "",
    time_scale: opt.TimeScale = 1.0,
    data_scale: opt.DataScale = None,
    gpu_speedup: opt.GpuSpeedup = "",
    image: opt.Image = "",
    uri_prefix: opt.UriPrefix = "file:///workflow",
    output: opt.Output = Format.YAML,
) -> None:
    """Write the HeteroJob of a recorded scientific workflow: its tasks, dependencies, run times and bytes as measured.

    Every row that cannot be used is named, and then nothing is written.
    """
    from heterosched_cli.wfcommons.command import convert_file

    texts = {"name": name, "namespace": namespace, "policy": policy, "image": image, "uri_prefix": uri_prefix}
    convert_file(file, texts, time_scale, data_scale, gpu_speedup, output)


@imports.command(epilog=EPILOG, short_help="The HeteroJob of an Argo Workflow.")
def argo(
    file: opt.ForeignFile,
    name: opt.JobName = "",
    namespace: opt.JobNamespace = "",
    policy: opt.JobPolicy = "",
    output: opt.Output = Format.YAML,
) -> None:
    """Write the HeteroJob of an Argo Workflow or WorkflowTemplate: steps and dags as tasks with dependencies.

    Containers and scripts become pod templates; parameters with values, withItems, withSequence and nested templates
    are spelled out. What is decided at run time (conditions, values and artifacts handed on, hooks) is named with its
    path and a remedy, and then nothing is written.
    """
    from heterosched_cli.foreign.assemble import Asked
    from heterosched_cli.foreign.command import import_argo

    import_argo(file, Asked(name, namespace, policy), output)


@imports.command(epilog=EPILOG, short_help="The HeteroJob of a Job, JobSet or Pod.")
def job(
    file: opt.ForeignFile,
    name: opt.JobName = "",
    namespace: opt.JobNamespace = "",
    policy: opt.JobPolicy = "",
    output: opt.Output = Format.YAML,
) -> None:
    """Write the HeteroJob of a Job (batch/v1), a JobSet or a Pod: its pods as the workers of tasks.

    Retries, deadlines and exit codes are taken over; a GPU product that is asked for by label becomes a device type.
    What serves for ever (a Deployment) is refused with what to do instead, what has no counterpart is named with its
    path and a remedy, and then nothing is written.
    """
    from heterosched_cli.foreign.assemble import Asked
    from heterosched_cli.foreign.command import import_jobs

    import_jobs(file, Asked(name, namespace, policy), output)

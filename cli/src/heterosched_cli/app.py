"""The commands. What they do is imported when they are called, so that `--help` and offline work stay quick."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer
from typer.core import TyperGroup

from heterosched.errors import HeteroSchedError
from heterosched_cli import options as opt
from heterosched_cli import plugged
from heterosched_cli.output import Format, note

EPILOG = "Exit codes: 0 done; 1 the answer is no, or it could not be done (standard error says why); 2 wrong usage."
PLAN_EPILOG = f"{EPILOG.removesuffix('.')}; 3 planned, but not within every deadline and energy budget."
EXTENDER = "http://127.0.0.1:9102"
"""Where the extender's operations port is on its own machine, or after `kubectl port-forward`."""


class _Group(TyperGroup):
    """Has the commands of other packages too. What a user can mend is a message and exit code 1, not a traceback."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(dict.fromkeys([*super().list_commands(ctx), *plugged.points()]))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        own, others = super().get_command(ctx, cmd_name), plugged.points()
        return plugged.stand_in(others[cmd_name]) if own is None and cmd_name in others else own

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        others = plugged.points()
        return name, plugged.load(others[name]) if name not in self.commands and name in others else command, rest

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except HeteroSchedError as error:
            note("\n".join(f"error: {line}" for line in str(error).splitlines()))
            raise typer.Exit(1) from error


SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings=SETTINGS,
    help="HeteroSched: plan, place and explain jobs on clusters of several kinds of devices, by time and energy.",
    epilog=EPILOG,
)
imports = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings=SETTINGS,
    help="Turn records of others into HeteroJobs.",
)
app.add_typer(imports, name="import")


@app.command(epilog=PLAN_EPILOG, short_help="Where and when tasks would run, and at what cost.")
def plan(
    file: opt.Manifests,
    cluster: opt.ClusterFile = None,
    policy: opt.Policy = "",
    strategy: opt.Strategy = "",
    namespace: opt.Namespace = "",
    kubeconfig: opt.Kubeconfig = None,
    context: opt.Context = "",
    plot: opt.Plot = None,
    extender: opt.Informant = [EXTENDER],  # noqa: B006  (typer copies it)
    output: opt.Output = Format.TABLE,
) -> None:
    """Show where and when each task would run, what that costs, and how it compares with first come, first served.

    On a live cluster an extender tells which nodes are too hot or faulty and what energy costs; without an answer the
    plan goes without, and says so. Nothing is created or changed. Exit code 1 when a job cannot be planned or its
    deadline has passed, 3 when the plan does not keep a deadline or an energy budget: then the ways that are possible
    are listed.
    """
    from heterosched_cli.plan import PlanCommand

    where = (namespace, kubeconfig, context)
    command = PlanCommand(tuple(file), cluster, policy, strategy, *where, plot, extender)
    raise typer.Exit(command.run(output))


@app.command(epilog=EPILOG, short_help="Why a pod went to its node, and why not elsewhere.")
def why(
    pod: opt.Pod,
    node: opt.Node = "",
    extender: opt.Extenders = [EXTENDER],  # noqa: B006  (typer copies it)
    namespace: opt.Namespace = "",
    kubeconfig: opt.Kubeconfig = None,
    context: opt.Context = "",
    output: opt.Output = Format.TABLE,
) -> None:
    """Explain why a pod went to its node and not to another one.

    Exit code 1 when no extender has a decision about the pod on record.
    """
    from heterosched_cli.why import explain

    explain(pod, node, extender, namespace, kubeconfig, context, output)


@app.command(epilog=EPILOG, short_help="Record what plans of the cluster rest on, for what-if.")
def snapshot(
    kubeconfig: opt.Kubeconfig = None,
    context: opt.Context = "",
    extender: opt.Informant = [EXTENDER],  # noqa: B006  (typer copies it)
) -> None:
    """Write nodes, pods, HeteroJobs with their status, profiles, policies and measurements as one JSON document.

    Commands, arguments and environment of pods are left out. `heterosched what-if --cluster` reads it.
    """
    from heterosched_cli.snapshot import write_snapshot

    write_snapshot(kubeconfig, context, extender)


@app.command("what-if", epilog=EPILOG, short_help="Decide or plan again under other conditions.")
def what_if(
    recorded: opt.Recorded = "",
    cluster: opt.SnapshotFile = None,
    policy: opt.OtherPolicy = "",
    file: opt.PolicyFiles = [],  # noqa: B006  (typer copies it)
    add: opt.Add = [],  # noqa: B006
    remove: opt.Remove = [],  # noqa: B006
    devices_file: opt.DevicesFile = None,
    plot: opt.WhatIfPlot = None,
    without: opt.Without = [],  # noqa: B006
    with_: opt.With = [],  # noqa: B006
    set_: opt.Set = [],  # noqa: B006
    save: opt.Save = None,
    extender: opt.Extenders = [EXTENDER],  # noqa: B006
    namespace: opt.Namespace = "",
    kubeconfig: opt.Kubeconfig = None,
    context: opt.Context = "",
    output: opt.Output = Format.TABLE,
) -> None:
    """Make a recorded decision again: by another policy, with other nodes, or with other measurements.

    Without a change the answer is the recorded one. Exit code 1 when there is no record. With --cluster: plan all jobs
    of a recorded cluster, as it is and by another policy, with more devices or with fewer nodes.
    """
    of_cluster = {"--add": add, "--remove": remove, "--devices-file": devices_file, "--plot": plot}
    of_decision = {"RECORD or POD": recorded, "--without": without, "--with": with_, "--set": set_, "--save": save}
    refuse_mixed(cluster is not None, bool(recorded), of_cluster, of_decision)
    if cluster is not None:
        from heterosched_cli.what_if_cluster import ClusterQuestion, answer

        answer(ClusterQuestion(cluster, policy, file, add, remove, devices_file, plot), output)
        return
    from heterosched_cli.what_if import Source, Wanted, replay

    source = Source(recorded, extender, namespace, kubeconfig, context)
    replay(source, Wanted(policy, file, without, with_, set_), save, output)


def refuse_mixed(
    cluster: bool, recorded: bool, of_cluster: Mapping[str, object], of_decision: Mapping[str, object]
) -> None:
    """The two forms of what-if share no options but --policy, -f and -o. Raises typer.BadParameter."""
    if not cluster and not recorded:
        raise typer.BadParameter("name a RECORD or POD for a decision, or a snapshot with --cluster for all jobs")
    wrong = [name for name, given in (of_decision if cluster else of_cluster).items() if given]
    if wrong:
        form = "about a single decision, not for --cluster" if cluster else "for --cluster, not about a decision"
        raise typer.BadParameter(f"{', '.join(wrong)}: {form}; ask the two questions one by one")


@app.command(epilog=EPILOG, short_help="What is measured of each node, and how old it is.")
def devices(
    nodes: opt.NodeNames = None,
    tas: opt.Tas = False,
    limit: opt.Limit = 100,
    extender: opt.Informant = [EXTENDER],  # noqa: B006
    output: opt.Output = Format.TABLE,
) -> None:
    """List what decisions know of each node: what is measured and how old that is, estimated, or unavailable and why.

    An extender says so: the first of --extender that answers counts. With --tas: which nodes violate which TASPolicy.
    """
    from heterosched_cli.devices import list_devices, list_policies

    if tas:
        list_policies(extender, output)
    else:
        list_devices(tuple(dict.fromkeys(nodes or ())), limit, extender, output)


@app.command(epilog=EPILOG, short_help="List HeteroJobs and their tasks.")
def jobs(
    names: opt.JobNames = None,
    namespace: opt.Namespace = "",
    all_namespaces: opt.AllNamespaces = False,
    kubeconfig: opt.Kubeconfig = None,
    context: opt.Context = "",
    output: opt.Output = Format.TABLE,
) -> None:
    """List HeteroJobs: policy, state, tasks done, planned makespan, predicted finish, energy.

    PLANNED is the makespan planned before the first task started, ACTUAL what it took from the first start to the last
    finish; FINISH is when it ended or, until then, is expected to (overdue: that has passed). With names: their tasks
    too.
    """
    from heterosched_cli.jobs import list_jobs

    list_jobs(tuple(names or ()), namespace, all_namespaces, kubeconfig, context, output)


@app.command(epilog=EPILOG, short_help="Versions of this program and of the cluster.")
def version(
    client: opt.ClientOnly = False,
    extender: opt.Informant = [EXTENDER],  # noqa: B006
    kubeconfig: opt.Kubeconfig = None,
    context: opt.Context = "",
    output: opt.Output = Format.TABLE,
) -> None:
    """Print the version of this program and, where they answer, of Kubernetes, its API and an extender."""
    from heterosched_cli.version import print_version

    print_version(client, extender, kubeconfig, context, output)


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

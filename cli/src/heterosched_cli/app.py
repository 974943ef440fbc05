"""The commands that plan, explain and compare; those that list and those that import are added to them here."""

from __future__ import annotations

from collections.abc import Mapping

import typer

from heterosched_cli import app_imports, app_lists
from heterosched_cli import options as opt
from heterosched_cli.files import STDIN
from heterosched_cli.group import EPILOG, SETTINGS, Group
from heterosched_cli.output import Format
from heterosched_cli.places import Extenders

PLAN_EPILOG = f"{EPILOG.removesuffix('.')}; 3 planned, but not within every deadline and energy budget."

app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings=SETTINGS,
    help="HeteroSched: plan, place and explain jobs on clusters of several kinds of devices, by time and energy.",
    epilog=EPILOG,
)
app_lists.add_to(app)
app.add_typer(app_imports.imports, name="import")


@app.callback()
def program(version: opt.OwnVersion = False) -> None:
    """What is said to the program itself, before any command."""


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
    watch: opt.Watch = False,
    interval: opt.Interval = 5.0,
    extender: opt.Informant = [],  # noqa: B006  (typer copies it)
    output: opt.Output = Format.TABLE,
) -> None:
    """Show where and when each task would run, what that costs, and how it compares with first come, first served.

    On a live cluster an extender tells which nodes are too hot or faulty and what energy costs; without an answer the
    plan goes without, and says so. Nothing is created or changed. Exit code 1 when a job cannot be planned or its
    deadline has passed, 3 when the plan does not keep a deadline or an energy budget: then the ways that are possible
    are listed. With --watch: again and again, by the manifests and the cluster as they are then.
    """
    if watch and STDIN in file:
        raise typer.BadParameter("standard input can be read once; give a file", param_hint="--watch")
    from heterosched_cli.plan import PlanCommand

    where = (namespace, kubeconfig, context)
    command = PlanCommand(
        tuple(file), cluster, policy, strategy, *where, plot, Extenders(tuple(extender), kubeconfig, context)
    )
    if watch:
        from heterosched_cli.repeat import repeat

        repeat(lambda: command.run(output), interval, output)
    raise typer.Exit(command.run(output))


@app.command(epilog=EPILOG, short_help="Why a pod went to its node, and why not elsewhere.")
def why(
    pod: opt.Pod,
    node: opt.Node = "",
    extender: opt.Extenders = [],  # noqa: B006  (typer copies it)
    namespace: opt.Namespace = "",
    kubeconfig: opt.Kubeconfig = None,
    context: opt.Context = "",
    output: opt.Output = Format.TABLE,
) -> None:
    """Explain why a pod went to its node and not to another one.

    Exit code 1 when no extender has a decision about the pod on record.
    """
    from heterosched_cli.why import explain

    explain(pod, node, Extenders(tuple(extender), kubeconfig, context), namespace, kubeconfig, context, output)


@app.command(epilog=EPILOG, short_help="Record what plans of the cluster rest on, for what-if.")
def snapshot(
    kubeconfig: opt.Kubeconfig = None,
    context: opt.Context = "",
    extender: opt.Informant = [],  # noqa: B006  (typer copies it)
) -> None:
    """Write nodes, pods, HeteroJobs with their status, profiles, policies and measurements as one JSON document.

    Commands, arguments and environment of pods are left out. `heterosched what-if --cluster` reads it.
    """
    from heterosched_cli.snapshot import write_snapshot

    write_snapshot(kubeconfig, context, Extenders(tuple(extender), kubeconfig, context))


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
    extender: opt.Extenders = [],  # noqa: B006
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

    source = Source(recorded, Extenders(tuple(extender), kubeconfig, context), namespace, kubeconfig, context)
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


@app.command(
    epilog=EPILOG.replace("1 the answer is no", "1 a check says FAIL"), short_help="What is wrong, and how to mend it."
)
def doctor(
    namespace: opt.Installation = "",
    extender: opt.Process = [],  # noqa: B006
    kubeconfig: opt.Kubeconfig = None,
    context: opt.Context = "",
    output: opt.Output = Format.TABLE,
) -> None:
    """Check the installation: API server, CRDs, operator, scheduler, extender, Prometheus, roles, devices, jobs.

    Each line says OK, WARN, FAIL or SKIP (it could not be looked at), what is so, why, and what to do. Exit code 1 when
    one says FAIL. Nothing is changed; a token of ten minutes is made to ask the extenders. Programs that run as
    processes outside of the cluster are known by their leases and Events, and by --extender.
    """
    from heterosched_cli.doctor.command import examine

    raise typer.Exit(examine(namespace, Extenders(tuple(extender), kubeconfig, context), output))


@app.command(epilog=EPILOG, short_help="Versions of this program and of the cluster.")
def version(
    client: opt.ClientOnly = False,
    extender: opt.Informant = [],  # noqa: B006
    kubeconfig: opt.Kubeconfig = None,
    context: opt.Context = "",
    output: opt.Output = Format.TABLE,
) -> None:
    """Print the version of this program and, where they answer, of Kubernetes, its API and an extender."""
    from heterosched_cli.version import print_version

    print_version(client, Extenders(tuple(extender), kubeconfig, context), kubeconfig, context, output)

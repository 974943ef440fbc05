"""The commands that list what there is: of jobs, devices, profiles, policies and strategies."""

from __future__ import annotations

import typer

from heterosched_cli import options as opt
from heterosched_cli.group import EPILOG
from heterosched_cli.output import Format
from heterosched_cli.places import Extenders

JOBS_EPILOG = f"{EPILOG.removesuffix('.')}; 4 (--watch) a job has failed or is gone; 130 ended by Ctrl-C."


def add_to(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command(epilog=EPILOG, short_help="What is measured of each node, and how old it is.")(devices)
    app.command(epilog=EPILOG, short_help="Load, watts, temperature, pods and jobs of nodes.")(top)
    app.command(epilog=JOBS_EPILOG, short_help="List HeteroJobs and their tasks; --watch them.")(jobs)
    app.command(epilog=EPILOG, short_help="ThroughputProfiles: what is known of tasks, and whence.")(profiles)
    app.command(epilog=EPILOG, short_help="The policy table: weights, sources, users.")(policies)
    app.command(epilog=EPILOG, short_help="The strategies that plans may be made with.")(strategies)


def devices(
    nodes: opt.NodeNames = None,
    tas: opt.Tas = False,
    limit: opt.Limit = 100,
    extender: opt.Informant = [],  # noqa: B006
    kubeconfig: opt.Kubeconfig = None,
    context: opt.Context = "",
    output: opt.Output = Format.TABLE,
) -> None:
    """List what decisions know of each node: what is measured and how old that is, estimated, or unavailable and why.

    An extender says so: the first of --extender that answers counts. With --tas: which nodes violate which TASPolicy.
    """
    from heterosched_cli.devices import list_devices, list_policies

    asked = Extenders(tuple(extender), kubeconfig, context)
    if tas:
        list_policies(asked, output)
    else:
        list_devices(tuple(dict.fromkeys(nodes or ())), limit, asked, output)


def jobs(
    names: opt.JobNames = None,
    namespace: opt.Namespace = "",
    all_namespaces: opt.AllNamespaces = False,
    watch: opt.WatchJobs = False,
    timeout: opt.Timeout = "",
    kubeconfig: opt.Kubeconfig = None,
    context: opt.Context = "",
    output: opt.Output = Format.TABLE,
) -> None:
    """List HeteroJobs: policy, state, tasks done, planned makespan, predicted finish, energy.

    PLANNED is the makespan planned before the first task started, ACTUAL what it took from the first start to the last
    finish; FINISH is when it ended or, until then, is expected to (overdue: that has passed). With names: their tasks
    too. With --watch: how they get on, live; with names until all of these have finished, then exit code 0 where all
    are Completed and 4 where one has failed or is gone; 130 after Ctrl-C.
    """
    if timeout and not watch:
        raise typer.BadParameter("it limits --watch; give both", param_hint="--timeout")
    if watch:
        from heterosched_cli.watch_jobs import WatchCommand

        command = WatchCommand(tuple(dict.fromkeys(names or ())), namespace, all_namespaces, kubeconfig, context)
        raise typer.Exit(command.run(output, timeout))
    from heterosched_cli.jobs import list_jobs

    list_jobs(tuple(names or ()), namespace, all_namespaces, kubeconfig, context, output)


def top(
    nodes: opt.NodeNames = None,
    by_device: opt.ByDevice = False,
    sort_by: opt.Sort = None,
    watch: opt.Watch = False,
    interval: opt.Interval = 5.0,
    extender: opt.Informant = [],  # noqa: B006
    kubeconfig: opt.Kubeconfig = None,
    context: opt.Context = "",
    output: opt.Output = Format.TABLE,
) -> None:
    """Show what each node (--devices: each kind of device) holds and draws: jobs, pods, cores and GPUs that are taken.

    Beside them load, watts, temperature and faults as an extender measures them, and the age of the oldest of these
    figures. Without telemetry the pods stand all the same.
    """
    from heterosched_cli.top import TopCommand

    names = tuple(dict.fromkeys(nodes or ()))
    command = TopCommand(
        names, by_device, sort_by, Extenders(tuple(extender), kubeconfig, context), kubeconfig, context
    )
    if watch:
        from heterosched_cli.repeat import repeat

        repeat(lambda: command.run(output), interval, output)
    command.run(output)


def profiles(
    names: opt.ProfileNames = None,
    namespace: opt.Namespace = "",
    all_namespaces: opt.AllNamespaces = False,
    kubeconfig: opt.Kubeconfig = None,
    context: opt.Context = "",
    output: opt.Output = Format.TABLE,
) -> None:
    """List ThroughputProfiles: the devices they know, whether figures are measured or estimated, and how old they are.

    With names, or -o wide: device by device what was given and what was learned; * marks what plans rest on.
    """
    from heterosched_cli.profiles import list_profiles

    list_profiles(tuple(names or ()), namespace, all_namespaces, kubeconfig, context, output)


def policies(
    names: opt.PolicyNames = None,
    kubeconfig: opt.Kubeconfig = None,
    context: opt.Context = "",
    output: opt.Output = Format.TABLE,
) -> None:
    """List the policy table: each policy's weights, whether it is built in, a plug-in's or an object, and its jobs.

    With names: also all constants and the jobs by name. Without a cluster: what needs none.
    """
    from heterosched_cli.policies import list_policies

    list_policies(tuple(names or ()), kubeconfig, context, output)


def strategies(names: opt.StrategyNames = None, output: opt.Output = Format.TABLE) -> None:
    """List the strategies that are installed here, ours and those of other packages; with names: method and source."""
    from heterosched_cli.strategies import list_strategies

    list_strategies(tuple(names or ()), output)

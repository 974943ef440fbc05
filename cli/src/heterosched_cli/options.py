"""The options of the commands, with their help texts: one place, so that equal options read and mean the same."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from heterosched_cli import completing, values
from heterosched_cli.output import Format

EXTENDER = "http://127.0.0.1:9102"
"""Where the extender's operations port is on its own machine, or after `kubectl port-forward`."""


class SortBy(StrEnum):
    """The values of `--sort-by`: names from A to Z, figures from the largest on."""

    NODE = "node"
    DEVICE = "device"
    JOBS = "jobs"
    PODS = "pods"
    CORES = "cores"
    GPUS = "gpus"
    CPU = "cpu"
    LOAD = "load"
    WATTS = "watts"
    CELSIUS = "celsius"
    AGE = "age"


def _names(these: str, completion: Callable[[typer.Context, str], list[str]]) -> Any:
    """Names of objects, each completed by what the cluster has; without any, all are meant."""
    return typer.Argument(help=these, metavar="NAME", show_default=False, autocompletion=completion)


# --- of every command that asks a cluster: as kubectl has them -----------------------------------------------
Kubeconfig = Annotated[
    Path | None, typer.Option("--kubeconfig", help="Kubeconfig file (else $KUBECONFIG, ~/.kube/config).")
]
Context = Annotated[
    str, typer.Option("--context", help="Context of the kubeconfig.", autocompletion=completing.contexts)
]
Namespace = Annotated[
    str,
    typer.Option(
        "--namespace",
        "-n",
        help="Namespace (else that of the context, else default).",
        autocompletion=completing.namespaces,
        callback=values.namespace,
    ),
]
Installation = Annotated[
    str,
    typer.Option(
        "--namespace", "-n", help="Namespace of the installation (else it is looked for).", callback=values.namespace
    ),
]
AllNamespaces = Annotated[bool, typer.Option("--all-namespaces", "-A", help="Of all namespaces.")]
JobNames = Annotated[list[str] | None, _names("These jobs alone, with their tasks.", completing.jobs)]
ClientOnly = Annotated[bool, typer.Option("--client", help="Do not ask the cluster or an extender.")]
OwnVersion = Annotated[
    bool,
    typer.Option("--version", help="Print the version of this program alone.", is_eager=True, callback=values.version),
]
Output = Annotated[Format, typer.Option("--output", "-o", help="Form of the answer.")]

ProfileNames = Annotated[list[str] | None, _names("These profiles alone, device by device.", completing.profiles)]
PolicyNames = Annotated[list[str] | None, _names("These policies alone, with all constants.", completing.policies)]
StrategyNames = Annotated[
    list[str] | None, _names("These strategies alone, with method and source.", completing.strategies)
]

# --- of commands that go on -----------------------------------------------------------------------------------
Watch = Annotated[bool, typer.Option("--watch", "-w", help="Go on showing it until Ctrl-C.")]
WatchJobs = Annotated[
    bool, typer.Option("--watch", "-w", help="Show how they get on, until all named jobs have finished (or Ctrl-C).")
]
Timeout = Annotated[
    str, typer.Option(help="With --watch: give up after this time, such as 90s or 2h30m (exit code 1).", metavar="TIME")
]
Interval = Annotated[float, typer.Option(help="With --watch: seconds between two answers.", min=0.2, max=3600.0)]

# --- top ------------------------------------------------------------------------------------------------------
ByDevice = Annotated[bool, typer.Option("--devices", help="A row for each kind of device, instead of each node.")]
Sort = Annotated[
    SortBy | None,
    typer.Option(
        "--sort-by", help="Names from A to Z, figures from the largest on (else by name).", show_default=False
    ),
]

# --- plan -----------------------------------------------------------------------------------------------------
Manifests = Annotated[
    list[Path],
    typer.Option(
        "--file",
        "-f",
        help="Manifests: HeteroJobs, with ThroughputProfiles and SchedulingPolicies if you like; "
        "- for standard input; repeatable.",
    ),
]
ClusterFile = Annotated[
    Path | None,
    typer.Option(help="Plan offline on the nodes of this file (kubectl get nodes,pods -A -o yaml, or the short form)."),
]
Policy = Annotated[
    str,
    typer.Option(
        help="Plan by this policy, whatever the jobs say.", autocompletion=completing.policies, callback=values.policy
    ),
]
Strategy = Annotated[
    str, typer.Option(help="Plan by this strategy, whatever the jobs say.", autocompletion=completing.strategies)
]
Plot = Annotated[
    Path | None,
    typer.Option(
        help="Draw the plan into this SVG file: nodes over time, critical path, power.",
        metavar="FILE.svg",
        callback=values.svg,
    ),
]

# --- why ------------------------------------------------------------------------------------------------------
Pod = Annotated[
    str,
    typer.Argument(help="Name of the pod, or namespace/name.", metavar="POD", autocompletion=completing.pods),
]
Node = Annotated[str, typer.Option(help="Explain this node too: why it, or why not.", autocompletion=completing.nodes)]
Extenders = Annotated[
    list[str],
    typer.Option(
        "--extender",
        envvar="HETEROSCHED_DECISIONS_URL",
        help="Address of an extender's operations port, or the installation's namespace; repeatable, all are asked "
        "(else those that run in the cluster).",
    ),
]

Informant = Annotated[
    list[str],
    typer.Option(
        "--extender",
        envvar="HETEROSCHED_DECISIONS_URL",
        help="Address of an extender's operations port, or the namespace of the installation: it tells what is "
        "measured; repeatable, the first that answers counts (else one that runs in the cluster).",
    ),
]

Process = Annotated[
    list[str],
    typer.Option(
        "--extender",
        envvar="HETEROSCHED_DECISIONS_URL",
        help="Address of an extender's operations port, where it is no pod of the cluster, or is not to be asked as "
        "one; repeatable.",
    ),
]

# --- devices --------------------------------------------------------------------------------------------------
NodeNames = Annotated[
    list[str] | None,
    typer.Argument(help="These nodes alone.", metavar="NODE", show_default=False, autocompletion=completing.nodes),
]
Tas = Annotated[bool, typer.Option("--tas", help="What TASPolicies say of the nodes, instead.")]
Limit = Annotated[int, typer.Option(help="Show at most so many nodes.", min=1, max=10_000)]

# --- what-if --------------------------------------------------------------------------------------------------
Recorded = Annotated[
    str,
    typer.Argument(
        help="A record (NAME.json, or - for standard input), else a pod as for `why`.",
        metavar="[RECORD|POD]",
        show_default=False,
        autocompletion=completing.pods,
    ),
]
SnapshotFile = Annotated[
    Path | None,
    typer.Option(
        "--cluster",
        help="Plan all jobs of this snapshot (see `snapshot`; - for standard input) instead.",
        metavar="FILE",
    ),
]
Add = Annotated[
    list[str],
    typer.Option(
        help="With --cluster: so many devices more, such as nvidia-a100=8; repeatable.", metavar="DEVICE=COUNT"
    ),
]
Remove = Annotated[list[str], typer.Option(help="With --cluster: without this node; repeatable.", metavar="NODE")]
DevicesFile = Annotated[
    Path | None,
    typer.Option(help="With --cluster: rows of the device table, as the operator's devices_file.", metavar="FILE"),
]
WhatIfPlot = Annotated[
    Path | None,
    typer.Option(help="With --cluster: draw both plans into this SVG file.", metavar="FILE.svg", callback=values.svg),
]
OtherPolicy = Annotated[
    str,
    typer.Option(
        help="Decide by this policy: of -f, of the cluster as recorded, or built in.",
        autocompletion=completing.policies,
    ),
]
PolicyFiles = Annotated[
    list[Path], typer.Option("--file", "-f", help="SchedulingPolicies that --policy may name; repeatable.")
]
Without = Annotated[
    list[str],
    typer.Option(
        help="Take this node out of the candidates; repeatable.", metavar="NODE", autocompletion=completing.nodes
    ),
]
With = Annotated[
    list[str],
    typer.Option("--with", help="Make this node a candidate, whatever filters said; repeatable.", metavar="NODE"),
]
Set = Annotated[
    list[str],
    typer.Option(
        "--set",
        help="As if this had just been measured: gpu_temperature:t4-0=95, host_load:t4-1=0.8 (=none: nothing); "
        "values that telemetry would not be believed are refused; repeatable.",
        metavar="METRIC:NODE=VALUE",
    ),
]
Save = Annotated[Path | None, typer.Option(help="Keep the record in this file.", metavar="RECORD.json")]

# --- import wfcommons -----------------------------------------------------------------------------------------
Instance = Annotated[
    Path,
    typer.Argument(help="WfCommons instance (WfFormat 1.5), plain or gzipped; - for standard input.", metavar="FILE"),
]
ForeignFile = Annotated[
    Path, typer.Argument(help="Manifests in YAML or JSON, one or several; - for standard input.", metavar="FILE")
]
JobName = Annotated[str, typer.Option(help="Name of the job (else from the file's name).")]
JobNamespace = Annotated[
    str, typer.Option("--namespace", "-n", help="Namespace to write into the manifest.", callback=values.namespace)
]
JobPolicy = Annotated[
    str, typer.Option(help="Policy of the job (else the API's default).", autocompletion=completing.policies)
]
TimeScale = Annotated[float, typer.Option(help="Multiply the measured seconds by this.")]
DataScale = Annotated[
    float | None,
    typer.Option(help="Multiply the bytes by this (else as the seconds: moving and computing keep their proportion)."),
]
GpuSpeedup = Annotated[
    str,
    typer.Option(
        help="Assume tasks to be this many times as fast on a GPU: nvidia-t4=2.0,nvidia-v100=4; "
        "the manifest notes it as an assumption."
    ),
]
Image = Annotated[
    str,
    typer.Option(
        help="Image that runs a task, told which by $WORKFLOW_TASK (else a stand-in that sleeps for the measured time)."
    ),
]
UriPrefix = Annotated[str, typer.Option(help="Where the files lie; empty: moving them is not counted.")]
